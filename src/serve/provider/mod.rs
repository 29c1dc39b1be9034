//! Mail providers tell by web what became of mails: delivered, bounced, complained, opened, clicked.
//!
//! Each provider has a file that proves that a request is its own and says in one form, [`Told`], what it tells; [`act`] does
//! what follows from that. Providers tell again what was not answered with 200, and sometimes what was: everything counts
//! once. What belongs to no mail of this project is counted and answered with 200, or it would come back for days.

mod act;
mod brevo;
mod certificate;
mod mailgun;
mod postmark;
mod read;
mod sendgrid;
mod ses;
mod sns;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Room;
use super::feed::say;
use crate::inbound::Failure;
use crate::model::Instant;
use crate::model::reaction::By;

pub use sendgrid::is_key as is_sendgrid_key;
pub(super) use sns::Sns;

/// What proves that a request comes from a provider; without it nothing is taken in that provider's name.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    pub postmark: Option<String>,
    pub mailgun: Option<String>,
    /// No secret, but the public key of what `SendGrid` signs.
    pub sendgrid: Option<String>,
    pub brevo: Option<String>,
    /// The topics of SNS that are believed; what SNS signs needs no secret.
    pub topics: Vec<String>,
}

/// How long ago, in seconds, a request may have been signed: providers try again for a day.
const OLDEST: i64 = 25 * 3600;
/// How far a provider's clock may be ahead, in seconds.
const AHEAD: i64 = 3600;

/// One thing that a provider tells of one mail.
#[derive(Debug)]
struct Told {
    /// Tells it from everything else that this provider tells, and is the same when it comes again.
    id: String,
    /// What may tie it to a mail, the surest first.
    ties: Vec<Tie>,
    /// The address that it speaks of.
    recipient: String,
    what: What,
    /// When it happened, where that is told.
    at: Option<Instant>,
}

/// What names a mail of drip's.
#[derive(Debug)]
enum Tie {
    /// What the mail told the provider in a header of its own.
    Token(String),
    /// Its envelope sender, which is of that mail alone where the project has a `bounce_address`.
    ReturnPath(String),
    MessageId(String),
}

#[derive(Debug)]
enum What {
    Delivered,
    Failed(Failure),
    /// With the type of RFC 5965.
    Complained(String),
    /// Unsubscribed by a link or button of the provider's.
    Left,
    Opened(By),
    Clicked(By, String),
    /// Nothing but that the provider has the mail: taken, put off.
    Noted,
}

impl What {
    fn word(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed(_) => "bounced",
            Self::Complained(_) => "complained",
            Self::Left => "unsubscribed",
            Self::Opened(_) => "opened",
            Self::Clicked(..) => "clicked",
            Self::Noted => "noted",
        }
    }
}

/// What a request holds, once it is known to be the provider's.
#[derive(Debug, Default)]
struct Letter {
    told: Vec<Told>,
    /// Parts of it that say nothing of a mail's fate.
    ignored: u64,
    /// Parts of it that are not as the provider documents them.
    unreadable: u64,
    /// What no second request may have, where the provider does not sign the whole of it.
    once: Option<String>,
}

impl Letter {
    /// Takes what one part of a request was read as.
    fn take(&mut self, part: Result<Option<Told>, Unreadable>) {
        match part {
            Ok(Some(told)) => self.told.push(told),
            Ok(None) => self.ignored += 1,
            Err(Unreadable) => self.unreadable += 1,
        }
    }
}

/// A part of a request that is not as it should be.
#[derive(Debug)]
struct Unreadable;

