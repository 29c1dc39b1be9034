//! What a test of contents shows: how often it is wrong, and how many people it needs.

#![allow(clippy::unwrap_used, reason = "a test")]

use drip::report::{StepRow, VariantRow};
use drip::stats::per_group;

use crate::support::Sandbox;
use crate::support::dice::Dice;

const TESTS: u32 = 1_000;

/// Sends a content to so many people, each of whom reaches the goal by it with this chance.
fn variant(dice: &mut Dice, people: u64, rate: f64) -> VariantRow {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
    let below = (rate * 1e6) as usize;
    let goal = (0..people).filter(|_| dice.roll(1_000_000) < below).count() as u64;
    VariantRow { sent: people, goal, ..VariantRow::default() }
}

/// Plays so many tests; returns the share of those with a clear leader, and of those whose leader is clearly the last content.
fn play(dice: &mut Dice, people: u64, rates: &[f64]) -> (f64, f64) {
    let (mut clear, mut right) = (0, 0);
    for _ in 0..TESTS {
        let variants: Vec<_> = rates.iter().map(|rate| variant(dice, people, *rate)).collect();
        let step = StepRow { variants, ..StepRow::default() };
        let verdict = step.verdict().unwrap();
        clear += u32::from(verdict.is_clear);
        right += u32::from(verdict.is_clear && verdict.leader == rates.len() - 1);
    }
    (f64::from(clear) / f64::from(TESTS), f64::from(right) / f64::from(TESTS))
}

/// By how much a share of so many tests may be off by chance, once in seven hundred times.
fn slack(share: f64) -> f64 {
    3.0 * (share * (1.0 - share) / f64::from(TESTS)).sqrt()
}

#[test]
fn where_contents_are_alike_a_winner_is_seen_no_oftener_than_said() {
    let mut dice = Dice(20_260_302);
    for (people, rates) in [(1_000, &[0.2; 2][..]), (400, &[0.03; 2]), (1_000, &[0.1; 4]), (60, &[0.5; 3])] {
        let (clear, _) = play(&mut dice, people, rates);
        assert!(clear <= 0.05 + slack(0.05), "{clear} of the tests of {} contents, {people} people each", rates.len());
    }
}

#[test]
fn a_difference_is_found_as_often_as_the_size_of_the_test_promised() {
    let mut dice = Dice(20_260_303);
    for (one, other) in [(0.2, 0.25), (0.05, 0.1), (0.6, 0.7)] {
        let people = per_group(one, other, 0.95, 0.8).unwrap();
        let (clear, right) = play(&mut dice, people, &[one, other]);
        assert!((clear - 0.8).abs() <= slack(0.8) + 0.01, "{one} and {other}: found in {clear}");
        assert!(clear - right < 0.005, "{one} and {other}: the wrong one in {}", clear - right);
    }
}

#[test]
fn of_three_contents_the_better_one_is_found_as_often_as_promised() {
    let mut dice = Dice(20_260_304);
    let answer = Sandbox::new().drip(&["test-size", "20%", "30%", "--contents", "3", "--json"]).code(0).stdout;
    let people = serde_json::from_str::<serde_json::Value>(&answer).unwrap()["people_each"].as_u64().unwrap();
    let (_, right) = play(&mut dice, people, &[0.2, 0.2, 0.3]);
    assert!((0.8 - slack(0.8)..0.95).contains(&right), "found in {right}, {people} people each");
}

#[test]
fn the_size_of_a_test_is_told_before_it_begins() {
    let sandbox = Sandbox::new();
    let told = |words: &[&str]| sandbox.drip(&[&["test-size"], words].concat());
    let said = told(&["5%", "6%"]).code(0).stdout;
    assert!(said.starts_with("8,158 people for each content, 16,316 in all, tell 6 % from 5 %.\n"), "{said}");
    assert_eq!(told(&["0.05", "6"]).code(0).stdout, said);
    let said = told(&["5%", "--people", "16316"]).code(0).stdout;
    assert!(said.starts_with("8,158 people for each content tell 6 % from 5 %, and nothing nearer.\n"), "{said}");
    // Who compares more of them has to be surer of each pair.
    let of = |words: &[&str]| {
        let answer = told(&[words, &["--json"]].concat()).code(0).stdout;
        serde_json::from_str::<serde_json::Value>(&answer).unwrap()["people_each"].as_u64().unwrap()
    };
    assert!(of(&["5%", "6%", "--contents", "4"]) > of(&["5%", "6%"]));
    assert!(of(&["5%", "6%", "--power", "90%"]) > of(&["5%", "6%"]));
    // So does who looks several times, or at several parts of a mail; two parts need fewer than four contents.
    assert!(of(&["5%", "6%", "--looks", "4"]) > of(&["5%", "6%"]));
    assert!(of(&["5%", "6%", "--parts", "2,2"]) > of(&["5%", "6%"]));
    assert!(of(&["5%", "6%", "--parts", "2,2"]) < of(&["5%", "6%", "--contents", "4"]));
    assert!(told(&["5%", "6%", "--parts", "3,2"]).code(0).stdout.contains("people for each level, "));
    for (words, what) in [
        (&["5%"][..], "<BETTER>"),
        (&["5%", "5%"], "they are too near to each other"),
        (&["101%", "5%"], "write it as 5% or 0.05"),
        (&["90%", "--people", "6"], "show no difference at all"),
        (&["5%", "6%", "--power", "1%"], "from 50% up"),
    ] {
        let ended = told(words);
        assert!(ended.code != 0 && ended.stderr.contains(what), "{words:?}: {}", ended.stderr);
    }
}
