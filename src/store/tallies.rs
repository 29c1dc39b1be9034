//! The counts of a whole campaign from what the triggers of the schema tally, so that a report reads a few rows and not
//! the ledger.

use super::funnel::{FunnelCounts, Waiting};
use super::ledger::state_at;
use super::reactions::reaction;
use super::{CampaignRow, Result, RevenueRow, StoreError, Work, instant};
use crate::model::enrolment::EnrolmentState;
use crate::model::money::Money;
use crate::model::send::SendState;

/// One row of the table.
struct Tally {
    kind: String,
    step: String,
    state: rusqlite::types::Value,
    detail: String,
    number: i64,
}

impl Work<'_> {
    /// Counts all who ever entered a campaign by where they stand.
    pub(super) fn tallied(&self, campaign: CampaignRow) -> Result<FunnelCounts> {
        let mut counts = FunnelCounts::default();
        self.add_closed(campaign, &mut counts)?;
        self.add_waiting(campaign, &mut counts)?;
        self.add_open(campaign, &mut counts)?;
        counts.exits.sort_by(|(a, most), (b, number)| number.cmp(most).then_with(|| a.cmp(b)));
        counts.skips.sort_by(|(_, a, most), (_, b, number)| number.cmp(most).then_with(|| a.cmp(b)));
        Ok(counts)
    }

    fn add_closed(&self, campaign: CampaignRow, counts: &mut FunnelCounts) -> Result<()> {
        let mut statement = self.sql(
            "SELECT kind, step, state, detail, number FROM tallies WHERE campaign_id = ?1 AND number <> 0
             ORDER BY kind, step, state, detail",
        )?;
        let rows = statement.query_map([campaign.0], |row| {
            Ok(Tally {
                kind: row.get(0)?,
                step: row.get(1)?,
                state: row.get(2)?,
                detail: row.get(3)?,
                number: row.get(4)?,
            })
        })?;
        for row in rows {
            let Tally { kind, step, state, detail, number: sum } = row?;
            let number = u64::try_from(sum).unwrap_or_default();
            match (kind.as_str(), &state) {
                ("send", rusqlite::types::Value::Integer(state)) => {
                    let state = state_at(usize::try_from(*state).unwrap_or(usize::MAX))?;
                    match state {
                        SendState::Skipped => counts.skips.push((step.clone(), detail, number)),
                        SendState::Sent if !detail.is_empty() => {
                            counts.variants.push((step.clone(), detail, number, 0));
                        }
                        _ => {}
                    }
                    add(&mut counts.sends, step, state, number);
                }
                ("end", rusqlite::types::Value::Text(state)) => {
                    *counts.enrolments.entry(state.clone()).or_default() += number;
                    if state == EnrolmentState::Goal.as_str() {
                        counts.goals.push((Some(step).filter(|step| !step.is_empty()), number));
                    } else if state == EnrolmentState::Exited.as_str() {
                        counts.exits.push((detail, number));
                    }
                }
                ("left", _) => waiting(&mut counts.waiting, &step).without_row += number,
                ("won", _) => {
                    let won = counts.variants.iter_mut().find(|(known, name, ..)| *known == step && *name == detail);
                    if let Some((.., goals)) = won {
                        *goals += number;
                    }
                }
                ("reaction", rusqlite::types::Value::Text(what)) => {
                    counts.reactions.push((step, detail, reaction(what)?, number));
                }
                ("bought", _) => revenue(&mut counts.revenue, step, detail).purchases += sum,
                ("money", _) => revenue(&mut counts.revenue, step, detail).amount += Money(sum),
                _ => return Err(StoreError::Row(format!("tally `{kind}`"))),
            }
        }
        Ok(())
    }

    /// Adds who is inside: without a row for the step they wait for, unless `add_open` finds one.
    fn add_waiting(&self, campaign: CampaignRow, counts: &mut FunnelCounts) -> Result<()> {
        let mut statement = self.sql(
            "SELECT position, count(*), min(due_at) FROM enrolments
             WHERE campaign_id = ?1 AND state = 'active' GROUP BY position",
        )?;
        let rows = statement.query_map([campaign.0], |row| {
            Ok((row.get::<_, Option<String>>(0)?, row.get::<_, u64>(1)?, row.get::<_, Option<i64>>(2)?))
        })?;
        for row in rows {
            let (position, people, due_at) = row?;
            *counts.enrolments.entry(EnrolmentState::Active.as_str().to_owned()).or_default() += people;
            if let Some(position) = position {
                let row = waiting(&mut counts.waiting, &position);
                row.active += people;
                row.without_row += people;
                row.next_due = due_at.map(instant);
            }
        }
        Ok(())
    }

    /// Adds the rows of the ledger that are not closed for good.
    fn add_open(&self, campaign: CampaignRow, counts: &mut FunnelCounts) -> Result<()> {
        let mut statement = self.sql(
            "SELECT s.step, s.state, count(*), sum(n.state = 'active' AND n.position IS s.step)
             FROM open_sends s CROSS JOIN enrolments n ON n.id = s.enrolment_id
             WHERE n.campaign_id = ?1 GROUP BY s.step, s.state",
        )?;
        let rows = statement.query_map([campaign.0], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, usize>(1)?, row.get::<_, u64>(2)?, row.get::<_, u64>(3)?))
        })?;
        for row in rows {
            let (step, state, number, at_step) = row?;
            if at_step > 0 {
                let row = waiting(&mut counts.waiting, &step);
                row.without_row = row.without_row.saturating_sub(at_step);
            }
            add(&mut counts.sends, step, state_at(state)?, number);
        }
        Ok(())
    }
}

fn add(sends: &mut Vec<(String, SendState, u64)>, step: String, state: SendState, number: u64) {
    match sends.iter_mut().find(|(known, was, _)| *known == step && *was == state) {
        Some((.., known)) => *known += number,
        None => sends.push((step, state, number)),
    }
}

fn waiting<'a>(all: &'a mut Vec<Waiting>, step: &str) -> &'a mut Waiting {
    let at = all.iter().position(|row| row.step == step).unwrap_or_else(|| {
        all.push(Waiting { step: step.to_owned(), active: 0, without_row: 0, next_due: None });
        all.len() - 1
    });
    &mut all[at]
}

fn revenue(all: &mut Vec<RevenueRow>, step: String, variant: String) -> &mut RevenueRow {
    let at = all.iter().position(|row| row.step == step && row.variant == variant).unwrap_or_else(|| {
        all.push(RevenueRow { step, variant, purchases: 0, amount: Money::default() });
        all.len() - 1
    });
    &mut all[at]
}
