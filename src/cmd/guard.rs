//! Whether a run may trust its file and its clock.
//!
//! A copy, an older file that was put back, and one from another machine do not know what was sent without them; a clock
//! that leapt would send what is due in months. All of them wait for a person.

use chrono::TimeDelta;

use super::Failure;
use super::context::Context;
use super::machine;
use crate::cli::RunArgs;
use crate::clock::Clock;
use crate::error::Diagnostic;
use crate::model::Instant;
use crate::model::wall;
use crate::project::Project;
use crate::store::{RunLock, Store};
use crate::ui::words::duration;

/// A clock may be corrected by so much without a word.
const CORRECTION: TimeDelta = TimeDelta::minutes(5);
/// After a longer pause a person says that the clock is right.
const LONGEST_PAUSE: TimeDelta = TimeDelta::days(31);

/// Checks file and clock; returns since when mails may have been sent without this file, if a person adopts it.
pub(super) fn check(
    context: &Context,
    project: &Project,
    lock: &RunLock,
    store: &mut Store,
    arguments: &RunArgs,
) -> Result<Option<Instant>, Failure> {
    let work = store.read()?;
    let (token, run, machine) = (work.token()?, work.last_run_id()?, work.machine()?);
    let last = work.last_run()?.map(|ran| ran.ended_at.unwrap_or(ran.started_at).max(ran.started_at));
    let (latest, cut_off) = (work.high_water()?, work.adopted_since()?);
    drop(work);
    let here = machine::id();
    let why = match lock.noted() {
        Some(noted) if noted.token != token => Some("this is not the drip.db that was used here last"),
        Some(noted) if noted.run > run => Some("this drip.db is older than the last run here"),
        _ if here.is_some() && machine.is_some() && machine != here => {
            Some("this drip.db was last used on another machine")
        }
        _ => None,
    };
    let now = context.now();
    let shown = |at| wall::shown(at, project.settings.timezone);
    if let Some(why) = why.filter(|_| !arguments.adopt) {
        let since = last.map_or_else(String::new, |at| format!("; its last run was {}", shown(at)));
        return Err(Failure::Attention(
            Diagnostic::error(format!("{why}{since}")).cause("what was sent since then it does not know").hint(
                "once no other copy sends any more: `drip run --adopt`; whatever fell due since then becomes `unknown`",
            ),
        ));
    }
    if let (Some(last), Clock::System) = (latest, context.clock) {
        if now < last - CORRECTION {
            context.output.warn(&format!(
                "the clock says {}, but the latest run was {}: what is due is judged by a clock that went back {}",
                shown(now),
                shown(last),
                duration(last - now)
            ));
        } else if now - last > LONGEST_PAUSE && !arguments.trust_clock {
            return Err(Failure::Attention(
                Diagnostic::error(format!("the last run was {}, {} ago", shown(last), duration(now - last)))
                    .hint("if the clock is right: `drip run --trust-clock`, after a look at `drip run --dry-run`"),
            ));
        }
    }
    // A snapshot of a whole machine leaves no sign; a person who says so is believed.
    let by_hand = last.filter(|_| arguments.adopt);
    let work = store.begin()?;
    let beginning = || Ok::<_, Failure>(last.or(work.first_came()?).unwrap_or(now));
    let lost = why.map(|_| beginning()).transpose()?;
    let since = [lost, by_hand, cut_off].into_iter().flatten().min();
    // In one transaction: whoever dies while taking a file over is to be followed by one who goes on with that.
    if let Some(since) = since {
        work.begin_adoption(since)?;
    }
    if let Some(here) = here.filter(|here| machine.as_ref() != Some(here)) {
        work.set_machine(&here)?;
    }
    work.commit()?;
    Ok(since)
}
