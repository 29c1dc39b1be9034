//! Who is held out of a campaign: nothing of it reaches them, and what they do is set beside what the others do.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::Sandbox;
use crate::support::dice::Dice;

const MONDAY: &str = "2026-03-02T02:00:00Z";
const FRIDAY: &str = "2026-03-06T02:00:00Z";
const HEAD: &str =
    "trigger: { segment: 'true' }\ngoal: { event: purchased, within: 30d }\nexit_when: contact.plan == \"off\"";
const STEPS: [&str; 6] = [
    "id: hello, send: mail",
    "id: mark, set: { greeted: true }",
    "id: tell, notify: sales@acme.example",
    "id: on, enrol: other",
    "id: quiet, wait_for: { event: seen, at_most: 2d }",
    "id: last, delay: 1d, send: mail",
];

fn shop(holdout: &str) -> Sandbox {
    Sandbox::new().campaign("w", &format!("{HEAD}\n{holdout}"), &STEPS).campaign(
        "other",
        "trigger: manual",
        &["id: a, send: mail"],
    )
}

fn people(sandbox: &Sandbox, first: usize, number: usize) {
    let rows: Vec<String> = (first..first + number).map(|n| format!("p{n}@example.com")).collect();
    sandbox.import("email", &rows.iter().map(String::as_str).collect::<Vec<_>>());
}

fn held_out(sandbox: &Sandbox) -> BTreeSet<String> {
    sandbox.sql("SELECT email FROM v_enrolments WHERE campaign = 'w' AND held_out = 1").into_iter().collect()
}

/// Each buys for as much as their address has letters, in thousands.
fn buy<'a>(sandbox: &Sandbox, who: impl IntoIterator<Item = &'a String>, at: &str) {
    let row = |email: &String| format!("{email},purchased,{at},{}", amount(email));
    let rows: Vec<String> = who.into_iter().map(row).collect();
    sandbox.import("email,event,time,value", &rows.iter().map(String::as_str).collect::<Vec<_>>());
}

fn amount(email: &str) -> usize {
    1000 * email.len()
}

fn report(sandbox: &Sandbox, now: &str, words: &[&str]) -> Value {
    let words = [&["--now", now, "report", "w", "--format", "json"], words].concat();
    serde_json::from_str::<Value>(&sandbox.drip(&words).code(0).stdout).unwrap()["campaigns"][0].clone()
}

