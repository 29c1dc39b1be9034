//! A claimed step → the bytes of its mail and where they go.

use serde_json::{Map, Value, json};

use super::Parts;
use super::advance::Job;
use crate::mail::message::{self, Draft};
use crate::mail::transport::Envelope;
use crate::model::campaign::Campaign;
use crate::model::contact::Contact;
use crate::model::settings::Settings;

/// A mail, ready to go.
pub(super) struct Composed {
    pub(super) envelope: Envelope,
    pub(super) bytes: Vec<u8>,
}

/// Renders and builds a mail.
///
/// # Errors
/// Returns why it must be held, in words for the person who mends it.
pub(super) fn compose(parts: &Parts<'_>, campaign: &Campaign, job: &Job) -> Result<Composed, String> {
    let settings = parts.settings;
    let unsubscribe = message::unsubscribe_mailto(settings, &job.claim.message_id);
    let data = data(settings, campaign, job, &unsubscribe);
    let language = job.contact.language.as_deref().unwrap_or(&settings.language);
    let rendered = parts.templates.render(&job.mail, language, &data).map_err(|error| error.to_string())?;
    let name = ["name", "first_name"].iter().find_map(|key| job.contact.attributes.get(*key).and_then(Value::as_str));
    let bytes = message::build(&Draft {
        from: &settings.from,
        reply_to: settings.reply_to.as_ref(),
        to: &job.contact.address,
        to_name: name,
        subject: &rendered.subject,
        html: &rendered.html,
        text: &rendered.text,
        message_id: &job.claim.message_id,
        date: job.claim.made_at,
        list_id: campaign.id.as_str(),
        unsubscribe: &unsubscribe,
    })
    .map_err(|error| error.to_string())?;
    Ok(Composed { envelope: Envelope::new(&settings.from.address, &job.contact.address), bytes })
}

/// Returns what a template sees: the contact's attributes at the root, and the named things beside them.
fn data(settings: &Settings, campaign: &Campaign, job: &Job, unsubscribe: &str) -> Value {
    let mut data = job.contact.attributes.clone();
    let event = job.event.as_ref().map(|event| {
        let mut properties = event.properties.clone();
        properties.entry("name").or_insert_with(|| event.name.clone().into());
        properties.entry("time").or_insert_with(|| event.at.to_rfc3339().into());
        properties
    });
    let fixed = [
        ("contact", contact(&job.contact)),
        ("event", event.map_or(Value::Null, Value::Object)),
        ("campaign", json!({ "id": campaign.id.as_str(), "name": campaign.name })),
        ("step", json!({ "id": job.step })),
        ("from", json!({ "name": settings.from.name, "address": settings.from.address.as_str() })),
        ("postal_address", settings.postal_address.as_str().into()),
        ("unsubscribe_url", unsubscribe.into()),
    ];
    for (name, value) in fixed {
        data.insert(name.to_owned(), value);
    }
    Value::Object(data)
}

fn contact(contact: &Contact) -> Value {
    let mut map: Map<String, Value> = contact.attributes.clone();
    map.insert("email".to_owned(), contact.address.as_str().into());
    map.insert("tags".to_owned(), contact.tags.iter().map(String::as_str).collect());
    map.insert("language".to_owned(), contact.language.as_deref().map_or(Value::Null, Into::into));
    map.insert("timezone".to_owned(), contact.timezone.map_or(Value::Null, |zone| zone.name().into()));
    Value::Object(map)
}
