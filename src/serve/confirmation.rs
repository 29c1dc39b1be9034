//! Saying yes to the list (double opt-in): a page that asks, and the POST that does it.

use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::html;

use super::Room;
use super::page::{button, notice, page};
use super::unsubscribe::{later, words_for, wrong};
use crate::mail::token::Purpose;
use crate::model::contact::{Consent, Contact};
use crate::model::id::SendId;

/// What the history of a contact's consent says of it.
const REASON: &str = "confirmed by the link in a mail";

fn of(purpose: &Purpose) -> Option<SendId> {
    if let Purpose::Confirm(send) = purpose { Some(*send) } else { None }
}

/// Asks whether it is meant; changes nothing, because scanners follow links as well.
pub(super) async fn ask(State(room): State<Room>, Path(token): Path<String>) -> Response {
    let send = match room.send_of(&token, of).await {
        Ok(send) => send,
        Err(answer) => return answer,
    };
    let Some(contact) = room.desk.ask(move |work| work.contact_of_send(send)).await else { return later(&room) };
    match contact {
        Some(contact) if contact.consent == Consent::Pending => {
            let words = words_for(&room, Some(&contact));
            let body = html! {
                p { (words.confirm_question) " " (room.site.name) "?" }
                (button(words.confirm_button))
            };
            page(StatusCode::OK, words, words.confirm_title, &body)
        }
        other => said(&room, other.as_ref()),
    }
}

/// Confirms. Whoever left since the mail came stays away: its link is no new wish.
pub(super) async fn confirm(State(room): State<Room>, Path(token): Path<String>, request: Request) -> Response {
    let send = match room.send_of(&token, of).await {
        Ok(send) => send,
        Err(answer) => return answer,
    };
    if let Err(refused) = Bytes::from_request(request, &room).await {
        return refused.into_response();
    }
    let now = (room.site.clock)();
    let Some(contact) = room.desk.ask(move |work| work.confirm(send, REASON, now)).await else { return later(&room) };
    said(&room, contact.as_ref())
}

/// Tells how it stands with a contact who is not asked any more.
fn said(room: &Room, contact: Option<&Contact>) -> Response {
    let Some(contact) = contact else { return wrong(room) };
    let words = words_for(room, Some(contact));
    if contact.consent.is_opt_out() {
        return notice(StatusCode::OK, words, words.left_title, &format!("{} {}.", words.left, room.site.name));
    }
    notice(StatusCode::OK, words, words.confirmed_title, &format!("{} {}.", words.confirmed, room.site.name))
}