#[test]
fn nothing_of_a_campaign_happens_to_who_is_held_out_but_what_they_do_counts() {
    let sandbox = shop("holdout: 20%");
    people(&sandbox, 0, 400);
    sandbox.run(MONDAY);
    let out = held_out(&sandbox);
    let exported = sandbox.drip(&["--now", MONDAY, "export", "enrolments"]).code(0).stdout;
    let told = exported.lines().filter(|line| line.starts_with("w,") && line.ends_with(",1")).count();
    assert_eq!(told, out.len(), "{exported}");
    assert!((55..=105).contains(&out.len()), "{} of 400", out.len());
    let mailed: BTreeSet<String> =
        sandbox.outbox().into_iter().map(|mail| mail.to).filter(|to| to.starts_with('p')).collect();
    assert_eq!(mailed.len(), 400 - out.len());
    assert!(mailed.is_disjoint(&out));
    // Those who are mailed buy in four of ten cases, the others in one of ten; ten of the first go away before they do.
    let mut dice = Dice(3);
    let mut buyers: Vec<String> = mailed.iter().filter(|_| dice.roll(10) < 4).cloned().collect();
    buyers.extend(out.iter().filter(|_| dice.roll(10) < 1).cloned());
    let leaving: Vec<&String> = buyers.iter().filter(|who| mailed.contains(*who)).take(10).collect();
    for who in &leaving {
        sandbox.drip(&["--now", "2026-03-03T02:00:00Z", "contact", "unsubscribe", who]).code(0);
    }
    sandbox.run("2026-03-03T03:00:00Z");
    buy(&sandbox, &buyers, "2026-03-04T02:00:00Z");
    sandbox.run("2026-03-04T03:00:00Z");
    sandbox.run(FRIDAY);
    for (what, query) in [
        ("mails and notes", "SELECT DISTINCT email FROM v_sends".to_owned()),
        ("attributes", "SELECT email FROM v_contacts WHERE json_extract(attributes, '$.greeted')".to_owned()),
        ("another campaign", "SELECT email FROM v_enrolments WHERE campaign = 'other'".to_owned()),
    ] {
        let reached: BTreeSet<String> = sandbox.sql(&query).into_iter().collect();
        assert!(reached.is_disjoint(&out) && reached.len() > 200, "{what}");
    }
    // The sequence is over for them as for the others: two days of waiting, and one of delay.
    let active = "SELECT count(*) FROM v_enrolments WHERE campaign = 'w' AND state = 'active'";
    assert_eq!(sandbox.sql(active), ["0"]);
    sandbox.check();

    // Nobody's thirty days are over: it is too early to say anything.
    let early = "2026-03-06T03:00:00Z";
    let found = report(&sandbox, early, &[])["holdout"].clone();
    assert_eq!(
        (&found["mailed"]["entered"], &found["have_time_left"], &found["lift"]),
        (&0.into(), &400.into(), &Value::Null)
    );
    insta::assert_snapshot!("held_out", sandbox.drip(&["--now", early, "report", "w"]).code(0).stdout);
    // Who bought nothing so far may still do so, and counts; after thirty days nobody does.
    let late: Vec<&String> = out.iter().filter(|who| !buyers.contains(who)).take(5).collect();
    buy(&sandbox, late.iter().copied(), "2026-03-20T02:00:00Z");
    sandbox.run("2026-03-20T03:00:00Z");
    buy(&sandbox, out.iter().filter(|who| !buyers.contains(who)).skip(5), "2026-04-02T02:00:00Z");
    sandbox.run("2026-04-02T03:00:00Z");

    let now = "2026-04-02T04:00:00Z";
    let found = report(&sandbox, now, &[]);
    let holdout = &found["holdout"];
    let of = |group: &str, what: &str| holdout[group][what].as_u64().unwrap();
    assert_eq!((of("mailed", "entered"), of("held_out", "entered")), (mailed.len() as u64, out.len() as u64));
    let bought = |group: &BTreeSet<String>| buyers.iter().filter(|who| group.contains(*who)).count() as u64;
    assert_eq!(
        (of("mailed", "goal"), of("held_out", "goal")),
        (bought(&mailed), bought(&out) + 5),
        "also who had left"
    );
    assert_eq!(holdout["lift"]["is_clear"], true, "{holdout}");
    // So does what they spent in that time.
    let spent = |group: &BTreeSet<String>| -> usize {
        let both = buyers.iter().chain(late.iter().copied()).filter(|who| group.contains(*who));
        both.map(|who| amount(who)).sum()
    };
    for (group, people) in [("mailed", &mailed), ("held_out", &out)] {
        assert_eq!(holdout[group]["bought"]["amount"], spent(people).to_string(), "{group}");
        assert_eq!(holdout[group]["bought"]["purchases"], holdout[group]["goal"], "{group}");
    }
    assert_eq!(holdout["lift_of_revenue"]["is_clear"], true, "{holdout}");
    insta::assert_snapshot!(
        "held_out_revenue",
        sandbox.drip(&["--now", now, "report", "w", "--revenue"]).code(0).stdout
    );
    let page = sandbox.drip(&["--now", now, "report", "w", "--html", "-", "--language", "en"]).code(0).stdout;
    assert!(
        page.contains("Mailed people reach the goal more often by ") && page.contains(", which is more than chance.")
    );
    assert!(page.contains(">held out<") && page.contains(&format!(">{}<", out.len())), "{page}");
    // The funnel is of those who were mailed, whether it is tallied or counted.
    for words in [&[][..], &["--since", "2026-03-01"]] {
        let found = report(&sandbox, now, words);
        assert_eq!(found["enrolled"], mailed.len());
        assert_eq!(found["goal"], bought(&mailed) - 10);
        assert_eq!(found["exited"], 10);
        assert_eq!(found["finished"].as_u64().unwrap(), mailed.len() as u64 - bought(&mailed));
        assert_eq!(found["steps"][0]["entered"], mailed.len());
        assert_eq!(found["steps"][0]["skipped"], 0);
        assert_eq!(found["holdout"], *holdout);
        let weeks = |what: &str| {
            found["cohorts"].as_array().unwrap().iter().map(|week| week[what].as_u64().unwrap()).sum::<u64>()
        };
        assert_eq!((weeks("entered"), weeks("goal")), (mailed.len() as u64, bought(&mailed) - 10), "by week as well");
        assert_eq!(found["times"]["days"][0]["people"], mailed.len(), "and by day");
    }
    insta::assert_snapshot!("held_out_over", sandbox.drip(&["--now", now, "report", "w"]).code(0).stdout);
    let story = sandbox.drip(&["contact", "show", out.first().unwrap()]).code(0).stdout;
    assert!(story.contains("w, held out"), "{story}");
    let shown = sandbox.drip(&["campaign", "show", "w"]).code(0).stdout;
    assert!(shown.contains("held out  20 %, who get nothing"), "{shown}");
    // Whoever is forgotten is in no number any more.
    let gone = out.first().unwrap();
    sandbox.drip(&["contact", "forget", gone, "--yes"]).code(0);
    assert_eq!(report(&sandbox, "2026-04-02T04:00:00Z", &[])["holdout"]["held_out"]["entered"], out.len() - 1);
    sandbox.check();
}

