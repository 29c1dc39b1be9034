//! The calls themselves, by HTTP.

use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use super::{Answer, Caller, INVALID, REFUSED, Request};

/// How much of an answer is read: enough to say what was wrong.
const MAX_ANSWER: u64 = 4096;
/// How much of it is kept.
const MAX_REASON: usize = 200;

/// An HTTP client.
#[derive(Debug)]
pub struct Http {
    agent: Agent,
}

impl Http {
    /// Makes a client; nothing is opened yet.
    pub fn new() -> Self {
        Self { agent: agent() }
    }

    /// Returns what is at an address; `None` where it cannot be had, or is larger than that.
    pub fn get(&self, url: &str, timeout: Duration, largest: u64) -> Option<Vec<u8>> {
        let call = self.agent.get(url).config().timeout_global(Some(timeout)).build();
        let mut response = call.call().ok().filter(|response| response.status().is_success())?;
        response.body_mut().with_config().limit(largest).read_to_vec().ok()
    }
}

/// Makes an agent that goes where it is told, and nowhere else.
pub(super) fn agent() -> Agent {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        // A POST that is sent on somewhere else takes its secrets along.
        .max_redirects(0)
        .max_redirects_will_error(false)
        // No proxy from the environment: what is called is what stands in the file.
        .proxy(None)
        .user_agent(concat!("drip/", env!("CARGO_PKG_VERSION")))
        .build();
    config.new_agent()
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

impl Caller for Http {
    fn call(&self, request: &Request) -> Answer {
        let mut call = self.agent.post(&request.url).config().timeout_global(Some(request.timeout)).build();
        call = call.header("Content-Type", "application/json").header("Idempotency-Key", &request.idempotency_key);
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        let mut response = match call.send(request.body.as_str()) {
            Ok(response) => response,
            Err(ureq::Error::BadUri(_) | ureq::Error::Http(_)) => {
                return Answer::Deferred { reason: INVALID.to_owned(), after: None };
            }
            Err(ureq::Error::Timeout(_)) => {
                let reason = format!("no answer within {} s", request.timeout.as_secs());
                return Answer::Deferred { reason, after: None };
            }
            Err(error) => return Answer::Deferred { reason: line(&error.to_string()), after: None },
        };
        let status = response.status().as_u16();
        if (200..300).contains(&status) {
            return Answer::Done;
        }
        let after = response.headers().get("Retry-After").and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let said = response.body_mut().with_config().limit(MAX_ANSWER).lossy_utf8(true).read_to_string();
        let reason = line(&format!("HTTP {status} {}", said.unwrap_or_default()));
        match status {
            408 | 425 | 429 | 500..=599 => Answer::Deferred { reason, after: after.map(Duration::from_secs) },
            _ if REFUSED.contains(&status) => Answer::Deferred { reason, after: after.map(Duration::from_secs) },
            _ => Answer::Rejected { reason },
        }
    }
}

/// Returns a stranger's words on one short line.
pub(super) fn line(text: &str) -> String {
    let words: Vec<_> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(MAX_REASON).collect()
}
