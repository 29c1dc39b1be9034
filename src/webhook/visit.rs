//! Visiting a page as a mail program does: no redirect is followed.

use std::io::ErrorKind;
use std::time::Duration;

use ureq::Agent;
use ureq::Body;
use ureq::http::Response;

use super::http::{agent, line};

/// How much of a page is read.
const MAX_PAGE: u64 = 64 << 10;

/// A page, or whatever else a server answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    pub status: u16,
    /// Where it says one should go.
    pub location: Option<String>,
    /// What time it says it is.
    pub date: Option<String>,
    pub body: String,
}

impl Page {
    /// Returns where the answer sends its reader, in place of an answer.
    pub fn leads_on(&self) -> Option<&str> {
        (300..400).contains(&self.status).then(|| self.location.as_deref().unwrap_or("nowhere"))
    }

    /// Returns the first line of what it says, bounded.
    pub fn first_line(&self) -> String {
        line(self.body.lines().next().unwrap_or_default())
    }
}

/// A program that visits pages.
#[derive(Debug)]
pub struct Visitor {
    agent: Agent,
    patience: Duration,
}

impl Visitor {
    /// Makes one that waits so long for each answer.
    pub fn new(patience: Duration) -> Self {
        Self { agent: agent(), patience }
    }

    /// Asks for a page.
    ///
    /// # Errors
    /// Returns why there is no answer, in one line.
    pub fn get(&self, url: &str) -> Result<Page, String> {
        page(self.agent.get(url).config().timeout_global(Some(self.patience)).build().call())
    }

    /// Sends a form.
    ///
    /// # Errors
    /// Returns why there is no answer, in one line.
    pub fn post(&self, url: &str, form: &str) -> Result<Page, String> {
        let post = self.agent.post(url).config().timeout_global(Some(self.patience)).build();
        page(post.header("Content-Type", "application/x-www-form-urlencoded").send(form))
    }
}

fn page(answer: Result<Response<Body>, ureq::Error>) -> Result<Page, String> {
    let mut response = answer.map_err(|error| why(&error))?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(line);
    let (location, date) = (header("Location"), header("Date"));
    let body = response.body_mut().with_config().limit(MAX_PAGE).lossy_utf8(true).read_to_string();
    Ok(Page { status: response.status().as_u16(), location, date, body: body.unwrap_or_default() })
}

fn why(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "the name of the host cannot be looked up".to_owned(),
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
        // What rustls says of a certificate stands behind the name of its own error.
        other => line(&other.to_string()),
    }
}