#[test]
fn another_percentage_moves_nobody_who_is_inside() {
    let sandbox = shop("holdout: 10%");
    people(&sandbox, 0, 200);
    sandbox.run(MONDAY);
    let (before, sent) = (held_out(&sandbox), sandbox.outbox().len());
    for holdout in ["holdout: 60%", "holdout: 1%", ""] {
        sandbox.edit("w", &format!("{HEAD}\n{holdout}"), &STEPS);
        sandbox.run("2026-03-02T03:00:00Z");
        assert_eq!((held_out(&sandbox), sandbox.outbox().len()), (before.clone(), sent), "{holdout}");
    }
    assert_eq!(report(&sandbox, MONDAY, &[])["holdout"], Value::Null);
    // Those who come now are held out by the new one, whom the old one held out among them, and are compared among themselves.
    sandbox.edit("w", &format!("{HEAD}\nholdout: 60%"), &STEPS);
    people(&sandbox, 200, 200);
    sandbox.run("2026-03-02T04:00:00Z");
    let new = held_out(&sandbox).difference(&before).count();
    assert!((95..=145).contains(&new), "{new}");
    let found = report(&sandbox, "2026-04-02T04:00:00Z", &[])["holdout"].clone();
    assert_eq!(found["held_out"]["entered"], new);
    assert_eq!(found["mailed"]["entered"], 200 - new);
    // The same people at another share: who was held out at ten hundredths is so at sixty.
    let other = shop("holdout: 60%");
    people(&other, 0, 200);
    other.run(MONDAY);
    assert!(held_out(&other).is_superset(&before) && held_out(&other).len() > 3 * before.len());
}

#[test]
fn whom_you_name_yourself_is_never_held_out() {
    let sandbox = Sandbox::new().campaign(
        "w",
        "trigger: manual\ngoal: { event: purchased, within: 30d }\nholdout: 90%",
        &["id: a, send: mail"],
    );
    people(&sandbox, 0, 30);
    let named: Vec<String> = (0..10).map(|n| format!("p{n}@example.com")).collect();
    let words: Vec<&str> =
        ["--now", MONDAY, "enrol", "w"].into_iter().chain(named.iter().map(String::as_str)).collect();
    sandbox.drip(&words).code(0);
    sandbox.drip(&["--now", MONDAY, "enrol", "w", "--where", "true"]).code(0);
    sandbox.run(MONDAY);
    let out = held_out(&sandbox);
    assert!((12..=20).contains(&out.len()) && named.iter().all(|who| !out.contains(who)), "{out:?}");
    assert_eq!(sandbox.outbox().len(), 30 - out.len());
    let found = report(&sandbox, "2026-04-02T04:00:00Z", &[])["holdout"].clone();
    assert_eq!(found["mailed"]["entered"], 20 - out.len(), "who was named is not compared with anybody");
}

#[test]
fn a_copy_that_is_adopted_has_sent_nothing_to_who_is_held_out() {
    let sandbox = shop("holdout: 50%");
    people(&sandbox, 0, 40);
    sandbox.run(MONDAY);
    let out = held_out(&sandbox);
    sandbox.drip(&["--now", MONDAY, "backup", "before.db"]).code(0);
    sandbox.drip(&["restore", "before.db"]).code(0);
    sandbox.drip(&["--now", FRIDAY, "run", "--adopt"]);
    let unknown: BTreeSet<String> =
        sandbox.sql("SELECT DISTINCT email FROM v_sends WHERE state = 'unknown'").into_iter().collect();
    assert!(unknown.is_disjoint(&out) && unknown.len() == 40 - out.len(), "{unknown:?}");
}

#[test]
fn a_person_counts_once_however_often_they_come() {
    let sandbox = Sandbox::new().campaign(
        "w",
        "trigger: { event: asked }\nreentry: always\ngoal: { event: purchased, within: 2d }\nholdout: 50%",
        &["id: a, send: mail"],
    );
    people(&sandbox, 0, 40);
    let everyone: Vec<String> = (0..40).map(|n| format!("p{n}@example.com")).collect();
    for day in ["2026-03-02", "2026-03-09", "2026-03-16"] {
        let rows: Vec<String> = everyone.iter().map(|who| format!("{who},asked,{day}T01:00:00Z")).collect();
        sandbox.import("email,event,time", &rows.iter().map(String::as_str).collect::<Vec<_>>());
        sandbox.run(&format!("{day}T02:00:00Z"));
    }
    // One who is held out buys in the first time and in the second, each of the others in the second alone.
    let out = held_out(&sandbox);
    let first = out.first().unwrap();
    buy(&sandbox, [first], "2026-03-03T02:00:00Z");
    buy(&sandbox, &everyone, "2026-03-10T02:00:00Z");
    sandbox.run("2026-03-24T02:00:00Z");
    let found = report(&sandbox, "2026-03-24T03:00:00Z", &[]);
    let holdout = &found["holdout"];
    assert_eq!(
        (&holdout["mailed"]["entered"], &holdout["held_out"]["entered"]),
        (&(40 - out.len()).into(), &out.len().into())
    );
    assert_eq!((&holdout["mailed"]["goal"], &holdout["held_out"]["goal"]), (&0.into(), &1.into()));
    assert_eq!(holdout["held_out"]["bought"]["amount"], amount(first).to_string());
    assert_eq!(holdout["mailed"]["bought"]["amount"], "0");
}
