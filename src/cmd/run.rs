//! `drip run`: one pass over everything that is due.

use anyhow::Context as _;
use serde_json::json;

use super::context::{self, Context, Loaded};
use super::happening::Told;
use super::outgoing::{self, Outgoing};
use super::{Failure, guard, machine, report, value};
use crate::cli::RunArgs;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::id::CampaignId;
use crate::model::wall;
use crate::report::json as funnels_json;
use crate::runner::{self, Happening, Options, Outcome, Stop};
use crate::store::{Noted, RunLock, RunTotals, Store, noted_beside};
use crate::ui::sanitise;
use crate::ui::words::{count, list};

/// How much a run yields to what else runs on the machine: as much as under `nice`.
const POLITENESS: i32 = 10;
/// People named one by one in a dry run before the rest is only counted.
const NAMED: u64 = 20;

pub(super) fn run(context: &Context, arguments: &RunArgs) -> Result<Exit, Failure> {
    let loaded = context.load_to_run()?;
    let only = match &arguments.campaign {
        Some(id) => Some(context::campaign(&loaded.project.campaigns, id)?.id.clone()),
        None => None,
    };
    let mut options = Options { limit: arguments.limit, campaign: only, adopt_since: None };
    if arguments.dry_run {
        return dry_run(context, &loaded, &mut options, arguments);
    }
    let Some(lock) = RunLock::take(&context.database())? else {
        context.output.status("Another run is under way; this one does nothing.");
        return Ok(Exit::Success);
    };
    // Nobody waits for a run; whoever follows a link waits for `drip serve`. Where it is not to be had, all is as before.
    let _ = rustix::process::nice(POLITENESS);
    Store::check_room(&context.database())?;
    let mut store = context.open()?;
    options.adopt_since = guard::check(context, &loaded.project, lock.noted().as_ref(), &mut store, arguments)?;
    if lock.noted().is_none() {
        // Before the first run begins: a file with runs and no note of them is one whose lock is gone.
        let work = store.read()?;
        note(context, &lock, &Noted { token: work.token()?, run: work.last_run_id()?, ended: false, boot: None });
    }
    if loaded.templates.are_compiled() && loaded.templates.warnings().is_empty() {
        let work = store.begin()?;
        work.set_right_templates(&loaded.project.templates_fingerprint())?;
        work.commit()?;
    }
    let outcome = pass(context, &loaded, &mut store, &options, Some(&lock))?;
    if let Some(noted) = lock.noted() {
        note(context, &lock, &Noted { ended: true, ..noted });
    }
    if context.output.options().json {
        let funnels = report::read(context, &loaded.project, &mut store, |id| outcome.moved.contains(id))?;
        let json = json!({
            "totals": outcome.totals, "stopped": outcome.stopped.as_ref().map(stopped),
            "relay": outgoing::describe(context, &loaded), "funnels": funnels_json(&funnels),
        });
        context.output.result(&format!("{json:#}\n"));
    } else if !context.output.options().quiet {
        context.output.result(&format!("{}\n", sentence(&outcome.totals, "sent")));
        if outcome.totals.sent > 0 && loaded.project.settings.smtp.is_none() {
            context.output.result(&format!(
                "No SMTP server is configured, so the mail lies in {}, a Maildir.\n",
                context.root.join("outbox").display()
            ));
        }
        if outcome.moved.is_empty() {
            // Somebody whose cron never falls into the hours of mail would otherwise wonder for ever.
            let next = store.read()?.next_due(context.now())?;
            let known = |id: &CampaignId| loaded.project.campaigns.iter().any(|campaign| campaign.id == *id);
            let stuck = store.read()?.stuck()?;
            if stuck > 0 {
                context
                    .output
                    .result(&format!("{} held or unknown; `drip resolve` lists them.\n", count(stuck, "mail")));
            }
            if let Some((campaign, at)) = next.iter().find(|(id, _)| known(id)) {
                let at = wall::shown(*at, loaded.project.settings.timezone);
                context.output.result(&format!("Next: {campaign}, {at}.\n"));
            }
        } else {
            let funnels = report::read(context, &loaded.project, &mut store, |id| outcome.moved.contains(id))?;
            context.output.result(&format!("\n{}", report::table(context, &loaded.project, &funnels)));
        }
    }
    let exit = finish(context, &outcome);
    let mut fields = vec![("event", json!("run")), ("totals", json!(outcome.totals))];
    fields.extend(outcome.stopped.as_ref().map(|why| ("stopped", json!(stopped(why)))));
    context.output.log(&sentence(&outcome.totals, "sent"), fields);
    // The mail has left, and the next run need not wait for what follows.
    drop(lock);
    if outcome.stopped != Some(Stop::Interrupted) {
        value::learn(context, &loaded.project, &mut store)?;
    }
    Ok(exit)
}

