//! Something a contact did at a time.

use serde_json::{Map, Value};

use super::Instant;
use super::id::EventId;
use super::stage::STAGE_ENTERED;

/// Returns why nobody may report an event of this name, and what to do instead: drip alone knows of it, or it would look like an
/// opt-out and be none.
pub fn refusal(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name.to_lowercase().as_str() {
        "unsubscribed" | "unsubscribe" => ("opts nobody out", "`drip contact unsubscribe EMAIL` does"),
        "complained" => ("opts nobody out", "`drip contact suppress EMAIL --reason complaint` does"),
        "bounced" => ("suppresses nobody", "`drip contact suppress EMAIL --reason bounce` does"),
        STAGE_ENTERED => ("is drip's own", "it comes of the `stages` in drip.yaml"),
        _ => return None,
    })
}

/// What other programs call events after which nobody is to be mailed, without signs and case.
const OPT_OUTS: [&str; 17] = [
    "abuse",
    "bounced",
    "complained",
    "complaint",
    "donotmail",
    "groupunsubscribe",
    "hardbounce",
    "hardbounced",
    "listunsubscribe",
    "markedasspam",
    "optedout",
    "optout",
    "spamcomplaint",
    "spamreport",
    "unsub",
    "unsubscribe",
    "unsubscribed",
];

/// Says whether an event of this name looks like an opt-out, which none is.
pub fn is_opt_out(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    OPT_OUTS.contains(&plain.as_str())
}

/// Something a contact did: `purchased`, `page_viewed`, …
#[derive(Debug, Clone)]
pub struct Event {
    pub id: EventId,
    pub name: String,
    pub at: Instant,
    pub properties: Map<String, Value>,
}
