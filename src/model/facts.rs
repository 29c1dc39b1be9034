//! Everything a decision about one enrolment rests on, as of one moment.

use std::sync::Arc;

use super::Instant;
use super::contact::Contact;
use super::enrolment::Enrolment;
use super::event::Event;
use super::send::SendRecord;
use super::trial::Trial;

/// What `decide` knows of one enrolment; loaded by the store in one place.
#[derive(Debug, Clone)]
pub struct Facts {
    pub enrolment: Enrolment,
    pub contact: Contact,
    /// The contact's events up to now, oldest first; empty where the campaign looks at none.
    pub events: Vec<Event>,
    /// This enrolment's rows of the ledger.
    pub sends: Vec<SendRecord>,
    /// When the contact's last campaign mails left, over all campaigns, as far back as the cap looks.
    pub recent_mails: Vec<Instant>,
    /// What was learnt of the campaign's tests by the time the run began.
    pub trials: Arc<[Trial]>,
}
