//! One pass of `drip run`: who enters, who is due, what leaves. Prints nothing; says what happens
//! through a callback.
//!
//! The store is written by the thread that calls [`run`] alone. Each connection to the relay has a
//! thread of its own, which renders a mail, speaks SMTP, and asks for the two commits that the promise
//! rests on: `sending` before the content leaves, and the outcome after. What several connections ask
//! for at the same time goes into one transaction.

mod adopt;
mod advance;
mod call;
mod claim;
mod compose;
mod deliver;
mod edits;
mod enter;
mod limits;
mod notice;
mod outcome;
mod pace;
pub mod preview;
mod ramp;
mod register;
mod settle;
pub mod standing;
mod stock;
pub mod value;
mod watch;
pub mod weigh;

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;

use crate::decide::Rules;
use crate::mail::dkim::Signer;
use crate::mail::template::Templates;
use crate::mail::token::Keys;
use crate::mail::transport::{ConnectError, Relay};
use crate::model::Instant;
use crate::model::campaign::Campaign;
use crate::model::id::{CampaignId, ContactId, RunId};
use crate::model::settings::Settings;
use crate::model::trial::Trial;
use crate::store::{CampaignRow, KnownCampaign, Recovered, RunTotals, Store, StoreError};
use crate::webhook::Caller;

pub use register::{Registered, register};

use limits::Budget;
use standing::Whom;

/// What a run works with.
pub struct Parts<'a> {
    pub settings: &'a Settings,
    pub campaigns: &'a [Campaign],
    pub templates: &'a Templates,
    pub relay: &'a dyn Relay,
    /// Calls web addresses.
    pub caller: &'a dyn Caller,
    /// Returns a variable of the environment, for the secrets of webhooks.
    pub variable: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// What signs the links in mails.
    pub keys: &'a Keys,
    /// The project's own secret, in hexadecimal.
    pub secret: &'a str,
    /// Signs mails, where the settings say so.
    pub signer: Option<&'a Signer>,
    /// Tells the time.
    pub clock: &'a (dyn Fn() -> Instant + Sync),
    /// Which start of the machine this is, where it says so.
    pub boot: Option<&'a str>,
    /// Set when a signal asks the run to stop.
    pub interrupted: &'a AtomicBool,
}

/// What the user asked of a run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// At most so many mails.
    pub limit: Option<u64>,
    /// Only this campaign's mails.
    pub campaign: Option<CampaignId>,
    /// Since when mails may have been sent without this file.
    pub adopt_since: Option<Instant>,
}

/// Something that happened during a run.
#[derive(Debug, Clone)]
pub enum Happening {
    /// The run is noted in the store.
    Began(RunId),
    /// A dead run was cleaned up after.
    Recovered(Recovered),
    /// A campaign file is new.
    Registered(Registered),
    /// The triggers of a campaign changed; so many came to match by that.
    Retriggered(Registered),
    /// A campaign file changed; so many people are looked at anew.
    Changed { campaign: CampaignId, people: usize },
    /// A campaign file is gone; so many people are frozen inside.
    Gone { campaign: CampaignId, people: u64 },
    /// A campaign is paused, with its reason.
    Paused { campaign: CampaignId, reason: String, by_hand: bool },
    /// So many events were too old to let anybody in.
    Stale(u64),
    /// A test was looked at: the content that won, or whether there will be another look.
    Looked { campaign: CampaignId, step: String, winner: Option<String>, is_last: bool },
    /// Someone came in.
    Entered { campaign: CampaignId, contact: String },
    /// A web address was called.
    Called { campaign: CampaignId, step: String, contact: String },
    /// A mail left.
    Sent { campaign: CampaignId, step: String, contact: String },
    /// A mail could not be rendered.
    Held { campaign: CampaignId, step: String, contact: String, reason: String },
    /// A mail is put off until then.
    Deferred { campaign: CampaignId, step: String, contact: String, reason: String, retry_at: Instant },
    /// A mail was refused.
    Rejected { campaign: CampaignId, step: String, contact: String, reason: String },
    /// A connection ended by a fault of drip.
    ConnectionFailed,
    /// Whether a mail arrived is not known.
    Unknown { campaign: CampaignId, step: String, contact: String, reason: String },
}

