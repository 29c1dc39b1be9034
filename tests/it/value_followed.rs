//! What customers are worth, followed: from day to day, from model to model, by triggers and by stages.

#![allow(clippy::unwrap_used, reason = "a test")]

use chrono::{DateTime, Days, NaiveDate, Utc};
use drip::stats::Rhythm;

use crate::support::Sandbox;
use crate::support::dice::Dice;
use crate::value::{MONDAY, Purchases, address, buying, by_hand, customers, import, json_of, shop};

/// Who is let in on which day, by looking at everybody every day from scratch.
fn crossings(
    people: &[Purchases],
    from: NaiveDate,
    until: NaiveDate,
    holds: impl Fn(Rhythm, u32) -> bool,
) -> Vec<(String, NaiveDate)> {
    let mut found = Vec::new();
    for (number, purchases) in people.iter().enumerate() {
        let on = |today: NaiveDate| by_hand(purchases, today).is_some_and(|(rhythm, recency)| holds(rhythm, recency));
        let mut today = from;
        while !on(today) && today <= until {
            today = today + Days::new(1);
        }
        // Who matches on the first day stays out, as `existing: skip` says.
        if today > from && today <= until {
            found.push((address(number), today));
        }
    }
    found.sort();
    found
}

fn entered(sandbox: &Sandbox) -> Vec<(String, NaiveDate)> {
    let rows = sandbox.sql("SELECT email || ' ' || date(entered_at, '+7 hours') FROM v_enrolments ORDER BY email");
    let read = |row: String| {
        let (email, day) = row.split_once(' ').unwrap();
        (email.to_owned(), day.parse().unwrap())
    };
    let mut rows: Vec<_> = rows.into_iter().map(read).collect();
    rows.sort();
    rows
}

#[test]
fn a_condition_lets_in_on_the_day_on_which_the_chance_falls_below_the_limit() {
    let (sandbox, people) = shop("trigger: { segment: contact.p_alive < 0.6 }");
    // The first run learns; the next one takes it up, and sees who is lost already.
    sandbox.drip(&["--now", MONDAY, "run"]).code(0);
    let said = sandbox.drip(&["--now", "2026-06-01T03:00:00Z", "run"]).code(0).stderr;
    assert!(said.contains("The trigger of campaign lost changed; whom it fits already stays out: "), "{said}");
    assert_eq!(entered(&sandbox), []);
    let model = buying(&json_of(&sandbox, &["--now", MONDAY, "value", "--json"]));
    let (from, until): (NaiveDate, NaiveDate) = ("2026-06-01".parse().unwrap(), "2026-07-15".parse().unwrap());
    let expected = crossings(&people, from, until, |rhythm, _| model.alive(rhythm) < 0.6);
    assert!(expected.len() > 10, "{expected:?}");
    let (often, seldom) = (sandbox.copy(), sandbox.copy());
    // Twice a day or oftener, at moments that are no midnight.
    let mut at: DateTime<Utc> = "2026-06-01T05:17:00Z".parse().unwrap();
    while at.with_timezone(&chrono_tz::Asia::Ho_Chi_Minh).date_naive() <= until {
        often.drip(&["-q", "--now", &at.to_rfc3339(), "run"]).code(0);
        at += chrono::TimeDelta::hours(11);
    }
    assert_eq!(entered(&often), expected);
    // Once in a month and a half, late on the last day: the same people, of whom nobody could be let in before that run.
    seldom.drip(&["-q", "--now", "2026-07-15T16:00:00Z", "run", "--trust-clock"]).code(0);
    let who = |entered: Vec<(String, NaiveDate)>| entered.into_iter().map(|(who, _)| who).collect::<Vec<_>>();
    assert_eq!(who(entered(&seldom)), who(expected));
}

#[test]
fn nobody_is_looked_at_before_the_day_that_matters() {
    let (sandbox, people) = shop("trigger: { segment: contact.p_alive < 0.6 }");
    sandbox.run(MONDAY);
    sandbox.run("2026-06-01T03:00:00Z");
    let model = buying(&json_of(&sandbox, &["--now", MONDAY, "value", "--json"]));
    let today: NaiveDate = "2026-06-01".parse().unwrap();
    let watched: Vec<Option<NaiveDate>> = sandbox
        .sql("SELECT coalesce(date(w.at / 1000, 'unixepoch', '+7 hours'), '') FROM contacts c JOIN watches w ON w.contact_id = c.id ORDER BY c.id")
        .into_iter()
        .map(|day| day.parse().ok())
        .collect();
    assert_eq!(watched.len(), 300);
    for (number, purchases) in people.iter().enumerate() {
        let alive = |day: NaiveDate| model.alive(by_hand(purchases, day).unwrap().0);
        match watched[number] {
            Some(day) => {
                assert!(
                    alive(day) < 0.6 && alive(day - Days::new(1)) >= 0.6,
                    "{number}: {day}, {} and {} before",
                    alive(day),
                    alive(day - Days::new(1))
                );
            }
            None => assert!(alive(today) < 0.6 || purchases.len() == 1, "{number}"),
        }
    }
}

