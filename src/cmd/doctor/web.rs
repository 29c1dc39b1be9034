//! Visiting the project's own web address as readers' programs do.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::super::context::Context;
use super::jobs::{Came, Job, LATE};
use crate::clock::Clock;
use crate::doctor::clock::{Elsewhere, date};
use crate::doctor::web::{Links, Visits, judge, missing, not_made};
use crate::mail::token::{Keys, Purpose};
use crate::model::id::SendId;
use crate::model::settings::Settings;
use crate::webhook::{Page, Visitor};

/// How long a page may take; there are four.
const WAIT: Duration = Duration::from_secs(7);
/// Sends are numbered from 1, so this is nobody's.
const NOBODYS: SendId = SendId(0);

/// Visits `public_url`.
pub(super) fn job(context: &Context, settings: &Settings, keys: Option<&Keys>) -> Job {
    let Some(web) = &settings.web else { return Job::done(vec![missing()]) };
    let (url, clock) = (web.public_url.clone(), context.clock);
    let token = keys.map(|keys| keys.sign(&Purpose::Unsubscribe(NOBODYS)));
    Job::new(not_made(LATE), move || {
        let visitor = Visitor::new(WAIT);
        let health = visitor.get(&format!("{url}/health"));
        let elsewhere = health.as_ref().ok().and_then(|page| elsewhere(&url, page, clock));
        let links = token.filter(|_| health.is_ok()).map(|token| {
            let link = format!("{url}/u/{token}");
            Links {
                shown: visitor.get(&link),
                forged: visitor.get(&format!("{url}/u/{}", forged(&token))),
                posted: visitor.post(&link, "List-Unsubscribe=One-Click"),
            }
        });
        Came { findings: judge(&url, &Visits { health, links }), elsewhere }
    })
}

/// Returns a token whose proof is not right any more.
fn forged(token: &str) -> String {
    // In the middle of the proof, whose letters all count.
    let at = token.len().saturating_sub(8);
    let letter = if token[at..].starts_with('A') { "B" } else { "A" };
    format!("{}{letter}{}", &token[..at], &token[at + 1..])
}

fn elsewhere(url: &str, page: &Page, clock: Clock) -> Option<Elsewhere> {
    let (says, here) = (date(page.date.as_deref()?)?, clock.now());
    let (scheme, rest) = url.split_once("://")?;
    let place = rest.split('/').next()?;
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (place, if scheme == "https" { 443 } else { 80 }),
    };
    Some(Elsewhere { host: host.to_owned(), says, here, is_here: is_here(host, port) })
}

/// Says whether a connection there ends on this machine; where that cannot be told, it is taken to.
fn is_here(host: &str, port: u16) -> bool {
    let connect = || {
        let address = (host, port).to_socket_addrs().ok()?.next()?;
        let stream = TcpStream::connect_timeout(&address, WAIT).ok()?;
        Some(stream.local_addr().ok()?.ip() == stream.peer_addr().ok()?.ip())
    };
    connect().unwrap_or(true)
}
