use std::collections::BTreeMap;

use super::*;
use crate::model::address::Address;
use crate::model::contact::Consent;
use crate::model::id::{ContactId, EventId};

fn at(text: &str) -> Instant {
    text.parse().expect("an instant")
}

fn holds(source: &str) -> bool {
    let condition = Condition::parse(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
    let attributes = serde_json::json!({"country": "VN", "plan": "trial", "age": 31, "spent": 10.0, "tên": "Lan", "items": ["tea", "cup"]});
    let contact = Contact {
        id: ContactId(1),
        address: Address::parse("Lan@example.com").expect("an address"),
        consent: Consent::Subscribed,
        suppressed: false,
        refused: std::collections::BTreeSet::new(),
        paused_until: None,
        timezone: None,
        language: Some("vi".to_owned()),
        tags: ["vip".to_owned()].into(),
        attributes: attributes.as_object().expect("a map").clone(),
    };
    let event = |id, name: &str, time, properties: serde_json::Value| Event {
        id: EventId(id),
        name: name.to_owned(),
        at: at(time),
        properties: properties.as_object().expect("a map").clone(),
    };
    let history = [
        event(1, "purchased", "2026-01-01T00:00:00Z", serde_json::json!({"value": 5})),
        event(2, "opened", "2026-02-01T00:00:00Z", serde_json::json!({"step": "thanks"})),
        event(3, "purchased", "2026-02-20T00:00:00Z", serde_json::json!({"value": 20})),
    ];
    let segments = BTreeMap::from([
        ("buyers".to_owned(), Condition::parse("did('purchased')").expect("a condition")),
        ("ring".to_owned(), Condition::parse("in_segment('ring')").expect("a condition")),
    ]);
    let scope = Scope {
        contact: &contact,
        event: Some(&history[2]),
        history: &history,
        sends: &[],
        terms: &Terms { segments, ..Terms::default() },
        now: at("2026-03-01T12:00:00Z"),
    };
    condition.holds(scope)
}

#[test]
fn conditions_hold_for_a_person() {
    for source in [
        "true",
        "contact.country == \"VN\"",
        "contact[\"tên\"] == 'Lan'",
        "contact.language == 'vi' && contact.email == 'Lan@example.com'",
        "contact.age > 30 && contact.age < 31.5",
        "contact.spent == 10",
        "contact.unknown == null && contact.unknown != \"x\"",
        "!has(contact.unknown) && has(contact.plan)",
        "'vip' in contact.tags && tagged('vip')",
        "contact.items.exists(item, item.startsWith('te'))",
        "did('purchased') && !did('activated')",
        "count('purchased') == 2 && count('purchased', '30d') == 1",
        "did('purchased', '10d') && !did('purchased', '9d')",
        "days_since('purchased') == 9 && days_since('activated') == null",
        "opened('thanks') && !opened('tips') && !clicked('thanks')",
        "in_segment('buyers') && !in_segment('ring')",
        "event.value == 20 && event.name == 'purchased'",
        "contact.plan in ['trial', 'free'] ? true : false",
    ] {
        assert!(holds(source), "{source}");
    }
}

#[test]
fn what_cannot_be_computed_does_not_hold_and_does_not_fail() {
    for source in ["contact.unknown > 3", "contact.plan > 3", "contact.age", "contact.unknown.deep == 1", "1 / 0 == 1"]
    {
        assert!(!holds(source), "{source}");
    }
}

#[test]
fn what_is_wrong_is_found_before_anyone_is_mailed() {
    let cases = [
        ("", "the condition is empty", ""),
        ("contact.plan = 'x'", "`=` does not compare", "="),
        ("contact.a == 1 and contact.b == 2", "`and` is not a word of conditions", "and"),
        ("plan == 'x'", "`plan` is not known here", "plan"),
        ("contct.plan == 'x'", "`contct` is not known here", "contct"),
        ("dit('purchased')", "there is no function `dit`", "dit"),
        ("did()", "`did` does not take 0 arguments", "did"),
        ("did('a', '3 days')", "`3 days` is not a duration; write `30m`, `36h`, `2d` or `1w`", "did"),
        ("did(contact.plan)", "`did` takes a name in quotes", "did"),
        ("(contact.plan == 'x'", "the condition ends too early", ""),
        ("contact.plan == ", "the condition ends too early", ""),
        ("contact.tên == 'x'", "a character is not expected here", "ê"),
        ("'text'", "the condition is neither true nor false", "'text'"),
    ];
    for (source, message, marked) in cases {
        let error = Condition::parse(source).expect_err(source);
        assert_eq!((error.message.as_str(), &source[error.span.clone()]), (message, marked), "{source}");
    }
    assert!(Condition::parse(&"(".repeat(3000)).is_err());
    assert!(Condition::parse(&"1+".repeat(2000)).is_err());
}
