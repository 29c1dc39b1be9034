//! `drip resolve`: a person decides mails that are held or unknown.

use serde_json::json;

use super::context::Context;
use super::{Failure, context};
use crate::cli::resolve::{ResolveArgs, StuckState};
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::send::SendState;
use crate::model::wall;
use crate::project::Project;
use crate::store::Stuck;
use crate::ui::columns::columns;
use crate::ui::words::{self, count};

pub(super) fn resolve(context: &Context, arguments: &ResolveArgs) -> Result<Exit, Failure> {
    let project = context.project()?;
    let campaign = arguments.campaign.as_deref();
    let all = match context.open_to_read()? {
        Some(mut store) => store.read()?.all_stuck()?,
        None => Vec::new(),
    };
    if let Some(id) = campaign.filter(|id| all.iter().all(|stuck| stuck.campaign.as_str() != *id)) {
        context::campaign(&project.campaigns, id)?;
    }
    for which in &arguments.which {
        if !all.iter().any(|stuck| is(stuck, which)) {
            return Err(missing(format!("no mail to or with `{which}` is held or unknown")));
        }
    }
    let state = arguments.state.map(|state| match state {
        StuckState::Held => SendState::Held,
        StuckState::Unknown => SendState::Unknown,
    });
    let wanted: Vec<Stuck> = all
        .into_iter()
        .filter(|stuck| arguments.which.is_empty() || arguments.which.iter().any(|which| is(stuck, which)))
        .filter(|stuck| campaign.is_none_or(|id| stuck.campaign.as_str() == id))
        .filter(|stuck| arguments.step.as_deref().is_none_or(|step| stuck.step == step))
        .filter(|stuck| state.is_none_or(|state| stuck.state == state))
        .collect();
    if !(arguments.sent || arguments.resend || arguments.skip) {
        return Ok(list(context, &project, &wanted));
    }
    let narrowed = !arguments.which.is_empty() || campaign.is_some() || arguments.step.is_some() || state.is_some();
    if !narrowed && !arguments.all {
        let missing = Diagnostic::error("which mails? name addresses, a campaign, a step or a state");
        return Err(missing.hint("--all takes all that `drip resolve` lists").into());
    }
    if wanted.is_empty() && narrowed && !arguments.all {
        return Err(missing(nothing(arguments)));
    }
    if arguments.sent && wanted.iter().any(|stuck| stuck.state == SendState::Held) {
        let wrong = Diagnostic::error("a mail that is held never left, so it cannot have been sent");
        return Err(wrong.hint("leave those out with --state unknown; --skip goes on without them").into());
    }
    if wanted.is_empty() {
        return Ok(list(context, &project, &wanted));
    }
    decide(context, arguments, &wanted)
}

fn missing(what: String) -> Failure {
    Diagnostic::error(what).hint("`drip resolve` lists all that are").into()
}

/// Says that no mail is what the arguments ask for.
fn nothing(arguments: &ResolveArgs) -> String {
    let named = |what: &str, name: &Option<String>| name.as_ref().map(|name| format!(" {what} `{name}`"));
    let which = arguments.which.iter().map(|which| format!("`{which}`")).collect::<Vec<_>>();
    let which = (!which.is_empty()).then(|| format!(" to or with {}", words::list(&which)));
    let of = [named("of step", &arguments.step), named("of campaign", &arguments.campaign), which];
    let state = match arguments.state {
        Some(StuckState::Held) => "held",
        Some(StuckState::Unknown) => "unknown",
        None => "held or unknown",
    };
    format!("no mail{} is {state}", of.into_iter().flatten().collect::<String>())
}

fn decide(context: &Context, arguments: &ResolveArgs, wanted: &[Stuck]) -> Result<Exit, Failure> {
    let mut store = context.open()?;
    let work = store.begin()?;
    let (mut done, mut refused) = (0, 0);
    for stuck in wanted {
        let decided = if arguments.resend {
            work.send_again(stuck.send, context.now())?
        } else {
            let state = if arguments.sent { SendState::Sent } else { SendState::Skipped };
            work.settle(stuck.send, state, context.now())?
        };
        if decided { done += 1 } else { refused += 1 }
    }
    work.commit()?;
    let what = match () {
        () if arguments.sent => "taken for sent",
        () if arguments.skip => "passed over",
        () => "sent by the next run",
    };
    context.output.result(&format!("{} {what}.\n", count(done, "mail")));
    if refused > 0 {
        let mails = if refused == 1 { "1 mail is".to_owned() } else { format!("{refused} mails are") };
        context.output.warn(&format!(
            "{mails} left as before: the contact has gone on or left since, and a sequence never runs backwards; use --sent or --skip"
        ));
        return Ok(Exit::Partial);
    }
    Ok(Exit::Success)
}

fn list(context: &Context, project: &Project, stuck: &[Stuck]) -> Exit {
    if context.output.options().json {
        let rows = stuck.iter().map(|stuck| {
            json!({
                "campaign": stuck.campaign.as_str(), "step": stuck.step, "email": stuck.email, "state": stuck.state.as_str(),
                "since": stuck.at.format("%Y-%m-%dT%H:%M:%SZ").to_string(), "reason": stuck.reason, "message_id": stuck.message_id,
            })
        });
        context.output.result(&format!("{:#}\n", rows.collect::<serde_json::Value>()));
    } else if stuck.is_empty() {
        context.output.result("No mail is held or unknown.\n");
    } else {
        let mut rows = vec![["campaign", "step", "email", "state", "since", "reason"].map(str::to_owned)];
        rows.extend(stuck.iter().map(|stuck| {
            [
                stuck.campaign.to_string(),
                stuck.step.clone(),
                stuck.email.clone(),
                stuck.state.as_str().to_owned(),
                wall::shown(stuck.at, project.settings.timezone),
                stuck.reason.as_deref().unwrap_or_default().lines().next().unwrap_or_default().to_owned(),
            ]
        }));
        context.output.result(&columns(&rows));
    }
    Exit::Success
}

/// Says whether a mail goes to this address, or has this Message-ID, with or without brackets.
fn is(stuck: &Stuck, which: &str) -> bool {
    stuck.email.eq_ignore_ascii_case(which)
        || stuck.message_id.as_deref() == Some(which.trim_start_matches('<').trim_end_matches('>'))
}
