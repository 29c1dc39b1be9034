//! A claimed step → the bytes of its mail and where they go.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::Parts;
use super::advance::Job;
use crate::mail::links;
use crate::mail::message::{self, Draft, Enclosure, List};
use crate::mail::provider;
use crate::mail::template::{Locale, RenderError, Rendered};
use crate::mail::token::{Keys, Purpose};
use crate::mail::transport::Envelope;
use crate::mail::verp;
use crate::model::address::Address;
use crate::model::campaign::{Campaign, Mail};
use crate::model::contact::Contact;
use crate::model::event::Event;
use crate::model::id::SendId;
use crate::model::settings::{Mailbox, Settings, Web};

/// The longest link, in bytes, that leads by way of `drip serve`.
const LONGEST_LED: usize = 1500;

/// A mail, ready to go.
#[derive(Debug, Clone)]
pub(super) struct Composed {
    pub(super) envelope: Envelope,
    pub(super) bytes: Vec<u8>,
    pub(super) subject: String,
    pub(super) html: String,
    pub(super) text: String,
    /// The pictures that `html` shows.
    pub(super) images: Vec<Enclosure>,
}

impl Composed {
    pub(super) fn new(envelope: Envelope, bytes: Vec<u8>, rendered: Rendered) -> Self {
        let Rendered { subject, html, text, images, .. } = rendered;
        Self { envelope, bytes, subject, html, text, images }
    }
}

/// The links of a mail to `drip serve`: nothing is added to them, and whoever follows them is not asked after.
pub(super) struct OwnLinks {
    unsubscribe: String,
    preferences: String,
    /// In mails that ask for confirmation.
    confirm: Option<String>,
}

impl OwnLinks {
    fn new(web: &Web, keys: &Keys, send: SendId, asks: bool) -> Self {
        let link = |path: &str, purpose: &Purpose| format!("{}/{path}/{}", web.public_url, keys.sign(purpose));
        Self {
            unsubscribe: link("u", &Purpose::Unsubscribe(send)),
            preferences: link("p", &Purpose::Preferences(send)),
            confirm: asks.then(|| link("y", &Purpose::Confirm(send))),
        }
    }

    fn contains(&self, link: &str) -> bool {
        [&self.unsubscribe, &self.preferences].into_iter().chain(&self.confirm).any(|own| own == link)
    }
}

/// Who sends a mail, and where answers go.
pub(super) struct From<'a> {
    pub(super) from: &'a Mailbox,
    pub(super) reply_to: Option<&'a Mailbox>,
}

impl<'a> From<'a> {
    /// Finds a sender by its name; the project's own where there is none.
    pub(super) fn named(settings: &'a Settings, name: Option<&str>) -> Self {
        match name.and_then(|name| settings.senders.get(name)) {
            Some(sender) => Self { from: &sender.from, reply_to: sender.reply_to.as_ref() },
            None => Self { from: &settings.from, reply_to: settings.reply_to.as_ref() },
        }
    }

    fn replies(&self) -> &'a Address {
        &self.reply_to.unwrap_or(self.from).address
    }
}

/// Returns why a mail or a call cannot be made; of a line of the campaign's file, with its place there.
pub(super) fn why(parts: &Parts<'_>, campaign: &Campaign, line: Option<&str>, error: RenderError) -> String {
    let file = PathBuf::from(format!("campaigns/{}.yaml", campaign.id));
    match line {
        Some(line) => parts.templates.at_home(error, line, &file).to_string(),
        None => error.to_string(),
    }
}