/// What a run did, and what stopped it if something did.
#[derive(Debug)]
pub struct Outcome {
    pub totals: RunTotals,
    /// Campaigns in which something happened.
    pub moved: BTreeSet<CampaignId>,
    pub stopped: Option<Stop>,
}

/// Why a run stopped before its work was done. Everyone it did not reach stays due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// No connection to the relay can be opened.
    NoConnection(ConnectError),
    /// The relay refuses to go on.
    Relay(String),
    /// The relay says that it gets too much.
    TooMuch(String),
    /// It said so a while ago, and is left alone for so long yet.
    Resting(TimeDelta),
    /// Too many mails in a row without an answer that makes sense.
    Silence,
    /// Every connection ended by a fault of drip.
    Failed,
    /// `--limit` was reached.
    Limit,
    /// The limit of an hour or a day was reached: which one, in words.
    Ceiling(String),
    /// A signal came.
    Interrupted,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const STAYS: &str = "the run stopped, and everyone it did not reach stays due";
        match self {
            Self::NoConnection(error) => write!(f, "{STAYS}: {error}"),
            Self::Relay(reason) => write!(f, "{STAYS}: {reason}"),
            Self::TooMuch(reply) => write!(f, "{STAYS}: the relay gets too much: {reply}"),
            Self::Resting(left) => {
                write!(f, "the relay got too much and is left alone for {} s more", left.num_seconds().max(1))
            }
            Self::Silence => write!(f, "{STAYS}: the relay left mail after mail without an answer"),
            Self::Failed => write!(f, "{STAYS}: drip failed over each of its connections"),
            Self::Limit => f.write_str("the limit is reached"),
            Self::Ceiling(limit) => write!(f, "{limit} are used up"),
            Self::Interrupted => f.write_str(
                "a signal stopped the run; what was on its way is accounted for, and everyone else stays due",
            ),
        }
    }
}

impl Stop {
    /// Returns what may be done about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::NoConnection(error) => Some(&error.hint).filter(|hint| !hint.is_empty()).map(String::as_str),
            Self::Relay(reply) if reply.starts_with('5') => {
                Some("check `from` in drip.yaml and the login of the SMTP URL: may this login send as that address?")
            }
            Self::Relay(reply) if reply.starts_with("not sent") => {
                Some("check `from` and `bounce_address` in drip.yaml, or use another relay")
            }
            Self::Relay(_) => Some("the next run tries again; ask the relay's operator if it lasts"),
            Self::Silence => Some("the next run goes on; `drip resolve` lists mails whose fate is not known"),
            Self::TooMuch(_) => Some("runs leave it alone for 10 minutes, and begin again over one connection"),
            Self::Failed => Some("please report it, with what stands above; the next run goes on"),
            Self::Limit | Self::Ceiling(_) | Self::Resting(_) | Self::Interrupted => None,
        }
    }

    /// Says whether nothing is wrong: what is in hand is finished.
    pub fn is_gentle(&self) -> bool {
        matches!(self, Self::Limit | Self::Ceiling(_) | Self::Resting(_))
    }
}

/// A campaign of the files together with what the store knows of it.
pub(crate) struct Known<'a> {
    campaign: &'a Campaign,
    row: CampaignRow,
    stored: KnownCampaign,
    /// Whether deciding needs the contact's events.
    reads_events: bool,
    /// What was learnt of its tests.
    trials: Arc<[Trial]>,
}

impl<'a> Known<'a> {
    fn new(campaign: &'a Campaign, stored: KnownCampaign, settings: &Settings) -> Self {
        let segments_read =
            |name: &str| settings.terms.segments.get(name).is_none_or(crate::model::condition::Condition::reads_events);
        let reads_events = campaign.goal.is_some()
            || campaign.awaited().next().is_some()
            || campaign
                .conditions()
                .any(|condition| condition.reads_events() || condition.segments().any(segments_read));
        Self { campaign, row: stored.row, stored, reads_events, trials: Arc::default() }
    }
}

