//! Who follows a link: a person, or a machine on somebody's behalf.

use axum::http::{HeaderMap, header};

use crate::model::reaction::By;

/// Words in the `User-Agent` of servers that fetch pictures for their readers.
const PROXIES: [&str; 3] = ["googleimageproxy", "yahoomailproxy", "yahoo! mail proxy"];
/// The same of programs that read on nobody's behalf.
const MACHINES: [&str; 14] = [
    "bot",
    "crawl",
    "spider",
    "scan",
    "preview",
    "curl/",
    "wget/",
    "python",
    "go-http-client",
    "java/",
    "headless",
    "barracuda",
    "mimecast",
    "proofpoint",
];

/// Says who fetches a picture.
pub(super) fn open(headers: &HeaderMap) -> By {
    match opened_by(&agent(headers)) {
        By::Person if fetches_ahead(headers) => By::Machine,
        by => by,
    }
}

/// Says who opened a mail by what a provider calls their program; a person, where it calls it nothing.
pub(super) fn open_told(agent: Option<&str>) -> By {
    agent.map_or(By::Person, |agent| opened_by(&agent.trim().to_lowercase()))
}

/// Says the same of who followed a link.
pub(super) fn click_told(agent: Option<&str>) -> By {
    agent.map_or(By::Person, |agent| by_agent(&agent.trim().to_lowercase()))
}

/// Says who follows a link.
pub(super) fn click(headers: &HeaderMap) -> By {
    if fetches_ahead(headers) { By::Machine } else { by_agent(&agent(headers)) }
}

fn opened_by(agent: &str) -> By {
    // Apple's Mail Privacy Protection fetches everything for everyone, under this name alone.
    if agent == "mozilla/5.0" {
        return By::Machine;
    }
    if PROXIES.iter().any(|word| agent.contains(word)) { By::Proxy } else { by_agent(agent) }
}

fn by_agent(agent: &str) -> By {
    let is_machine = agent.is_empty() || MACHINES.iter().any(|word| agent.contains(word));
    if is_machine { By::Machine } else { By::Person }
}

fn fetches_ahead(headers: &HeaderMap) -> bool {
    ["purpose", "sec-purpose", "x-purpose", "x-moz"]
        .iter()
        .filter_map(|name| headers.get(*name)?.to_str().ok())
        .any(|value| value.contains("prefetch") || value.contains("preview"))
}

fn agent(headers: &HeaderMap) -> String {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().trim().to_lowercase()
}
