//! Triggers that fire by the passing of time: dates, and segments such as `days_since("purchased") > 30`.
//!
//! For each contact and campaign the store keeps the next instant at which time alone may make a
//! difference: the start of the next day that a date trigger means, or the edge at which a condition
//! next may change. A run looks at those whose instant has come, and at nobody else. The instant is
//! computed anew when the contact changes, and for everyone when the triggers themselves do.

use sha2::{Digest, Sha256};

use super::register::{BATCH, became_member, has_state_trigger};
use super::{Known, Run};
use crate::decide::{Rules, watch};
use crate::model::Instant;
use crate::model::campaign::{Campaign, Trigger};
use crate::model::condition::Condition;
use crate::model::contact::Contact;
use crate::store::{Store, StoreError, Watch, Work};

impl Run<'_> {
    /// Lets in whoever's time has come.
    pub(super) fn watches(&mut self, store: &mut Store) -> Result<(), StoreError> {
        for index in 0..self.known.len() {
            if self.known[index].campaign.has_timed_trigger() {
                self.watch_everyone(store, index)?;
                self.due_watches(store, index)?;
            }
        }
        Ok(())
    }

    /// Sets the watch over every contact, once for each form of the triggers.
    fn watch_everyone(&mut self, store: &mut Store, index: usize) -> Result<(), StoreError> {
        let (form, whole) = form(self.known[index].campaign, self.rules);
        // Where only the model of what customers are worth is another one, `follow_model` looks at them.
        if self.known[index].stored.watched.as_deref().is_some_and(|watched| watched.starts_with(&form)) {
            return Ok(());
        }
        let mut after = 0;
        loop {
            let known = &self.known[index];
            let work = store.begin()?;
            let contacts = work.contacts_after(after, BATCH)?;
            let Some(last) = contacts.last() else {
                work.set_watched(known.row, &whole)?;
                work.commit()?;
                self.known[index].stored.watched = Some(whole);
                return Ok(());
            };
            after = last.id.0;
            // Whose moment came since the last run would be passed over by a watch that is set from now on.
            for contact in &contacts {
                let fired = work.watch(self.known[index].row, contact.id)?.and_then(|watch| watch.fired);
                self.look(&work, index, &Watch { contact: contact.id, at: None, fired })?;
            }
            work.commit()?;
        }
    }

    fn due_watches(&mut self, store: &mut Store, index: usize) -> Result<(), StoreError> {
        loop {
            let work = store.begin()?;
            let due = work.due_watches(self.known[index].row, self.now, BATCH)?;
            if due.is_empty() || self.is_interrupted() {
                return Ok(());
            }
            for watch in due {
                self.look(&work, index, &watch)?;
            }
            work.commit()?;
        }
    }

    /// Looks at one contact whose time has come.
    pub(super) fn look(&mut self, work: &Work<'_>, index: usize, due: &Watch) -> Result<(), StoreError> {
        let contact = work.contact_of(due.contact)?;
        let (rules, now) = (self.rules, self.now);
        let known = &self.known[index];
        if has_state_trigger(known.campaign) && became_member(work, known.row, known.campaign, &contact, rules, now)? {
            self.admit(work, index, &contact, now, None)?;
        }
        // Days that passed while nothing ran count, from the one that was waited for.
        let mut fired = due.fired;
        let waited = watch::day_of(due.at.unwrap_or(now), &contact, rules);
        loop {
            let free = fired.and_then(|day| watch::free_after(self.known[index].campaign, day));
            let from = free.map_or(waited, |next| next.max(waited));
            let Some(day) = watch::next_day(self.known[index].campaign, &contact, rules, from) else { break };
            let at = watch::start_of(day, &contact, rules);
            if at > now {
                break;
            }
            self.admit(work, index, &contact, at, None)?;
            fired = Some(day);
        }
        let known = &self.known[index];
        let next = next(work, known, &contact, fired, rules, now)?;
        work.set_watch(known.row, &Watch { contact: contact.id, at: next, fired })
    }

    /// Sets the watches over a contact that changed.
    pub(super) fn watch_changed(&self, work: &Work<'_>, contact: &Contact) -> Result<(), StoreError> {
        for known in self.known.iter().filter(|known| known.campaign.has_timed_trigger()) {
            set(work, known, contact, self.rules, self.now)?;
        }
        Ok(())
    }
}

fn set(
    work: &Work<'_>,
    known: &Known<'_>,
    contact: &Contact,
    rules: Rules<'_>,
    now: Instant,
) -> Result<(), StoreError> {
    let fired = work.watch(known.row, contact.id)?.and_then(|watch| watch.fired);
    let at = next(work, known, contact, fired, rules, now)?;
    work.set_watch(known.row, &Watch { contact: contact.id, at, fired })
}

/// Returns when to look at a contact next. Today counts as long as it has not let the contact in.
fn next(
    work: &Work<'_>,
    known: &Known<'_>,
    contact: &Contact,
    fired: Option<chrono::NaiveDate>,
    rules: Rules<'_>,
    now: Instant,
) -> Result<Option<Instant>, StoreError> {
    let today = watch::day_of(now, contact, rules);
    let free = fired.and_then(|day| watch::free_after(known.campaign, day));
    let from = free.map_or(today, |next| next.max(today));
    let day = watch::next_day(known.campaign, contact, rules, from).map(|day| watch::start_of(day, contact, rules));
    let reads_clock = known.campaign.triggers.iter().filter_map(Trigger::state).any(Condition::reads_clock);
    let edge = if reads_clock {
        let history = work.events_of(contact.id, now)?;
        watch::next_edge(known.campaign, contact, &history, rules, now)
    } else {
        None
    };
    Ok([day, edge].into_iter().flatten().min())
}

/// Returns what changes whenever the watches must be set anew, and with it what does so whenever the model of what customers
/// are worth is another one, where the triggers take it.
pub(super) fn form(campaign: &Campaign, rules: Rules<'_>) -> (String, String) {
    let hash = |text: String| crate::model::octets::hexadecimal(&Sha256::digest(text)[..8]);
    let (terms, states) = (rules.terms, || campaign.triggers.iter().filter_map(Trigger::state));
    let form = hash(format!("{:?}{}{}", campaign.triggers, terms.form_of(states()), rules.timezone));
    let takes_model = states().any(|condition| terms.takes_model(condition));
    let model = if takes_model { hash(terms.model_version()) } else { String::new() };
    let whole = format!("{form}{model}");
    (form, whole)
}
