//! What customers are worth: the numbers, the conditions that look at them, and the model behind them.

#![allow(clippy::unwrap_used, reason = "a test")]

use chrono::{DateTime, Days, NaiveDate, Utc};
use drip::model::condition::Condition;
use drip::model::event::Event;
use drip::model::id::EventId;
use drip::model::terms::Terms;
use drip::model::value::Customer;
use drip::runner::value::fit;
use drip::stats::{Crowd, Rhythm};
use serde_json::{Value, json};

use crate::documents::{blocks, document, play};
use crate::support::Sandbox;
use crate::support::dice::Dice;

const FIRST: &str = "2026-01-01";
pub(crate) const MONDAY: &str = "2026-06-01T02:00:00Z";

fn day(number: usize) -> NaiveDate {
    FIRST.parse::<NaiveDate>().unwrap() + Days::new(number as u64)
}

/// Somebody's purchases: the day, and for how much.
pub(crate) type Purchases = Vec<(usize, u32)>;

/// Lets people buy, each at a pace of their own, until they turn away; nobody buys on a day after the last.
pub(crate) fn customers(dice: &mut Dice, number: usize, last: usize) -> Vec<Purchases> {
    let mut all = Vec::new();
    for _ in 0..number {
        let (pace, stays, spends) = (3 + dice.roll(60), 1 + dice.roll(9), 20 + dice.roll(200));
        let mut at = dice.roll(last / 2);
        let mut found = Vec::new();
        while at <= last {
            found.push((at, u32::try_from(spends + dice.roll(spends)).unwrap()));
            if dice.roll(10) >= stays {
                break;
            }
            at += 1 + dice.roll(2 * pace);
        }
        all.push(found);
    }
    all
}

pub(crate) fn address(number: usize) -> String {
    format!("c{number}@example.com")
}

/// Imports them, and what they bought.
pub(crate) fn import(sandbox: &Sandbox, customers: &[Purchases]) {
    let mut contacts = "email\n".to_owned();
    let mut orders = "email,event,time,value\n".to_owned();
    for (number, purchases) in customers.iter().enumerate() {
        contacts += &format!("{}\n", address(number));
        for (at, value) in purchases {
            orders += &format!("{},purchased,{}T10:00:00Z,{value}\n", address(number), day(*at));
        }
    }
    sandbox.write("contacts.csv", &contacts);
    sandbox.write("orders.csv", &orders);
    sandbox.drip(&["--now", "2025-12-31T00:00:00Z", "import", "contacts.csv"]).code(0);
    sandbox.drip(&["--now", MONDAY, "import", "orders.csv"]).code(0);
}

/// A shop of 150 days.
pub(crate) fn shop(head: &str) -> (Sandbox, Vec<Purchases>) {
    let sandbox = Sandbox::new().settings("frequency_cap: none\nvalue: { ahead: 30d, refit: never }").campaign(
        "lost",
        head,
        &["id: mail, send: mail"],
    );
    let people = customers(&mut Dice(20_260_601), 300, 150);
    import(&sandbox, &people);
    (sandbox, people)
}

