//! Where contacts stand: brought up to date for those of whom something may be different, and for nobody else.

use serde_json::{Map, Value};

use super::Run;
use super::register::BATCH;
use crate::decide::standing::{Person, StageChange, crossed_anew};
use crate::model::Instant;
use crate::model::condition::Scope;
use crate::model::contact::Consent;
use crate::model::event::Event;
use crate::model::id::ContactId;
use crate::model::stage::STAGE_ENTERED;
use crate::model::terms::Terms;
use crate::store::{Change, NewEvent, Standing, Store, StoreError, ToLookAt, UnseenEvent, Work};

/// Who is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// Those who changed since they were looked at.
    Changed,
    /// Those who were never looked at since the conditions are what they are, too.
    Everyone,
}

/// Brings up to date where contacts stand, as of `now`; stops between two transactions where `is_enough` says so.
pub fn refresh(
    store: &mut Store,
    terms: &Terms,
    now: Instant,
    whom: Whom,
    is_enough: &dyn Fn() -> bool,
) -> Result<(), StoreError> {
    if !prepare(store, terms, now)? {
        return Ok(());
    }
    if whom == Whom::Everyone {
        follow_model(store, terms, now, is_enough)?;
    }
    let kinds: &[bool] = if whom == Whom::Everyone { &[false, true] } else { &[false] };
    for unknown in kinds {
        while !is_enough() {
            // Nothing is locked for a look that finds nobody.
            if store.read()?.to_look_at(now, *unknown, 1)?.is_empty() {
                break;
            }
            // What a power cut takes of it is found out again.
            let work = store.begin_group()?;
            let numbers = work.segment_numbers()?;
            let found = work.to_look_at(now, *unknown, BATCH)?;
            for who in &found {
                look(&work, who, terms, &numbers, now)?;
            }
            work.commit()?;
            if found.is_empty() {
                break;
            }
        }
    }
    Ok(())
}

/// Looks at every customer again where another model of what they are worth says something else of them.
fn follow_model(
    store: &mut Store,
    terms: &Terms,
    now: Instant,
    is_enough: &dyn Fn() -> bool,
) -> Result<(), StoreError> {
    let model = model(terms);
    if store.read()?.standings_model()? == model {
        return Ok(());
    }
    let mut after = ContactId(0);
    while !is_enough() {
        let work = store.begin_group()?;
        let batch = work.customers_after(&terms.purchases, after, BATCH)?;
        let Some(last) = batch.last() else {
            work.set_standings_model(model.as_deref())?;
            return work.commit();
        };
        after = *last;
        let numbers = work.segment_numbers()?;
        for id in &batch {
            if let Some(who) = work.to_look_at_again(*id)? {
                look(&work, &who, terms, &numbers, now)?;
            }
        }
        work.commit()?;
    }
    Ok(())
}

/// Returns what changes with the model, where standings take it.
fn model(terms: &Terms) -> Option<String> {
    terms.conditions().any(|condition| terms.takes_model(condition)).then(|| terms.model_version())
}

/// Sees to it that standings are kept for these terms; says whether there is anything to keep.
fn prepare(store: &mut Store, terms: &Terms, now: Instant) -> Result<bool, StoreError> {
    let form = terms.has_standings().then(|| {
        let takes_measures = terms.conditions().any(|condition| terms.takes_measures(condition));
        terms.form() + &if takes_measures { terms.meaning_of_measures() } else { String::new() }
    });
    if store.read()?.standings_form()? != form {
        let work = store.begin()?;
        // Another process may have been faster.
        if work.standings_form()? != form {
            let segments: Vec<&str> = terms.segments.keys().map(String::as_str).collect();
            let stages = stages_form(terms);
            if form.is_some() && work.stages_form()?.as_ref() == Some(&stages) {
                work.look_at_everybody_again(form.as_deref(), &segments, now)?;
            } else {
                work.keep_standings(form.as_deref(), &segments, &stages)?;
            }
            work.set_standings_model(model(terms).as_deref())?;
        }
        work.commit()?;
    }
    Ok(form.is_some())
}

