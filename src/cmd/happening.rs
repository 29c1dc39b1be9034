//! What a run reports, in words.

use std::collections::HashSet;

use super::context::Context;
use crate::model::campaign::Existing;
use crate::model::id::CampaignId;
use crate::model::plain::{masked, unnamed};
use crate::runner::{Happening, Registered};
use crate::ui::words::count;
use crate::ui::{Level, Output, sanitise};
use crate::webhook;

/// What a run has said once, and does not say of everyone.
#[derive(Default)]
pub(super) struct Told(HashSet<(CampaignId, String)>);

impl Told {
    /// Says what happened; of a webhook that is closed to everyone, once for each step.
    pub(super) fn tell(&mut self, context: &Context, happening: &Happening, sent: &str) {
        if let Happening::Deferred { campaign, step, contact, reason, .. } = happening
            && webhook::needs_person(reason)
            && self.0.insert((campaign.clone(), step.clone()))
        {
            let text = format!("{campaign} {step}: the webhook is put off until a person mends it: ");
            let about = About(&context.output);
            about.say(Level::Warning, "webhook", (campaign, Some(step), contact, Some(reason)), &text);
        }
        tell(context, happening, sent);
    }
}

/// Says what happened: trouble always, the rest to those who want details.
fn tell(context: &Context, happening: &Happening, sent: &str) {
    let output = &context.output;
    let about = About(output);
    match happening {
        Happening::Began(_) | Happening::Retriggered(Registered { matching: 0, .. }) => {}
        Happening::Recovered(recovered) => {
            if recovered.given_back > 0 {
                let mails = count(recovered.given_back as u64, "mail");
                output.warn(&format!("an earlier run was cut off; {mails} it had not begun will go now"));
            }
            if recovered.unknown > 0 {
                let mails = count(recovered.unknown as u64, "mail");
                output.warn(&format!(
                    "an earlier run was cut off while {mails} left; they are `unknown` and not sent again"
                ));
            }
        }
        Happening::Registered(registered) if registered.matching > 0 && registered.existing == Existing::Skip => {
            let people = count(registered.matching, "contact");
            output.status(&format!(
                "Campaign {} is new; {people} who match already stay out (`existing: include` lets them in).",
                registered.campaign
            ));
        }
        Happening::Retriggered(changed) => {
            let (people, campaign) = (count(changed.matching, "contact"), &changed.campaign);
            output.status(&match changed.existing {
                Existing::Skip => format!(
                    "The trigger of campaign {campaign} changed; whom it fits already stays out: {people} (`existing: include` lets them in)."
                ),
                Existing::Include => format!("The trigger of campaign {campaign} changed; it fits {people} more."),
            });
        }
        Happening::Stale(events) => {
            let events = count(*events, "event");
            output.status(&format!("{events} of more than 31 days ago let nobody in (`existing: include` does)."));
        }
        Happening::Registered(registered) => output.detail(&format!("Campaign {} is new.", registered.campaign)),
        Happening::Changed { campaign, people } => {
            output
                .detail(&format!("Campaign {campaign} changed; {} looked at anew.", count(*people as u64, "contact")));
        }
        Happening::Gone { campaign, people } => {
            let people = count(*people, "contact");
            output.warn(&format!("campaigns/{campaign}.yaml is gone; {people} inside it wait until it is back"));
        }
        Happening::Paused { campaign, reason, by_hand } => {
            let reason = sanitise::line(reason);
            let text =
                format!("campaign {campaign} is paused ({reason}); go on with `drip campaign resume {campaign}`");
            // Whoever paused it knows; cron need not say so every five minutes.
            output.event(if *by_hand { Level::Status } else { Level::Warning }, &text, &[("event", "paused")]);
        }
        Happening::Entered { campaign, contact } => {
            about.say(Level::Detail, "entered", (campaign, None, contact, None), &format!("{campaign}: {{}} entered"));
        }
        Happening::Looked { campaign, step, winner: Some(winner), .. } => {
            output.status(&format!("{campaign} {step}: {winner} has won the test and gets all mails from now on."));
        }
        Happening::Looked { campaign, step, winner: None, is_last } => {
            let then = if *is_last { "the shares stay" } else { "it is looked at again when there are more mails" };
            output.status(&format!("{campaign} {step}: no content is clear of the others; {then}."));
        }
        Happening::Called { campaign, step, contact } => {
            let text = format!("{campaign} {step}: webhook called for {{}}");
            about.say(Level::Detail, "called", (campaign, Some(step), contact, None), &text);
        }
        Happening::Sent { campaign, step, contact } => {
            let text = format!("{campaign} {step}: {{}} {sent}");
            about.say(Level::Detail, "sent", (campaign, Some(step), contact, None), &text);
        }
        Happening::Held { campaign, step, contact, reason } => {
            let text = format!("{campaign} {step}: {{}} held: ");
            about.say(Level::Warning, "held", (campaign, Some(step), contact, Some(reason)), &text);
        }
        Happening::Deferred { campaign, step, contact, reason, retry_at } => {
            let text = format!("{campaign} {step}: {{}} deferred until {}: ", retry_at.format("%Y-%m-%d %H:%M:%SZ"));
            about.say(Level::Detail, "deferred", (campaign, Some(step), contact, Some(reason)), &text);
        }
        Happening::Rejected { campaign, step, contact, reason } => {
            let text = format!("{campaign} {step}: {{}} rejected: ");
            about.say(Level::Warning, "rejected", (campaign, Some(step), contact, Some(reason)), &text);
        }
        Happening::ConnectionFailed => {
            output.warn("a connection ended by a fault of drip; please report it, with what stands above");
        }
        Happening::Unknown { campaign, step, contact, reason } => {
            let text = format!("{campaign} {step}: {{}} unknown: ");
            about.say(Level::Warning, "unknown", (campaign, Some(step), contact, Some(reason)), &text);
        }
    }
}

/// What happened to one contact, who is named only to those who want details: a log is read by many.
struct About<'a>(&'a Output);

impl About<'_> {
    /// Says it; `{}` in the text stands for the contact, and the reason follows the text.
    fn say(
        &self,
        level: Level,
        event: &str,
        (campaign, step, contact, reason): (&CampaignId, Option<&String>, &str, Option<&String>),
        text: &str,
    ) {
        let named = self.0.options().verbose;
        let shown = if named { sanitise::line(contact).into_owned() } else { masked(contact) };
        let reason = reason.map(|reason| if named { reason.clone() } else { unnamed(reason).into_owned() });
        let reason = reason.map(|reason| sanitise::lines(&reason).into_owned());
        let text = text.replacen("{}", &shown, 1) + reason.as_deref().unwrap_or_default();
        let mut fields = vec![("event", event), ("campaign", campaign.as_str()), ("contact", &shown)];
        fields.extend(step.map(|step| ("step", step.as_str())));
        fields.extend(reason.as_deref().map(|reason| ("reason", reason)));
        self.0.event(level, &text, &fields);
    }
}
