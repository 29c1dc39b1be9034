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
use crate::store::{Noted, Store, StoreError, Work};
use crate::ui::words::duration;

/// A clock may be corrected by so much without a word.
const CORRECTION: TimeDelta = TimeDelta::minutes(5);
/// After a longer pause a person says that the clock is right.
const LONGEST_PAUSE: TimeDelta = TimeDelta::days(31);

/// Says why a file may not know what was sent, and since when it may not.
///
/// # Errors
/// Where the store cannot be read.
pub(super) fn distrust(
    work: &Work<'_>,
    noted: Option<&Noted>,
    now: Instant,
) -> Result<Option<(&'static str, Instant)>, StoreError> {
    let (token, run, machine, last) = (work.token()?, work.last_run_id()?, work.machine()?, work.last_run()?);
    let here = machine::id();
    let ended = last.as_ref().is_some_and(|last| last.ended_at.is_some());
    if let Some(since) = work.restored_since()? {
        return Ok(Some(("this drip.db is a copy that was put back", since)));
    }
    let why = match noted {
        Some(noted) if noted.token != token => "this is not the drip.db that was used here last",
        Some(noted) if noted.run > run || noted.run == run && noted.ended && run.0 > 0 && !ended => {
            "this drip.db is older than the last run here"
        }
        None if run.0 > 0 => "drip.lock, which knows the last run here, is gone",
        _ if here.is_some() && machine.is_some() && machine != here => "this drip.db was last used on another machine",
        _ => return Ok(None),
    };
    let since = last.map_or_else(|| work.first_came(), |ran| Ok(Some(ran.latest())))?;
    Ok(Some((why, since.unwrap_or(now))))
}

/// Returns why a run refuses to send.
pub(super) fn refusal(why: &str, since: Instant, project: &Project) -> Diagnostic {
    let since = wall::shown(since, project.settings.timezone);
    Diagnostic::error(format!("{why}; the last it knows of is from {since}"))
        .cause("what was sent since then it does not know")
        .hint("once no other copy sends any more: `drip run --adopt`; whatever fell due since then becomes `unknown`")
}

/// Checks file and clock; returns since when mails may have been sent without this file, if a person adopts it.
pub(super) fn check(
    context: &Context,
    project: &Project,
    noted: Option<&Noted>,
    store: &mut Store,
    arguments: &RunArgs,
) -> Result<Option<Instant>, Failure> {
    let now = context.now();
    let work = store.read()?;
    let why = distrust(&work, noted, now)?;
    // A snapshot of a whole machine leaves no sign; a person who says so is believed.
    let by_hand = if arguments.adopt { work.last_run()?.map(|ran| ran.latest()) } else { None };
    let (latest, cut_off, machine) = (work.high_water()?, work.adopted_since()?, work.machine()?);
    drop(work);
    if let Some((why, since)) = why.filter(|_| !arguments.adopt) {
        return Err(Failure::Attention(refusal(why, since, project)));
    }
    if !arguments.dry_run {
        check_clock(context, project, latest, arguments.trust_clock)?;
    }
    let since = [why.map(|(_, since)| since), by_hand, cut_off].into_iter().flatten().min();
    let here = machine::id().filter(|here| machine.as_ref() != Some(here));
    if since.is_some() || here.is_some() {
        let work = store.begin()?;
        // In one transaction: whoever dies while adopting a file is to be followed by one who goes on with that.
        since.map_or(Ok(()), |since| work.begin_adoption(since))?;
        here.map_or(Ok(()), |here| work.set_machine(&here))?;
        work.commit()?;
    }
    Ok(since)
}

fn check_clock(context: &Context, project: &Project, latest: Option<Instant>, trusted: bool) -> Result<(), Failure> {
    let (Some(last), Clock::System) = (latest, context.clock) else { return Ok(()) };
    let now = context.now();
    let shown = |at| wall::shown(at, project.settings.timezone);
    if now < last - CORRECTION {
        context.output.warn(&format!(
            "the clock says {}, but the latest run was {}: what is due is judged by a clock that went back {}",
            shown(now),
            shown(last),
            duration(last - now)
        ));
    } else if now - last > LONGEST_PAUSE && !trusted {
        return Err(Failure::Attention(
            Diagnostic::error(format!("the last run was {}, {} ago", shown(last), duration(now - last)))
                .hint("if the clock is right: `drip run --trust-clock`, after a look at `drip run --dry-run`"),
        ));
    }
    Ok(())
}
