//! A calendar that is odd: hours that are missing or come twice, people who move, days and seconds that other years lack.
//!
//! Runs come every quarter of an hour, as cron would have them, and what each of them sent is noted with its moment.

use chrono::{DateTime, TimeDelta, Utc};

use crate::case::{Case, Effort};
use crate::people::{received, run};
use crate::support::Sandbox;
use crate::support::smtp::{Script, SmtpServer};

const GROUP: &str = "A hostile machine";
const QUARTER: TimeDelta = TimeDelta::minutes(15);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "F32",
            group: GROUP,
            fault: "the clocks go forward over the hour of a mail, or back, so that it comes twice; a contact moves to another zone",
            answer: "each mail goes once: where its time does not exist, at the first moment after the jump; where it comes twice, at the first; \
                     and by the clock of where the contact lives now",
            needs: &[],
            story: clocks_change,
        },
        Case {
            id: "F32b",
            group: GROUP,
            fault: "a birthday on 29 February",
            answer: "one mail a year, on the 28th in years without a 29th",
            needs: &[],
            story: leap_day,
        },
        Case {
            id: "F32c",
            group: GROUP,
            fault: "a leap second (`2016-12-31T23:59:60Z`) as the time of an event, in an attribute, or as `--now`",
            answer: "it is the second after it, and the series goes on as after any other",
            needs: &[],
            story: leap_second,
        },
    ]
}

/// A project that may send at any hour, in UTC for whoever lives nowhere.
fn project(campaigns: &[(&str, &str, &[&str])], relay: &SmtpServer) -> Sandbox {
    let settings = "frequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 1 }";
    let mut sandbox = Sandbox::new().settings(settings);
    let named = std::fs::read_to_string(sandbox.path("drip.yaml")).unwrap();
    sandbox.write("drip.yaml", &named.replace("timezone: Asia/Ho_Chi_Minh", "timezone: UTC"));
    for (id, head, steps) in campaigns {
        let subject = |step: &&str| format!("{step}, send: mail, subject: \"{id}.{{{{step.id}}}}\"");
        let steps: Vec<String> = steps.iter().map(subject).collect();
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        sandbox = sandbox.campaign(id, &format!("{head}\nhours: \"00:00-24:00\"\ndays: mon-sun"), &steps);
    }
    sandbox.through(relay)
}

fn import(sandbox: &Sandbox, now: &str, csv: &str) {
    sandbox.write("in.csv", csv);
    sandbox.drip(&["-q", "--now", now, "import", "in.csv"]).code(0);
}

/// Runs each quarter of an hour from one moment to another, both included; returns each mail with the run that sent it.
/// The quick part leaves out the runs that have nothing near them to do.
fn runs(effort: Effort, sandbox: &Sandbox, relay: &SmtpServer, from: &str, to: &str, near: &[&str]) -> Vec<String> {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let (mut now, to) = (at(from), at(to));
    let near: Vec<_> = near.iter().map(|text| at(text)).collect();
    let mut sent = Vec::new();
    while now <= to {
        let is_near = near.iter().any(|moment| (now - *moment).abs() <= QUARTER * 3);
        if effort != Effort::Quick || is_near || now == at(from) {
            let before = relay.mails().len();
            let moment = now.format("%Y-%m-%dT%H:%M:%SZ").to_string();
            run(sandbox, &moment).code(0);
            for mail in &relay.mails()[before..] {
                let text = String::from_utf8_lossy(&mail.bytes).into_owned();
                let subject = text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap();
                let who = mail.to[0].split('@').next().unwrap();
                sent.push(format!("{} {who} {subject}", &moment[5..16]));
            }
        }
        now += QUARTER;
    }
    sent.sort();
    sandbox.check();
    sent
}

/// Asserts that each mail arrived once, and that the ledger knows of these and no others.
fn accounted_for(sandbox: &Sandbox, relay: &SmtpServer) {
    let sent =
        sandbox.sql("SELECT campaign || '.' || step || ' ' || email FROM v_sends WHERE state = 'sent' ORDER BY 1");
    assert_eq!(
        received(relay).into_iter().collect::<Vec<_>>(),
        sent.into_iter().map(|mail| (mail, 1)).collect::<Vec<_>>()
    );
    assert!(sandbox.sql("SELECT email FROM v_sends WHERE state <> 'sent'").is_empty());
}

/// The mails of one person, in their order.
fn of<'a>(sent: &'a [String], who: &str) -> Vec<&'a str> {
    sent.iter().map(String::as_str).filter(|line| line.split(' ').nth(1) == Some(who)).collect()
}