#[test]
fn a_new_model_moves_people_and_a_purchase_does() {
    let (sandbox, people) = shop("trigger: { segment: contact.p_alive < 0.3 }\nreentry: always");
    sandbox.run(MONDAY);
    sandbox.run("2026-06-01T03:00:00Z");
    // A model under which people turn away far more readily.
    sandbox.database().execute("UPDATE value_model SET a = a * 4", []).unwrap();
    let told = json_of(&sandbox, &["--now", MONDAY, "value", "--json"]);
    let (model, today) = (buying(&told), "2026-06-01".parse().unwrap());
    sandbox.run("2026-06-01T04:00:00Z");
    let lost = |purchases: &Purchases| model.alive(by_hand(purchases, today).unwrap().0) < 0.3;
    let inside: Vec<String> = entered(&sandbox).into_iter().map(|(who, _)| who).collect();
    assert!(inside.len() > 20, "{inside:?}");
    assert!(people.iter().enumerate().all(|(number, one)| lost(one) || !inside.contains(&address(number))));
    let members = sandbox.sql("SELECT c.email FROM members m JOIN contacts c ON c.id = m.contact_id ORDER BY c.id");
    let expected: Vec<_> = people.iter().enumerate().filter(|(_, one)| lost(one)).map(|(at, _)| address(at)).collect();
    assert_eq!(members, expected, "as from scratch");
    // Their mail left in the same run.
    assert_eq!(sandbox.outbox().len(), inside.len());
    // Somebody who is lost comes back, and is not a member any more.
    let who = &inside[0];
    sandbox.drip(&["--now", "2026-06-02T01:00:00Z", "track", who, "purchased", "value=90"]).code(0);
    sandbox.run("2026-06-02T02:00:00Z");
    assert!(!sandbox.sql("SELECT c.email FROM members m JOIN contacts c ON c.id = m.contact_id").contains(who));
}

