//! `GET /metrics`: numbers of the server since it began, in Prometheus' text format 0.0.4. No addresses and no tokens are in it.
//!
//! It is shown to whoever bears `DRIP_METRICS_KEY`. That a request comes from this machine says nothing: so does every request
//! behind a proxy.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::{Room, secret};

/// The upper ends of the classes of durations, in milliseconds.
const ENDS: [u32; 11] = [1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000, 30_000];

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    numbers: Mutex<Numbers>,
}

#[derive(Debug, Default)]
struct Numbers {
    /// By the route as it is written above, so that no token is a name.
    routes: BTreeMap<String, Route>,
    /// Clicks and opens by the name of their event.
    reactions: BTreeMap<String, u64>,
    /// Reports by provider, kind, and what became of them.
    reports: BTreeMap<(&'static str, &'static str, &'static str), u64>,
    /// Events of `POST /events`, by what became of them.
    fed: BTreeMap<&'static str, u64>,
    /// Page views, by what became of them.
    viewed: BTreeMap<&'static str, u64>,
    forged: u64,
}

#[derive(Debug, Default)]
struct Route {
    statuses: BTreeMap<u16, u64>,
    /// How many took no longer than each end.
    within: [u64; ENDS.len()],
    took: Duration,
}

impl Metrics {
    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reaction(&self, name: &str) {
        *self.numbers().reactions.entry(name.to_owned()).or_default() += 1;
    }

    pub(super) fn forged(&self) {
        self.numbers().forged += 1;
    }

    pub(super) fn viewed(&self, end: &'static str) {
        *self.numbers().viewed.entry(end).or_default() += 1;
    }

    pub(super) fn reports(&self, provider: &'static str, counts: &BTreeMap<(&'static str, &'static str), u64>) {
        let mut numbers = self.numbers();
        for ((kind, end), count) in counts {
            *numbers.reports.entry((provider, kind, end)).or_default() += count;
        }
    }

    /// Counts the events of a request by what it was answered.
    pub(super) fn fed(&self, answer: &Value) {
        let mut numbers = self.numbers();
        for end in ["recorded", "known", "unknown"] {
            let list = answer[end].as_array().and_then(|list| u64::try_from(list.len()).ok());
            *numbers.fed.entry(end).or_default() += answer[end].as_u64().or(list).unwrap_or_default();
        }
    }

    /// Counts a request and how long it took.
    pub(super) fn answered(&self, route: &str, status: u16, took: Duration) {
        let mut numbers = self.numbers();
        if !numbers.routes.contains_key(route) {
            numbers.routes.insert(route.to_owned(), Route::default());
        }
        let Some(route) = numbers.routes.get_mut(route) else { return };
        *route.statuses.entry(status).or_default() += 1;
        route.took += took;
        for (end, within) in ENDS.iter().zip(&mut route.within) {
            *within += u64::from(took <= Duration::from_millis((*end).into()));
        }
    }

    fn text(&self, waiting: usize) -> String {
        let numbers = self.numbers();
        let mut page = Page::default();
        page.head("drip_serve_requests_total", "counter", "Requests that were answered.");
        for (name, route) in &numbers.routes {
            for (status, count) in &route.statuses {
                page.line(&format!("{{route=\"{name}\",status=\"{status}\"}}"), count);
            }
        }
        page.head(
            "drip_serve_request_seconds",
            "histogram",
            "How long an answer took from the head of its request on.",
        );
        for (name, route) in &numbers.routes {
            for (end, within) in ENDS.iter().zip(route.within) {
                let end = f64::from(*end) / 1000.0;
                page.named("_bucket", &format!("{{route=\"{name}\",le=\"{end}\"}}"), within);
            }
            let all: u64 = route.statuses.values().sum();
            page.named("_bucket", &format!("{{route=\"{name}\",le=\"+Inf\"}}"), all);
            page.named("_sum", &format!("{{route=\"{name}\"}}"), route.took.as_secs_f64());
            page.named("_count", &format!("{{route=\"{name}\"}}"), all);
        }
        page.head("drip_serve_waiting_requests", "gauge", "Requests that wait for the database.");
        page.line("", waiting);
        page.head("drip_serve_refused_tokens_total", "counter", "Links that drip did not write as they stand.");
        page.line("", numbers.forged);
        page.head("drip_serve_reactions_total", "counter", "Clicks and opens that were recorded, by their event.");
        for (event, count) in &numbers.reactions {
            page.line(&format!("{{event=\"{event}\"}}"), count);
        }
        page.head("drip_serve_events_total", "counter", "Events of POST /events.");
        for (end, count) in &numbers.fed {
            page.line(&format!("{{end=\"{end}\"}}"), count);
        }
        page.head("drip_serve_page_views_total", "counter", "What web pages told of who looks at them.");
        for (end, count) in &numbers.viewed {
            page.line(&format!("{{end=\"{end}\"}}"), count);
        }
        page.head(
            "drip_serve_reports_total",
            "counter",
            "What mail providers told; untied: of no mail of this project.",
        );
        for ((provider, kind, end), count) in &numbers.reports {
            page.line(&format!("{{provider=\"{provider}\",kind=\"{kind}\",end=\"{end}\"}}"), count);
        }
        page.text
    }
}

/// The text as it grows.
#[derive(Default)]
struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    fn head(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, labels: &str, value: impl std::fmt::Display) {
        self.named("", labels, value);
    }

    fn named(&mut self, end: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.text, "{}{end}{labels} {value}", self.name);
    }
}

/// Shows the numbers.
pub(super) async fn show(State(room): State<Room>, headers: HeaderMap) -> Response {
    let Some(key) = &room.site.metrics_key else {
        return (StatusCode::NOT_FOUND, "no numbers are shown here: DRIP_METRICS_KEY is not set\n").into_response();
    };
    if !secret::bears(&headers, key) {
        let mut refused = (StatusCode::UNAUTHORIZED, "the key is missing or wrong\n").into_response();
        refused.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return refused;
    }
    let text = room.metrics.text(room.desk.waiting());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