const EVERYONE: &str = "trigger: { segment: 'true' }";
/// At a time of the wall clock; by days; by hours.
const SPRING: [(&str, &str, &[&str]); 3] = [
    ("wall", EVERYONE, &["id: a, delay: 0d at 02:30", "id: b, delay: 1d at 02:30", "id: c, delay: 1d at 02:30"]),
    ("days", EVERYONE, &["id: a, delay: 0d at 02:30", "id: b, delay: 1d", "id: c, delay: 1d"]),
    ("hours", EVERYONE, &["id: a, delay: 0d at 02:30", "id: b, delay: 24h"]),
];
const AUTUMN: [(&str, &str, &[&str]); 3] = [
    ("wall", EVERYONE, &["id: a, delay: 0d at 01:30", "id: b, delay: 1d at 01:30", "id: c, delay: 1d at 01:30"]),
    ("days", EVERYONE, &["id: a, delay: 0d at 01:30", "id: b, delay: 1d", "id: c, delay: 1d"]),
    ("hours", EVERYONE, &["id: a, delay: 0d at 01:30", "id: b, delay: 25h"]),
];

fn clocks_change(effort: Effort) -> String {
    let mut told = 0;
    // In Paris there is no 02:30 on 29 March; Hanoi knows nothing of it.
    let relay = SmtpServer::start(Script::new());
    let sandbox = project(&SPRING, &relay);
    import(
        &sandbox,
        "2026-03-27T12:00:00Z",
        "email,timezone\nparis@example.com,Europe/Paris\nhanoi@example.com,Asia/Ho_Chi_Minh\n",
    );
    let near = ["2026-03-28T01:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z", "2026-03-27T19:30:00Z"];
    let near = [&near[..], &["2026-03-28T19:30:00Z", "2026-03-29T19:30:00Z"]].concat();
    let sent = runs(effort, &sandbox, &relay, "2026-03-27T18:00:00Z", "2026-03-30T06:00:00Z", &near);
    assert_eq!(
        of(&sent, "paris"),
        [
            "03-28T01:30 paris days.a",
            "03-28T01:30 paris hours.a",
            "03-28T01:30 paris wall.a",
            // 03:00 in Paris, the first moment after 01:59.
            "03-29T01:00 paris days.b",
            "03-29T01:00 paris wall.b",
            "03-29T01:30 paris hours.b",
            "03-30T00:30 paris wall.c",
            "03-30T01:00 paris days.c",
        ]
    );
    assert_eq!(of(&sent, "hanoi").len(), 8);
    assert!(of(&sent, "hanoi").iter().all(|line| line[6..11] == *"19:30"), "{sent:?}");
    accounted_for(&sandbox, &relay);
    told += sent.len();

    // In London 01:30 comes twice on 25 October, and in New York a week later.
    for (zone, first_run, last_run, expected) in [
        (
            "Europe/London",
            "2026-10-23T12:00:00Z",
            "2026-10-26T06:00:00Z",
            ["10-24T00:30", "10-25T00:30", "10-25T01:30", "10-26T01:30"],
        ),
        (
            "America/New_York",
            "2026-10-30T12:00:00Z",
            "2026-11-02T12:00:00Z",
            ["10-31T05:30", "11-01T05:30", "11-01T06:30", "11-02T06:30"],
        ),
    ] {
        let relay = SmtpServer::start(Script::new());
        let sandbox = project(&AUTUMN, &relay);
        import(&sandbox, first_run, &format!("email,timezone\nlan@example.com,{zone}\n"));
        let near = expected.map(|moment| format!("2026-{moment}:00Z"));
        let sent = runs(effort, &sandbox, &relay, first_run, last_run, &near.each_ref().map(String::as_str));
        let [before, first, second, after] = expected;
        let lines = [
            format!("{before} lan days.a"),
            format!("{before} lan hours.a"),
            format!("{before} lan wall.a"),
            format!("{first} lan days.b"),
            format!("{first} lan wall.b"),
            format!("{second} lan hours.b"),
            format!("{after} lan days.c"),
            format!("{after} lan wall.c"),
        ];
        assert_eq!(sent, lines, "{zone}");
        accounted_for(&sandbox, &relay);
        told += sent.len();
    }
    told += moving(effort);
    format!("{told} mails at 4 changes, each once and at its moment")
}

