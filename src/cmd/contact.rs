//! `drip contact`: one person's story, and taking a person out.

use serde_json::json;

use super::Failure;
use super::context::{Context, address};
use crate::cli::ContactCommand;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::Instant;
use crate::model::contact::Consent;
use crate::store::Store;
use crate::ui::sanitise;

pub(super) fn contact(context: &Context, command: &ContactCommand) -> Result<Exit, Failure> {
    match command {
        ContactCommand::Show { email } => show(context, email),
        ContactCommand::Unsubscribe { emails, reason } => unsubscribe(context, emails, reason),
    }
}

fn show(run: &Context, email: &str) -> Result<Exit, Failure> {
    let address = address(email)?;
    let Some(mut store) = Store::open_to_read(&run.database())? else {
        return Err(Diagnostic::error("there are no contacts yet")
            .hint("import some: drip import contacts.csv")
            .into());
    };
    let work = store.read()?;
    let Some(contact) = work.contact(&address)? else {
        let missing = Diagnostic::error(format!("there is no contact `{address}`"));
        return Err(match work.suppression(&address)? {
            Some(reason) => missing.cause(format!("the address is on the suppression list: {reason}")),
            None => missing,
        }
        .into());
    };
    let summary = work.contact_summary(contact.id)?;
    let story = work.story(contact.id)?;
    let time = |at: Instant| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    if run.output.options().json {
        let lines: Vec<_> =
            story.iter().map(|line| json!({ "at": time(line.at), "kind": line.kind, "what": line.what })).collect();
        let json = json!({
            "email": contact.address.as_str(), "consent": contact.consent.as_str(), "suppressed": summary.suppressed,
            "timezone": contact.timezone.map(chrono_tz::Tz::name), "language": contact.language, "tags": contact.tags,
            "attributes": contact.attributes, "created_at": time(summary.created_at), "story": lines,
        });
        run.output.result(&format!("{json:#}\n"));
        return Ok(Exit::Success);
    }
    let mut text = format!("{}\n", contact.address);
    let mut row = |name: &str, value: &str| {
        text += &format!("  {:<12} {}\n", sanitise::line(name), sanitise::line(value));
    };
    row("consent", contact.consent.as_str());
    if let Some(reason) = &summary.suppressed {
        row("suppressed", reason);
    }
    row("timezone", contact.timezone.map_or("(default)", chrono_tz::Tz::name));
    row("language", contact.language.as_deref().unwrap_or("(default)"));
    row("tags", &contact.tags.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
    row("added", &time(summary.created_at));
    for (name, value) in &contact.attributes {
        row(name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    text.push('\n');
    for line in &story {
        let at = line.at.format("%Y-%m-%d %H:%M");
        text += &format!("  {at}  {:<9} {}\n", line.kind, sanitise::line(&line.what));
    }
    run.output.result(&text);
    Ok(Exit::Success)
}

fn unsubscribe(context: &Context, emails: &[String], reason: &str) -> Result<Exit, Failure> {
    let addresses = emails.iter().map(|email| address(email)).collect::<Result<Vec<_>, _>>()?;
    let mut store = Store::open(&context.database())?;
    let now = context.now();
    let work = store.begin()?;
    for address in &addresses {
        match work.contact(address)? {
            Some(contact) if contact.consent.is_opt_out() => {
                context.output.status(&format!("{address} was {} already.", contact.consent.as_str()));
            }
            Some(contact) => {
                work.set_consent(contact.id, Consent::Unsubscribed, reason, now)?;
                context.output.status(&format!("{address} is unsubscribed and gets nothing more."));
            }
            None => {
                work.suppress(address, reason, now)?;
                let note = "is no contact; it is on the suppression list now, so that no import can mail it";
                context.output.status(&format!("{address} {note}."));
            }
        }
    }
    work.commit()?;
    Ok(Exit::Success)
}
