//! Campaign files that appear, change or go.

use sha2::{Digest, Sha256};

use super::{Happening, Known, edits};
use crate::decide::Rules;
use crate::model::Instant;
use crate::model::campaign::{Campaign, Existing, Trigger};
use crate::model::condition::Scope;
use crate::model::contact::{Consent, Contact};
use crate::model::event::Event;
use crate::model::id::{CampaignId, EventId};
use crate::model::octets::hexadecimal;
use crate::model::settings::Settings;
use crate::store::{CampaignRow, PausedBy, Store, StoreError, Work};

/// How many contacts are looked at in one transaction.
pub(super) const BATCH: usize = 500;

/// So many events are looked at in one transaction when all purchases are credited anew.
const CREDITED_AT_ONCE: i64 = 20_000;

/// A campaign that was not there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub campaign: CampaignId,
    /// Contacts who matched its tag and segment triggers already.
    pub matching: u64,
    /// Whether they enter.
    pub existing: Existing,
}

/// Notes new campaign files, so that what is imported from now on counts as having come after them.
pub fn register(
    store: &mut Store,
    settings: &Settings,
    campaigns: &[Campaign],
    now: Instant,
) -> Result<Vec<Registered>, StoreError> {
    let mut registered = Vec::new();
    for campaign in campaigns {
        let work = store.read()?;
        let known = work.campaign(&campaign.id)?;
        drop(work);
        if known.is_none() {
            registered.push(add(store, settings, campaign, now)?);
        }
    }
    credit(store, settings, now)?;
    Ok(registered)
}

/// Credits every purchase anew where the settings say otherwise what one is.
fn credit(store: &mut Store, settings: &Settings, now: Instant) -> Result<(), StoreError> {
    let purchases = &settings.terms.purchases;
    if store.read()?.is_credited_by(purchases)? {
        return Ok(());
    }
    let work = store.begin()?;
    work.begin_crediting(purchases, now)?;
    work.commit()?;
    loop {
        // Others who write have their turn in between.
        let work = store.begin_group()?;
        let has_more = work.credit_some(CREDITED_AT_ONCE)?;
        work.commit()?;
        if !has_more {
            return Ok(());
        }
    }
}

/// Brings what the store knows of the campaigns up to the files.
pub(super) fn known<'a>(
    store: &mut Store,
    settings: &Settings,
    campaigns: &'a [Campaign],
    now: Instant,
    tell: &mut dyn FnMut(Happening),
) -> Result<Vec<Known<'a>>, StoreError> {
    for registered in register(store, settings, campaigns, now)? {
        tell(Happening::Registered(registered));
    }
    let work = store.begin()?;
    let mut known = Vec::new();
    for mut stored in work.campaigns()? {
        let Some(campaign) = campaigns.iter().find(|campaign| campaign.id == stored.id) else {
            let people = work.active_in(stored.row)?;
            if people > 0 {
                tell(Happening::Gone { campaign: stored.id, people });
            }
            continue;
        };
        let changed = stored.fingerprint != campaign.fingerprint;
        if changed {
            let people = work.campaign_changed(stored.row, &campaign.fingerprint, now)?;
            stored.paused = stored.paused.filter(|_| stored.paused_by == Some(PausedBy::Hand));
            tell(Happening::Changed { campaign: stored.id.clone(), people });
        }
        work.set_reach(stored.row, &campaign.subject(), campaign.audience())?;
        edits::follow(&work, &mut stored, campaign, changed)?;
        edits::readdressed(&work, &mut stored, campaign)?;
        let form = form(campaign, settings);
        if stored.triggers.as_deref() != Some(&form) {
            if stored.triggers.is_some() && has_state_trigger(campaign) {
                let matching = note_matching(&work, stored.row, campaign, settings, now, false)?;
                let existing = campaign.existing;
                tell(Happening::Retriggered(Registered { campaign: campaign.id.clone(), matching, existing }));
            }
            work.set_triggers(stored.row, &form)?;
        }
        if let Some(reason) = &stored.paused {
            let by_hand = stored.paused_by == Some(PausedBy::Hand);
            tell(Happening::Paused { campaign: stored.id.clone(), reason: reason.clone(), by_hand });
        }
        known.push(Known::new(campaign, stored, settings));
    }
    work.commit()?;
    known.sort_by(|a, b| (b.campaign.priority, &a.campaign.id).cmp(&(a.campaign.priority, &b.campaign.id)));
    Ok(known)
}

