//! Models of buying and spending, against other programs and against people whose truth is known.

use super::hyper::hyp2f1;
use super::*;

#[track_caller]
fn near(found: f64, expected: f64, share: f64) {
    assert!((found / expected - 1.0).abs() <= share, "{found}, not {expected}");
}

#[test]
fn the_function_of_gauss_is_what_mpmath_says() {
    for (a, b, c, z, expected) in [
        (0.242_6, 2.426, 2.219, 0.5, 1.206_724_353_515_02),
        (2.242_6, 4.426, 4.219, 0.477_1, 4.638_341_137_511_29),
        (30.242_6, 32.426, 32.219, 0.9, 2.782_509_418_014_14e30),
        (7.242_6, 9.426, 9.219, 0.999, 2.118_639_546_522_91e22),
        (3.1, 0.4, 1.1, 0.999_99, 242_426_666_720.83),
        (1.05, 1.9, 7.4, 0.97, 1.425_870_573_554_3),
        (212.0, 205.0, 204.02, 0.8, 7.581_334_457_027_96e148),
        (1.5, 2.5, 3.5, 0.999_9, 488.416_121_796_859),
        (4.9, 7.0, 7.000_02, 0.6, 89.104_548_216_971_7),
        (53.0, 903.0, 942.0, 0.3, 64_497_897.191_760_6),
        (0.3, 2.0, 2.3, 0.000_1, 1.000_026_088_498_13),
        (2.0, 2.0, 2.0, 0.999_999, 999_999_999_942.489),
        (0.01, 0.5, 8.5, 0.999_9, 1.000_645_045_119_54),
        (0.01, 0.5, 60.5, 0.999_9, 1.000_083_682_571_78),
        (0.3, 0.7, 1.9, 0.0, 1.0),
    ] {
        let (power, rest) = hyp2f1(a, b, c, z);
        near((1.0 - z).powf(power) * rest, expected, 3e-13);
    }
}

/// The published model of the CDNOW sample, whose unit is the week, in days.
const PUBLISHED: Buying = Buying { r: 0.243, alpha: 4.414 * 7.0, a: 0.793, b: 2.426 };

#[test]
fn the_worked_example_of_the_paper_comes_out() {
    // Fader, Hardie and Lee, "Implementing the BG/NBD model for customer base analysis in Excel": 1.226 purchases in 39 weeks.
    let one = Rhythm { repeats: 2, last: 213, age: 272 };
    assert!((PUBLISHED.expected(one, 273.0) - 1.226).abs() < 0.0005);
    assert!((PUBLISHED.alive(one) - 0.7266).abs() < 0.0005);
}

/// Chances from 0 to 1, the same in each run.
struct Dice(u64);

impl Dice {
    fn share(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        #[expect(clippy::cast_precision_loss, reason = "53 bits")]
        let share = ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        share
    }

    fn exponential(&mut self) -> f64 {
        -self.share().ln()
    }

    /// A gamma distribution of a whole shape and scale 1.
    fn gamma(&mut self, shape: u32) -> f64 {
        (0..shape).map(|_| self.exponential()).sum()
    }
}

/// Lets people buy as the model with r = 1, alpha = 20 days, a = 1, b = 3 says; returns what is known of each, and how often
/// they bought in the hundred days after that.
fn people(dice: &mut Dice, number: u32) -> Vec<(Rhythm, u32)> {
    let mut found = Vec::new();
    for _ in 0..number {
        let (rate, leaving, staying) = (dice.gamma(1) / 20.0, dice.gamma(1), dice.gamma(3));
        let age = 200.0 + (dice.share() * 200.0).floor();
        let (mut one, mut after, mut at) = (Rhythm { repeats: 0, last: 0, age: whole(age) }, 0, 0.0);
        loop {
            at += dice.exponential() / rate;
            if at > age + 100.0 {
                break;
            }
            if at <= age {
                (one.repeats, one.last) = (one.repeats + 1, whole(at));
            } else {
                after += 1;
            }
            if dice.share() < leaving / (leaving + staying) {
                break;
            }
        }
        found.push((one, after));
    }
    found
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "days of a year")]
fn whole(days: f64) -> u32 {
    days.round() as u32
}

fn crowd(people: impl IntoIterator<Item = Rhythm>) -> Crowd {
    let mut crowd = Crowd::default();
    for one in people {
        crowd.add(one);
    }
    crowd
}

