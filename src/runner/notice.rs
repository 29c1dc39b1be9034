//! A claimed `notify` step → a mail to someone of the firm: who reached the step, and what is known of them.

use chrono_tz::Tz;
use serde_json::Value;

use super::Parts;
use super::advance::Job;
use super::compose::{self, Composed, From};
use crate::mail::message::{self, Draft};
use crate::mail::template::{Locale, Rendered};
use crate::model::campaign::{Campaign, Mail, Notify};
use crate::model::event::Event;
use crate::model::plain::plain;
use crate::model::wall;

/// The words of the plain mail.
struct Words {
    reached: &'static str,
    known: &'static str,
    did: &'static str,
    answer: &'static str,
}

const ENGLISH: Words = Words {
    reached: "reached",
    known: "What is known",
    did: "What they did last",
    answer: "Answer this mail to write to them.",
};
const VIETNAMESE: Words = Words {
    reached: "đã đến bước",
    known: "Thông tin đã biết",
    did: "Những việc làm gần đây",
    answer: "Trả lời thư này để viết cho khách.",
};

/// Renders and builds the mail.
///
/// # Errors
/// Returns why it must be held, in words for the person who mends it.
pub(super) fn compose(parts: &Parts<'_>, campaign: &Campaign, job: &Job, notify: &Notify) -> Result<Composed, String> {
    let settings = parts.settings;
    let from = From::named(settings, None);
    let rendered = match &notify.template {
        Some(template) => {
            let mail =
                Mail { template: template.clone(), subject: notify.subject.clone(), preheader: None, sender: None };
            let data = compose::data(settings, &from, campaign, job, Some("mailto:"), None);
            let locale = Locale { language: &settings.language, zone: settings.timezone };
            parts
                .templates
                .render(&mail, locale, data)
                .map_err(|error| compose::why(parts, campaign, mail.subject.as_deref(), error))?
        }
        None => {
            let words = if settings.language.starts_with("vi") { &VIETNAMESE } else { &ENGLISH };
            let text = text(words, campaign, job, settings.timezone);
            let html = format!("<!DOCTYPE html>\n<html><body><pre>{}</pre></body></html>\n", escaped(&text));
            let subject = match &notify.subject {
                Some(subject) => {
                    let data = compose::data(settings, &from, campaign, job, Some("mailto:"), None);
                    let locale = Locale { language: &settings.language, zone: settings.timezone };
                    parts
                        .templates
                        .render_subject(subject, locale, &data)
                        .map_err(|error| compose::why(parts, campaign, Some(subject), error))?
                }
                None => format!("{} {} {}: {}", who(job), words.reached, campaign.name, job.step),
            };
            Rendered { subject, html, text, ..Rendered::default() }
        }
    };
    let contact = crate::model::settings::Mailbox { name: None, address: job.contact.address.clone() };
    let bytes = message::build(&Draft {
        from: from.from,
        // An answer goes to the person it is about.
        reply_to: Some(&contact),
        to: &notify.to,
        to_name: None,
        subject: &rendered.subject,
        html: &rendered.html,
        text: &rendered.text,
        message_id: &job.claim.message_id,
        date: job.claim.made_at,
        more: &[],
        list: None,
        images: &rendered.images,
        attachments: &rendered.attachments,
    })
    .map_err(|error| error.to_string())?;
    let (envelope, bytes) = compose::finish(parts, job, from.from, &notify.to, bytes);
    Ok(Composed::new(envelope, bytes, rendered))
}

fn who(job: &Job) -> String {
    let name = ["name", "first_name"].iter().find_map(|key| job.contact.attributes.get(*key).and_then(Value::as_str));
    match name {
        Some(name) => format!("{} ({})", plain(name), job.contact.address),
        None => job.contact.address.to_string(),
    }
}

fn text(words: &Words, campaign: &Campaign, job: &Job, zone: Tz) -> String {
    let mut text = format!("{} {} {}: {}\n", who(job), words.reached, campaign.name, job.step);
    text += &format!("\n{}\n", words.known);
    let tags = job.contact.tags.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let fixed = [("email", job.contact.address.as_str().to_owned()), ("tags", tags)];
    let attributes = job.contact.attributes.iter().map(|(name, value)| (name.as_str(), shown(value)));
    for (name, value) in fixed.into_iter().chain(attributes).filter(|(_, value)| !value.is_empty()) {
        text += &format!("  {}: {}\n", plain(name), plain(&value));
    }
    if !job.history.is_empty() {
        text += &format!("\n{}\n", words.did);
        for event in &job.history {
            text += &format!("  {} {}{}\n", wall::shown(event.at, zone), event.name, properties(event));
        }
    }
    text + "\n" + words.answer + "\n"
}

fn properties(event: &Event) -> String {
    let pairs = event.properties.iter().map(|(name, value)| format!(" {}={}", plain(name), plain(&shown(value))));
    pairs.collect::<Vec<_>>().concat()
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