/// Why a request is not taken.
#[derive(Debug)]
enum Refused {
    /// It is not proved to come from the provider.
    Unproved(&'static str),
    /// It is not what the provider documents.
    Malformed(&'static str),
    /// What would prove it cannot be had now.
    Later(&'static str),
}

/// Takes what a provider tells.
pub(super) async fn hear(
    State(room): State<Room>,
    Path(name): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let secrets = &room.site.secrets;
    let (provider, secret, variable) = match name.as_str() {
        "ses" => {
            if secrets.topics.is_empty() {
                return closed("ses", "drip.yaml has no `provider: { name: ses, topics: […] }`");
            }
            ("ses", "", "")
        }
        "postmark" => ("postmark", secrets.postmark.as_deref().unwrap_or_default(), "DRIP_POSTMARK_KEY"),
        "mailgun" => ("mailgun", secrets.mailgun.as_deref().unwrap_or_default(), "DRIP_MAILGUN_KEY"),
        "sendgrid" => ("sendgrid", secrets.sendgrid.as_deref().unwrap_or_default(), "DRIP_SENDGRID_KEY"),
        "brevo" => ("brevo", secrets.brevo.as_deref().unwrap_or_default(), "DRIP_BREVO_KEY"),
        _ => return say(StatusCode::NOT_FOUND, &json!({ "error": "there is no such provider" })),
    };
    if secret.is_empty() && provider != "ses" {
        return closed(provider, &format!("{variable} is not set"));
    }
    // Before the body, which strangers may send as slowly as they like.
    let has_password = || super::secret::bears_or_has_password(&headers, secret);
    if ["postmark", "brevo"].contains(&provider) && !has_password() {
        return refuse(&Refused::Unproved("the password is missing or wrong"));
    }
    let body = match Bytes::from_request(request, &room).await {
        Ok(body) => body,
        Err(refused) => return refused.into_response(),
    };
    let now = (room.site.clock)();
    let letter = match provider {
        "ses" => room.sns.open(&room.site, &body, now).await,
        "postmark" => postmark::open(&body),
        "mailgun" => mailgun::open(secret, &body, now),
        "sendgrid" => sendgrid::open(secret, &headers, &body, now),
        _ => brevo::open(&body),
    };
    match letter {
        Ok(letter) => record(&room, provider, letter, now).await,
        Err(refused) => refuse(&refused),
    }
}

async fn record(room: &Room, provider: &'static str, letter: Letter, now: Instant) -> Response {
    let (ignored, unreadable) = (letter.ignored, letter.unreadable);
    let site = Arc::clone(&room.site);
    let done = match room.desk.ask(move |work| act::act(work, &site, provider, &letter, now)).await {
        Some(Some(done)) => done,
        // Mailgun takes this for a no that is meant, and does not try again.
        Some(None) => return say(StatusCode::NOT_ACCEPTABLE, &json!({ "error": "this signature was used before" })),
        None => {
            return say(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": "nothing was recorded; tell it again" }));
        }
    };
    room.metrics.reports(provider, &done.counts);
    let is_nothing = done.counts.is_empty() && ignored == 0 && unreadable > 0;
    let answer = json!({
        "recorded": done.number("recorded"),
        "known": done.number("known"),
        "untied": done.number("untied"),
        "ignored": ignored + done.number("ignored"),
        "unreadable": unreadable,
    });
    say(if is_nothing { StatusCode::BAD_REQUEST } else { StatusCode::OK }, &answer)
}

fn closed(provider: &str, why: &str) -> Response {
    say(StatusCode::NOT_FOUND, &json!({ "error": format!("nothing of {provider} is taken here: {why}") }))
}

fn refuse(refused: &Refused) -> Response {
    let (code, why) = match refused {
        Refused::Unproved(why) => (StatusCode::UNAUTHORIZED, why),
        Refused::Malformed(why) => (StatusCode::BAD_REQUEST, why),
        Refused::Later(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
    };
    let mut response = say(code, &json!({ "error": why }));
    if code == StatusCode::UNAUTHORIZED {
        let asks = header::HeaderValue::from_static("Basic realm=\"drip\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, asks);
    }
    response
}

/// Says whether something was signed not too long ago, by seconds since 1970.
fn is_fresh(signed_at: i64, now: Instant) -> bool {
    (-AHEAD..=OLDEST).contains(&now.timestamp().saturating_sub(signed_at))
}
