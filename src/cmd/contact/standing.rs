//! Where one contact stands, as of now.

use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::cmd::Failure;
use crate::decide::standing::Person;
use crate::model::contact::Contact;
use crate::model::terms::Terms;
use crate::model::{Instant, wall};
use crate::store::Work;

/// Stage, score and segments; nothing where drip.yaml has none.
#[derive(Debug, Default)]
pub(super) struct Standing {
    score: Option<i64>,
    stage: Option<(String, Instant)>,
    segments: Vec<String>,
}

impl Standing {
    pub(super) fn of(work: &Work<'_>, contact: &Contact, terms: &Terms, now: Instant) -> Result<Self, Failure> {
        if !terms.has_standings() {
            return Ok(Self::default());
        }
        let history = work.events_of(contact.id, now)?;
        let person = Person { contact, history: &history, terms, now };
        let came = work.contact_summary(contact.id)?.created_at;
        let last = person.stages(came).pop();
        Ok(Self {
            score: person.points(),
            stage: last.and_then(|change| Some((change.stage?, change.at))),
            segments: person.segments().map(str::to_owned).collect(),
        })
    }

    pub(super) fn rows(&self, zone: Tz) -> Vec<(&'static str, String)> {
        let mut rows = Vec::new();
        rows.extend(self.score.map(|score| ("score", score.to_string())));
        if let Some((stage, since)) = &self.stage {
            rows.push(("stage", format!("{stage} since {}", wall::shown(*since, zone))));
        }
        if !self.segments.is_empty() {
            rows.push(("segments", self.segments.join(", ")));
        }
        rows
    }

    pub(super) fn add_to(&self, json: &mut Value) {
        json["score"] = self.score.into();
        json["stage"] = json!(self.stage.as_ref().map(|(stage, _)| stage));
        json["stage_since"] =
            json!(self.stage.as_ref().map(|(_, since)| since.format("%Y-%m-%dT%H:%M:%SZ").to_string()));
        json["segments"] = json!(self.segments);
    }
}
