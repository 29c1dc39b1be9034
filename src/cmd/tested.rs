//! What the store knows of tests and hold-outs → the rows of a report.

use chrono::TimeDelta;

use crate::model::Instant;
use crate::model::campaign::{Action, Campaign, Step};
use crate::model::enrolment::EnrolmentState;
use crate::model::period::Period;
use crate::model::trial::Choice;
use crate::model::variant::Test;
use crate::report::{Bought, Funnel, Holdout, Since, TestRow};
use crate::runner::weigh;
use crate::stats::Count;
use crate::store::{CampaignRow, Compared, Group, Result, Work};

/// Adds how its tests stand to the funnel of a campaign.
pub(super) fn tests(
    work: &Work<'_>,
    row: CampaignRow,
    campaign: &Campaign,
    funnel: &mut Funnel,
    now: Instant,
) -> Result<()> {
    let period = funnel.period;
    for (step, shown) in campaign.steps.iter().zip(&mut funnel.steps) {
        let Action::Test(test) = &step.action else { continue };
        let weighed = weigh::weigh(work, row, step, test, now)?;
        let (counts, looks, choice) = weighed.map(|one| (one.counts, one.looks, one.choice)).unwrap_or_default();
        let total: u32 = test.variants.iter().map(|variant| variant.share).sum();
        let shares = match choice {
            Some(Choice::Shares(shares)) => shares,
            Some(Choice::Winner(winner)) => {
                test.variants.iter().map(|variant| f64::from(u8::from(variant.name == winner))).collect()
            }
            None => test.variants.iter().map(|variant| f64::from(variant.share) / f64::from(total.max(1))).collect(),
        };
        let since = since(work, row, step, test, period)?;
        shown.test = Some(TestRow { test: test.clone(), counts, looks, shares, since });
    }
    Ok(())
}

/// Returns which mails are compared of a test whose contents were others before; none of a part of the time, of which nothing is kept.
fn since(work: &Work<'_>, row: CampaignRow, step: &Step, test: &Test, period: Period) -> Result<Option<Since>> {
    let first = weigh::since(work, row, step, test)?;
    if first == Some(0) {
        return Ok(None);
    }
    let mut counts = Vec::new();
    if period == Period::default() {
        let tried = weigh::tried(work, row, step, first.unwrap_or(i64::MAX), i64::MAX)?;
        counts.extend(tried.into_iter().map(|one| (one.variant, Count { hits: one.goals, of: one.sent })));
    }
    let at = first.and_then(|hour| Instant::from_timestamp(hour * 3_600, 0));
    Ok(Some(Since { at, counts }))
}

/// Takes those who were held out from the funnel, which is of those who were mailed.
pub(super) fn held_out(people: &[(EnrolmentState, String, u64)], funnel: &mut Funnel) {
    for (state, reason, people) in people {
        let of_state = match state {
            EnrolmentState::Active => &mut funnel.active,
            EnrolmentState::Finished => &mut funnel.finished,
            EnrolmentState::Goal => &mut funnel.goal,
            EnrolmentState::Exited => &mut funnel.exited,
        };
        *of_state = of_state.saturating_sub(*people);
        funnel.enrolled = funnel.enrolled.saturating_sub(*people);
        let left = funnel.exits.iter_mut().find(|(known, _)| known == reason);
        if let Some((_, left)) = left.filter(|_| *state == EnrolmentState::Exited) {
            *left = left.saturating_sub(*people);
        }
    }
    funnel.exits.retain(|(_, people)| *people > 0);
}

/// Sets those who were held out beside those who were mailed, where a campaign holds anybody out.
pub(super) fn compared(
    work: &Work<'_>,
    row: CampaignRow,
    campaign: Option<&Campaign>,
    period: Period,
    now: Instant,
) -> Result<Option<Holdout>> {
    let Some((hundredths, within)) = campaign.and_then(watched) else { return Ok(None) };
    let (held_out, mailed) = work.held_out_groups(row, &Compared { hundredths, period, ripe: now - within })?;
    let count = |group: Group| Count { hits: group.goals, of: group.people };
    let unripe = mailed.unripe + held_out.unripe;
    Ok(Some(Holdout { hundredths, mailed: count(mailed), held_out: count(held_out), unripe, bought: None }))
}

/// Adds what both groups bought.
pub(super) fn bought(
    work: &Work<'_>,
    row: CampaignRow,
    campaign: Option<&Campaign>,
    funnel: &mut Funnel,
    now: Instant,
) -> Result<()> {
    let (Some((hundredths, within)), Some(holdout)) = (campaign.and_then(watched), &mut funnel.holdout) else {
        return Ok(());
    };
    let compared = Compared { hundredths, period: funnel.period, ripe: now - within };
    let mut bought = Bought::default();
    work.bought_beside(row, &compared, within, |is_held_out, purchases, amount| {
        let group = if is_held_out { &mut bought.held_out } else { &mut bought.mailed };
        group.add(purchases, amount);
    })?;
    bought.mailed.fill(holdout.mailed.of);
    bought.held_out.fill(holdout.held_out.of);
    holdout.bought = Some(bought);
    Ok(())
}

/// Returns how many hundredths a campaign holds out, and how long those who enter are watched.
fn watched(campaign: &Campaign) -> Option<(u32, TimeDelta)> {
    Some((campaign.holdout?, campaign.goal.as_ref()?.within?.elapsed()))
}

/// Returns the tests of a campaign that no further look will be taken at: the step, when the last was, and who won.
pub(super) fn decided(
    work: &Work<'_>,
    row: CampaignRow,
    campaign: &Campaign,
    now: Instant,
) -> Result<Vec<(String, Instant, Option<String>)>> {
    let mut decided = Vec::new();
    for step in &campaign.steps {
        let Action::Test(test) = &step.action else { continue };
        let Some(winner) = test.winner else { continue };
        let looks = weigh::weigh(work, row, step, test, now)?.map(|one| one.looks).unwrap_or_default();
        let Some(last) = looks.last() else { continue };
        let is_last = usize::try_from(last.number).is_ok_and(|number| number + 1 == winner.looks().len());
        if last.winner.is_some() || is_last {
            decided.push((step.id.as_str().to_owned(), last.at, last.winner.clone()));
        }
    }
    Ok(decided)
}
