//! A claimed `webhook` step → the call to make.

use std::time::Duration;

use serde_json::{Value, json};

use super::Parts;
use super::advance::Job;
use super::compose::{self, From};
use crate::mail::template::Locale;
use crate::model::campaign::{Campaign, Webhook};
use crate::webhook::{Request, unset};

/// Why a call cannot be made now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A person mends the file or the contact.
    Held(String),
    /// A variable of the environment is missing: the next run may have it.
    NotNow(String),
}

/// Puts the call of a step together.
pub(super) fn request(
    parts: &Parts<'_>,
    campaign: &Campaign,
    job: &Job,
    webhook: &Webhook,
) -> Result<Request, Trouble> {
    let from = From::named(parts.settings, None);
    let data = compose::data(parts.settings, &from, campaign, job, None, None);
    let mut headers = Vec::new();
    for (name, value) in &webhook.headers {
        headers.push((name.clone(), filled(parts, value)?));
    }
    let body = match &webhook.json {
        Some(json) => rendered(parts, campaign, json, compose::locale(parts.settings, &job.contact), &data)?,
        None => known(campaign, job),
    };
    Ok(Request {
        url: filled(parts, &webhook.url)?,
        headers,
        body: body.to_string(),
        idempotency_key: job.claim.message_id.clone(),
        timeout: Duration::from_secs(webhook.timeout.seconds.into()),
    })
}

/// Returns what drip knows of a contact at a step.
fn known(campaign: &Campaign, job: &Job) -> Value {
    json!({
        "id": job.claim.message_id,
        "at": job.claim.made_at.to_rfc3339(),
        "campaign": campaign.id.as_str(),
        "step": job.step,
        "contact": compose::contact(&job.contact),
        "event": job.event.as_ref().map_or(Value::Null, compose::event),
    })
}

/// Renders each text of a tree of JSON.
fn rendered(
    parts: &Parts<'_>,
    campaign: &Campaign,
    json: &Value,
    locale: Locale<'_>,
    data: &Value,
) -> Result<Value, Trouble> {
    Ok(match json {
        // Secrets first: what a contact is called is never looked up in the environment.
        Value::String(text) => {
            let source = filled(parts, text)?;
            let made = parts.templates.render_text(&source, locale, data);
            Value::String(made.map_err(|error| Trouble::Held(compose::why(parts, campaign, Some(text), error)))?)
        }
        Value::Array(items) => Value::Array(
            items.iter().map(|item| rendered(parts, campaign, item, locale, data)).collect::<Result<_, _>>()?,
        ),
        Value::Object(map) => {
            let entries =
                map.iter().map(|(key, value)| Ok((key.clone(), rendered(parts, campaign, value, locale, data)?)));
            Value::Object(entries.collect::<Result<_, _>>()?)
        }
        other => other.clone(),
    })
}

/// Puts variables of the environment in place of `${NAME}`.
fn filled(parts: &Parts<'_>, text: &str) -> Result<String, Trouble> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        out += before;
        let value = (parts.variable)(name);
        out += &value.ok_or_else(|| Trouble::NotNow(unset(name)))?;
        rest = behind;
    }
    Ok(out + rest)
}
