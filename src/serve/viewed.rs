//! `POST /viewed`: a web page tells that somebody looks at it who came by a link of a mail.
//!
//! No page holds a key. A link that is followed hands the page a token of that mail, which is good for this alone: whoever has
//! it can neither unsubscribe nor learn anybody's address. Only sites that the settings name are heard, and browsers say
//! truly which site it is. What a page tells is a view of itself and nothing else, so that no visitor can make up a purchase.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Map, json};

use super::machine;
use super::{Busy, Room, Site};
use crate::mail::token::Purpose;
use crate::model::Instant;
use crate::model::id::SendId;
use crate::model::reaction::By;
use crate::store::{Result, Work};

/// What the token is called in the address of a page.
pub(super) const PARAMETER: &str = "drip";
const EVENT: &str = "page_viewed";

/// The longest body, in bytes.
const LARGEST: usize = 8 << 10;
/// What is kept of an address and of a title, in characters.
const LONGEST_URL: usize = 2000;
const LONGEST_TITLE: usize = 300;
/// A page that is shown again within this time was loaded anew, not looked at again.
const SAME: TimeDelta = TimeDelta::seconds(60);
/// Views of one contact in an hour.
const MOST: usize = 120;
const HOUR: TimeDelta = TimeDelta::hours(1);

const SNIPPET: &str = include_str!("viewed.js");

/// What a page tells.
#[derive(Deserialize)]
struct Told {
    token: String,
    event: Option<String>,
    url: String,
    title: Option<String>,
}

enum End {
    Recorded,
    Known,
    TooMany,
    /// The mail is not known any more.
    Nobody,
}

/// Says whether an address is one of a site that may tell.
pub(super) fn is_page(site: &Site, url: &str) -> bool {
    site.web.pages.contains(&origin_of(url))
}

/// Returns the origin of an address (RFC 6454), in the form in which browsers send it.
fn origin_of(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return String::new() };
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let origin = format!("{scheme}://{host}").to_ascii_lowercase();
    let usual = if origin.starts_with("https:") { ":443" } else { ":80" };
    origin.strip_suffix(usual).map_or(origin.clone(), str::to_owned)
}

/// Gives the script that tells.
pub(super) async fn snippet() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    (headers, SNIPPET).into_response()
}

/// Tells a browser whether a site may tell.
pub(super) async fn preflight(State(room): State<Room>, headers: HeaderMap) -> Response {
    let Some(origin) = allowed(&room.site, &headers) else { return StatusCode::FORBIDDEN.into_response() };
    let more = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    shared(&origin, (StatusCode::NO_CONTENT, more).into_response())
}

/// Records a view.
pub(super) async fn record(State(room): State<Room>, headers: HeaderMap, request: Request) -> Response {
    let Some(origin) = allowed(&room.site, &headers) else {
        room.metrics.viewed("refused");
        return (StatusCode::FORBIDDEN, "`tracking.pages` in drip.yaml does not name this site\n").into_response();
    };
    let (code, end) = match read(&room, &origin, request).await {
        Ok((send, url, title)) => {
            let (by, now) = (machine::click(&headers), (room.site.clock)());
            match room.desk.ask(move |work| add(work, send, &url, &title, by, now)).await {
                Some(End::Recorded) => (StatusCode::NO_CONTENT, "recorded"),
                Some(End::Known) => (StatusCode::NO_CONTENT, "known"),
                Some(End::TooMany) => (StatusCode::TOO_MANY_REQUESTS, "too_many"),
                Some(End::Nobody) => (StatusCode::NOT_FOUND, "refused"),
                None => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
            }
        }
        Err(code) => (code, "refused"),
    };
    room.metrics.viewed(end);
    shared(&origin, code.into_response())
}

async fn read(
    room: &Room,
    origin: &HeaderValue,
    request: Request,
) -> std::result::Result<(SendId, String, String), StatusCode> {
    let body = Bytes::from_request(request, room).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    if body.len() > LARGEST {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let told: Told = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let is_own = origin.as_bytes() == origin_of(&told.url).as_bytes();
    if !is_own || told.event.is_some_and(|event| event != EVENT) || told.url.chars().any(char::is_control) {
        return Err(StatusCode::BAD_REQUEST);
    }
    match room.purpose(&told.token).await {
        Ok(Some(Purpose::Visit(send))) => {
            let url = without_token(&told.url).chars().take(LONGEST_URL).collect();
            let title = told.title.unwrap_or_default();
            Ok((
                send,
                url,
                title.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_TITLE).collect(),
            ))
        }
        Ok(_) => Err(StatusCode::NOT_FOUND),
        Err(Busy) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

fn add(work: &Work<'_>, send: SendId, url: &str, title: &str, by: By, now: Instant) -> Result<End> {
    let Some(sent) = work.sent(send)? else { return Ok(End::Nobody) };
    if !work.contact_of(sent.contact)?.may_be_tracked() {
        return Ok(End::Known);
    }
    let name = by.name(EVENT);
    let earlier = work.events_since(sent.contact, &name, now - HOUR)?;
    let is_same =
        |event: &crate::model::event::Event| event.at > now - SAME && event.properties.get("url") == Some(&json!(url));
    if earlier.iter().any(is_same) {
        return Ok(End::Known);
    }
    if earlier.len() >= MOST {
        return Ok(End::TooMany);
    }
    let mut properties = Map::new();
    properties.insert("url".to_owned(), json!(url));
    if !title.is_empty() {
        properties.insert("title".to_owned(), json!(title));
    }
    work.tell_of(&sent, &name, properties, now)?;
    Ok(End::Recorded)
}

/// Returns an address without its fragment, and without the token that it may have come with.
fn without_token(url: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let Some((page, query)) = url.split_once('?') else { return url.to_owned() };
    let others: Vec<&str> =
        query.split('&').filter(|pair| pair.split('=').next() != Some(PARAMETER) && !pair.is_empty()).collect();
    if others.is_empty() { page.to_owned() } else { format!("{page}?{}", others.join("&")) }
}

/// Returns the site that a browser says a request comes from, where it may tell.
fn allowed(site: &Site, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let text = origin.to_str().ok()?;
    site.web.pages.iter().any(|page| page == text).then(|| origin.clone())
}

/// Lets the site see the answer (CORS), and no cache give it to another. Cookies are neither asked for nor taken.
fn shared(origin: &HeaderValue, mut response: Response) -> Response {
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_calls_it() {
        for (url, origin) in [
            ("https://Shop.Example/a?b#c", "https://shop.example"),
            ("https://shop.example:443?x", "https://shop.example"),
            ("http://localhost:8080/", "http://localhost:8080"),
            ("https://shop.example@evil.example/", "https://shop.example@evil.example"),
            ("https://evil.example\\shop.example/", "https://evil.example"),
            ("mailto:a@b.example", ""),
        ] {
            assert_eq!(origin_of(url), origin, "{url}");
        }
    }

    #[test]
    fn a_token_does_not_stay_in_an_address() {
        for (url, left) in [
            ("https://a.example/p?drip=x", "https://a.example/p"),
            ("https://a.example/p?a=1&drip=x&b=2#top", "https://a.example/p?a=1&b=2"),
            ("https://a.example/p?dripping=1", "https://a.example/p?dripping=1"),
            ("https://a.example/p#drip=x", "https://a.example/p"),
        ] {
            assert_eq!(without_token(url), left, "{url}");
        }
    }
}
