//! The store's counts and the campaign files → funnels.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::tested;
use crate::model::Instant;
use crate::model::campaign::{Action, Campaign, Step};
use crate::model::delay::Origin;
use crate::model::enrolment::EnrolmentState;
use crate::model::id::CampaignId;
use crate::model::period::Period;
use crate::model::send::SendState;
use crate::report::{Course, Funnel, GoalTime, Revenue, StepRow, VariantRow, cohorts, times};
use crate::store::{CampaignRow, Result, Uncredited, Work};

/// Returns the funnel of a campaign that the store knows; `campaign` is `None` when its file is gone.
pub(super) fn funnel(
    work: &Work<'_>,
    row: CampaignRow,
    id: &CampaignId,
    campaign: Option<&Campaign>,
    period: Period,
    uncredited: &[Uncredited],
    now: Instant,
) -> Result<Funnel> {
    let mut counts = work.funnel(row, period)?;
    let is_meant = |change: &&Uncredited| change.campaign == row && period.contains(change.entered_at);
    counts.revenue.extend(uncredited.iter().filter(is_meant).map(|change| change.revenue.clone()));
    let due = work.due_counts(row, period, now)?;
    let of = |state: &str| counts.enrolments.get(state).copied().unwrap_or(0);
    let held_out = work.held_out(row, period)?;
    let won: u64 =
        held_out.iter().filter(|(state, ..)| *state == EnrolmentState::Goal).map(|(.., people)| people).sum();
    let mut funnel = Funnel {
        enrolled: counts.enrolments.values().sum(),
        active: of("active"),
        finished: of("finished"),
        goal: of("goal"),
        goal_time: GoalTime::of(of("goal") - won, |rank| work.goal_time(row, period, won > 0, rank))?,
        period,
        exited: of("exited"),
        exits: counts.exits,
        due_24h: due.within_24h,
        due_7d: due.within_7d,
        late: due.late,
        ..empty(id, campaign)
    };
    let mut rows = Rows { campaign, funnel: &mut funnel, gone: BTreeMap::new() };
    for (step, state, count) in counts.sends {
        let row = rows.of(&step);
        row.entered += count;
        match state {
            SendState::Sent => row.sent += count,
            SendState::Skipped => row.skipped += count,
            SendState::Held => row.held += count,
            SendState::Deferred => row.deferred += count,
            SendState::Rejected => row.rejected += count,
            SendState::Unknown => row.unknown += count,
            SendState::Done => row.done += count,
            // In the hands of a run at this moment.
            SendState::Claimed | SendState::Sending => {}
        }
    }
    for (step, reason, count) in counts.skips {
        let skips = &mut rows.of(&step).skips;
        match skips.iter_mut().find(|(known, _)| *known == reason) {
            // A step that was renamed has skips under each of its ids.
            Some((_, known)) => *known += count,
            None => skips.push((reason, count)),
        }
    }
    for (step, name, sent, goal) in counts.variants {
        let variants = &mut rows.of(&step).variants;
        match variants.iter_mut().find(|known| known.name == name) {
            Some(known) => {
                known.sent += sent;
                known.goal += goal;
            }
            None => variants.push(VariantRow { name, sent, goal, ..VariantRow::default() }),
        }
    }
    for (step, variant, reaction, mails) in counts.reactions {
        let row = rows.of(&step);
        row.reactions.add(reaction, mails);
        if let Some(known) = row.variants.iter_mut().find(|known| known.name == variant) {
            known.reactions.add(reaction, mails);
        }
    }
    for revenue in counts.revenue {
        let row = rows.of(&revenue.step);
        let add = |sum: &mut Revenue| {
            sum.purchases = sum.purchases.saturating_add_signed(revenue.purchases);
            sum.amount += revenue.amount;
        };
        add(&mut row.revenue);
        if let Some(known) = row.variants.iter_mut().find(|known| known.name == revenue.variant) {
            add(&mut known.revenue);
        }
    }
    for waiting in counts.waiting {
        let row = rows.of(&waiting.step);
        row.entered += waiting.without_row;
        row.waiting += waiting.active;
        row.next_due = [row.next_due, waiting.next_due].into_iter().flatten().min();
    }
    for (step, count) in counts.goals {
        if let Some(step) = step {
            rows.of(&step).goal += count;
        }
    }
    if let Some(campaign) = campaign {
        tested::tests(work, row, campaign, &mut funnel, now)?;
    }
    tested::held_out(&held_out, &mut funnel);
    funnel.holdout = tested::compared(work, row, campaign, period, now)?;
    Ok(funnel)
}

