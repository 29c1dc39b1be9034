//! Logging in to the relay; no mail is begun.

use std::time::Duration;

use super::super::context::Context;
#[cfg(debug_assertions)]
use super::super::outgoing::impatient;
use super::super::outgoing::with_password;
use super::jobs::{Job, LATE};
use super::of_failure;
use crate::doctor::{Group, relay};
use crate::mail::transport::{Relay as _, SmtpRelay, Timeouts};
use crate::model::settings::Settings;

/// How long each step of the dialogue may take.
const WAIT: Duration = Duration::from_secs(10);

/// Looks at the relay.
pub(super) fn job(context: &Context, settings: &Settings) -> Job {
    let Some(smtp) = settings.smtp.clone() else { return Job::done(vec![relay::missing()]) };
    let (settings, root) = (settings.clone(), context.root.clone());
    Job::new(relay::not_made(LATE), move || {
        let known = match with_password(&smtp, &root) {
            Ok(known) => known,
            Err(failure) => return relay::without_password(&of_failure(Group::Relay, "login", failure)).into(),
        };
        let times = Timeouts { connect: WAIT, greeting: WAIT, verb: WAIT, data: WAIT, content: WAIT };
        let server = SmtpRelay::new(known).timeouts(times);
        #[cfg(debug_assertions)]
        let server = impatient(server);
        relay::judge(&server.describe(), &settings, &smtp, &server.look()).into()
    })
}