/// Runs once on a store that is the caller's to write; prints nothing but trouble and details.
pub(super) fn pass(
    context: &Context,
    loaded: &Loaded,
    store: &mut Store,
    options: &Options,
    lock: Option<&RunLock>,
) -> Result<Outcome, Failure> {
    let outgoing = Outgoing::new(context, loaded, store)?;
    let token = store.read()?.token()?;
    let clock = context.clock;
    let now = move || clock.now();
    let parts = outgoing.parts(loaded, &now);
    let mut told = Told::default();
    Ok(runner::run(store, &parts, options, &mut |happening| match (happening, lock) {
        (Happening::Began(run), Some(lock)) => {
            note(context, lock, &Noted { token: token.clone(), run, ended: false, boot: machine::boot() });
        }
        (happening, _) => told.tell(context, &happening, "sent"),
    })?)
}

fn note(context: &Context, lock: &RunLock, noted: &Noted) {
    if let Err(error) = lock.note(noted) {
        context.output.warn(&format!("drip.lock cannot be written: {error}"));
    }
}

/// Plays the run on a copy of the store, with a relay that keeps nothing: the same code, and no trace.
fn dry_run(context: &Context, loaded: &Loaded, options: &mut Options, arguments: &RunArgs) -> Result<Exit, Failure> {
    let folder = tempfile::Builder::new().prefix("drip-").tempdir().context("no temporary folder can be made")?;
    let mut copy = match context.open_to_read()? {
        Some(store) => store.copy_to(&folder.path().join("drip.db"))?,
        None => Store::open(&folder.path().join("drip.db"))?,
    };
    let noted = noted_beside(&context.database());
    options.adopt_since = guard::check(context, &loaded.project, noted.as_ref(), &mut copy, arguments)?;
    let outgoing = Outgoing::nowhere(&mut copy)?;
    let clock = context.clock;
    let now = move || clock.now();
    let parts = outgoing.parts(loaded, &now);
    let mut mails = Vec::new();
    let mut total = 0_u64;
    let verbose = context.output.options().verbose;
    let mut told = Told::default();
    let outcome = runner::run(&mut copy, &parts, options, &mut |happening| match &happening {
        Happening::Sent { campaign, step, contact } => {
            total += 1;
            if verbose || context.output.options().json || total <= NAMED {
                mails.push((campaign.clone(), step.clone(), contact.clone()));
            }
        }
        other => told.tell(context, other, "would be sent"),
    })?;
    if context.output.options().json {
        let mails: Vec<_> = mails
            .iter()
            .map(|(campaign, step, contact)| json!({ "campaign": campaign.as_str(), "step": step, "email": contact }))
            .collect();
        context.output.result(&format!("{:#}\n", json!({ "dry_run": true, "totals": outcome.totals, "mails": mails })));
        return Ok(Exit::Success);
    }
    let mut text = format!("Dry run, nothing was changed. {}\n", sentence(&outcome.totals, "would be sent"));
    for (campaign, step, contact) in &mails {
        text += &format!("  {campaign}  {step}  {}\n", sanitise::line(contact));
    }
    if total > mails.len() as u64 {
        text += &format!("  and {} more (-v names them all)\n", total - mails.len() as u64);
    }
    context.output.result(&text);
    Ok(if outcome.totals.held > 0 { Exit::Attention } else { Exit::Success })
}

/// Says why a run stopped, and returns the exit code of what it did.
fn finish(context: &Context, outcome: &Outcome) -> Exit {
    match &outcome.stopped {
        Some(why) if why.is_gentle() => {
            let why = stopped(why);
            context.output.status(&format!("{}{}; everyone else stays due.", why[..1].to_uppercase(), &why[1..]));
        }
        Some(Stop::Interrupted) => {
            context.output.warn(&stopped(&Stop::Interrupted));
            return Exit::Interrupted;
        }
        Some(why) => {
            let said = Diagnostic::error(stopped(why));
            context.output.diagnostic(&why.hint().into_iter().fold(said, Diagnostic::hint));
            return if *why == Stop::Failed { Exit::Failure } else { Exit::Relay };
        }
        None => {}
    }
    let totals = &outcome.totals;
    if totals.held + totals.rejected + totals.unknown > 0 { Exit::Attention } else { Exit::Success }
}

fn stopped(why: &Stop) -> String {
    sanitise::line(&why.to_string()).into_owned()
}

/// Returns what a run did as one sentence.
pub(super) fn sentence(totals: &RunTotals, sent: &str) -> String {
    let more = [
        (totals.called, "called by webhook"),
        (totals.enrolled, "enrolled"),
        (totals.skipped, "skipped"),
        (totals.held, "held"),
        (totals.deferred, "deferred"),
        (totals.rejected, "rejected"),
        (totals.unknown, "unknown"),
        (totals.goals, "reached the goal"),
        (totals.exited, "left early"),
        (totals.finished, "finished"),
    ];
    let more = more.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}"));
    let mails = (totals.sent > 0).then(|| format!("{} {sent}", count(totals.sent, "mail")));
    let parts: Vec<String> = mails.into_iter().chain(more).collect();
    if parts.is_empty() {
        return "Nothing was due.".to_owned();
    }
    format!("{}.", list(&parts))
}