/// Three people who wait for their `b` at 02:30, and who move while they wait or have just had it.
fn moving(effort: Effort) -> usize {
    let relay = SmtpServer::start(Script::new());
    let sandbox = project(&SPRING[..1], &relay);
    let rows =
        "west@example.com,Asia/Ho_Chi_Minh\neast@example.com,America/New_York\nback@example.com,Asia/Ho_Chi_Minh\n";
    import(&sandbox, "2026-04-10T00:00:00Z", &format!("email,timezone\n{rows}"));
    let moves = |now: &str, who: &str, zone: &str| {
        let address = format!("{who}@example.com");
        sandbox.drip(&["-q", "--now", now, "contact", "set", &address, "--timezone", zone]).code(0);
    };
    let go = |from: &str, to: &str, near: &[&str]| runs(effort, &sandbox, &relay, from, to, near);
    // `a` is at 19:30 UTC in Hanoi, at 06:30 UTC in New York.
    let near = ["2026-04-10T06:30:00Z", "2026-04-10T19:30:00Z"];
    let mut sent = go("2026-04-10T00:00:00Z", "2026-04-10T19:45:00Z", &near);
    // It is 15:45 of the 10th in New York: both have had the 02:30 of that day, or are past it.
    moves("2026-04-10T19:50:00Z", "west", "America/New_York");
    // It is 02:50 of the 11th in Hanoi, where 02:30 of the 11th is past.
    moves("2026-04-10T19:50:00Z", "east", "Asia/Ho_Chi_Minh");
    // There and back again: as if nothing had been.
    moves("2026-04-10T19:50:00Z", "back", "America/New_York");
    moves("2026-04-10T19:55:00Z", "back", "Asia/Ho_Chi_Minh");
    let near = ["2026-04-11T06:30:00Z", "2026-04-11T19:30:00Z", "2026-04-12T06:30:00Z", "2026-04-12T19:30:00Z"];
    sent.extend(go("2026-04-10T20:00:00Z", "2026-04-12T20:00:00Z", &near));
    assert_eq!(of(&sent, "west"), ["04-10T19:30 west wall.a", "04-11T06:30 west wall.b", "04-12T06:30 west wall.c"]);
    assert_eq!(of(&sent, "east"), ["04-10T06:30 east wall.a", "04-10T20:00 east wall.b", "04-11T19:30 east wall.c"]);
    assert_eq!(of(&sent, "back"), ["04-10T19:30 back wall.a", "04-11T19:30 back wall.b", "04-12T19:30 back wall.c"]);
    accounted_for(&sandbox, &relay);
    sent.len()
}

fn leap_day(effort: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let head = "trigger: { date: birthday, yearly: true }\nreentry: always";
    let sandbox = project(&[("wish", head, &["id: a, delay: 0d at 09:00, late: skip after 1d"])], &relay);
    let rows = "leap@example.com,2004-02-29\nfeb@example.com,2001-02-28\nmar@example.com,2001-03-01\nnoyear@example.com,02-29\n";
    import(&sandbox, "2027-02-01T00:00:00Z", &format!("email,birthday\n{rows}"));
    let mut told = 0;
    for (year, leap) in [(2027, "02-28"), (2028, "02-29"), (2029, "02-28")] {
        let day = |day: &str| format!("{year}-{day}T09:00:00Z");
        // So long after the last run that a leap of the clock would be suspected.
        sandbox.drip(&["-q", "--now", &format!("{year}-02-25T00:00:00Z"), "run", "--trust-clock"]).code(0);
        let near = [day("02-28"), day("02-28").replace("02-28", leap), day("03-01")];
        let near = near.each_ref().map(String::as_str);
        let sent =
            runs(effort, &sandbox, &relay, &near[0].replace("T09", "T00"), &near[2].replace("T09", "T23"), &near);
        for (who, day) in [("leap", leap), ("noyear", leap), ("feb", "02-28"), ("mar", "03-01")] {
            assert_eq!(of(&sent, who), [format!("{day}T09:00 {who} wish.a")], "{year}");
        }
        told += sent.len();
    }
    format!("{told} wishes in three years, one of them a leap year")
}

fn leap_second(effort: Effort) -> String {
    const LEAP: &str = "2016-12-31T23:59:60Z";
    let relay = SmtpServer::start(Script::new());
    let bought: &[&str] = &["id: a", "id: b, delay: 1d"];
    let day = "trigger: { date: since }";
    let sandbox = project(&[("bought", "trigger: { event: bought }", bought), ("day", day, &["id: a"])], &relay);
    import(&sandbox, "2016-12-30T00:00:00Z", &format!("email,since\nlan@example.com,{LEAP}\nminh@example.com,\n"));
    let near = ["2016-12-31T00:00:00Z"];
    let mut sent = runs(effort, &sandbox, &relay, "2016-12-30T22:00:00Z", "2016-12-31T23:45:00Z", &near);
    import(&sandbox, "2016-12-31T23:50:00Z", &format!("email,event,time\nlan@example.com,bought,{LEAP}\n"));
    for now in ["2016-12-31T23:59:59Z", LEAP] {
        run(&sandbox, now).code(0);
        let words = ["--now", now, "track", "minh@example.com", "bought"];
        sandbox.drip(&words[..]).code(0);
        run(&sandbox, now).code(0);
    }
    let there = received(&relay);
    assert!(["lan", "minh"].iter().all(|who| there.contains_key(&format!("bought.a {who}@example.com"))), "{there:?}");
    let near = ["2017-01-02T00:00:00Z"];
    sent.extend(runs(effort, &sandbox, &relay, "2017-01-01T00:00:00Z", "2017-01-02T01:00:00Z", &near));
    assert_eq!(sent[0], "12-31T00:00 lan day.a");
    assert_eq!(of(&sent, "lan")[1..], ["01-02T00:00 lan bought.b"]);
    assert_eq!(of(&sent, "minh"), ["01-02T00:00 minh bought.b"]);
    accounted_for(&sandbox, &relay);
    format!("{} mails, each once; a run at that very second ends", relay.mails().len())
}