/// Looks at each passage of a campaign: when people reached the goal, and what became of those of each week.
pub(super) fn course(
    work: &Work<'_>,
    row: CampaignRow,
    campaign: Option<&Campaign>,
    period: Period,
    zone: Tz,
    now: Instant,
) -> Result<Course> {
    let (mut days, mut weeks) = (times::Counting::new(now), cohorts::Counting::new(now, zone));
    for step in campaign.iter().flat_map(|campaign| &campaign.steps).filter(|step| step.action.is_mail()) {
        days.know(step.id.as_str());
    }
    work.entries(row, period, |entered| {
        days.enter(entered);
        weeks.enter(entered);
    })?;
    work.goals(row, period, |entered, took, step| {
        let index = step.and_then(|step| campaign?.position_of(step));
        let step = campaign.zip(index).map_or(step, |(campaign, index)| Some(campaign.steps[index].id.as_str()));
        days.reach(entered, took, step);
        weeks.reach(entered, took);
    })?;
    Ok(Course { times: days.times(), cohorts: weeks.cohorts() })
}

/// Returns after how many days from the entry each step is due, as the file stands, where nothing that is waited for comes.
fn days(steps: &[Step]) -> Vec<u32> {
    let (mut after, mut days) = (TimeDelta::zero(), Vec::with_capacity(steps.len()));
    for step in steps {
        let span = step.delay.span.elapsed();
        after = match step.delay.origin {
            Origin::Previous => after + span,
            Origin::Entry => span.max(after),
        };
        days.push(u32::try_from(after.num_days()).unwrap_or(u32::MAX));
        if let Action::WaitFor(wait) = &step.action {
            after += wait.at_most.elapsed();
        }
    }
    days
}

/// Returns the funnel of a campaign that nobody has entered.
pub(super) fn empty(id: &CampaignId, campaign: Option<&Campaign>) -> Funnel {
    let steps = campaign.map_or(&[][..], |campaign| &campaign.steps);
    Funnel {
        campaign: id.clone(),
        name: campaign.map_or_else(|| id.as_str().to_owned(), |campaign| campaign.name.clone()),
        has_goal: campaign.is_none_or(|campaign| campaign.goal.is_some()),
        enrolled: 0,
        active: 0,
        finished: 0,
        goal: 0,
        goal_time: None,
        period: Period::default(),
        exited: 0,
        exits: Vec::new(),
        steps: steps
            .iter()
            .zip(days(steps))
            .map(|(step, day)| StepRow {
                id: step.id.as_str().to_owned(),
                kind: step.action.kind(),
                day: Some(day),
                ..StepRow::default()
            })
            .collect(),
        due_24h: 0,
        due_7d: 0,
        late: 0,
        currency: None,
        course: None,
        holdout: None,
    }
}

/// Finds the row of a step by any id that it has, or had.
struct Rows<'a> {
    campaign: Option<&'a Campaign>,
    funnel: &'a mut Funnel,
    gone: BTreeMap<String, usize>,
}

impl Rows<'_> {
    fn of(&mut self, step: &str) -> &mut StepRow {
        let index = match self.campaign.and_then(|campaign| campaign.position_of(step)) {
            Some(index) => index,
            None => *self.gone.entry(step.to_owned()).or_insert_with(|| {
                let row = StepRow { id: step.to_owned(), kind: "send", gone: true, ..StepRow::default() };
                self.funnel.steps.push(row);
                self.funnel.steps.len() - 1
            }),
        };
        &mut self.funnel.steps[index]
    }
}
