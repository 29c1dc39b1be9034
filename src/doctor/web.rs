//! Whether readers reach this project's `drip serve` by `public_url`, and whether mail programs can unsubscribe there by one
//! click (RFC 8058).
//!
//! The proof is a link for a send that no row has, signed with the project's key: only a server with that key takes it, and it
//! unsubscribes nobody. The same link with its proof altered must be refused.

use super::{Finding, Group};
use crate::webhook::Page;

const URL: &str = "public url";
const SERVER: &str = "server";
const CLICK: &str = "one-click";

/// What each visit came to; the error says why there was no answer.
#[derive(Debug, Clone)]
pub struct Visits {
    pub health: Result<Page, String>,
    /// `None` where there is no key yet to sign with.
    pub links: Option<Links>,
}

/// Visits by a link to unsubscribe.
#[derive(Debug, Clone)]
pub struct Links {
    /// A GET of the link.
    pub shown: Result<Page, String>,
    /// A GET of the altered one.
    pub forged: Result<Page, String>,
    /// The POST of RFC 8058.
    pub posted: Result<Page, String>,
}

/// Returns the same for each check of the web: why none was made.
pub fn not_made(why: &str) -> Vec<Finding> {
    [URL, SERVER, CLICK].map(|check| Finding::not_made(Group::Web, check, why)).to_vec()
}

/// Says of a project without a web address what follows.
pub fn missing() -> Finding {
    Finding::warning(Group::Web, URL, "drip.yaml has no `public_url`, so readers unsubscribe by mail alone")
        .advice("Gmail and Yahoo ask for one click of whoever sends many mails: docs/serving.md says how")
}

/// Judges the visits.
pub fn judge(url: &str, visits: &Visits) -> Vec<Finding> {
    let wrong =
        |check: &'static str, found: String, advice: &str| Finding::wrong(Group::Web, check, found).advice(advice);
    let health = match &visits.health {
        Ok(page) => page,
        Err(why) => {
            let advice =
                "see that `drip serve` and the proxy in front of it run, and that the name leads to this proxy";
            let mut findings = not_made("nobody answered");
            findings[0] = wrong(URL, format!("{url} cannot be reached: {why}"), advice);
            return findings;
        }
    };
    let reached = if let Some(to) = health.leads_on() {
        wrong(
            URL,
            format!("{url} leads on to {to}"),
            "write the address that answers by itself as `public_url`: mail programs follow no redirect",
        )
    } else if matches!(health.status, 502 | 504) || health.status == 503 && !health.body.contains("database") {
        wrong(
            URL,
            format!("the proxy at {url} answers {}: nobody answers behind it", health.status),
            "start `drip serve`, and see that the proxy leads to its `listen`",
        )
    } else if health.status >= 500 {
        wrong(
            URL,
            format!("{url}/health answers {}: {}", health.status, health.first_line()),
            "drip.db must be writable for the user of `drip serve`; its log says more",
        )
    } else if url.starts_with("http://") {
        Finding::warning(Group::Web, URL, format!("{url} answers, to this machine alone"))
            .advice("for readers: an `https://` address, with a proxy that speaks TLS in front (docs/serving.md)")
    } else {
        Finding::fine(Group::Web, URL, format!("{url} answers, with a certificate that this machine trusts"))
    };
    let is_bad = reached.verdict == super::Verdict::Wrong;
    let Some(links) = &visits.links else {
        let later = ["no link can be signed before drip.db is there"; 2];
        let more = [SERVER, CLICK]
            .into_iter()
            .zip(later)
            .map(|(check, why)| Finding::not_made(Group::Web, check, why).advice("`drip run` makes it"));
        return std::iter::once(reached).chain(more).collect();
    };
    if is_bad && health.leads_on().is_none() {
        let mut findings = not_made("the server does not answer");
        findings[0] = reached;
        return findings;
    }
    vec![reached, server(url, health, links), click(url, links)]
}

/// Says whether the server is this project's, and whether a GET only asks.
fn server(url: &str, health: &Page, links: &Links) -> Finding {
    let wrong = |found: String| Finding::wrong(Group::Web, SERVER, found);
    let (shown, forged) = match (&links.shown, &links.forged) {
        (Ok(shown), Ok(forged)) => (shown, forged),
        (Err(why), _) | (_, Err(why)) => return Finding::not_made(Group::Web, SERVER, why.as_str()),
    };
    let lead = "let the proxy lead all of `public_url` to `drip -C … serve` of this project";
    if let Some(to) = shown.leads_on() {
        return wrong(format!("a link to unsubscribe leads on to {to}")).advice(lead);
    }
    match (shown.status, forged.status) {
        (200, 404) if shown.body.contains("<form method=\"post\"") => Finding::fine(
            Group::Web,
            SERVER,
            "this project's `drip serve` answers there; a GET of a link asks and does nothing",
        ),
        (200, 404) => {
            wrong(format!("{url} shows something else than the page of `drip serve` for a link")).advice(lead)
        }
        (200, 200) => {
            wrong(format!("{url} shows a page for a link that nobody signed, so it is not `drip serve`")).advice(lead)
        }
        (404, 404) if health.status == 200 && health.body.trim() == "ok" => {
            wrong("a `drip serve` answers there, and it does not know this project's keys".to_owned())
                .advice("let the proxy lead to `drip -C … serve` of this project, with this very drip.db")
        }
        (503, _) => wrong("the server cannot write its database".to_owned()).advice("its log says why"),
        (status, _) => wrong(format!(
            "{url} answers a link to unsubscribe with {status}, so it is not this project's `drip serve`"
        ))
        .advice(lead),
    }
}

/// Says whether one click unsubscribes.
fn click(url: &str, links: &Links) -> Finding {
    let page = match &links.posted {
        Ok(page) => page,
        Err(why) => {
            return Finding::wrong(Group::Web, CLICK, format!("a POST of one click got no answer: {why}"))
                .advice("see that the proxy lets POST through");
        }
    };
    if let Some(to) = page.leads_on() {
        return Finding::wrong(
            Group::Web,
            CLICK,
            format!("a POST of one click is led on to {to}, which RFC 8058 forbids"),
        )
        .advice("take the redirect out of the proxy, or write the address it leads to as `public_url`");
    }
    match page.status {
        200..=299 => Finding::fine(
            Group::Web,
            CLICK,
            format!(
                "a POST of `List-Unsubscribe=One-Click` is answered with {}, without a redirect (RFC 8058)",
                page.status
            ),
        ),
        status => Finding::wrong(Group::Web, CLICK, format!("{url} answers the POST of one click with {status}"))
            .advice("see that the proxy lets POST through to this project's `drip serve`"),
    }
}