/// A run under way.
struct Run<'a> {
    parts: &'a Parts<'a>,
    rules: Rules<'a>,
    known: Vec<Known<'a>>,
    now: Instant,
    id: RunId,
    token: String,
    /// How many mails an hour or a day still lets through.
    budget: Budget,
    totals: RunTotals,
    /// Events that fired a trigger too late.
    stale: u64,
    moved: BTreeSet<CampaignId>,
    /// Which state of the store the transaction at hand began with, but for what this run writes itself.
    version: i64,
    /// Contacts whom this run changed.
    touched: HashSet<ContactId>,
    tell: &'a mut dyn FnMut(Happening),
}

impl Run<'_> {
    /// Says whether a signal came. Whoever works through many batches asks before each.
    fn is_interrupted(&self) -> bool {
        self.parts.interrupted.load(Ordering::Acquire)
    }
}

/// What a server put by is taken in so many at a time.
const ARRIVALS: usize = 512;

/// Makes one pass. The caller holds the run lock.
pub fn run(
    store: &mut Store,
    parts: &Parts<'_>,
    options: &Options,
    tell: &mut dyn FnMut(Happening),
) -> Result<Outcome, StoreError> {
    let now = (parts.clock)();
    let rules = Rules::from(parts.settings);
    // Before a dead run's mails are taken for unknown: one of these may prove that it left.
    take_in(store, parts)?;
    let work = store.begin()?;
    let (id, recovered) = work.begin_run(now, parts.boot)?;
    let token = work.token()?;
    let budget = Budget::read(&work, parts.settings, now)?;
    work.commit()?;
    tell(Happening::Began(id));
    if recovered != Recovered::default() {
        tell(Happening::Recovered(recovered));
    }
    let known = register::known(store, parts.settings, parts.campaigns, now, tell)?;
    let mut run = Run {
        parts,
        rules,
        known,
        now,
        id,
        token,
        budget,
        totals: RunTotals::default(),
        stale: 0,
        moved: BTreeSet::new(),
        version: 0,
        touched: HashSet::new(),
        tell,
    };
    run.totals.unknown += recovered.unknown as u64;
    if options.adopt_since.is_some() {
        run.weigh(store, false)?;
    }
    let adopted = options.adopt_since.map_or(Ok(true), |since| run.adopt(store, since))?;
    let stopped = if adopted {
        run.adopt_returned(store)?;
        standing::refresh(store, rules.terms, now, Whom::Changed, &|| run.is_interrupted())?;
        run.enter(store)?;
        if run.stale > 0 {
            (run.tell)(Happening::Stale(run.stale));
        }
        run.weigh(store, true)?;
        let stopped = run.send(store, options)?;
        // Nobody's mail waits until everyone has been looked at for the first time, or by another model.
        standing::refresh(store, rules.terms, now, Whom::Everyone, &|| run.is_interrupted())?;
        if stopped != Some(Stop::Interrupted) && run.follow_model(store)? && stopped.is_none() {
            let limit = options.limit.map(|limit| limit.saturating_sub(run.totals.sent));
            run.send(store, &Options { limit, ..options.clone() })?
        } else {
            stopped
        }
    } else {
        Some(Stop::Interrupted)
    };
    let trouble = stopped.as_ref().filter(|why| !why.is_gentle()).map(ToString::to_string);
    let work = store.begin()?;
    work.end_run(id, &run.totals, trouble.as_deref(), (parts.clock)())?;
    work.commit()?;
    Ok(Outcome { totals: run.totals, moved: run.moved, stopped })
}

/// Records what a server put by in a crowd and had no time for: what follows decides by it.
fn take_in(store: &mut Store, parts: &Parts<'_>) -> Result<(), StoreError> {
    while !parts.interrupted.load(Ordering::Acquire) && store.read()?.has_arrivals()? {
        let work = store.begin()?;
        let (done, _) = work.record_arrivals(ARRIVALS)?;
        work.commit()?;
        if done == 0 {
            break;
        }
    }
    Ok(())
}
