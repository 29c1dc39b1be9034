//! `drip serve`: what is reached over the web. Unsubscribing by one click (RFC 8058) and by a page, clicks and opens, events that
//! others tell, and what mail providers and web pages report.
//!
//! Everything that a request needs stands in its token; the store is written by one thread, a batch of requests at a time, and
//! a request is answered once what it asked for is on the disk. A GET never changes anything: scanners of mail follow every
//! link.

mod confirmation;
mod desk;
mod door;
mod feed;
mod machine;
mod metrics;
mod page;
mod preferences;
mod provider;
mod reaction;
mod secret;
mod unsubscribe;
mod viewed;
mod words;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use chrono_tz::Tz;

use crate::mail::token::{Keys, Purpose};
use crate::model::Instant;
use crate::model::id::{CampaignId, SendId};
use crate::model::settings::{Topic, Web};
use crate::store::Store;

use desk::Desk;
use metrics::Metrics;
pub use provider::{Secrets, is_sendgrid_key};

/// Returns what is at a web address; `None` where it cannot be had.
pub type Fetch = Arc<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

/// The largest body of a request, in bytes.
const LARGEST_BODY: usize = 64 << 10;
/// The same where events are told.
const LARGEST_FEED: usize = 1 << 20;
/// How old keys may be before a token that they do not fit is a reason to read them again.
const KEYS_AGE: Duration = Duration::from_secs(1);
/// How long a request may take once its head is there.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the server is made of.
pub struct Site {
    /// What signs links, as far as it was known at the start.
    pub keys: Keys,
    /// Who may tell events bears it; without one nobody may.
    pub feed_key: Option<String>,
    /// Who may see numbers bears it; without one nobody may.
    pub metrics_key: Option<String>,
    /// What mail providers are known by.
    pub secrets: Secrets,
    /// Fetches from a web address.
    pub fetch: Fetch,
    /// Where readers come from and to.
    pub web: Web,
    /// So many mails in a row that came back for now make an address count as dead.
    pub soft_bounces: u32,
    /// Who sends, as readers know them.
    pub name: String,
    /// For readers whose language is not known.
    pub language: String,
    /// Whose days the dates on pages are, of readers whose own zone is not known.
    pub timezone: Tz,
    /// What readers choose from.
    pub offer: Offer,
    /// Tells the time.
    pub clock: Box<dyn Fn() -> Instant + Send + Sync>,
}

/// What readers choose from on the page of preferences.
pub enum Offer {
    /// The topics of the project, in order, each with what is refused of its campaigns alone.
    Topics(Vec<(String, Topic, Vec<String>)>),
    /// The campaigns that they are or were in, by their names for people.
    Campaigns(BTreeMap<CampaignId, String>),
}

/// What each request is handled with.
#[derive(Clone)]
struct Room {
    site: Arc<Site>,
    keys: Arc<RwLock<Known>>,
    desk: Desk,
    metrics: Arc<Metrics>,
    sns: Arc<provider::Sns>,
}

/// The keys, and when they were read.
struct Known {
    keys: Keys,
    at: std::time::Instant,
}

/// The store could not be asked.
struct Busy;

impl Room {
    /// Writes a token with the newest key that is known.
    fn sign(&self, purpose: &Purpose) -> String {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).keys.sign(purpose)
    }

    /// Reads a token; looks for keys that were made or put back since the server read them, at most once a second.
    async fn purpose(&self, token: &str) -> Result<Option<Purpose>, Busy> {
        let purpose = self.believed(token).await;
        if let Ok(None) = purpose {
            self.metrics.forged();
        }
        purpose
    }

    /// Returns the mail of a link of one kind; of any other text the page that says so.
    async fn send_of(&self, token: &str, of: fn(&Purpose) -> Option<SendId>) -> Result<SendId, Response> {
        match self.purpose(token).await {
            Ok(purpose) => purpose.as_ref().and_then(of).ok_or_else(|| unsubscribe::wrong(self)),
            Err(Busy) => Err(unsubscribe::later(self)),
        }
    }

    async fn believed(&self, token: &str) -> Result<Option<Purpose>, Busy> {
        let known = || {
            let known = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            (known.keys.read(token), KEYS_AGE.checked_sub(known.at.elapsed()))
        };
        let (purpose, wait) = known();
        if purpose.is_some() || !Keys::is_form(token) {
            return Ok(purpose);
        }
        if let Some(wait) = wait {
            if self.keys.read().unwrap_or_else(PoisonError::into_inner).keys.knows_key_of(token) {
                return Ok(None);
            }
            // A key that was made since the last look signs true tokens; whoever makes them up waits.
            tokio::time::sleep(wait).await;
            if let (purpose, Some(_)) = known() {
                return Ok(purpose);
            }
        }
        let keys = self.desk.ask(|work| Ok(Keys::new(work.link_keys()?))).await.ok_or(Busy)?;
        let purpose = keys.read(token);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Known { keys, at: std::time::Instant::now() };
        Ok(purpose)
    }
}

/// Answers requests until a signal comes, and then those that are under way.
///
/// # Errors
/// Where the system lets no server run.
pub fn serve(listener: TcpListener, store: Store, site: Site, stop: &Arc<AtomicBool>) -> std::io::Result<()> {
    let metrics = Arc::<Metrics>::default();
    let told = Arc::clone(&metrics);
    let (desk, clerk) = desk::open(store, move |name| told.reaction(name))?;
    let known = Known { keys: site.keys.clone(), at: std::time::Instant::now() };
    let room = Room { keys: Arc::new(RwLock::new(known)), site: Arc::new(site), desk, metrics, sns: Arc::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let served = runtime.block_on(door::open(listener, router(room), stop));
    // Those that did not end in time lose their answer, and what they asked for is written.
    drop(runtime);
    let _ = clerk.join();
    served
}

fn router(room: Room) -> Router {
    Router::new()
        .route("/u/{token}", get(unsubscribe::ask).post(unsubscribe::leave))
        .route("/p/{token}", get(preferences::show).post(preferences::choose))
        .route("/y/{token}", get(confirmation::ask).post(confirmation::confirm))
        .route("/c/{token}", get(reaction::click))
        .route("/o/{token}", get(reaction::open))
        .route("/events", post(feed::record).layer(DefaultBodyLimit::max(LARGEST_FEED)))
        .route("/providers/{name}", post(provider::hear).layer(DefaultBodyLimit::max(LARGEST_FEED)))
        .route("/viewed", post(viewed::record).options(viewed::preflight))
        .route("/viewed.js", get(viewed::snippet))
        .route("/health", get(health))
        .route("/metrics", get(metrics::show))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&room.metrics), accompany))
        .with_state(room)
}

async fn health(State(room): State<Room>) -> Response {
    match room.desk.ask(|_| Ok(())).await {
        Some(()) => (StatusCode::OK, "ok\n").into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the database cannot be written\n").into_response(),
    }
}

/// Bounds how long a body may take to come and an answer to be made, guards the answer, and counts it.
async fn accompany(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let (route, begun) = (request.extensions().get::<MatchedPath>().cloned(), std::time::Instant::now());
    let mut response = match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    guard(&mut response);
    let route = route.as_ref().map_or("other", MatchedPath::as_str);
    metrics.answered(route, response.status().as_u16(), begun.elapsed());
    response
}

/// Puts on an answer what keeps others from making use of it.
fn guard(response: &mut Response) {
    const HEADERS: [(HeaderName, &str); 5] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ];
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
}