pub(crate) fn json_of(sandbox: &Sandbox, words: &[&str]) -> Value {
    serde_json::from_str(&sandbox.drip(words).code(0).stdout).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// From scratch: the numbers of a customer on a day, with the model that `drip value` tells.
pub(crate) fn by_hand(purchases: &Purchases, today: NaiveDate) -> Option<(Rhythm, u32)> {
    let days: std::collections::BTreeSet<NaiveDate> =
        purchases.iter().map(|(at, _)| day(*at)).filter(|at| *at <= today).collect();
    let (first, last) = (days.first()?, days.last()?);
    let between = |from: NaiveDate, to: NaiveDate| u32::try_from((to - from).num_days()).unwrap();
    let rhythm = Rhythm {
        repeats: u32::try_from(days.len()).unwrap() - 1,
        last: between(*first, *last),
        age: between(*first, today),
    };
    Some((rhythm, between(*last, today)))
}

pub(crate) fn buying(value: &Value) -> drip::stats::Buying {
    let of = |name: &str| number(&value["model"]["buying"][name]);
    drip::stats::Buying { r: of("r"), alpha: of("alpha"), a: of("a"), b: of("b") }
}

#[test]
fn each_customer_has_the_numbers_that_follow_from_their_purchases() {
    let (sandbox, people) = shop("trigger: manual");
    let told = json_of(&sandbox, &["--now", MONDAY, "value", "--json"]);
    let today: NaiveDate = "2026-06-01".parse().unwrap();
    let mut crowd = Crowd::default();
    for (rhythm, _) in people.iter().filter_map(|purchases| by_hand(purchases, today)) {
        crowd.add(rhythm);
    }
    let model = crowd.fit().unwrap();
    let told_model = buying(&told);
    let same = |one: f64, other: f64| (one / other - 1.0).abs() < 1e-12;
    assert!(
        same(told_model.r, model.r)
            && same(told_model.alpha, model.alpha)
            && same(told_model.a, model.a)
            && same(told_model.b, model.b),
        "{told_model:?}, and {model:?} of the same customers"
    );
    assert_eq!(told["customers"], 300);
    assert_eq!(told["model"]["as_of"], "2026-06-01");
    sandbox.drip(&["--now", MONDAY, "export", "value", "customers.jsonl"]).code(0);
    let rows = std::fs::read_to_string(sandbox.path("customers.jsonl")).unwrap();
    let (mut purchases, mut value, mut seen) = (0.0, 0.0, 0);
    for row in rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let email = row["email"].as_str().unwrap();
        let who: usize = email[1..].split('@').next().unwrap().parse().unwrap();
        let (rhythm, recency) = by_hand(&people[who], today).unwrap();
        assert_eq!((&row["recency"], &row["frequency"]), (&json!(recency), &json!(rhythm.repeats + 1)));
        let paid: u32 = people[who].iter().map(|(_, paid)| paid).sum();
        assert!((number(&row["monetary"]) - f64::from(paid)).abs() < 1e-9);
        assert!((number(&row["p_alive"]) - model.alive(rhythm)).abs() < 1e-9, "{row}");
        assert!((number(&row["expected_purchases"]) - model.expected(rhythm, 30.0)).abs() < 1e-9, "{row}");
        let product = number(&row["expected_purchases"]) * number(&row["expected_amount"]);
        assert!((number(&row["expected_value"]) - product).abs() < 1e-9);
        purchases += number(&row["expected_purchases"]);
        value += number(&row["expected_value"]);
        seen += 1;
    }
    assert_eq!(seen, 300);
    let month = &told["expected"][0];
    assert_eq!(month["days"], 30);
    assert!((number(&month["purchases"]) - purchases).abs() < 1e-6 && (number(&month["value"]) - value).abs() < 1e-6);
    let shown = json_of(&sandbox, &["--now", MONDAY, "contact", "show", "c7@example.com", "--json"]);
    let row = rows.lines().find(|line| line.contains("\"c7@example.com\"")).unwrap();
    let mut row: Value = serde_json::from_str(row).unwrap();
    for beside in ["email", "consent"] {
        row.as_object_mut().unwrap().remove(beside);
    }
    assert_eq!(shown["value"], row);
    let text = sandbox.drip(&["--now", MONDAY, "contact", "show", "c7@example.com"]).code(0).stdout;
    assert!(text.contains("\n  bought       on ") && text.contains(" within 30 days\n"), "{text}");
}