/// Renders and builds a mail to a contact.
///
/// # Errors
/// Returns why it must be held, in words for the person who mends it.
pub(super) fn compose(
    parts: &Parts<'_>,
    campaign: &Campaign,
    job: &Job,
    mail: &Mail,
    sender: Option<&str>,
) -> Result<Composed, String> {
    let settings = parts.settings;
    let from = From::named(settings, sender);
    let by_mail = message::unsubscribe_mailto(from.replies(), &job.claim.message_id);
    let own =
        settings.web.as_ref().map(|web| OwnLinks::new(web, parts.keys, job.claim.send, campaign.is_confirmation()));
    let by_web = own.as_ref().map(|own| own.unsubscribe.as_str());
    let data = data(settings, &from, campaign, job, Some(by_web.unwrap_or(&by_mail)), own.as_ref());
    let is_own = |link: &str| own.as_ref().is_some_and(|own| own.contains(link));
    let locale = locale(settings, &job.contact);
    let mut rendered = parts.templates.render(mail, locale, data).map_err(|error| {
        let lines = [&mail.preheader, &mail.subject].into_iter().flatten();
        let wrong = lines.into_iter().find(|line| *error.place.text == ***line);
        why(parts, campaign, wrong.or(mail.subject.as_ref()).map(String::as_str), error)
    })?;
    let utm = rendered.utm.as_ref().unwrap_or(&settings.utm);
    if !utm.is_empty() {
        (rendered.html, rendered.text) =
            (links::tag_html(&rendered.html, utm, is_own), links::tag_text(&rendered.text, utm, is_own));
    }
    if let Some(web) = settings.web.as_ref().filter(|_| job.contact.may_be_tracked()) {
        let send = job.claim.send;
        if web.clicks {
            let lead = |url: &str| {
                // Longer ones come to their end at some proxy or mail program.
                if url.len() > LONGEST_LED {
                    return url.to_owned();
                }
                format!("{}/c/{}", web.public_url, parts.keys.sign(&Purpose::Click(send, url.to_owned())))
            };
            rendered.html = links::lead(&rendered.html, is_own, lead);
        }
        if web.opens {
            let url = format!("{}/o/{}.gif", web.public_url, parts.keys.sign(&Purpose::Open(send)));
            rendered.html = links::end_with_picture(&rendered.html, &url);
        }
    }
    let name = ["name", "first_name"].iter().find_map(|key| job.contact.attributes.get(*key).and_then(Value::as_str));
    let more = settings.provider.as_ref().map_or_else(Vec::new, |provider| {
        provider::headers(provider, &parts.keys.sign(&Purpose::Report(job.claim.send)))
    });
    let bytes = message::build(&Draft {
        from: from.from,
        reply_to: from.reply_to,
        to: &job.contact.address,
        to_name: name,
        subject: &rendered.subject,
        html: &rendered.html,
        text: &rendered.text,
        message_id: &job.claim.message_id,
        date: job.claim.made_at,
        more: &more,
        list: Some(List { id: campaign.id.as_str(), unsubscribe: &by_mail, one_click: by_web }),
        images: &rendered.images,
        attachments: &rendered.attachments,
    })
    .map_err(|error| error.to_string())?;
    let (envelope, bytes) = finish(parts, job, from.from, &job.contact.address, bytes);
    Ok(Composed::new(envelope, bytes, rendered))
}

/// Signs a mail and addresses its envelope.
pub(super) fn finish(
    parts: &Parts<'_>,
    job: &Job,
    from: &Mailbox,
    to: &Address,
    bytes: Vec<u8>,
) -> (Envelope, Vec<u8>) {
    let bytes = match parts.signer {
        Some(signer) => signer.sign(&bytes, job.claim.made_at),
        None => bytes,
    };
    let returns = match &parts.settings.bounce_address {
        Some(address) => verp::address(address, parts.secret, job.claim.send),
        None => from.address.clone(),
    };
    (Envelope::new(&returns, to), bytes)
}

/// Returns how a contact reads.
pub(super) fn locale<'a>(settings: &'a Settings, contact: &'a Contact) -> Locale<'a> {
    Locale {
        language: contact.language.as_deref().unwrap_or(&settings.language),
        zone: contact.timezone.unwrap_or(settings.timezone),
    }
}

/// Returns what a template sees: the contact's attributes at the root, and the named things beside them.
pub(super) fn data(
    settings: &Settings,
    from: &From<'_>,
    campaign: &Campaign,
    job: &Job,
    unsubscribe: Option<&str>,
    own: Option<&OwnLinks>,
) -> Value {
    let mut data = Map::with_capacity(job.contact.attributes.len() + 10);
    data.extend(job.contact.attributes.clone());
    let fixed = [
        ("contact", contact(&job.contact)),
        ("event", job.event.as_ref().map_or(Value::Null, event)),
        ("campaign", json!({ "id": campaign.id.as_str(), "name": campaign.name })),
        ("step", json!({ "id": job.step })),
        ("from", json!({ "name": from.from.name, "address": from.from.address.as_str() })),
        ("now", job.claim.made_at.to_rfc3339().into()),
        ("postal_address", settings.postal_address.as_str().into()),
    ];
    for (name, value) in fixed {
        data.insert(name.to_owned(), value);
    }
    if let Some(unsubscribe) = unsubscribe {
        data.insert("unsubscribe_url".to_owned(), unsubscribe.into());
        let preferences = own.map_or(Value::Null, |own| own.preferences.as_str().into());
        data.insert("preferences_url".to_owned(), preferences);
    }
    if let Some(confirm) = own.and_then(|own| own.confirm.as_deref()) {
        data.insert("confirm_url".to_owned(), confirm.into());
    }
    Value::Object(data)
}

/// Returns an event as templates and webhooks see it.
pub(super) fn event(event: &Event) -> Value {
    let mut properties = event.properties.clone();
    properties.entry("name").or_insert_with(|| event.name.clone().into());
    properties.entry("time").or_insert_with(|| event.at.to_rfc3339().into());
    Value::Object(properties)
}

/// Returns a contact as templates and webhooks see it.
pub(super) fn contact(contact: &Contact) -> Value {
    let mut map = Map::with_capacity(contact.attributes.len() + 4);
    map.extend(contact.attributes.clone());
    map.insert("email".to_owned(), contact.address.as_str().into());
    map.insert("tags".to_owned(), contact.tags.iter().map(String::as_str).collect());
    map.insert("language".to_owned(), contact.language.as_deref().map_or(Value::Null, Into::into));
    map.insert("timezone".to_owned(), contact.timezone.map_or(Value::Null, |zone| zone.name().into()));
    Value::Object(map)
}
