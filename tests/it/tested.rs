//! Tests of contents, played by the program: parts of mails, winners that are chosen, shares that follow success.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::dice::Dice;
use crate::support::sandbox::count;

const MONDAY: &str = "2026-03-02T02:00:00Z";
const HEAD: &str = "trigger: { segment: 'true' }\ngoal: { event: purchased, within: 60d }";

/// Brings so many people, with numbers from `first` on.
fn people(sandbox: &Sandbox, first: usize, number: usize) {
    let rows: Vec<String> = (first..first + number).map(|n| format!("p{n}@example.com")).collect();
    sandbox.import("email", &rows.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Who got which content of a step, in the order of their addresses.
fn got(sandbox: &Sandbox, step: &str) -> BTreeMap<String, String> {
    let rows = sandbox.sql(&format!(
        "SELECT email || ' ' || variant FROM v_sends WHERE state = 'sent' AND step = '{step}' ORDER BY email"
    ));
    rows.iter().map(|row| row.split_once(' ').unwrap()).map(|(who, what)| (who.to_owned(), what.to_owned())).collect()
}

/// Has those of `who` buy whom `buys` says so of.
fn buy<'a>(sandbox: &Sandbox, who: impl IntoIterator<Item = &'a String>, at: &str) {
    let rows: Vec<String> = who.into_iter().map(|email| format!("{email},purchased,{at}")).collect();
    sandbox.import("email,event,time", &rows.iter().map(String::as_str).collect::<Vec<_>>());
}

fn report(sandbox: &Sandbox, now: &str) -> Value {
    serde_json::from_str(&sandbox.drip(&["--now", now, "report", "--format", "json"]).code(0).stdout).unwrap()
}

fn step(sandbox: &Sandbox, now: &str) -> Value {
    report(sandbox, now)["campaigns"][0]["steps"][0].clone()
}

fn text(sandbox: &Sandbox, now: &str) -> String {
    sandbox.drip(&["--now", now, "report"]).code(0).stdout
}

#[test]
fn parts_of_a_mail_are_tested_each_by_itself_and_all_together() {
    let sandbox = Sandbox::new()
        .file("templates/long.md", "---\nsubject: Long\npreheader: of old\n---\nLONG {{postal_address}} {{unsubscribe_url}}\n")
        .settings("frequency_cap: none\nsenders:\n  lan: { from: Lan <lan@acme.example> }\n  minh: { from: Minh <minh@acme.example> }")
        .campaign(
            "w",
            HEAD,
            &["id: offer, test: { subject: { plain: Tea, named: '{{default first_name \"friend\"}}, tea' }, send: { short: mail, long: long }, sender: { lan: lan, minh: minh }, preheader: 'For <you>' }"],
        );
    people(&sandbox, 0, 400);
    sandbox.run(MONDAY);
    let got = got(&sandbox, "offer");
    let each = count(got.values().cloned());
    assert_eq!(each.len(), 8, "{each:?}");
    assert!(each.values().all(|people| (25..=80).contains(people)), "{each:?}");
    // Each part alone is shared out evenly, and knows nothing of the others.
    for level in ["plain+", "+long", "+minh"] {
        let with = got.values().filter(|what| what.contains(level)).count();
        assert!(with.abs_diff(200) < 50, "{level}: {with}");
    }
    let mails = sandbox.outbox();
    for mail in &mails {
        let what = &got[&mail.to];
        assert_eq!(mail.raw.contains("From: Minh <minh@acme.example>"), what.ends_with("minh"), "{what}: {}", mail.raw);
        assert_eq!(
            mail.raw.contains("Subject: Tea\r\n") || mail.raw.contains("Subject: Tea\n"),
            what.starts_with("plain"),
            "{what}"
        );
        assert_eq!(mail.raw.contains("LONG"), what.contains("+long+"), "{what}");
        assert!(mail.raw.contains("For &lt;you&gt;") && !mail.raw.contains("of old"), "{}", mail.raw);
    }
    // Whoever is called by name buys in four cases of ten, the others in one of ten, whatever else the mail is.
    let mut dice = Dice(7);
    let buyers = got.iter().filter(|(_, what)| dice.roll(10) < if what.starts_with("named") { 4 } else { 1 });
    buy(&sandbox, buyers.map(|(who, _)| who), "2026-03-03T02:00:00Z");
    sandbox.run("2026-03-04T02:00:00Z");
    sandbox.check();
    let test = step(&sandbox, "2026-03-05T02:00:00Z")["test"].clone();
    let effects: Vec<Value> = test["effects"].as_array().unwrap().clone();
    assert_eq!(
        effects.iter().map(|one| one["factor"].as_str().unwrap()).collect::<Vec<_>>(),
        ["subject", "send", "sender"]
    );
    assert_eq!(effects[0]["lead"]["leader"], "named");
    assert_eq!(effects[0]["lead"]["is_clear"], true);
    for other in &effects[1..] {
        assert_eq!(other["lead"]["is_clear"], false, "{other}");
    }
    for effect in &effects {
        let levels = effect["levels"].as_array().unwrap();
        assert_eq!(levels.iter().map(|level| level["sent"].as_u64().unwrap()).sum::<u64>(), 400);
    }
    insta::assert_snapshot!("parts_of_a_mail", text(&sandbox, "2026-03-05T02:00:00Z"));

    let preview = |variant: &str| sandbox.drip(&["preview", "w", "offer", "--variant", variant]);
    let named = preview("named+long+minh").code(0).stdout;
    assert!(named.starts_with("Subject: ") && named.contains(", tea\n") && named.contains("LONG"), "{named}");
    assert!(preview("named+long").code(2).stderr.contains("its variants are plain+short+lan, "));
    let shown = sandbox.drip(&["campaign", "show", "w"]).code(0).stdout;
    assert!(shown.contains("plain+short+lan 12 %"), "{shown}");
}

#[test]
fn another_level_of_one_part_leaves_the_other_parts_to_whom_they_were_for() {
    let with = |subjects: &str| {
        let sandbox = Sandbox::new()
            .file("templates/long.md", "---\nsubject: Long\n---\n{{postal_address}} {{unsubscribe_url}}\n")
            .campaign(
                "w",
                HEAD,
                &[&format!("id: offer, test: {{ subject: {{ {subjects} }}, send: {{ short: mail, long: long }} }}")],
            );
        people(&sandbox, 0, 60);
        sandbox.run(MONDAY);
        got(&sandbox, "offer")
    };
    let (two, three) = (with("a: A, b: B"), with("a: A, b: B, c: C"));
    let body = |what: &str| what.rsplit('+').next().unwrap().to_owned();
    assert!(two.iter().all(|(who, what)| body(what) == body(&three[who])));
    assert!(three.values().any(|what| what.starts_with("c+")));
}

/// Two contents of which the second sells far better, and twenty people a day.
fn contest(rule: &str) -> Sandbox {
    Sandbox::new().campaign(
        "w",
        HEAD,
        &[&format!("id: offer, test: {{ a: {{ send: mail }}, b: {{ send: mail, subject: B }} }}, {rule}")],
    )
}

const RULE: &str = "winner: { by: goal, after: 7d, at_least: 40 }";

/// Brings a hundred people on Monday; of whoever got b two in three buy, of whoever got a one in ten.
fn sold(sandbox: &Sandbox) {
    people(sandbox, 0, 100);
    sandbox.run(MONDAY);
    let mut dice = Dice(11);
    let got = got(sandbox, "offer");
    let buyers = got.iter().filter(|(_, what)| dice.roll(30) < if *what == "b" { 20 } else { 3 });
    buy(sandbox, buyers.map(|(who, _)| who), "2026-03-03T02:00:00Z");
}

#[test]
fn the_winner_gets_all_mails_once_each_content_had_its_time() {
    let sandbox = contest(RULE);
    sold(&sandbox);
    // A week later less an hour: nobody has won, and all that is known says so.
    people(&sandbox, 100, 60);
    sandbox.run("2026-03-09T01:00:00Z");
    let early = text(&sandbox, "2026-03-09T01:30:00Z");
    assert!(early.contains("offer is looked at when each has 40 of 7d ago; the fewest now 0"), "{early}");
    assert!(early.contains("which settles nothing before the look that is planned"), "{early}");
    assert_eq!(step(&sandbox, MONDAY)["test"]["winner"]["won"], Value::Null);
    assert_eq!(count(got(&sandbox, "offer").into_values()).len(), 2);

    let before = got(&sandbox, "offer");
    people(&sandbox, 160, 60);
    let said = sandbox.drip(&["--now", "2026-03-09T04:00:00Z", "run"]).code(0).stderr;
    assert!(said.contains("w offer: b has won the test and gets all mails from now on."), "{said}");
    let after = got(&sandbox, "offer");
    assert!(before.iter().all(|(who, what)| after[who] == *what), "nobody's mail is another one by that");
    let new: Vec<_> =
        after.iter().filter(|(who, _)| !before.contains_key(*who)).map(|(_, what)| what.as_str()).collect();
    assert_eq!(new, ["b"; 60]);
    let now = "2026-03-09T05:00:00Z";
    let winner = step(&sandbox, now)["test"]["winner"].clone();
    assert_eq!(winner["won"], "b");
    assert_eq!(winner["looks"][0]["at"], "2026-03-09T04:00:00Z");
    let counts = winner["looks"][0]["counts"].as_array().unwrap().clone();
    assert_eq!(counts.iter().map(|one| one["sent"].as_u64().unwrap()).sum::<u64>(), 100, "those of Monday: {counts:?}");
    assert_eq!(step(&sandbox, now)["verdict"], Value::Null, "what was sent since is at another time");
    assert_eq!(step(&sandbox, now)["test"]["shares"], json!({ "a": 0.0, "b": 1.0 }));
    insta::assert_snapshot!("a_winner", text(&sandbox, now));
    let status = sandbox.drip(&["--now", now, "status"]).stdout;
    assert!(status.contains("offer: b won the test on 2026-03-09 11:00"), "{status}");
    let shown = sandbox.drip(&["--now", now, "campaign", "show", "w"]).code(0).stdout;
    assert!(shown.contains("test b has won, everyone gets it"), "{shown}");
    sandbox.drip(&["--now", "2026-03-10T04:00:00Z", "report", "--html", "page.html", "--language", "en"]).code(0);
    let page = std::fs::read_to_string(sandbox.path("page.html")).unwrap();
    assert!(page.contains("b won, and gets all mails since: "), "{page}");

    // The tide turns, and the decision stays; also through edits of what is not tested, and a new name of the step.
    let late: Vec<String> = after.iter().filter(|(_, what)| *what == "a").map(|(who, _)| who.clone()).collect();
    buy(&sandbox, &late, "2026-03-10T02:00:00Z");
    sandbox.write("templates/mail.md", "---\nsubject: Anew\n---\n{{postal_address}} {{unsubscribe_url}}\n");
    sandbox.edit("w", HEAD, &[&format!("id: deal, was: [offer], delay: 1h, test: {{ a: {{ send: mail }}, b: {{ send: mail, subject: B }} }}, {RULE}")]);
    people(&sandbox, 220, 20);
    sandbox.run("2026-03-20T02:00:00Z");
    sandbox.run("2026-03-20T04:00:00Z");
    let then = got(&sandbox, "deal");
    assert!((220..240).all(|n| then[&format!("p{n}@example.com")] == "b"));
    assert_eq!(step(&sandbox, "2026-03-20T05:00:00Z")["test"]["winner"]["looks"].as_array().unwrap().len(), 1);
    // Another content makes another test of it.
    sandbox.edit(
        "w",
        HEAD,
        &[&format!("id: deal, test: {{ a: {{ send: mail }}, b: {{ send: mail, subject: C }} }}, {RULE}")],
    );
    people(&sandbox, 240, 40);
    sandbox.run("2026-03-21T02:00:00Z");
    let winner = step(&sandbox, "2026-03-21T03:00:00Z")["test"]["winner"].clone();
    assert_eq!((winner["won"].clone(), winner["looks"].as_array().unwrap().len()), (Value::Null, 0));
    assert!((240..280).any(|n| got(&sandbox, "deal")[&format!("p{n}@example.com")] == "a"));
    sandbox.run("2026-03-29T02:00:00Z");
    let fresh = step(&sandbox, "2026-03-29T03:00:00Z")["test"]["winner"]["counts"].clone();
    assert_eq!(
        fresh,
        json!([{ "variant": "a", "sent": 0, "hits": 0 }, { "variant": "b", "sent": 0, "hits": 0 }]),
        "those of the hour of the change are left out"
    );
    sandbox.check();
}

#[test]
fn where_no_content_is_clear_of_the_others_it_is_said_once_and_the_shares_stay() {
    let sandbox = contest("winner: { by: goal, after: 1d, at_least: 20, at_most: 40 }");
    people(&sandbox, 0, 60);
    sandbox.run(MONDAY);
    let everyone: Vec<String> = got(&sandbox, "offer").into_keys().collect();
    buy(&sandbox, everyone.iter().step_by(4), "2026-03-02T12:00:00Z");
    let said = sandbox.drip(&["--now", "2026-03-03T03:00:00Z", "run"]).code(0).stderr;
    assert!(
        said.contains("no content is clear of the others; it is looked at again when there are more mails"),
        "{said}"
    );
    let told = text(&sandbox, "2026-03-03T04:00:00Z");
    assert!(told.contains("none was clear of the others on 2026-03-03 10:00"), "{told}");
    assert!(told.contains("offer is looked at when each has 40 of 1d ago; the fewest now 2"), "{told}");
    people(&sandbox, 60, 80);
    sandbox.run("2026-03-03T05:00:00Z");
    let said = sandbox.drip(&["--now", "2026-03-05T06:00:00Z", "run"]).code(0).stderr;
    assert!(said.contains("no content is clear of the others; the shares stay"), "{said}");
    assert!(text(&sandbox, "2026-03-05T07:00:00Z").contains("which was the last look: the shares stay"));
    let status = sandbox.drip(&["--now", "2026-03-05T07:00:00Z", "status", "--json"]).stdout;
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(
        status["campaigns"][0]["tests"][0],
        json!({ "step": "offer", "decided_at": "2026-03-05T06:00:00Z", "winner": null })
    );
    people(&sandbox, 140, 40);
    sandbox.run("2026-03-06T02:00:00Z");
    assert_eq!(count((140..180).map(|n| got(&sandbox, "offer")[&format!("p{n}@example.com")].clone())).len(), 2);
}

#[test]
fn a_run_that_stops_behind_the_decision_is_gone_on_with_by_the_next_one() {
    let sandbox = contest(RULE);
    sold(&sandbox);
    people(&sandbox, 100, 30);
    // The same project, decided in one run, and in one that was cut short.
    let (whole, short) = (sandbox.copy(), sandbox);
    whole.run("2026-03-09T04:00:00Z");
    short.drip(&["--now", "2026-03-09T04:00:00Z", "run", "--limit", "5"]).code(0);
    assert_eq!(short.sql("SELECT count(*) FROM v_sends"), ["105"]);
    // Whoever buys a meanwhile comes too late to turn it.
    let late: Vec<String> =
        got(&short, "offer").into_iter().filter(|(_, what)| what == "a").map(|(who, _)| who).collect();
    buy(&short, &late, "2026-03-09T04:30:00Z");
    short.run("2026-03-09T05:00:00Z");
    assert_eq!(got(&whole, "offer"), got(&short, "offer"));
    assert_eq!(whole.sql("SELECT winner || counts FROM looks"), short.sql("SELECT winner || counts FROM looks"));
    short.check();
}

/// Forty people a day for a month: of two contents one sells three times as often.
#[test]
fn under_thompson_sampling_more_and_more_get_what_sells() {
    let sandbox = contest("shares: { thompson: goal, after: 1d, floor: 10 }");
    let mut dice = Dice(5);
    let mut bought: Vec<String> = Vec::new();
    for day in 1..=20 {
        people(&sandbox, day * 40, 40);
        let now = format!("2026-03-{day:02}T02:00:00Z");
        sandbox.drip(&["--now", &now, "run"]).code(0);
        let new: Vec<(String, String)> = got(&sandbox, "offer")
            .into_iter()
            .filter(|(who, _)| (day * 40..day * 40 + 40).any(|n| *who == format!("p{n}@example.com")))
            .collect();
        assert_eq!(new.len(), 40, "{now}");
        let buyers: Vec<String> = new
            .into_iter()
            .filter(|(_, what)| dice.roll(10) < if what == "b" { 6 } else { 2 })
            .map(|(who, _)| who)
            .collect();
        // Some let days go by.
        buy(&sandbox, &buyers, &format!("2026-03-{day:02}T{:02}:00:00Z", 3 + dice.roll(20)));
        bought.extend(buyers);
    }
    let got = got(&sandbox, "offer");
    let of_days = |days: std::ops::RangeInclusive<usize>| {
        let numbers = *days.start() * 40..(*days.end() + 1) * 40;
        numbers.filter(|n| got[&format!("p{n}@example.com")] == "b").count()
    };
    assert!(of_days(1..=2).abs_diff(40) < 16, "nothing is known yet: {}", of_days(1..=2));
    assert!(of_days(11..=20) > 330, "{} of 400", of_days(11..=20));
    assert!(of_days(11..=20) < 395, "nobody starves: {} of 400", of_days(11..=20));
    let now = "2026-03-20T03:00:00Z";
    let shares = step(&sandbox, now)["test"]["shares"].clone();
    assert_eq!(shares, json!({ "a": 0.1, "b": 0.9 }));
    assert_eq!(step(&sandbox, now)["verdict"], Value::Null, "nothing is proved by it");
    let told = text(&sandbox, now);
    assert!(told.contains("offer sends now by goal: a 10 % · b 90 %"), "{told}");
    // What is chosen follows from the store and the address alone: a copy chooses the same.
    people(&sandbox, 900, 30);
    let copy = sandbox.copy();
    sandbox.run("2026-03-21T02:00:00Z");
    copy.run("2026-03-21T02:00:00Z");
    assert_eq!(self::got(&sandbox, "offer"), self::got(&copy, "offer"));
    sandbox.check();
}

#[test]
fn who_has_a_content_in_hand_keeps_it_whatever_the_shares_do() {
    let relay = crate::support::smtp::SmtpServer::start(
        crate::support::smtp::Script::new()
            .on(crate::support::smtp::Verb::Rcpt)
            .to("p3")
            .times(11)
            .reply("451 4.7.1 later"),
    );
    let sandbox = contest("winner: { by: goal, after: 0m, at_least: 20 }")
        .settings("frequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 1 }")
        .through(&relay);
    people(&sandbox, 0, 100);
    sandbox.drip(&["--now", MONDAY, "run"]);
    let put_off = sandbox.sql("SELECT email || ' ' || variant FROM v_sends WHERE state = 'deferred' ORDER BY 1");
    assert_eq!(put_off.len(), 11);
    assert!(put_off.iter().any(|row| row.ends_with(" a")), "{put_off:?}");
    let sold: Vec<String> =
        got(&sandbox, "offer").into_iter().filter(|(_, what)| what == "b").map(|(who, _)| who).collect();
    buy(&sandbox, &sold, "2026-03-02T02:30:00Z");
    sandbox.run("2026-03-02T12:00:00Z");
    assert_eq!(sandbox.sql("SELECT winner FROM looks"), ["b"]);
    let got = got(&sandbox, "offer");
    assert_eq!(got.len(), 100);
    for row in put_off {
        let (who, what) = row.split_once(' ').unwrap();
        assert_eq!(got[who], what, "{who}");
    }
}

#[test]
fn contents_that_were_changed_are_compared_by_what_came_since() {
    let contents =
        |subject: &str| format!("id: offer, test: {{ a: {{ send: mail }}, b: {{ send: mail, subject: {subject} }} }}");
    let sandbox = Sandbox::new().campaign("w", HEAD, &[&contents("B")]);
    sold(&sandbox);
    sandbox.run("2026-03-03T03:00:00Z");
    let before = step(&sandbox, "2026-03-03T04:00:00Z");
    assert_eq!((&before["verdict"]["leader"], &before["verdict"]["is_clear"]), (&json!("b"), &json!(true)));
    assert_eq!((&before["test"]["is_another"], &before["test"]["since"]), (&json!(false), &Value::Null));
    // The second has another subject now: what the old one did says nothing of it.
    sandbox.edit("w", HEAD, &[&contents("Another")]);
    assert_eq!(step(&sandbox, "2026-03-03T05:00:00Z")["verdict"], Value::Null, "also before a run has seen it");
    sandbox.run("2026-03-03T05:00:00Z");
    people(&sandbox, 100, 100);
    sandbox.run("2026-03-03T06:00:00Z");
    let since = step(&sandbox, "2026-03-03T07:00:00Z");
    assert_eq!((&since["verdict"], &since["test"]["since"]), (&Value::Null, &json!("2026-03-03T06:00:00Z")), "{since}");
    let told = text(&sandbox, "2026-03-03T07:00:00Z");
    assert!(told.contains("offer has other contents than before"), "{told}");
    // Those who get it now buy by the first one alone.
    let buyers: Vec<String> =
        got(&sandbox, "offer").into_iter().filter(|(_, what)| what == "a").map(|(who, _)| who).collect();
    let new = |who: &&String| who[1..].split('@').next().unwrap().parse::<usize>().unwrap() >= 100;
    buy(&sandbox, buyers.iter().filter(new), "2026-03-03T08:00:00Z");
    sandbox.run("2026-03-03T09:00:00Z");
    let after = step(&sandbox, "2026-03-03T10:00:00Z");
    assert_eq!((&after["verdict"]["leader"], &after["verdict"]["is_clear"]), (&json!("a"), &json!(true)), "{after}");
    let page =
        sandbox.drip(&["--now", "2026-03-03T10:00:00Z", "report", "--html", "-", "--language", "en"]).code(0).stdout;
    assert!(page.contains("It has other contents than before"));
    sandbox.check();
}