#[test]
fn of_people_whose_truth_is_known_the_truth_is_found_and_the_future_foretold() {
    let people = people(&mut Dice(20_261_128), 60_000);
    let crowd = crowd(people.iter().map(|(one, _)| *one));
    let found = crowd.fit().unwrap();
    for (number, truth) in [(found.r, 1.0), (found.alpha, 20.0), (found.a, 1.0), (found.b, 3.0)] {
        assert!((number / truth - 1.0).abs() < 0.08, "{found:?}");
    }
    // Nothing near it is likelier.
    let best = crowd.log_likelihood(&found);
    for (by, at) in [0.999, 1.001].into_iter().flat_map(|by| (0..4).map(move |at| (by, at))) {
        let mut other = found;
        *[&mut other.r, &mut other.alpha, &mut other.a, &mut other.b][at] *= by;
        assert!(crowd.log_likelihood(&other) < best, "{other:?}");
    }
    let foretold: f64 = people.iter().map(|(one, _)| found.expected(*one, 100.0)).sum();
    let happened: f64 = people.iter().map(|(_, after)| f64::from(*after)).sum();
    assert!((foretold / happened - 1.0).abs() < 0.03, "{foretold}, and {happened} happened");
}

#[test]
fn what_is_expected_has_no_edge_where_its_formula_has_one() {
    let one = Rhythm { repeats: 4, last: 90, age: 120 };
    let at = |a: f64| Buying { r: 0.7, alpha: 15.0, a, b: 2.0 }.expected(one, 60.0);
    near(at(1.0), f64::midpoint(at(0.9999), at(1.0001)), 1e-7);
    near(at(1.0 + 1e-6), at(1.0 - 1e-6), 1e-5);
}

#[test]
fn whoever_buys_very_often_or_waits_for_ages_still_gets_a_number() {
    for repeats in [0, 1, 20, 500, 20_000] {
        for (last, age) in [(0, 0), (1, 1), (300, 301), (300, 40_000)] {
            let one = Rhythm { repeats, last, age };
            for ahead in [1.0, 90.0, 36_500.0] {
                let (alive, expected) = (PUBLISHED.alive(one), PUBLISHED.expected(one, ahead));
                assert!((0.0..=1.0).contains(&alive) && expected.is_finite() && expected >= 0.0, "{one:?}: {expected}");
            }
        }
    }
}

#[test]
fn both_numbers_only_fall_while_somebody_waits() {
    for repeats in [0, 1, 3, 40] {
        let last = if repeats == 0 { 0 } else { 120 };
        let at = |age| {
            let one = Rhythm { repeats, last, age };
            (PUBLISHED.alive(one), PUBLISHED.expected(one, 90.0))
        };
        for age in 120..1500 {
            let (now, later) = (at(age), at(age + 1));
            assert!(later.0 <= now.0 && later.1 < now.1, "{repeats} {age}");
        }
    }
}

#[test]
fn where_nothing_can_be_told_that_is_said() {
    let one = |repeats| Rhythm { repeats, last: repeats * 10, age: 300 };
    let told = |people: Vec<Rhythm>| crowd(people).fit().unwrap_err().to_string();
    assert_eq!(told(vec![]), "so far 0 of the 50 customers that it takes bought anything");
    assert_eq!(told(vec![one(1); 49]), "so far 49 of the 50 customers that it takes bought anything");
    assert_eq!(told(vec![one(0); 1000]), "nobody ever came back on another day");
    let few = (0..1000).map(|at| one(u32::from(at < 19))).collect();
    assert_eq!(told(few), "so far 19 of the 20 customers that it takes came back on another day");
    let alike = "the customers are too much alike to tell one kind of them from another";
    assert_eq!(told(vec![one(3); 1000]), alike);
    assert_eq!(told(vec![Rhythm { repeats: 3, last: 300, age: 300 }; 1000]), alike);
    let spent = |purchases, total| Spent { purchases, total };
    let told = |people: Vec<Spent>| Spending::fit(people).unwrap_err().to_string();
    assert_eq!(told(vec![spent(3, 90.0); 1000]), alike);
    assert_eq!(told(vec![spent(1, 0.0); 50]), "so far 0 of the 20 customers that it takes came back on another day");
}

#[test]
fn what_people_spend_is_found_whatever_the_money() {
    // p = 4, q = 3, v = 30: an average of 60.
    let mut dice = Dice(99);
    let people: Vec<Spent> = (0..60_000)
        .map(|at| {
            let rate = dice.gamma(3) / 30.0;
            let purchases = 1 + at % 6;
            let total = (0..purchases).map(|_| dice.gamma(4) / rate).sum();
            Spent { purchases, total }
        })
        .collect();
    let found = Spending::fit(people.clone()).unwrap();
    for (number, truth) in [(found.p, 4.0), (found.q, 3.0), (found.v, 30.0), (found.average(), 60.0)] {
        assert!((number / truth - 1.0).abs() < 0.08, "{found:?}");
    }
    let dong = |one: &Spent| Spent { total: one.total * 26_000.0, ..*one };
    let in_dong = Spending::fit(people.iter().map(dong).collect()).unwrap();
    near(in_dong.v, found.v * 26_000.0, 1e-7);
    near(in_dong.p, found.p, 1e-7);
    let one = Spent { purchases: 2, total: 90.0 };
    near(in_dong.expected(dong(&one)), found.expected(one) * 26_000.0, 1e-7);
    assert!(found.expected(one) > 45.0 && found.expected(one) < found.average());
}
