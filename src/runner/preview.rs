//! What a step would send to someone, made by the very code of a run, and kept out of the ledger.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::advance::{Job, Task, noticed};
use super::call::{self, Trouble};
use super::compose::{Composed, compose};
use super::{Parts, notice};
use crate::mail::message::{self, Enclosure};
use crate::mail::transport::Envelope;
use crate::model::Instant;
use crate::model::address::Address;
use crate::model::campaign::{Action, Campaign, Step};
use crate::model::contact::Contact;
use crate::model::event::Event;
use crate::model::id::{EnrolmentId, SendId};
use crate::store::Claim;
use crate::webhook::Request;

/// What to preview.
#[derive(Debug, Clone)]
pub struct Preview<'a> {
    pub campaign: &'a Campaign,
    pub step: &'a Step,
    /// Which mail of a test; the first where it is not said.
    pub variant: Option<&'a str>,
    pub contact: Contact,
    /// The event that let the contact in.
    pub event: Option<Event>,
    /// What the contact did, the oldest first.
    pub history: Vec<Event>,
    /// The row of the ledger, where there is one: its Message-ID and date stand in the mail.
    pub row: Option<(SendId, String, Instant)>,
    pub now: Instant,
}

/// What would leave.
#[derive(Debug, Clone)]
pub enum Previewed {
    Mail(Mail),
    Call(Request),
    /// The step sends nothing.
    Nothing,
}

/// A mail as it would leave.
#[derive(Debug, Clone)]
pub struct Mail {
    pub envelope: Envelope,
    pub subject: String,
    /// With its pictures inside, for a browser: it does not know the other parts of a mail.
    pub html: String,
    pub text: String,
    /// What SMTP would carry.
    pub bytes: Vec<u8>,
}

/// Why a mail cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrenderable {
    pub message: String,
    /// The attribute that is missing, where it is that.
    pub missing: Option<String>,
}

/// Makes what a step would send.
pub fn preview(parts: &Parts<'_>, preview: &Preview<'_>, token: &str) -> Result<Previewed, Unrenderable> {
    let Preview { campaign, step, .. } = *preview;
    let chosen = || {
        let mut mails = step.action.mails();
        mails.find(|(name, _)| preview.variant.is_none() || *name == preview.variant)
    };
    let task = match &step.action {
        Action::Send(_) | Action::Test(_) => match chosen() {
            Some((_, mail)) => Task::Mail { mail: mail.clone(), sender: campaign.sender_of(step, mail) },
            None => return Ok(Previewed::Nothing),
        },
        Action::Notify(notify) => Task::Notify(notify.clone()),
        Action::Webhook(webhook) => Task::Webhook(webhook.clone()),
        Action::WaitFor(_) | Action::Enrol(_) | Action::Set(_) | Action::Exit(_) => return Ok(Previewed::Nothing),
    };
    let domain = parts.settings.from.address.domain();
    let (send, message_id, made_at) = preview
        .row
        .clone()
        .unwrap_or_else(|| (SendId(0), message::message_id(token, parts.secret, SendId(0), domain), preview.now));
    let job = Job {
        known: 0,
        enrolment: EnrolmentId(0),
        claim: Claim { send, made_at, message_id, attempts: 0, tried_at: None },
        step: step.id.as_str().to_owned(),
        task,
        contact: preview.contact.clone(),
        event: preview.event.clone(),
        history: noticed(preview.history.clone()),
        seen: None,
    };
    let composed = match &job.task {
        Task::Mail { mail, sender } => compose(parts, campaign, &job, mail, sender.as_deref()),
        Task::Notify(notify) => notice::compose(parts, campaign, &job, notify),
        Task::Webhook(webhook) => {
            return match call::request(parts, campaign, &job, webhook) {
                Ok(request) => Ok(Previewed::Call(request)),
                Err(Trouble::Held(message) | Trouble::NotNow(message)) => Err(unrenderable(message)),
            };
        }
    };
    let Composed { envelope, bytes, subject, html, text, images } = composed.map_err(unrenderable)?;
    let html =
        images.iter().fold(html, |html, image| html.replace(&format!("cid:{}", image.content_id), &inside(image)));
    Ok(Previewed::Mail(Mail { envelope, subject, html, text, bytes }))
}

/// Addresses a mail to someone else: for a look at it in a real mailbox.
pub fn readdressed(mail: &Mail, to: &Address) -> Mail {
    Mail { envelope: mail.envelope.to_another(to), ..mail.clone() }
}

fn inside(image: &Enclosure) -> String {
    format!("data:{};base64,{}", image.media_type, STANDARD.encode(&image.bytes))
}

fn unrenderable(message: String) -> Unrenderable {
    let missing = message.split_once('`').and_then(|(_, rest)| rest.split_once("` is missing"));
    let missing = missing.map(|(name, _)| name.rsplit('`').next().unwrap_or(name).to_owned());
    Unrenderable { message, missing }
}
