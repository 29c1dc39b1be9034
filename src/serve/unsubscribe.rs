//! Leaving the list: a page that asks, and the POST that does it.
//!
//! A mail program posts `List-Unsubscribe=One-Click` by itself once its reader has pressed its button (RFC 8058); the page's own
//! button posts an empty form. Both unsubscribe at once, and as often as they come. Whoever has no valid token hears the same
//! whatever is wrong with it.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::page::page;
use super::{Room, words};
use crate::mail::token::Purpose;
use crate::model::contact::{Consent, Contact};
use crate::store::{Result, Work};

/// What the history of a contact's consent says of it.
const REASON: &str = "unsubscribed by the link in a mail";

/// Asks whether it is meant; changes nothing.
pub(super) async fn ask(State(room): State<Room>, Path(token): Path<String>) -> Response {
    let Some(Purpose::Unsubscribe(send)) = room.purpose(&token).await else { return wrong(&room) };
    let Some(contact) = room.desk.ask(move |work| work.contact_of_send(send)).await else { return later(&room) };
    let words = words_for(&room, contact.as_ref());
    let text = format!("{} {}?", words.leave_question, room.site.name);
    page(StatusCode::OK, words, words.leave_title, &text, Some(words.leave_button))
}

/// Unsubscribes.
pub(super) async fn leave(State(room): State<Room>, Path(token): Path<String>, _body: axum::body::Bytes) -> Response {
    let Some(Purpose::Unsubscribe(send)) = room.purpose(&token).await else { return wrong(&room) };
    let now = (room.site.clock)();
    let done = room.desk.ask(move |work| {
        let contact = work.contact_of_send(send)?;
        contact.as_ref().map_or(Ok(()), |contact| unsubscribe(work, contact, now))?;
        Ok(contact)
    });
    let Some(contact) = done.await else { return later(&room) };
    let words = words_for(&room, contact.as_ref());
    page(StatusCode::OK, words, words.left_title, &format!("{} {}.", words.left, room.site.name), None)
}

fn unsubscribe(work: &Work<'_>, contact: &Contact, now: crate::model::Instant) -> Result<()> {
    if contact.consent.is_opt_out() {
        return Ok(());
    }
    work.set_consent(contact.id, Consent::Unsubscribed, REASON, now)
}

fn words_for(room: &Room, contact: Option<&Contact>) -> &'static words::Words {
    words::of(contact.and_then(|contact| contact.language.as_deref()).unwrap_or(&room.site.language))
}

pub(super) fn wrong(room: &Room) -> Response {
    let words = words::of(&room.site.language);
    page(StatusCode::NOT_FOUND, words, words.wrong_title, words.wrong, None)
}

fn later(room: &Room) -> Response {
    let words = words::of(&room.site.language);
    page(StatusCode::SERVICE_UNAVAILABLE, words, words.later_title, words.later, None)
}
