//! `drip enrol`: lets contacts into a campaign by hand, one by one or all for whom a condition holds.

use std::collections::BTreeMap;

use serde_json::json;

use super::Failure;
use super::context::{self, Context, address};
use super::selection::{BATCH, Chosen};
use crate::cli::contact::Selection;
use crate::cli::enrol::EnrolArgs;
use crate::decide::entry::{Entry, entry};
use crate::decide::holdout;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::Instant;
use crate::model::campaign::Campaign;
use crate::model::contact::Contact;
use crate::project::Project;
use crate::store::{NewEnrolment, Store, Work};
use crate::ui::words::{count, list};

/// What became of those who were named.
#[derive(Default)]
struct Tally {
    enrolled: u64,
    /// Why others were not, and how many.
    refused: BTreeMap<&'static str, u64>,
}

pub(super) fn enrol(context: &Context, arguments: &EnrolArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let campaign = context::campaign(&project.campaigns, &arguments.campaign)?;
    let named = !arguments.emails.is_empty();
    let tally = if named {
        by_name(context, &project, campaign, arguments)?
    } else {
        by_condition(context, &project, campaign, arguments)?
    };
    let refused: u64 = tally.refused.values().sum();
    if context.output.options().json {
        let json = json!({
            "campaign": campaign.id.as_str(), "dry_run": arguments.dry_run, "enrolled": tally.enrolled,
            "refused": tally.refused,
        });
        context.output.result(&format!("{json:#}\n"));
    } else {
        let why: Vec<_> =
            tally.refused.iter().map(|(why, number)| format!("{} {why}", count(*number, "contact"))).collect();
        let but = if named || why.is_empty() { String::new() } else { format!(" Not enrolled: {}.", list(&why)) };
        let who = count(tally.enrolled, "contact");
        context.output.status(&if arguments.dry_run {
            format!("{who} would be enrolled in {}; nothing was changed.{but}", campaign.id)
        } else {
            format!("{who} enrolled in {}; the next `drip run` sends what is due.{but}", campaign.id)
        });
    }
    Ok(if refused == 0 || !named { Exit::Success } else { Exit::Partial })
}

/// Lets in those who are named, and says of each other one why not.
fn by_name(context: &Context, project: &Project, campaign: &Campaign, arguments: &EnrolArgs) -> Result<Tally, Failure> {
    let addresses = arguments.emails.iter().map(|email| address(email)).collect::<Result<Vec<_>, _>>()?;
    let (now, dry_run) = (context.now(), arguments.dry_run);
    let mut door = Door { campaign, now, dry_run, named: true, tally: Tally::default() };
    let Some(mut store) = door.store(context, project)? else {
        return Err(Diagnostic::error("there are no contacts yet")
            .hint("import some: drip import contacts.csv")
            .into());
    };
    let work = door.begin(&mut store)?;
    for address in &addresses {
        let Some(contact) = work.contact(address)? else {
            let why = if work.is_forgotten(address)? { "forgotten" } else { "unknown" };
            *door.tally.refused.entry(why).or_default() += 1;
            context.output.warn(&match why {
                "forgotten" => format!("there is no contact `{address}`: it was forgotten"),
                _ => format!("there is no contact `{address}`; import it first"),
            });
            continue;
        };
        if let Some(why) = door.admit(&work, &contact)? {
            let is = if why.starts_with("inside before") { "was" } else { "is" };
            context.output.warn(&format!("{address} {is} {why}; not enrolled"));
        }
    }
    work.commit()?;
    Ok(door.tally)
}

/// Lets in everyone for whom the condition holds: a batch at a time, so that a run need not wait for long.
/// Cut off in the middle, the same command goes on where it was.
fn by_condition(
    context: &Context,
    project: &Project,
    campaign: &Campaign,
    arguments: &EnrolArgs,
) -> Result<Tally, Failure> {
    let now = context.now();
    let selection = Selection { condition: arguments.condition.clone(), tag: arguments.tag.clone(), consent: None };
    let chosen = Chosen::new(&selection, &project.settings, now)?;
    let mut door = Door { campaign, now, dry_run: arguments.dry_run, named: false, tally: Tally::default() };
    let Some(mut store) = door.store(context, project)? else { return Ok(door.tally) };
    let mut after = 0;
    loop {
        let work = door.begin(&mut store)?;
        let batch = work.contacts_after(after, BATCH)?;
        let Some(last) = batch.last() else { return Ok(door.tally) };
        after = last.id.0;
        for contact in &batch {
            if chosen.takes(&work, contact)? {
                door.admit(&work, contact)?;
            }
        }
        work.commit()?;
    }
}

/// Where contacts come in, or in a dry run are only counted.
struct Door<'a> {
    campaign: &'a Campaign,
    now: Instant,
    dry_run: bool,
    /// Whether people are named, and not described.
    named: bool,
    tally: Tally,
}

impl Door<'_> {
    /// Opens the store: to write, or in a dry run to read, where there may be none yet.
    fn store(&self, context: &Context, project: &Project) -> Result<Option<Store>, Failure> {
        if self.dry_run { Ok(context.open_to_read()?) } else { context.store(project).map(Some) }
    }

    fn begin<'s>(&self, store: &'s mut Store) -> Result<Work<'s>, Failure> {
        Ok(if self.dry_run { store.read()? } else { store.begin()? })
    }

    /// Lets a contact in, or returns why not.
    fn admit(&mut self, work: &Work<'_>, contact: &Contact) -> Result<Option<&'static str>, Failure> {
        let known = work.campaign(&self.campaign.id)?;
        let last = known.as_ref().map(|known| work.last_passage(contact.id, known.row)).transpose()?.flatten();
        let decided = entry(self.campaign, contact, last, self.now);
        if let Entry::Enter(round) = decided {
            if !self.dry_run {
                let campaign = known
                    .map(|known| known.row)
                    .ok_or_else(|| Diagnostic::error(format!("campaign `{}` is not registered", self.campaign.id)))?;
                let (id, now) = (contact.id, self.now);
                // Whoever is named is meant.
                let holdout = if self.named { None } else { holdout::mark(self.campaign, contact) };
                work.enrol(&NewEnrolment {
                    contact: id,
                    campaign,
                    round,
                    entered_at: now,
                    event: None,
                    due_at: now,
                    holdout,
                })?;
            }
            self.tally.enrolled += 1;
        }
        let why = refusal(decided, contact);
        if let Some(why) = why {
            *self.tally.refused.entry(why).or_default() += 1;
        }
        Ok(why)
    }
}

fn refusal(decided: Entry, contact: &Contact) -> Option<&'static str> {
    match decided {
        Entry::Enter(_) => None,
        Entry::Barred if contact.suppressed => Some("suppressed"),
        Entry::Barred => Some(contact.consent.as_str()),
        Entry::Refused => Some("wants nothing of it"),
        Entry::Confirmed => Some("confirmed already"),
        Entry::Inside => Some("inside already"),
        Entry::Again => Some("inside before, and `reentry` does not let it in again"),
    }
}
