//! Which contacts a command means: `--where`, `--tag` and `--consent`, tested in batches.

use std::sync::Arc;

use super::Failure;
use crate::cli::contact::Selection;
use crate::error::{Diagnostic, Place};
use crate::model::Instant;
use crate::model::condition::{Condition, Scope};
use crate::model::contact::Contact;
use crate::model::nearest;
use crate::model::settings::Settings;
use crate::store::Work;

/// How many contacts are read at once.
pub(super) const BATCH: usize = 500;

/// No more is asked of anybody.
const ANYBODY: Selection = Selection { condition: None, tag: None, consent: None };

/// A checked selection.
pub(super) struct Chosen<'a> {
    condition: Option<Condition>,
    selection: &'a Selection,
    /// Only those of this segment, by its number in the store.
    segment: Option<i64>,
    settings: &'a Settings,
    reads_events: bool,
    now: Instant,
}

impl<'a> Chosen<'a> {
    /// Checks a selection from the command line.
    pub(super) fn new(selection: &'a Selection, settings: &'a Settings, now: Instant) -> Result<Self, Failure> {
        let condition = selection.condition.as_deref().map(|text| read(text, settings)).transpose()?;
        let reads_events = condition.as_ref().is_some_and(|condition| reads_events(condition, settings, 0));
        Ok(Self { condition, selection, segment: None, settings, reads_events, now })
    }

    /// Chooses the contacts of a segment, whom the store knows.
    pub(super) fn members(segment: i64, settings: &'a Settings, now: Instant) -> Self {
        Self { condition: None, selection: &ANYBODY, segment: Some(segment), settings, reads_events: false, now }
    }

    /// Chooses the contacts of whom the condition of a segment holds.
    pub(super) fn in_segment(condition: Condition, settings: &'a Settings, now: Instant) -> Self {
        let reads_events = reads_events(&condition, settings, 0);
        Self { condition: Some(condition), selection: &ANYBODY, segment: None, settings, reads_events, now }
    }

    /// Says whether a contact is meant.
    pub(super) fn takes(&self, work: &Work<'_>, contact: &Contact) -> Result<bool, Failure> {
        let Selection { tag, consent, .. } = self.selection;
        if tag.as_ref().is_some_and(|tag| !contact.tags.contains(tag))
            || consent.is_some_and(|consent| contact.consent != consent)
        {
            return Ok(false);
        }
        let Some(condition) = &self.condition else { return Ok(true) };
        let history = if self.reads_events { work.events_of(contact.id, self.now)? } else { Vec::new() };
        let terms = &self.settings.terms;
        Ok(condition.holds(Scope { contact, event: None, history: &history, sends: &[], terms, now: self.now }))
    }

    /// Hands over each contact that is meant, by row, until `each` says that it is enough.
    pub(super) fn each(
        &self,
        work: &Work<'_>,
        mut each: impl FnMut(Contact) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let mut after = 0;
        loop {
            let batch = match self.segment {
                None => work.contacts_after(after, BATCH)?,
                Some(segment) => {
                    let ids = work.members_after(segment, after, BATCH)?;
                    ids.into_iter().map(|id| work.contact_of(id)).collect::<Result<_, _>>()?
                }
            };
            let Some(last) = batch.last() else { return Ok(()) };
            after = last.id.0;
            for contact in batch {
                if self.takes(work, &contact)? && !each(contact)? {
                    return Ok(());
                }
            }
        }
    }
}

fn read(text: &str, settings: &Settings) -> Result<Condition, Failure> {
    let source: Arc<str> = text.into();
    let wrong = |span: std::ops::Range<usize>, message: String, hint: Option<String>| -> Failure {
        let place = Place { path: "--where".into(), text: Arc::clone(&source), span };
        let diagnostic = Diagnostic::error(message).at(place);
        match hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
        .into()
    };
    let condition = Condition::parse(text).map_err(|error| wrong(error.span, error.message, error.hint))?;
    let span = |word: &str| text.find(word).map_or(0..text.len(), |at| at..at + word.len());
    if condition.reads_trigger() {
        let hint = Some("use did(\"…\"), count(\"…\") or days_since(\"…\")".to_owned());
        return Err(wrong(span("event"), "there is no triggering `event` here".to_owned(), hint));
    }
    if let Some(name) = condition.segments().find(|name| !settings.terms.segments.contains_key(*name)) {
        let (message, hint) = no_segment(name, settings);
        return Err(wrong(span(name), message, Some(hint)));
    }
    let stages: Vec<&str> = settings.terms.stages.iter().map(|stage| stage.name.as_str()).collect();
    if let Some(name) = condition.stages().find(|name| !stages.is_empty() && !stages.contains(name)) {
        return Err(wrong(
            span(name),
            format!("there is no stage `{name}`"),
            Some(near_or_all("stages", name, &stages)),
        ));
    }
    match condition.unmeant(settings.terms.score.is_some(), !settings.terms.stages.is_empty()).next() {
        Some((word, message, hint)) => Err(wrong(span(word), message, Some(hint.to_owned()))),
        None => Ok(condition),
    }
}

/// Says that there is no such segment, and what to do.
pub(super) fn no_segment(name: &str, settings: &Settings) -> (String, String) {
    let names: Vec<&str> = settings.terms.segments.keys().map(String::as_str).collect();
    (format!("there is no segment `{name}`"), near_or_all("segments", name, &names))
}

fn near_or_all(what: &str, name: &str, names: &[&str]) -> String {
    match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => format!("write it under `{what}` in drip.yaml"),
        None => format!("the {what} are {}", names.join(", ")),
    }
}

/// Says whether a condition, or a segment it names, looks at events; segments go no deeper than they may.
fn reads_events(condition: &Condition, settings: &Settings, depth: usize) -> bool {
    let inner = |name: &str| {
        settings
            .terms
            .segments
            .get(name)
            .is_some_and(|segment| depth < 16 && reads_events(segment, settings, depth + 1))
    };
    condition.reads_events() || condition.segments().any(inner)
}
