//! Tests of contents, played a thousand times by the rules of the library: how often a winner is none, how often one is found,
//! and what is lost on the way.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use std::sync::Arc;

use drip::decide::look::look;
use drip::decide::variant::shares;
use drip::decide::{Decision, Rules, decide};
use drip::model::Instant;
use drip::model::address::Address;
use drip::model::campaign::{Action, Campaign};
use drip::model::contact::{Consent, Contact};
use drip::model::enrolment::{Enrolment, EnrolmentState};
use drip::model::facts::Facts;
use drip::model::id::{ContactId, EnrolmentId};
use drip::model::trial::{Choice, Trial, Tried};
use drip::model::variant::{Metric, Shares, Winner};
use drip::stats::{self, Count, per_group};

use crate::support::Sandbox;
use crate::support::dice::Dice;

const TESTS: u32 = 1_000;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

/// Says whether something happens that does so with this chance.
fn happens(dice: &mut Dice, rate: f64) -> bool {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
    let below = (rate * 1e6) as usize;
    dice.roll(1_000_000) < below
}

/// By how much a share of so many tests may be off by chance, once in seven hundred times.
fn slack(share: f64) -> f64 {
    3.0 * (share * (1.0 - share) / f64::from(TESTS)).sqrt()
}

fn rule(at_least: u64, at_most: Option<u64>) -> Winner {
    Winner { by: Metric::Goal, after: drip::model::delay::Span { days: 7, seconds: 0 }, at_least, at_most }
}

/// Mails each content to one more, day by day, and takes the looks as a run does; returns which content won.
fn contest(dice: &mut Dice, rule: &Winner, rates: &[f64]) -> Option<usize> {
    let mut counts = vec![Count { hits: 0, of: 0 }; rates.len()];
    let mut taken = None;
    for _ in 0..*rule.looks().last().unwrap() {
        for (count, rate) in counts.iter_mut().zip(rates) {
            count.of += 1;
            count.hits += u64::from(happens(dice, *rate));
        }
        if let Some(found) = look(rule, taken, &counts) {
            taken = Some(found.number);
            if found.winner.is_some() {
                return found.winner;
            }
        }
    }
    None
}

/// Plays so many tests; returns the share of those with a winner, and of those that the last content won.
fn play(dice: &mut Dice, rule: &Winner, rates: &[f64]) -> (f64, f64) {
    let winners: Vec<_> = (0..TESTS).filter_map(|_| contest(dice, rule, rates)).collect();
    let right = winners.iter().filter(|winner| **winner == rates.len() - 1).count();
    let share = |number: usize| f64::from(u32::try_from(number).unwrap()) / f64::from(TESTS);
    (share(winners.len()), share(right))
}

#[test]
fn where_contents_are_alike_hardly_any_test_has_a_winner_however_often_it_is_looked_at() {
    let mut dice = Dice(20_260_401);
    for (rule, rates) in [
        (rule(500, None), &[0.1; 2][..]),
        (rule(200, Some(1_600)), &[0.1; 2]),
        (rule(100, Some(1_600)), &[0.3; 3]),
        (rule(100, Some(800)), &[0.03; 4]),
    ] {
        let (false_winners, _) = play(&mut dice, &rule, rates);
        assert!(false_winners <= 0.05 + slack(0.05), "{rule:?}: {false_winners}");
    }
}

/// What the planned looks are for: the same intervals, looked at after every twenty mails.
#[test]
fn who_looks_all_the_time_finds_a_winner_where_there_is_none() {
    let mut dice = Dice(20_260_402);
    let mut found = 0;
    for _ in 0..TESTS {
        let mut counts = [Count { hits: 0, of: 0 }; 2];
        let clear = (0..1_600_u32).any(|mail| {
            for count in &mut counts {
                count.of += 1;
                count.hits += u64::from(happens(&mut dice, 0.1));
            }
            mail >= 200 && mail % 20 == 0 && stats::lead(&counts, 0.95).is_some_and(|lead| lead.is_clear)
        });
        found += u32::from(clear);
    }
    assert!(found > TESTS / 8, "{found} of {TESTS}");
}

#[test]
fn a_better_content_wins_as_often_as_the_size_of_the_test_promised() {
    let mut dice = Dice(20_260_403);
    for (one, other) in [(0.2, 0.3), (0.05, 0.1)] {
        let people = per_group(one, other, 0.95, 0.8).unwrap();
        let (won, right) = play(&mut dice, &rule(people, None), &[one, other]);
        assert!((right - 0.8).abs() <= slack(0.8) + 0.01, "{one} and {other}: {right}");
        assert!(won - right < 0.005, "the wrong one in {}", won - right);
        // Further looks find what the first one did not: with four times as many, hardly any is missed.
        let (_, right) = play(&mut dice, &rule(people, Some(4 * people)), &[one, other]);
        assert!(right > 0.97, "{one} and {other}, three looks: {right}");
    }
}

/// A campaign whose first step is a test of these contents.
fn campaign(contents: &str) -> Campaign {
    let sandbox = Sandbox::new().campaign(
        "w",
        "trigger: manual\ngoal: { event: purchased, within: 30d }",
        &[&format!("id: offer, test: {{ a: {{ send: mail }}, b: {{ send: mail }}, c: {{ send: mail }} }}{contents}")],
    );
    let root: &Path = &sandbox.path(".");
    let project = drip::project::load(root, &drip::project::Overrides::default()).unwrap();
    project.campaigns.into_iter().next().unwrap()
}

