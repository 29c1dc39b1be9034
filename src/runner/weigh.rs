//! Weighing the contents of tests: which has won, or how many are to get each, by what came of the mails so far.
//!
//! It is done once in a run, after the events of goals were looked at and before anything is sent. A look at a test is
//! written down in the transaction that took it: a run that is killed before it is committed has decided nothing, and the
//! next one finds the same counts.

use std::sync::Arc;

use super::{Happening, Known, Run};
use crate::decide::look::look;
use crate::decide::variant::{counts, shares};
use crate::model::Instant;
use crate::model::campaign::{Action, Step};
use crate::model::trial::{Choice, Looked, Trial, Tried};
use crate::model::variant::{Shares, Test, Winner};
use crate::stats::Count;
use crate::store::{CampaignRow, Store, StoreError, Work};

const HOUR: i64 = 3_600;

/// How a test stands by what the store knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Weighed {
    /// How many mails of each content had the time to work, in the order of the file, and of how many that came which counts.
    pub counts: Vec<Count>,
    /// The looks that were taken, where the test has a `winner`.
    pub looks: Vec<Looked>,
    /// Who gets what from now on, where the file alone does not say.
    pub choice: Option<Choice>,
}

/// Weighs the contents of a step's test as of `now`; `None` where nothing is chosen by what comes of them.
pub fn weigh(
    work: &Work<'_>,
    campaign: CampaignRow,
    step: &Step,
    test: &Test,
    now: Instant,
) -> Result<Option<Weighed>, StoreError> {
    let Some((by, after)) = test.measure() else { return Ok(None) };
    let since = since(work, campaign, step, test)?;
    let until = (now - after.elapsed()).timestamp().div_euclid(HOUR);
    let tried = tried(work, campaign, step, since.unwrap_or(i64::MAX), until)?;
    let mut looks = Vec::new();
    if let Some(winner) = test.winner.filter(|_| since.is_some()) {
        looks = work.looks(campaign, step.id.as_str(), &rule(&winner))?;
    }
    let won = looks.iter().rev().find_map(|look| look.winner.clone());
    let choice = match test.shares {
        Shares::Thompson(rule) => Some(Choice::Shares(shares(test, rule, &tried))),
        Shares::Fixed => won.map(Choice::Winner),
    };
    Ok(Some(Weighed { counts: counts(test, by, &tried), looks, choice }))
}

/// Counts what came of a step's mails, by whatever id it had, that left from one hour on and before another.
pub fn tried(
    work: &Work<'_>,
    campaign: CampaignRow,
    step: &Step,
    since: i64,
    until: i64,
) -> Result<Vec<Tried>, StoreError> {
    let mut tried: Vec<Tried> = Vec::new();
    for name in std::iter::once(&step.id).chain(&step.was) {
        for one in work.tried(campaign, name.as_str(), since, until)? {
            match tried.iter_mut().find(|known| known.variant == one.variant) {
                Some(known) => {
                    known.sent += one.sent;
                    known.goals += one.goals;
                    known.clicks += one.clicks;
                }
                None => tried.push(one),
            }
        }
    }
    Ok(tried)
}

/// Returns from which hour on mails of these contents count; `None` where no run has seen them yet, but others.
pub fn since(work: &Work<'_>, campaign: CampaignRow, step: &Step, test: &Test) -> Result<Option<i64>, StoreError> {
    Ok(match work.tested(campaign, step.id.as_str())? {
        Some((known, since)) if known == form(test) => Some(since),
        Some(_) => None,
        None => Some(0),
    })
}

