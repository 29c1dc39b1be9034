//! The numbers of one campaign, and the rates that follow from them.

use chrono::TimeDelta;

use super::lift::Holdout;
use super::tested::TestRow;
use crate::model::Instant;
use crate::model::id::CampaignId;
use crate::model::money::Money;
use crate::model::period::Period;
use crate::model::reaction::{Reaction, Reactions};

use super::cohorts::Cohort;
use super::times::Times;

/// What became of the people who entered one campaign.
#[derive(Debug, Clone)]
pub struct Funnel {
    pub campaign: CampaignId,
    /// Free text for people.
    pub name: String,
    /// Whether there is an event that it exists for.
    pub has_goal: bool,
    /// When the passages began that are counted.
    pub period: Period,
    /// Everyone who ever entered, each passage counted.
    pub enrolled: u64,
    pub active: u64,
    /// The last step is out.
    pub finished: u64,
    pub goal: u64,
    /// How long it took from the entry to the goal; `None` while nobody has reached it.
    pub goal_time: Option<GoalTime>,
    pub exited: u64,
    /// Why people left before the end, and how many, the commonest first.
    pub exits: Vec<(String, u64)>,
    /// In the order of the campaign file; steps that are gone from it stand last.
    pub steps: Vec<StepRow>,
    /// Steps due within 24 hours, and within 7 days.
    pub due_24h: u64,
    pub due_7d: u64,
    /// Steps that should have gone before now.
    pub late: u64,
    /// What amounts are counted in, where the settings say so.
    pub currency: Option<String>,
    /// When people reach the goal, and what became of those of each week; `None` where nobody asked.
    pub course: Option<Course>,
    /// What those did who were held out, who are in no other number of the funnel.
    pub holdout: Option<Holdout>,
}

/// What a look at each passage tells.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Course {
    pub times: Times,
    pub cohorts: Vec<Cohort>,
}

/// What purchases brought that are credited to mails: each to the last one before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Revenue {
    pub purchases: u64,
    pub amount: Money,
}

impl Revenue {
    /// Says whether there is anything to show: events that say no amount are counted by the goal already.
    pub fn is_told(&self) -> bool {
        self.amount != Money::default()
    }
}

/// How long the way to the goal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoalTime {
    /// Half of those who reached it were not slower.
    pub median: TimeDelta,
    /// Nine in ten were not slower.
    pub p90: TimeDelta,
}

impl GoalTime {
    /// Takes how many reached the goal, and what tells the time in milliseconds of the one at a rank, counted from 0 with
    /// the fastest first.
    pub fn of<E>(people: u64, mut at: impl FnMut(u64) -> Result<Option<i64>, E>) -> Result<Option<Self>, E> {
        // The nearest rank: a time that somebody really had.
        let mut rank = |tenths: u64| at((people * tenths).div_ceil(10).saturating_sub(1));
        let (Some(median), Some(p90)) = (rank(5)?, rank(9)?) else { return Ok(None) };
        Ok(Some(Self { median: TimeDelta::milliseconds(median), p90: TimeDelta::milliseconds(p90) }))
    }
}

/// What became of the people who reached one step.
#[derive(Debug, Clone, Default)]
pub struct StepRow {
    pub id: String,
    /// `send`, `set` or `exit`.
    pub kind: &'static str,
    /// Whether the step is no longer in the file.
    pub gone: bool,
    pub entered: u64,
    pub sent: u64,
    pub skipped: u64,
    /// Why it was skipped, and how often, the commonest first.
    pub skips: Vec<(String, u64)>,
    pub held: u64,
    pub deferred: u64,
    pub rejected: u64,
    pub unknown: u64,
    /// Carried out without a mail: what `set` and `exit` have in place of `sent`.
    pub done: u64,
    /// Reached the goal while this step was the last one that they had got.
    pub goal: u64,
    /// Its subject as it is written; `None` where there is no one, or nobody asked.
    pub subject: Option<String>,
    /// So many days after the entry it is due at the earliest, as the file stands; `None` where the step is gone.
    pub day: Option<u32>,
    pub revenue: Revenue,
    /// The contents of a test, in the order of their names.
    pub variants: Vec<VariantRow>,
    /// The test as the file has it, and what was decided.
    pub test: Option<TestRow>,
    /// What came of its mails.
    pub reactions: Reactions,
    /// Wait for this step now.
    pub waiting: u64,
    pub next_due: Option<Instant>,
}

/// One content of a test.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariantRow {
    pub name: String,
    pub sent: u64,
    /// Reached the goal while this mail was the last one that they had got.
    pub goal: u64,
    /// What came of its mails.
    pub reactions: Reactions,
    pub revenue: Revenue,
}

impl VariantRow {
    /// Returns the share of those who got this mail and reached the goal by it.
    pub fn goal_rate(&self) -> Option<f64> {
        share(self.goal, self.sent)
    }
}

impl StepRow {
    /// Says whether the step mails the contact.
    pub fn is_mail(&self) -> bool {
        matches!(self.kind, "send" | "test")
    }

    /// Returns how many passages the step was carried out for: mails sent, or actions done.
    pub fn through(&self) -> u64 {
        self.sent + self.done
    }

    /// Returns how many of its mails came back, for good or for now.
    pub fn bounced(&self) -> u64 {
        self.reactions.of(Reaction::Bounced) + self.reactions.of(Reaction::BouncedForNow)
    }

    /// Returns the share of its mails of which something came.
    pub fn reaction_rate(&self, reaction: Reaction) -> Option<f64> {
        share(self.reactions.of(reaction), self.sent)
    }

    /// Returns the share of those who reached the step for whom it was carried out.
    pub fn rate(&self) -> Option<f64> {
        share(self.through(), self.entered)
    }
}

impl Funnel {
    /// Returns the share of all who entered the campaign for whom this step was carried out.
    pub fn cumulative(&self, step: &StepRow) -> Option<f64> {
        share(step.through(), self.enrolled)
    }

    /// Returns what purchases brought that are credited to any of its mails.
    pub fn revenue(&self) -> Revenue {
        self.steps.iter().fold(Revenue::default(), |sum, step| Revenue {
            purchases: sum.purchases + step.revenue.purchases,
            amount: sum.amount + step.revenue.amount,
        })
    }

    /// Returns the share of all who entered the campaign and reached its goal.
    pub fn goal_rate(&self) -> Option<f64> {
        share(self.goal, self.enrolled)
    }

    /// Returns how many fewer got the mail of step `index` than that of the mail before it, as a share of the latter.
    ///
    /// Negative where more got it, as after an edit; `None` for the first mail, for other actions and
    /// for steps that are gone, which have no place in the order any more.
    pub fn drop_off(&self, index: usize) -> Option<f64> {
        let is_mail = |step: &&StepRow| step.is_mail() && !step.gone;
        let step = self.steps.get(index).filter(is_mail)?;
        let before = self.steps[..index].iter().rev().find(is_mail)?;
        share(step.sent, before.sent).map(|kept| 1.0 - kept)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share is shown with three digits at most")]
pub(super) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