/// Whom a run asks `decide` about.
fn facts(campaign: &Campaign) -> Facts {
    Facts {
        enrolment: Enrolment {
            id: EnrolmentId(1),
            contact: ContactId(1),
            campaign: campaign.id.clone(),
            round: 1,
            state: EnrolmentState::Active,
            position: None,
            entered_at: at("2026-03-02T02:00:00Z"),
            held_out: false,
        },
        contact: Contact {
            id: ContactId(1),
            address: Address::parse("lan@example.com").unwrap(),
            consent: Consent::Subscribed,
            suppressed: false,
            refused: std::collections::BTreeSet::new(),
            paused_until: None,
            timezone: None,
            language: None,
            tags: std::collections::BTreeSet::new(),
            attributes: serde_json::Map::new(),
        },
        events: Vec::new(),
        sends: Vec::new(),
        recent_mails: Vec::new(),
        trials: Arc::default(),
    }
}

/// Mails so many people a day for so many days, each of whom tells a day later; returns how many goals were lost, of all, to
/// mailing everyone the best content from the first day on.
fn lost(dice: &mut Dice, campaign: &Campaign, rates: [f64; 3], (days, people): (u32, u32)) -> f64 {
    let Action::Test(test) = &campaign.steps[0].action else { panic!("a test") };
    let terms = drip::model::terms::Terms::default();
    let rules = Rules { timezone: chrono_tz::UTC, frequency_caps: &[], terms: &terms, pauses: true };
    let mut facts = facts(campaign);
    let (mut tried, mut today): (Vec<Tried>, Vec<Tried>) = (
        test.variants.iter().map(|variant| Tried { variant: variant.name.clone(), ..Tried::default() }).collect(),
        Vec::new(),
    );
    let (mut expected, best) = (0.0, rates.iter().copied().fold(0.0, f64::max));
    for _ in 0..days {
        for one in today.drain(..) {
            let known = tried.iter_mut().find(|known| known.variant == one.variant).unwrap();
            known.sent += one.sent;
            known.goals += one.goals;
        }
        if let Shares::Thompson(rule) = test.shares {
            let choice = Choice::Shares(shares(test, rule, &tried));
            facts.trials = vec![Trial { step: campaign.steps[0].id.clone(), choice }].into();
        }
        for _ in 0..people {
            facts.contact.address = Address::parse(&format!("p{}@example.com", dice.roll(usize::MAX))).unwrap();
            let decision = decide(campaign, &facts, rules, at("2026-03-02T02:00:00Z"));
            let Decision::Send { variant: Some(name), .. } = decision else { panic!("no mail") };
            let place = test.variants.iter().position(|variant| variant.name == name).unwrap();
            expected += best - rates[place];
            let goals = u64::from(happens(dice, rates[place]));
            today.push(Tried { variant: name.to_owned(), sent: 1, goals, clicks: 0 });
        }
    }
    expected
}

#[test]
fn thompson_sampling_loses_fewer_goals_than_shares_that_stand_fast() {
    let mut dice = Dice(20_260_404);
    let fixed = campaign("");
    let moving = campaign(", shares: { thompson: goal, floor: 2 }");
    for (rates, most) in [([0.1, 0.3, 0.15], 0.4), ([0.3, 0.25, 0.35], 0.85)] {
        let mut lose =
            |campaign: &Campaign| -> f64 { (0..50).map(|_| lost(&mut dice, campaign, rates, (12, 50))).sum() };
        let (fixed, moving) = (lose(&fixed), lose(&moving));
        assert!(moving < most * fixed, "{rates:?}: {moving} goals lost, and {fixed} with shares that stand fast");
    }
}

#[test]
fn shares_are_the_chances_of_being_the_best_and_nobody_starves() {
    let campaign = campaign(", shares: { thompson: goal, floor: 5 }");
    let Action::Test(test) = &campaign.steps[0].action else { panic!("a test") };
    let Shares::Thompson(rule) = test.shares else { panic!("they move") };
    let tried = |counts: [(u64, u64); 3]| -> Vec<Tried> {
        let named = ["a", "b", "c"].into_iter().zip(counts);
        named.map(|(name, (goals, sent))| Tried { variant: name.to_owned(), sent, goals, clicks: 0 }).collect()
    };
    let close = |found: &[f64], expected: [f64; 3]| {
        assert!(
            found.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-6),
            "{found:?}, not {expected:?}"
        );
    };
    close(&shares(test, rule, &[]), [1.0 / 3.0; 3]);
    close(&shares(test, rule, &tried([(0, 5_000), (4_000, 5_000), (100, 5_000)])), [0.05, 0.9, 0.05]);
    let counts = [(10, 100), (18, 100), (15, 90)];
    let chances = stats::best(&counts.map(|(hits, of)| Count { hits, of }));
    let found = shares(test, rule, &tried(counts));
    close(&found, [0, 1, 2].map(|at| 0.05 + 0.85 * chances[at]));
    // What people get is what the shares say.
    let mut facts = facts(&campaign);
    let choice = Choice::Shares(found.clone());
    facts.trials = vec![Trial { step: campaign.steps[0].id.clone(), choice }].into();
    let terms = drip::model::terms::Terms::default();
    let rules = Rules { timezone: chrono_tz::UTC, frequency_caps: &[], terms: &terms, pauses: true };
    let mut got = [0_u32; 3];
    for n in 0..5_000 {
        facts.contact.address = Address::parse(&format!("p{n}@example.com")).unwrap();
        let Decision::Send { variant: Some(name), .. } = decide(&campaign, &facts, rules, at("2026-03-02T02:00:00Z"))
        else {
            panic!("no mail")
        };
        got[test.variants.iter().position(|variant| variant.name == name).unwrap()] += 1;
    }
    for (got, share) in got.into_iter().zip(found) {
        assert!((f64::from(got) / 5_000.0 - share).abs() < 0.035, "{got} at {share}");
    }
}