impl Run<'_> {
    /// Weighs the contents of all tests; where `looks` are taken, those that are due are written down.
    pub(super) fn weigh(&mut self, store: &mut Store, looks: bool) -> Result<(), StoreError> {
        for index in 0..self.known.len() {
            let campaign = self.known[index].campaign;
            if campaign.steps.iter().any(|step| matches!(step.action, Action::Test(_))) {
                let work = store.begin()?;
                let trials = self.weigh_campaign(&work, index, looks)?;
                work.commit()?;
                self.known[index].trials = trials;
            }
        }
        Ok(())
    }

    fn weigh_campaign(&mut self, work: &Work<'_>, index: usize, looks: bool) -> Result<Arc<[Trial]>, StoreError> {
        let Known { campaign, row, .. } = self.known[index];
        let now = self.now;
        let mut trials = Vec::new();
        let mut is_due = None;
        for step in &campaign.steps {
            let Action::Test(test) = &step.action else { continue };
            note(work, row, step, test, now)?;
            if let Shares::Thompson(_) = test.shares {
                // To compare chances takes a while, and is of use only where somebody is due.
                let due = match is_due {
                    Some(due) => due,
                    None => !work.due(row, now, 1)?.is_empty(),
                };
                is_due = Some(due);
                if !due && looks {
                    continue;
                }
            }
            let Some(mut weighed) = weigh(work, row, step, test, now)? else { continue };
            if let Some(winner) = test.winner.filter(|_| looks && weighed.choice.is_none())
                && let Some(looked) = self.look_at(work, index, step, test, &winner, &weighed)?
            {
                weighed.choice = looked.winner.map(Choice::Winner);
            }
            trials.extend(weighed.choice.map(|choice| Trial { step: step.id.clone(), choice }));
        }
        Ok(trials.into())
    }

    /// Takes the look at a test that is due, if one is.
    fn look_at(
        &mut self,
        work: &Work<'_>,
        index: usize,
        step: &Step,
        test: &Test,
        winner: &Winner,
        weighed: &Weighed,
    ) -> Result<Option<Looked>, StoreError> {
        let taken = weighed.looks.iter().filter_map(|look| usize::try_from(look.number).ok()).max();
        let Some(found) = look(winner, taken, &weighed.counts) else { return Ok(None) };
        let named = test.variants.iter().zip(&weighed.counts);
        let looked = Looked {
            number: u32::try_from(found.number).unwrap_or(u32::MAX),
            at: self.now,
            confidence: found.confidence,
            counts: named.map(|(variant, count)| (variant.name.clone(), count.of, count.hits)).collect(),
            winner: found.winner.and_then(|at| test.variants.get(at)).map(|variant| variant.name.clone()),
        };
        work.take_look(self.known[index].row, step.id.as_str(), &rule(winner), &looked)?;
        let campaign = self.known[index].campaign.id.clone();
        self.moved.insert(campaign.clone());
        let is_last = found.number + 1 == winner.looks().len();
        (self.tell)(Happening::Looked {
            campaign,
            step: step.id.as_str().to_owned(),
            winner: looked.winner.clone(),
            is_last,
        });
        Ok(Some(looked))
    }
}

/// Notes the contents of a test that is new, or was changed: those of before do not count for the others.
fn note(work: &Work<'_>, campaign: CampaignRow, step: &Step, test: &Test, now: Instant) -> Result<(), StoreError> {
    let form = form(test);
    let since = match work.tested(campaign, step.id.as_str())? {
        Some((known, _)) if known == form => return Ok(()),
        // Mails of both may have left within this hour.
        Some(_) => now.timestamp().div_euclid(HOUR) + 1,
        None => 0,
    };
    work.set_tested(campaign, step.id.as_str(), &form, since)
}

/// Returns what changes whenever a test is another one: what its contents send, and how many get which.
fn form(test: &Test) -> String {
    let contents = test.variants.iter().map(|variant| {
        let mail = &variant.mail;
        let of = |text: &Option<String>| text.clone().unwrap_or_default();
        let parts = [of(&mail.subject), of(&mail.preheader), of(&mail.sender)].join("\t");
        format!("{}\t{}\t{}\t{parts}", variant.name, variant.share, mail.template)
    });
    contents.collect::<Vec<_>>().join("\n")
}

/// Returns what changes whenever a winner is chosen otherwise.
fn rule(winner: &Winner) -> String {
    let most = winner.at_most.map(|most| format!(" at most {most}")).unwrap_or_default();
    format!("{} after {} at least {}{most}", winner.by.as_str(), winner.after, winner.at_least)
}
