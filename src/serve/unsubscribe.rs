//! Leaving the list: a page that asks, and the POST that does it.
//!
//! A mail program posts `List-Unsubscribe=One-Click` by itself once its reader has pressed its button (RFC 8058); the page's own
//! button posts an empty form. Both unsubscribe at once, and as often as they come. Whoever has no valid token hears the same
//! whatever is wrong with it.

use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::html;

use super::page::{button, notice, page};
use super::{Room, words};
use crate::mail::token::Purpose;
use crate::model::contact::Contact;
use crate::model::id::SendId;

/// What the history of a contact's consent says of it.
const REASON: &str = "unsubscribed by the link in a mail";

fn of(purpose: &Purpose) -> Option<SendId> {
    if let Purpose::Unsubscribe(send) = purpose { Some(*send) } else { None }
}

/// Asks whether it is meant; changes nothing.
pub(super) async fn ask(State(room): State<Room>, Path(token): Path<String>) -> Response {
    let send = match room.send_of(&token, of).await {
        Ok(send) => send,
        Err(answer) => return answer,
    };
    let Some(contact) = room.desk.ask(move |work| work.contact_of_send(send)).await else { return later(&room) };
    let words = words_for(&room, contact.as_ref());
    let body = html! {
        p { (words.leave_question) " " (room.site.name) "?" }
        (button(words.leave_button))
        @if contact.is_some() {
            p.rule { a href={ "../p/" (room.sign(&Purpose::Preferences(send))) } { (words.rather_choose) } }
        }
    };
    page(StatusCode::OK, words, words.leave_title, &body)
}

/// Unsubscribes.
pub(super) async fn leave(State(room): State<Room>, Path(token): Path<String>, request: Request) -> Response {
    // Before the body, which strangers may send as slowly as they like.
    let send = match room.send_of(&token, of).await {
        Ok(send) => send,
        Err(answer) => return answer,
    };
    if let Err(refused) = Bytes::from_request(request, &room).await {
        return refused.into_response();
    }
    let now = (room.site.clock)();
    let Some(contact) = room.desk.ask(move |work| work.leave(send, REASON, now)).await else { return later(&room) };
    let words = words_for(&room, contact.as_ref());
    notice(StatusCode::OK, words, words.left_title, &format!("{} {}.", words.left, room.site.name))
}

pub(super) fn words_for(room: &Room, contact: Option<&Contact>) -> &'static words::Words {
    words::of(contact.and_then(|contact| contact.language.as_deref()).unwrap_or(&room.site.language))
}

pub(super) fn wrong(room: &Room) -> Response {
    let words = words::of(&room.site.language);
    notice(StatusCode::NOT_FOUND, words, words.wrong_title, words.wrong)
}

pub(super) fn later(room: &Room) -> Response {
    let words = words::of(&room.site.language);
    notice(StatusCode::SERVICE_UNAVAILABLE, words, words.later_title, words.later)
}
