//! `drip enrol`: lets contacts into a campaign by hand.

use super::Failure;
use super::context::{self, Context, address};
use crate::decide::entry::{Entry, entry};
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::store::NewEnrolment;
use crate::ui::words;

pub(super) fn enrol(context: &Context, campaign: &str, emails: &[String]) -> Result<Exit, Failure> {
    let addresses = emails.iter().map(|email| address(email)).collect::<Result<Vec<_>, _>>()?;
    let loaded = context.load()?;
    let campaign = context::campaign(&loaded.project.campaigns, campaign)?;
    let mut store = context.store(&loaded.project)?;
    let now = context.now();
    let work = store.begin()?;
    let Some(known) = work.campaign(&campaign.id)? else {
        return Err(Diagnostic::error(format!("campaign `{}` is not registered", campaign.id)).into());
    };
    let (mut enrolled, mut refused) = (0, 0);
    for address in &addresses {
        let Some(contact) = work.contact(address)? else {
            context.output.warn(&format!("there is no contact `{address}`; import it first"));
            refused += 1;
            continue;
        };
        let last = work.last_passage(contact.id, known.row)?;
        let why = match entry(campaign, &contact, last, now) {
            Entry::Enter(round) => {
                work.enrol(&NewEnrolment {
                    contact: contact.id,
                    campaign: known.row,
                    round,
                    entered_at: now,
                    event: None,
                    due_at: now,
                })?;
                enrolled += 1;
                continue;
            }
            Entry::Barred if contact.suppressed => "is suppressed".to_owned(),
            Entry::Barred => format!("is {}", contact.consent.as_str()),
            Entry::Inside => "is inside already".to_owned(),
            Entry::Again => "was inside before, and `reentry` does not let it in again".to_owned(),
        };
        context.output.warn(&format!("{address} {why}; not enrolled"));
        refused += 1;
    }
    work.commit()?;
    context.output.status(&format!(
        "{} enrolled in {}; the next `drip run` sends what is due.",
        words::count(enrolled, "contact"),
        campaign.id
    ));
    Ok(if refused == 0 { Exit::Success } else { Exit::Partial })
}
