//! Edits that could send a mail again under another name.
//!
//! A renamed step is a new step, unless `was:` says otherwise. Someone who had it under its old name would get it twice,
//! and nobody can see from a file whether that is meant. So the campaign waits until a person has said.

use crate::decide::position::{next_step, steps_ahead};
use crate::model::campaign::{Action, Campaign, Step};
use crate::model::contact::Consent;
use crate::model::send::SendRecord;
use crate::store::{KnownCampaign, PausedBy, StoreError, Work};

/// Compares a campaign's steps with those it had, and keeps them; pauses it where people could get a step twice.
pub(super) fn follow(
    work: &Work<'_>,
    stored: &mut KnownCampaign,
    campaign: &Campaign,
    changed: bool,
) -> Result<(), StoreError> {
    if changed {
        // Kept under the new id for good: a later edit need not know every name that a step ever had.
        for step in &campaign.steps {
            for old in step.was.iter().filter(|old| campaign.steps.iter().all(|other| other.id != **old)) {
                work.rename_step(stored.row, old.as_str(), step.id.as_str())?;
            }
        }
    }
    let ids = campaign.steps.iter().map(line).collect::<Vec<_>>().join("\n");
    let Some(before) = stored.steps.as_ref().filter(|before| **before != ids) else {
        if stored.steps.is_none() {
            work.set_steps(stored.row, &ids)?;
        }
        return Ok(());
    };
    // Who was paused is asked when they go on.
    if stored.paused.is_some() && (!changed || stored.paused_by == Some(PausedBy::Hand)) {
        return Ok(());
    }
    match doubtful(work, stored, campaign, before)? {
        Some(reason) => {
            work.set_paused(stored.row, Some((PausedBy::Edit, &reason)))?;
            stored.paused = Some(reason);
        }
        None => work.set_steps(stored.row, &ids)?,
    }
    Ok(())
}

/// Pauses a campaign that turned from people who agreed to those who are asked, or back, while somebody is inside: the others
/// would leave it at once, and for good.
pub(super) fn readdressed(work: &Work<'_>, stored: &mut KnownCampaign, campaign: &Campaign) -> Result<(), StoreError> {
    let people = if stored.audience == campaign.audience() { 0 } else { work.active_in(stored.row)? };
    if people == 0 || stored.paused.is_some() {
        return Ok(());
    }
    let (before, now) = match campaign.audience() {
        Consent::Pending => ("everyone who agreed", "those who have not confirmed"),
        _ => ("those who had not confirmed", "everyone who agreed"),
    };
    let reason = format!(
        "its mails went to {before} and would go to {now} alone; the {people} inside who are not of these would leave it"
    );
    work.set_paused(stored.row, Some((PausedBy::Edit, &reason)))?;
    stored.paused = Some(reason);
    Ok(())
}

/// Says who would get a step that may be the one they had.
fn doubtful(
    work: &Work<'_>,
    stored: &KnownCampaign,
    campaign: &Campaign,
    before: &str,
) -> Result<Option<String>, StoreError> {
    let before: Vec<(&str, &str)> = before.split('\n').map(|line| line.split_once(' ').unwrap_or((line, ""))).collect();
    let (gone, gone_sent): (Vec<&str>, Vec<&str>) =
        before.iter().copied().filter(|(id, _)| campaign.position_of(id).is_none()).unzip();
    let is_new = |step: &Step| !before.iter().any(|(id, _)| step.is_called(id)) && leaves(&step.action);
    // The same mail under another id and at another place.
    let is_moved = |step: &&Step| is_new(step) && gone_sent.contains(&sent(&step.action).as_str());
    if gone.is_empty() || !campaign.steps.iter().any(is_new) {
        return Ok(None);
    }
    let (mut people, mut example) = (0_u64, None);
    work.histories(stored.row, &mut |sends| {
        let had = |row: &&SendRecord| gone.contains(&row.step.as_str()) && row.state.has_left();
        let Some(row) = sends.iter().find(had) else { return };
        let next = next_step(campaign, sends).filter(|step| is_new(step));
        let ahead = || steps_ahead(campaign, sends).find(is_moved);
        if let Some(next) = next.or_else(ahead) {
            people += 1;
            example.get_or_insert_with(|| (row.step.clone(), next.id.as_str().to_owned()));
        }
    })?;
    Ok(example.map(|(old, new)| {
        let who = if people == 1 { "1 contact".to_owned() } else { format!("{people} contacts") };
        format!(
            "step `{old}` is gone, and `{new}` is new to {who} who had it: if it is the same, write `was: [{old}]` below its id"
        )
    }))
}

/// Says whether somebody notices a step.
fn leaves(action: &Action) -> bool {
    matches!(action, Action::Send(_) | Action::Test(_) | Action::Notify(_) | Action::Webhook(_))
}

/// Returns what is kept of a step.
fn line(step: &Step) -> String {
    format!("{} {}", step.id.as_str(), sent(&step.action))
}

/// Names what a step sends, so that it is known again under another id.
fn sent(action: &Action) -> String {
    let mails: Vec<&str> = action.mails().map(|(_, mail)| mail.template.as_str()).collect();
    if mails.is_empty() { action.kind().to_owned() } else { mails.join(",") }
}
