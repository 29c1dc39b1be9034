//! What a run reports, in words.

use super::context::Context;
use crate::model::campaign::Existing;
use crate::runner::Happening;
use crate::ui::sanitise;
use crate::ui::words::count;

/// Says what happened: trouble always, the rest to those who want details.
pub(super) fn tell(context: &Context, happening: &Happening, sent: &str) {
    let output = &context.output;
    match happening {
        Happening::Began(_) => {}
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
        Happening::Registered(registered) => output.detail(&format!("Campaign {} is new.", registered.campaign)),
        Happening::Changed { campaign, people } => {
            output
                .detail(&format!("Campaign {campaign} changed; {} looked at anew.", count(*people as u64, "contact")));
        }
        Happening::Gone { campaign, people } => {
            let people = count(*people, "contact");
            output.warn(&format!("campaigns/{campaign}.yaml is gone; {people} inside it wait until it is back"));
        }
        Happening::Paused { campaign, reason } => {
            let reason = sanitise::line(reason);
            output.warn(&format!(
                "campaign {campaign} is paused ({reason}); go on with `drip campaign resume {campaign}`"
            ));
        }
        Happening::Entered { campaign, contact } => {
            output.detail(&format!("{campaign}: {} entered", sanitise::line(contact)));
        }
        Happening::Called { campaign, step, contact } => {
            output.detail(&format!("{campaign} {step}: webhook called for {}", sanitise::line(contact)));
        }
        Happening::Sent { campaign, step, contact } => {
            output.detail(&format!("{campaign} {step}: {} {sent}", sanitise::line(contact)));
        }
        Happening::Held { campaign, step, contact, reason } => {
            output.warn(&format!("{campaign} {step}: {} held: {}", sanitise::line(contact), sanitise::lines(reason)));
        }
        Happening::Deferred { campaign, step, contact, reason, retry_at } => {
            let until = retry_at.format("%Y-%m-%d %H:%M:%SZ");
            output.detail(&format!(
                "{campaign} {step}: {} deferred until {until}: {}",
                sanitise::line(contact),
                sanitise::line(reason)
            ));
        }
        Happening::Rejected { campaign, step, contact, reason } => {
            output.warn(&format!(
                "{campaign} {step}: {} rejected: {}",
                sanitise::line(contact),
                sanitise::line(reason)
            ));
        }
        Happening::Unknown { campaign, step, contact, reason } => {
            output.warn(&format!("{campaign} {step}: {} unknown: {}", sanitise::line(contact), sanitise::line(reason)));
        }
    }
}