fn add(store: &mut Store, settings: &Settings, campaign: &Campaign, now: Instant) -> Result<Registered, StoreError> {
    // One transaction: a campaign must not be known while who matched it is not.
    let work = store.begin()?;
    let stored = work.add_campaign(&campaign.id, &campaign.fingerprint, now)?;
    work.set_reach(stored.row, &campaign.subject(), campaign.audience())?;
    let matching =
        if has_state_trigger(campaign) { note_matching(&work, stored.row, campaign, settings, now, true)? } else { 0 };
    work.set_triggers(stored.row, &form(campaign, settings))?;
    work.set_history(stored.row, campaign.existing == Existing::Include)?;
    work.commit()?;
    Ok(Registered { campaign: campaign.id.clone(), matching, existing: campaign.existing })
}

/// Notes who matches the tag and segment triggers of a campaign whose file, or whose triggers, are new; returns how many
/// came to match.
///
/// With `existing: skip` they stay out, as if they had matched before. Without `everyone`, contacts that a run has not
/// looked at since they came or changed are left to it: they are those to come.
fn note_matching(
    work: &Work<'_>,
    row: CampaignRow,
    campaign: &Campaign,
    settings: &Settings,
    now: Instant,
    everyone: bool,
) -> Result<u64, StoreError> {
    let rules = Rules::from(settings);
    // Whoever came to match since the last run looked is not there already, and enters as ever.
    let looked_at = if everyone { None } else { work.last_look()?.map(|at| at.min(now)) };
    let as_of = looked_at.unwrap_or(now);
    let (mut matching, mut after) = (0, 0);
    loop {
        let contacts = work.contacts_after(after, BATCH)?;
        let Some(last) = contacts.last() else { return Ok(matching) };
        after = last.id.0;
        for contact in &contacts {
            if !everyone && work.is_changed(contact.id)? {
                continue;
            }
            let matches = matches(campaign, contact, rules, as_of, &|| match looked_at {
                Some(at) => work.seen_events_of(contact.id, EventId(0), at),
                None => work.events_of(contact.id, now),
            })?;
            match campaign.existing {
                Existing::Skip => matching += u64::from(work.set_member(row, contact.id, matches)?),
                Existing::Include if matches => {
                    matching += 1;
                    work.set_changed(contact.id)?;
                }
                Existing::Include => drop(work.set_member(row, contact.id, false)?),
            }
        }
    }
}

/// Returns what changes whenever other people may match the tag and segment triggers.
fn form(campaign: &Campaign, settings: &Settings) -> String {
    let states = campaign.triggers.iter().filter(|trigger| trigger.is_state());
    let named = settings.terms.form_of(states.clone().filter_map(Trigger::state));
    let digest = Sha256::digest(format!("{:?}{named}", states.collect::<Vec<_>>()));
    hexadecimal(&digest[..8])
}

/// Says whether a campaign has a trigger that is a state, not a happening: a tag, a segment, being pending.
pub(super) fn has_state_trigger(campaign: &Campaign) -> bool {
    campaign.triggers.iter().any(Trigger::is_state)
}

/// Says whether a contact matches one of a campaign's tag and segment triggers.
fn matches(
    campaign: &Campaign,
    contact: &Contact,
    rules: Rules<'_>,
    now: Instant,
    events_up_to_now: &dyn Fn() -> Result<Vec<Event>, StoreError>,
) -> Result<bool, StoreError> {
    let mut events: Option<Vec<Event>> = None;
    for trigger in &campaign.triggers {
        let holds = match trigger {
            Trigger::Tag(tag) => contact.tags.contains(tag),
            Trigger::Pending => contact.consent == Consent::Pending,
            Trigger::Segment(condition) | Trigger::Score { condition, .. } => {
                if condition.reads_events() && events.is_none() {
                    events = Some(events_up_to_now()?);
                }
                let history = events.as_deref().unwrap_or_default();
                condition.holds(Scope { contact, event: None, history, sends: &[], terms: rules.terms, now })
            }
            _ => false,
        };
        if holds {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Notes whether a contact matches; returns whether that became so just now.
pub(super) fn became_member(
    work: &Work<'_>,
    row: CampaignRow,
    campaign: &Campaign,
    contact: &Contact,
    rules: Rules<'_>,
    now: Instant,
) -> Result<bool, StoreError> {
    let matches = matches(campaign, contact, rules, now, &|| work.events_of(contact.id, now))?;
    work.set_member(row, contact.id, matches)
}
