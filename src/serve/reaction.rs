//! Clicks and opens: the way to where a link leads, and a picture of one point.
//!
//! Whoever follows a link gets there whatever becomes of the record. Machines follow links too: scanners of mail servers
//! within seconds, proxies that fetch pictures for everyone. Theirs are other events than a person's.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::desk::Pace;
use super::{Busy, Room, machine, unsubscribe, viewed};
use crate::mail::links;
use crate::mail::token::Purpose;
use crate::model::reaction::By;
use crate::store::{Arrival, Work};

/// How long whoever follows a link waits for the record of it.
const PATIENCE: Duration = Duration::from_secs(1);
/// A GIF of one transparent point.
const POINT: [u8; 43] = *b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// Leads on to where a link of a mail leads.
pub(super) async fn click(
    State(room): State<Room>,
    Path(token): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let (send, url) = match room.purpose(&token).await {
        Ok(Some(Purpose::Click(send, url))) => (send, url),
        Ok(_) => return unsubscribe::wrong(&room),
        Err(Busy) => return unsubscribe::later(&room),
    };
    // drip signs no other; whoever has the key could.
    if !["https://", "http://"].iter().any(|scheme| url.starts_with(scheme)) {
        return unsubscribe::wrong(&room);
    }
    if method == Method::GET {
        let (by, now, to) = (machine::click(&headers), (room.site.clock)(), url.clone());
        soon(&room, Arrival { send, url: Some(to), by, at: now }).await;
        // The page knows by it who looks at it; of machines there is nothing to know.
        if by == By::Person && viewed::is_page(&room.site, &url) {
            let token = room.sign(&Purpose::Visit(send));
            return lead_to(&links::tagged(&url, &[(viewed::PARAMETER.to_owned(), token)]));
        }
    }
    lead_to(&url)
}

fn lead_to(url: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, in_ascii(url))]).into_response()
}

/// Shows the point, whose being fetched tells that a mail was opened.
pub(super) async fn open(
    State(room): State<Room>,
    Path(token): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let token = token.strip_suffix(".gif").unwrap_or_default();
    let Ok(Some(Purpose::Open(send))) = room.purpose(token).await else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if method == Method::GET {
        let (by, now) = (machine::open(&headers), (room.site.clock)());
        soon(&room, Arrival { send, url: None, by, at: now }).await;
    }
    ([(header::CONTENT_TYPE, "image/gif")], POINT).into_response()
}

/// Waits for a record, but not for long: it is made all the same, and nobody waits at a link for a large import. In a crowd it
/// is put by, which takes a tenth of the time.
async fn soon(room: &Room, arrival: Arrival) {
    let metrics = Arc::clone(&room.metrics);
    let task = move |work: &Work<'_>, pace| match pace {
        Pace::Calm => work.record_arrival(&arrival),
        Pace::Crowded => work.put_by_or_record(&arrival),
    };
    let tell = move |name: &Option<String>| name.iter().for_each(|name| metrics.reaction(name));
    let _ = tokio::time::timeout(PATIENCE, room.desk.ask_at_pace(task, tell)).await;
}

/// Writes what a header cannot hold as its bytes in hexadecimal (RFC 3986, section 2.1).
fn in_ascii(url: &str) -> String {
    url.bytes().fold(String::with_capacity(url.len()), |mut out, byte| {
        if byte.is_ascii_graphic() {
            out.push(byte.into());
        } else {
            out += &format!("%{byte:02X}");
        }
        out
    })
}