#[test]
fn the_cells_hold_everybody_once() {
    let (sandbox, people) = shop("trigger: manual");
    let told = json_of(&sandbox, &["--now", MONDAY, "value", "--json"]);
    let cells = told["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 25);
    assert_eq!(cells.iter().map(|cell| cell["customers"].as_u64().unwrap()).sum::<u64>(), 300);
    let paid: f64 = people.iter().flatten().map(|(_, paid)| f64::from(*paid)).sum();
    assert!((cells.iter().map(|cell| number(&cell["monetary"])).sum::<f64>() - paid).abs() < 1e-6);
    let csv = sandbox.drip(&["--now", MONDAY, "value", "--format", "csv"]).code(0).stdout;
    assert!(csv.starts_with("recency,frequency,customers,monetary\n5,1,") && csv.lines().count() == 26, "{csv}");
    let text = sandbox.drip(&["--now", MONDAY, "value", "--top", "3"]).code(0).stdout;
    for words in [
        "300 customers bought on ",
        "Model of 2026-06-01, made of 300 customers, of whom ",
        "times a year on average",
        "  within  30 days  ",
        "   0-20 %  ",
        "The most is expected of, within 30 days:",
        "More likely lost than not, of those who paid the most:",
    ] {
        assert!(text.contains(words), "`{words}` is not in:\n{text}");
    }
    let best = told["best"].as_array().unwrap();
    assert!(best.windows(2).all(|two| number(&two[0]["expected_value"]) >= number(&two[1]["expected_value"])));
    assert!(told["at_risk"].as_array().unwrap().iter().all(|one| number(&one["p_alive"]) < 0.5));
    // The fifth that bought last is about a fifth.
    let latest: u64 = cells.iter().take(5).map(|cell| cell["customers"].as_u64().unwrap()).sum();
    assert!((40..=80).contains(&latest), "{latest}");
    let chosen =
        sandbox.drip(&["--now", MONDAY, "contact", "list", "--where", "contact.rfm.startsWith('5')", "--json"]);
    let chosen: Value = serde_json::from_str(&chosen.code(0).stdout).unwrap();
    assert_eq!(chosen["contacts"].as_array().unwrap().len() as u64, latest, "conditions mean the same cells");
}

#[test]
fn what_cannot_be_fitted_says_why() {
    let sandbox = Sandbox::new().contacts("email", &["lan@example.com"]);
    let said = sandbox.drip(&["--now", MONDAY, "value"]).code(0).stdout;
    assert!(said.starts_with("Nobody has bought anything yet."), "{said}");
    sandbox.drip(&["track", "lan@example.com", "purchased", "value=1e400", "--at", "2026-05-01T00:00Z"]);
    sandbox.drip(&["track", "lan@example.com", "purchased", "value=free", "--at", "2026-05-02T00:00Z"]).code(0);
    let said = sandbox.drip(&["--now", MONDAY, "value"]).code(0).stdout;
    assert!(
        said.contains(
            "How often people buy cannot be fitted, because so far 1 of the 50 customers that it takes bought anything."
        ),
        "{said}"
    );
    let told = json_of(&sandbox, &["--now", MONDAY, "value", "--json"]);
    assert_eq!(told["best"][0]["p_alive"], Value::Null);
    assert_eq!(told["expected"][0]["purchases"], Value::Null);
    let listed = |condition: &str| {
        let chosen = sandbox.drip(&["--now", MONDAY, "contact", "list", "--where", condition, "--json"]).code(0);
        serde_json::from_str::<Value>(&chosen.stdout).unwrap()["contacts"].as_array().unwrap().len()
    };
    assert_eq!(listed("contact.p_alive == null && contact.rfm == null && contact.frequency >= 1"), 1);
    assert_eq!(listed("contact.recency >= 30 && contact.monetary < 1"), 1);
}

#[test]
fn an_attribute_of_the_contacts_own_wins_and_check_says_so() {
    let sandbox = Sandbox::new()
        .campaign("a", "trigger: { segment: contact.frequency == \"weekly\" }", &["id: mail, send: mail"])
        .contacts("email,frequency", &["lan@example.com,weekly", "minh@example.com,"]);
    sandbox.drip(&["track", "minh@example.com", "purchased", "--at", "2026-05-02T00:00Z"]).code(0);
    let said = sandbox.drip(&["check"]).code(0).stderr;
    assert!(
        said.contains("`contact.frequency` is an attribute that 1 contact brought along, and what a customer is worth for the others"),
        "{said}"
    );
    let listed = |condition: &str| {
        let chosen = sandbox.drip(&["--now", MONDAY, "contact", "list", "--where", condition, "--format", "csv"]);
        chosen.code(0).stdout
    };
    assert!(listed("contact.frequency == 'weekly'").contains("lan@example.com"));
    let once = listed("contact.frequency == 1");
    assert!(once.contains("minh@example.com") && !once.contains("lan@"), "{once}");
}

/// The shop of the document: 400 people, and what they bought in 168 days of months of 28.
fn shop_of_the_document(sandbox: &Sandbox) {
    let mut state = 7_u64;
    let mut dice = |sides: u64| {
        state = state * 16_807 % 2_147_483_647;
        state % sides
    };
    let (mut people, mut orders) = ("email\n".to_owned(), "email,event,time,value\n".to_owned());
    for number in 1..=400 {
        people += &format!("c{number}@example.com\n");
        let (pace, stays) = (2 + dice(50), dice(10));
        let mut at = dice(84);
        while at < 168 {
            let (month, day, paid) = (at / 28 + 1, at % 28 + 1, 20 + number * 13 % 90 + dice(20));
            orders += &format!("c{number}@example.com,purchased,2026-{month:02}-{day:02} 10:00,{paid}\n");
            if dice(10) > stays {
                break;
            }
            at += 1 + dice(2 * pace);
        }
    }
    sandbox.write("people.csv", &people);
    sandbox.write("orders.csv", &orders);
}

#[test]
fn the_document_tells_what_happens() {
    let text = document("docs/value.md");
    let sandbox = Sandbox::new();
    shop_of_the_document(&sandbox);
    play(&blocks(&text, "console")[0], &sandbox.path("."));
    for block in blocks(&text, "yaml") {
        sandbox.write(block.lines().next().unwrap().trim_start_matches("# "), &block);
    }
    sandbox.drip(&["check"]).code(0);
    for line in text.lines().filter(|line| line.starts_with("| `contact.")) {
        let source = line.split('`').nth(1).unwrap();
        let condition = Condition::parse(&format!("{source} == null")).unwrap();
        assert_eq!(condition.measures().count(), 1, "{source}");
    }
}

#[test]
fn days_are_those_of_the_project_and_several_purchases_of_one_are_one() {
    let terms = Terms::default();
    let event = |id, at: &str, value: Value| Event {
        id: EventId(id),
        name: "purchased".to_owned(),
        at: at.parse().unwrap(),
        properties: json!({ "value": value }).as_object().unwrap().clone(),
    };
    let history = [
        event(1, "2026-03-01T16:59:00Z", json!(10)),
        event(2, "2026-03-01T17:00:00Z", json!(20)),
        event(3, "2026-03-02T16:00:00Z", json!("5.5")),
        event(4, "2026-03-04T00:00:00Z", json!(-3)),
    ];
    let now: DateTime<Utc> = "2026-03-04T12:00:00Z".parse().unwrap();
    let of = |zone| Customer::of(&history, &terms.purchases, zone, now).unwrap();
    let here = of(chrono_tz::Asia::Ho_Chi_Minh);
    assert_eq!((here.days, here.first, here.last), (3, "2026-03-01".parse().unwrap(), "2026-03-04".parse().unwrap()));
    assert_eq!((here.repeats.purchases, here.total), (1, 32.5), "a day on which nothing was paid is no price");
    assert!((here.repeats.total - 25.5).abs() < 1e-9);
    let there = of(chrono_tz::UTC);
    assert_eq!((there.days, there.last), (3, "2026-03-04".parse().unwrap()));
    assert_eq!(there.repeats.purchases, 1);
    let model = fit(&[here, there], &terms, now);
    assert_eq!(model.buying.unwrap_err(), "so far 2 of the 50 customers that it takes bought anything");
    assert_eq!(model.fifths, None);
}