/// Returns what changes whenever a stage may come to mean something else.
fn stages_form(terms: &Terms) -> String {
    let conditions = terms.stages.iter().map(|stage| &stage.condition);
    format!("{:?}{}", terms.stages, terms.form_of(conditions))
}

fn look(
    work: &Work<'_>,
    who: &ToLookAt,
    terms: &Terms,
    numbers: &[(String, i64)],
    now: Instant,
) -> Result<(), StoreError> {
    let contact = work.contact_of(who.contact)?;
    let (history, later) = work.events_around(who.contact, now)?;
    let person = Person { contact: &contact, history: &history, terms, now };
    // Under a clock that went back, or `--now`, what came later is not undone.
    let known = who.known.as_ref();
    let changes = match known {
        Some(known) if known.looked_at > now => Vec::new(),
        Some(known) => person.stages_since(known.looked_at, known.stage.as_deref()),
        None => {
            work.clear_stage_changes(who.contact)?;
            person.stages(who.came)
        }
    };
    for change in &changes {
        let taken = Change { at: change.at, stage: change.stage.as_deref(), was: change.was.as_deref() };
        work.add_stage_change(who.contact, &taken)?;
    }
    // Who came with a history did not live through it here, but for where it has led.
    let is_told = |index: usize, change: &StageChange| {
        known.is_some() || who.is_new && (change.at >= who.came || index + 1 == changes.len())
    };
    for (index, change) in changes.iter().enumerate() {
        if change.stage.is_some() && is_told(index, change) {
            tell(work, who, change)?;
        }
    }
    let (stage, since) = match changes.last() {
        Some(change) => (change.stage.clone(), Some(change.at)),
        None => (known.and_then(|known| known.stage.clone()), known.and_then(|known| known.since)),
    };
    let number = |name: &str| numbers.iter().find(|(known, _)| known == name).map(|(_, number)| *number);
    let mut segments: Vec<i64> = person.segments().filter_map(number).collect();
    segments.sort_unstable();
    work.set_standing(
        who.contact,
        known,
        &Standing {
            stage,
            since,
            segments,
            levels: person.levels(),
            subscribed: contact.consent == Consent::Subscribed && !contact.suppressed,
            looked_at: known.map_or(now, |known| known.looked_at.max(now)),
            next_at: [person.next_change(), later].into_iter().flatten().min(),
        },
    )
}

fn tell(work: &Work<'_>, who: &ToLookAt, change: &StageChange) -> Result<(), StoreError> {
    let mut properties = Map::new();
    properties.insert("stage".to_owned(), change.stage.clone().map_or(Value::Null, Value::from));
    if let Some(was) = &change.was {
        properties.insert("from".to_owned(), was.clone().into());
    }
    let event = NewEvent { contact: who.contact, name: STAGE_ENTERED, at: change.at, properties: &properties };
    work.add_event(&event, None).map(drop)
}

impl Run<'_> {
    /// Returns when an event that no run had looked at brought the score of its contact up to a threshold, by itself or by
    /// what it adds to later ones.
    pub(super) fn score_reached(
        &self,
        work: &Work<'_>,
        unseen: &UnseenEvent,
        points: i64,
    ) -> Result<Option<Instant>, StoreError> {
        let terms = self.rules.terms;
        let Some(score) = terms.score.as_ref().filter(|score| score.counts(&unseen.event.name)) else {
            return Ok(None);
        };
        let contact = work.contact_of(unseen.contact)?;
        let with = work.seen_events_of(unseen.contact, unseen.event.id, self.now)?;
        let without: Vec<Event> = with.iter().filter(|event| event.id != unseen.event.id).cloned().collect();
        let reached = |history: &[Event]| {
            score.reached(points, Scope { contact: &contact, event: None, history, sends: &[], terms, now: self.now })
        };
        Ok(crossed_anew(&reached(&without), &reached(&with), unseen.event.at))
    }
}
