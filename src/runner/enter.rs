//! Who enters: new events, changed contacts, days that have come, silences. Goals are looked at here too, event by event.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::register::{BATCH, became_member, has_state_trigger};
use super::{Happening, Known, Run};
use crate::decide::entry::{Entry, entry};
use crate::decide::{funnel, goal, holdout};
use crate::model::Instant;
use crate::model::campaign::{Existing, Trigger};
use crate::model::condition::Scope;
use crate::model::contact::Contact;
use crate::model::event::Event;
use crate::model::id::{ContactId, EventId};
use crate::store::{NewEnrolment, Store, StoreError, UnseenEvent, Work};

/// What happened longer ago than this when a run first sees it is history: nobody is mailed for it.
const STALE: TimeDelta = TimeDelta::days(31);

/// An event that is not older than this, seen from the campaign's first run, is news even if it was imported before.
const GRACE: TimeDelta = TimeDelta::hours(24);

impl Run<'_> {
    /// Lets in whoever may enter, and takes out whoever reached the goal.
    pub(super) fn enter(&mut self, store: &mut Store) -> Result<(), StoreError> {
        self.history(store)?;
        self.events(store)?;
        // Before the changes, so that a day that passed while nothing ran is not forgotten; and after
        // them, for those whose day is today.
        self.watches(store)?;
        self.changed_contacts(store)?;
        self.watches(store)?;
        self.silences(store)
    }

    /// Lets in whom an event let in before the campaign's file was there, where it says `existing: include`: by the last
    /// such event of each.
    fn history(&mut self, store: &mut Store) -> Result<(), StoreError> {
        for index in 0..self.known.len() {
            let known = &self.known[index];
            if !known.stored.history {
                continue;
            }
            let row = known.row;
            let names: BTreeSet<String> = known
                .campaign
                .triggers
                .iter()
                .filter_map(|trigger| match trigger {
                    Trigger::Event { name, .. } => Some(name.clone()),
                    _ => None,
                })
                .collect();
            for name in names {
                let mut before = (self.now, EventId(i64::MAX));
                loop {
                    let work = store.begin()?;
                    let batch = work.seen_events(&name, before, BATCH)?;
                    let Some(last) = batch.last() else { break };
                    before = (last.event.at, last.event.id);
                    for seen in &batch {
                        let contact = work.contact_of(seen.contact)?;
                        let inside = work.last_passage(contact.id, row)?.is_some();
                        if !inside && self.holds(&work, &self.known[index], &contact, &seen.event)? {
                            self.admit(&work, index, &contact, seen.event.at, Some(seen.event.id))?;
                        }
                    }
                    work.commit()?;
                    if self.is_interrupted() {
                        return Ok(());
                    }
                }
            }
            let work = store.begin()?;
            work.set_history(row, false)?;
            work.commit()?;
        }
        Ok(())
    }

    fn events(&mut self, store: &mut Store) -> Result<(), StoreError> {
        // Events change what segments and `exit_when` say of a contact.
        let state_reads_events = self.known.iter().any(|known| {
            known.reads_events && (has_state_trigger(known.campaign) || known.campaign.exit_when.is_some())
        });
        loop {
            let work = store.begin()?;
            let batch = work.unseen_events(self.now, BATCH)?;
            if batch.is_empty() || self.is_interrupted() {
                return Ok(());
            }
            for unseen in &batch {
                self.goals(&work, unseen)?;
                self.event_triggers(&work, unseen)?;
                if self.known.iter().any(|known| known.campaign.awaited().any(|name| name == unseen.event.name)) {
                    work.wake(unseen.contact, self.now)?;
                }
                if state_reads_events {
                    work.set_changed(unseen.contact)?;
                }
                work.set_seen(unseen.event.id)?;
            }
            work.commit()?;
            self.totals.events += batch.len() as u64;
        }
    }

    fn goals(&mut self, work: &Work<'_>, unseen: &UnseenEvent) -> Result<(), StoreError> {
        for known in &self.known {
            let Some(goal) = known.campaign.goal.as_ref().filter(|goal| goal.event == unseen.event.name) else {
                continue;
            };
            for id in work.open_to_goal(unseen.contact, known.row, goal.within.is_some())? {
                let facts = work.facts(id, &known.campaign.id, true, None, self.now)?;
                if let Some(event) = goal::reached(known.campaign, &facts, self.rules, self.now) {
                    work.reach_goal(id, funnel::credited_step(&facts.sends), event.at)?;
                    self.totals.goals += 1;
                    self.moved.insert(known.campaign.id.clone());
                }
            }
            // Who was mailed and left may do so as well as who was held out, and is compared with them.
            for id in work.left_before_goal(unseen.contact, known.row)? {
                let facts = work.facts(id, &known.campaign.id, true, None, self.now)?;
                if let Some(event) = goal::reached(known.campaign, &facts, self.rules, self.now) {
                    work.note_won(id, event.at)?;
                }
            }
        }
        Ok(())
    }

    fn event_triggers(&mut self, work: &Work<'_>, unseen: &UnseenEvent) -> Result<(), StoreError> {
        let fired_by = |known: &Known<'_>| {
            known
                .campaign
                .triggers
                .iter()
                .any(|t| matches!(t, Trigger::Event { name, .. } if *name == unseen.event.name))
        };
        self.score_triggers(work, unseen)?;
        if !self.known.iter().any(fired_by) {
            return Ok(());
        }
        let contact = work.contact_of(unseen.contact)?;
        for index in 0..self.known.len() {
            let known = &self.known[index];
            if !fired_by(known)
                || !is_news(known, &unseen.event)
                || !self.holds(work, known, &contact, &unseen.event)?
            {
                continue;
            }
            if known.campaign.existing == Existing::Skip && unseen.event.at < self.now - STALE {
                self.stale += 1;
                continue;
            }
            self.admit(work, index, &contact, unseen.event.at, Some(unseen.event.id))?;
        }
        Ok(())
    }

    /// Lets in whose score an event brought up to where a campaign begins, from the moment at which it was there.
    fn score_triggers(&mut self, work: &Work<'_>, unseen: &UnseenEvent) -> Result<(), StoreError> {
        for index in 0..self.known.len() {
            let known = &self.known[index];
            let thresholds: Vec<i64> = known.campaign.score_thresholds().collect();
            let row = known.row;
            for points in thresholds {
                if !is_news(&self.known[index], &unseen.event) {
                    continue;
                }
                let Some(at) = self.score_reached(work, unseen, points)? else { continue };
                // Who has as many still is let in as of now, by the look at those who changed.
                if at < self.now - STALE {
                    continue;
                }
                let contact = work.contact_of(unseen.contact)?;
                // The look at those who changed must not take it for something new.
                work.set_member(row, contact.id, true)?;
                self.admit(work, index, &contact, at, Some(unseen.event.id))?;
            }
        }
        Ok(())
    }

    /// Says whether an event fires one of a campaign's event triggers.
    fn holds(&self, work: &Work<'_>, known: &Known<'_>, contact: &Contact, event: &Event) -> Result<bool, StoreError> {
        for trigger in &known.campaign.triggers {
            let Trigger::Event { name, condition } = trigger else { continue };
            if *name != event.name {
                continue;
            }
            let Some(condition) = condition else { return Ok(true) };
            let history = if condition.reads_events() { work.events_of(contact.id, event.at)? } else { Vec::new() };
            let terms = self.rules.terms;
            let scope = Scope { contact, event: Some(event), history: &history, sends: &[], terms, now: event.at };
            if condition.holds(scope) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn changed_contacts(&mut self, store: &mut Store) -> Result<(), StoreError> {
        loop {
            let work = store.begin()?;
            let batch = work.changed_contacts(BATCH)?;
            if batch.is_empty() || self.is_interrupted() {
                return Ok(());
            }
            for contact in &batch {
                self.state_triggers(&work, contact)?;
                self.watch_changed(&work, contact)?;
                work.wake(contact.id, self.now)?;
                work.set_unchanged(contact.id)?;
            }
            work.commit()?;
        }
    }

    fn state_triggers(&mut self, work: &Work<'_>, contact: &Contact) -> Result<(), StoreError> {
        for index in 0..self.known.len() {
            let known = &self.known[index];
            if has_state_trigger(known.campaign)
                && became_member(work, known.row, known.campaign, contact, self.rules, self.now)?
            {
                self.admit(work, index, contact, self.now, None)?;
            }
        }
        Ok(())
    }

    /// Lets in those whose silence became long enough since silences were last looked at: each silence once.
    fn silences(&mut self, store: &mut Store) -> Result<(), StoreError> {
        for index in 0..self.known.len() {
            let known = &self.known[index];
            let spans: Vec<_> = known
                .campaign
                .triggers
                .iter()
                .filter_map(|trigger| match trigger {
                    Trigger::Inactive { event, span } => Some((event.clone(), span.elapsed())),
                    _ => None,
                })
                .collect();
            let looked = known.stored.silences_at;
            if spans.is_empty() || looked.is_some_and(|at| at >= self.now) {
                continue;
            }
            let row = known.row;
            let include = known.campaign.existing == Existing::Include;
            let work = store.begin()?;
            for (event, span) in spans {
                let until = self.now - span;
                let after = match looked {
                    Some(at) => at - span,
                    None if include => Instant::UNIX_EPOCH - TimeDelta::days(36_500),
                    None => until,
                };
                for id in work.silent(&event, after, until, self.now)? {
                    self.admit_silent(&work, index, id)?;
                }
            }
            work.set_silences_at(row, self.now)?;
            work.commit()?;
        }
        Ok(())
    }

    fn admit_silent(&mut self, work: &Work<'_>, index: usize, id: ContactId) -> Result<(), StoreError> {
        let contact = work.contact_of(id)?;
        self.admit(work, index, &contact, self.now, None).map(drop)
    }

    /// Lets a contact in whose trigger fired, where `reentry` and consent allow it.
    pub(super) fn admit(
        &mut self,
        work: &Work<'_>,
        index: usize,
        contact: &Contact,
        at: Instant,
        event: Option<EventId>,
    ) -> Result<Entry, StoreError> {
        let known = &self.known[index];
        let last = work.last_passage(contact.id, known.row)?;
        let entry = entry(known.campaign, contact, last, at);
        let Entry::Enter(round) = entry else { return Ok(entry) };
        work.enrol(&NewEnrolment {
            contact: contact.id,
            campaign: known.row,
            round,
            entered_at: at,
            event,
            due_at: self.now,
            holdout: holdout::mark(known.campaign, contact),
        })?;
        self.totals.enrolled += 1;
        self.moved.insert(known.campaign.id.clone());
        (self.tell)(Happening::Entered {
            campaign: known.campaign.id.clone(),
            contact: contact.address.as_str().to_owned(),
        });
        Ok(entry)
    }
}

/// Says whether an event came after the campaign file, or so shortly before that it is meant.
fn is_news(known: &Known<'_>, event: &Event) -> bool {
    known.campaign.existing == Existing::Include
        || event.id.0 > known.stored.first_event
        || event.at >= known.stored.first_seen_at - GRACE
}
