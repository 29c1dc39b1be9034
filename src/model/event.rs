//! Something a contact did at a time.

use serde_json::{Map, Value};

use super::Instant;
use super::id::EventId;

/// Something a contact did: `purchased`, `page_viewed`, …
#[derive(Debug, Clone)]
pub struct Event {
    pub id: EventId,
    pub name: String,
    pub at: Instant,
    pub properties: Map<String, Value>,
}