#[test]
fn stages_and_segments_by_worth_follow_the_days_and_the_model() {
    let sandbox = Sandbox::new().settings(
        "value: { refit: never }
score:
  points: [{ event: purchased, points: 10, where: contact.frequency >= 3 }]
stages:
  customer: contact.frequency > 0
  fading: contact.p_alive < 0.6
segments:
  regular: score >= 10
  lost: stage == \"fading\" && contact.recency > 60",
    );
    let sandbox = sandbox.campaign("back", "trigger: { stage: fading }", &["id: mail, send: mail"]);
    let people = customers(&mut Dice(11), 200, 150);
    import(&sandbox, &people);
    // The first run learns, the second one sees it.
    sandbox.run(MONDAY);
    sandbox.run("2026-06-01T03:00:00Z");
    let standings = |sandbox: &Sandbox| {
        sandbox.sql("SELECT c.email || ' ' || s.stage || ' ' || (SELECT coalesce(group_concat(segment), '') FROM (SELECT segment FROM v_segments v WHERE v.email = c.email ORDER BY 1)) FROM standings s JOIN contacts c ON c.id = s.contact_id ORDER BY c.id")
    };
    let by_hand_on = |model: &drip::stats::Buying, today: NaiveDate| -> Vec<String> {
        let stage = |one: &Purchases| {
            let (rhythm, recency) = by_hand(one, today).unwrap();
            (if model.alive(rhythm) < 0.6 { "fading" } else { "customer" }, rhythm.repeats, recency)
        };
        let all = people.iter().enumerate().map(|(number, one)| (address(number), stage(one)));
        all.map(|(email, (stage, repeats, recency))| {
            let lost = (stage == "fading" && recency > 60).then_some("lost");
            let regular = (repeats >= 2).then_some("regular");
            format!("{email} {stage} {}", lost.into_iter().chain(regular).collect::<Vec<_>>().join(","))
        })
        .collect()
    };
    let anew = |sandbox: &Sandbox, at: &str| {
        let copy = sandbox.copy();
        copy.database().execute("DELETE FROM meta WHERE key LIKE 'standings%'", []).unwrap();
        copy.drip(&["-q", "--now", at, "run"]).code(0);
        standings(&copy)
    };
    let model = buying(&json_of(&sandbox, &["--now", MONDAY, "value", "--json"]));
    let from: NaiveDate = "2026-06-01".parse().unwrap();
    assert_eq!(standings(&sandbox), by_hand_on(&model, from));
    // Time alone.
    let until: NaiveDate = "2026-06-20".parse().unwrap();
    for at in ["2026-06-04T09:00:00Z", "2026-06-20T09:00:00Z"] {
        sandbox.drip(&["-q", "--now", at, "run", "--trust-clock"]).code(0);
    }
    assert_eq!(standings(&sandbox), by_hand_on(&model, until));
    assert_eq!(standings(&sandbox), anew(&sandbox, "2026-06-20T09:00:00Z"));
    let moved = sandbox.sql("SELECT c.email || ' ' || date(h.at / 1000, 'unixepoch', '+7 hours') FROM stage_changes h JOIN contacts c ON c.id = h.contact_id WHERE h.stage = 'fading' AND h.was IS NOT NULL AND h.at >= unixepoch('2026-06-01T17:00:00Z') * 1000 ORDER BY c.email");
    let expected = crossings(&people, from, until, |rhythm, _| model.alive(rhythm) < 0.6);
    assert!(expected.len() > 5, "{expected:?}");
    assert_eq!(moved, expected.iter().map(|(who, day)| format!("{who} {day}")).collect::<Vec<_>>());
    // Another model moves people at once, for reports as for runs.
    sandbox.database().execute("UPDATE value_model SET a = a * 4", []).unwrap();
    let later = buying(&json_of(&sandbox, &["--now", MONDAY, "value", "--json"]));
    let said = json_of(&sandbox, &["--now", "2026-06-20T10:00:00Z", "report", "stages", "--json"]);
    let fading = |model| by_hand_on(model, until).iter().filter(|row| row.contains(" fading ")).count() as u64;
    assert_eq!(said["stages"][1]["contacts"], fading(&later));
    let told = "SELECT count(*) FROM events WHERE name = 'stage_entered'";
    let before: u64 = sandbox.sql(told)[0].parse().unwrap();
    sandbox.run("2026-06-20T10:00:00Z");
    assert_eq!(standings(&sandbox), by_hand_on(&later, until));
    assert_eq!(standings(&sandbox), anew(&sandbox, "2026-06-20T10:00:00Z"));
    let after: u64 = sandbox.sql(told)[0].parse().unwrap();
    assert!(fading(&later) > fading(&model));
    assert_eq!(after - before, fading(&later) - fading(&model), "whoever moved came into a stage");
    // Once looked at, nobody is looked at again before something happens.
    assert_eq!(
        sandbox.sql("SELECT count(*) FROM standings WHERE next_at <= unixepoch('2026-06-20T10:00:00Z') * 1000"),
        ["0"]
    );
}

#[test]
fn the_model_is_made_when_something_asks_and_again_when_it_is_old() {
    let people = customers(&mut Dice(7), 120, 150);
    let quiet = Sandbox::new().campaign("a", "trigger: manual", &["id: mail, send: mail"]);
    import(&quiet, &people);
    quiet.run(MONDAY);
    assert_eq!(quiet.sql("SELECT count(*) FROM value_model"), ["0"], "nothing asks");
    for asks in ["trigger: { segment: contact.rfm == \"555\" }", "trigger: manual\nexit_when: in_segment(\"lost\")"] {
        let sandbox = Sandbox::new().settings("segments: { lost: contact.expected_value < 5 }").campaign(
            "a",
            asks,
            &["id: mail, send: mail"],
        );
        import(&sandbox, &people);
        let fitted = || sandbox.sql("SELECT as_of || ' ' || customers FROM value_model");
        for (at, expected) in [
            (MONDAY, "2026-06-01 120"),
            ("2026-06-08T01:00:00Z", "2026-06-01 120"),
            ("2026-06-08T02:00:00Z", "2026-06-08 120"),
        ] {
            sandbox.drip(&["-q", "--now", at, "run"]).code(0);
            assert_eq!(fitted(), [expected], "{asks} at {at}");
        }
        sandbox.drip(&["--now", "2026-06-09T02:00:00Z", "value", "--refit"]).code(0);
        assert_eq!(fitted(), ["2026-06-09 120"]);
    }
}
