//! What a report says, whole: the funnel, the time to the goal, who was skipped and why, campaigns side by side.

#![allow(clippy::unwrap_used, reason = "a test")]

use crate::support::Sandbox;
use crate::support::smtp::{Script, SmtpServer, Verb};

/// Eight people enter `w`, two of them in February; some buy, some leave, one is not meant by the second mail.
fn season() -> Sandbox {
    let rows: Vec<String> =
        (1..=8).map(|n| format!("c{n}@example.com,{}", if n == 3 { "pro" } else { "free" })).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let sandbox = Sandbox::new()
        .campaign(
            "w",
            "name: Welcome\ntrigger: { event: go }\ngoal: { event: purchased, within: 30d }",
            &[
                "id: a, send: mail",
                "id: b, send: mail, delay: 2d, if: 'contact.plan == \"free\"'",
                "id: c, send: mail, delay: 5d",
            ],
        )
        .campaign("other", "trigger: { event: go }", &["id: a, send: mail"])
        .contacts("email,plan", &rows);
    let track = |n: u32, event: &str, at: &str| {
        sandbox.drip(&["track", &format!("c{n}@example.com"), event, "--at", at]).code(0);
    };
    for n in [1, 2] {
        track(n, "go", "2026-02-27T02:00:00Z");
    }
    // The events of the first two are older than the campaign, but news: less than a day.
    sandbox.run("2026-02-27T03:00:00Z");
    for n in 3..=8 {
        track(n, "go", "2026-03-02T02:00:00Z");
    }
    sandbox.run("2026-03-02T02:00:00Z");
    track(1, "purchased", "2026-03-01T02:00:00Z");
    track(4, "purchased", "2026-03-02T08:00:00Z");
    track(5, "purchased", "2026-03-05T02:00:00Z");
    sandbox.drip(&["--now", "2026-03-03T00:00:00Z", "contact", "unsubscribe", "c6@example.com"]).code(0);
    sandbox.run("2026-03-04T02:00:00Z");
    sandbox.run("2026-03-06T02:00:00Z");
    sandbox
}

fn report(sandbox: &Sandbox, words: &[&str]) -> String {
    let words: Vec<_> = ["--now", "2026-03-06T03:00:00Z", "report"].iter().chain(words).copied().collect();
    sandbox.drip(&words).code(0).stdout
}

#[test]
fn a_whole_report_and_the_same_for_a_part_of_the_time() {
    let sandbox = season();
    insta::assert_snapshot!("whole", report(&sandbox, &["w"]));
    insta::assert_snapshot!("since", report(&sandbox, &["w", "--since", "2026-03-01"]));
    insta::assert_snapshot!("markdown", report(&sandbox, &["w", "--until", "5d", "--format", "markdown"]));
    let csv = report(&sandbox, &["w", "--since", "2026-02-27", "--until", "2026-02-27", "--format", "csv"]);
    assert!(csv.lines().nth(1).unwrap().contains(",a,send,false,2,2,"), "the whole day counts: {csv}");
    let json: serde_json::Value =
        serde_json::from_str(&report(&sandbox, &["w", "--since", "30d", "--format", "json"])).unwrap();
    assert_eq!(json["campaigns"][0]["goal_time"], serde_json::json!({ "median_s": 172_800, "p90_s": 259_200 }));
    let b = &json["campaigns"][0]["steps"][1];
    assert_eq!(b["skips"][0], serde_json::json!({ "reason": "condition", "count": 1 }));
}

#[test]
fn campaigns_are_compared_in_the_order_in_which_they_are_named() {
    let sandbox = season();
    insta::assert_snapshot!("compared", report(&sandbox, &["w", "other", "--compare"]));
    insta::assert_snapshot!(
        "compared_markdown",
        report(&sandbox, &["other", "w", "--compare", "--format", "markdown", "--since", "2026-03-01"])
    );
    assert_eq!(report(&sandbox, &["--compare", "--format", "csv"]).lines().count(), 3);
    let json: serde_json::Value = serde_json::from_str(&report(&sandbox, &["--compare", "--format", "json"])).unwrap();
    assert_eq!(json["campaigns"][1]["exits"][0]["reason"], "unsubscribed");
    for (words, said) in [
        (["report", "w", "--since", "yesterday"], "`yesterday` is no day and no duration"),
        (["report", "w", "wellcome", "--compare"], "there is no campaign `wellcome`"),
    ] {
        let ended = sandbox.drip(&words).code(2).stderr;
        assert!(ended.contains(said), "{ended}");
    }
}

#[test]
fn a_closer_look_is_asked_for_part_by_part() {
    let sandbox = season();
    insta::assert_snapshot!("closer", report(&sandbox, &["w", "--times", "--cohorts", "--drop-off", "--mails"]));
    let markdown = report(&sandbox, &["w", "--cohorts", "--since", "2026-03-01", "--format", "markdown"]);
    insta::assert_snapshot!("closer_markdown", markdown);
    insta::assert_snapshot!(report(&sandbox, &["w", "--cohorts", "--format", "csv"]), @r"
    campaign,week,entered,goal_1w,goal_rate_1w,goal_2w,goal_rate_2w,goal_4w,goal_rate_4w,goal_8w,goal_rate_8w,goal,goal_rate
    w,2026-02-23,2,,,,,,,,,1,0.5
    w,2026-03-02,6,,,,,,,,,2,0.3333
    ");
    insta::assert_snapshot!(report(&sandbox, &["--times", "--format", "csv"]), @r"
    campaign,day,goals,people,reached
    w,0,1,8,0.125
    w,1,0,7,0.125
    w,2,1,7,0.25
    w,3,1,6,0.375
    ");
    assert_eq!(report(&sandbox, &["--drop-off", "--format", "csv"]).lines().count(), 5);
    assert_eq!(report(&sandbox, &["--mails", "--format", "csv"]).lines().count(), 4);
    for (words, said) in [
        (&["report", "--times", "--mails", "--format", "csv"][..], "a file of CSV holds one table"),
        (&["report", "--times", "--compare"], "cannot be used with"),
        (&["report", "--language", "vi"], "--html"),
    ] {
        let ended = sandbox.drip(words).code(2).stderr;
        assert!(ended.contains(said), "{ended}");
    }
}

#[test]
fn the_page_takes_the_place_of_an_older_one_and_of_nothing_else() {
    let sandbox = season();
    let page = || std::fs::read_to_string(sandbox.path("report.html")).unwrap();
    let write = |words: &[&str]| {
        sandbox.drip(&[&["--now", "2026-03-06T03:00:00Z", "report", "--html", "report.html"], words].concat())
    };
    assert_eq!(write(&[]).code(0).stderr, "The report is in report.html.\n");
    let english = page();
    assert!(english.contains("lang=\"en\"") && english.contains("38\u{a0}%"), "{english}");
    assert!(!english.contains("example.com"), "no address of anybody stands in it");
    write(&["--language", "vi", "w", "--since", "2026-03-01"]).code(0);
    let vietnamese = page();
    assert!(vietnamese.contains("lang=\"vi\"") && vietnamese.contains("người vào từ 01/03/2026 00:00"), "{vietnamese}");
    let others = std::fs::read_dir(sandbox.path("."))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".tmp"));
    assert_eq!(others.count(), 0, "nothing half-written is left");
    for foreign in ["drip.yaml", "notes.html"] {
        sandbox.write("notes.html", "<p>mine</p>");
        let before = std::fs::read(sandbox.path(foreign)).unwrap();
        let said = sandbox.drip(&["report", "--html", foreign]).code(2).stderr;
        assert!(said.contains("is there already") && !said.contains("--force"), "{said}");
        assert_eq!(std::fs::read(sandbox.path(foreign)).unwrap(), before);
    }
    assert!(sandbox.drip(&["report", "--html", "no/such/folder.html"]).code > 0);
    // A project in Vietnamese speaks it by itself.
    let shop = Sandbox::new().settings("language: vi").campaign("w", "trigger: manual", &["id: a, send: mail"]);
    shop.drip(&["report", "--html", "r.html"]).code(0);
    assert!(std::fs::read_to_string(shop.path("r.html")).unwrap().contains("Chưa có ai vào."));
}

/// What is tallied as it happens must say what a look at every row says: `--since` before all time looks at them.
#[test]
fn what_is_tallied_is_what_is_counted_whatever_happens() {
    let relay = SmtpServer::start(
        Script::new()
            .on(Verb::Rcpt)
            .to("c03@")
            .reply("550 5.1.1 no such user")
            .on(Verb::Rcpt)
            .to("c04@")
            .times(1)
            .reply("451 4.7.1 later")
            .on(Verb::Content)
            .mail(5)
            .close(),
    );
    let rows: Vec<String> =
        (0..30).map(|n| format!("c{n:02}@example.com,{}", if n == 7 { "" } else { "Lan" })).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let head =
        "trigger: { segment: 'true' }\ngoal: { event: purchased, within: 30d }\nexit_when: contact.plan == \"off\"";
    let steps = [
        "id: a, send: greet",
        "id: t, delay: 1d, test: { x: { send: mail }, y: { send: mail } }",
        "id: w, wait_for: { event: seen, at_most: 2d }",
        "id: b, if: 'did(\"seen\")', send: mail",
        "id: c, delay: 1d, send: mail",
    ];
    let sandbox = Sandbox::new()
        .settings("frequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 1 }")
        .file("templates/greet.md", "---\nsubject: Hi\n---\nHi {{first_name}} {{postal_address}} {{unsubscribe_url}}\n")
        .campaign("w", head, &steps)
        .campaign("v", "trigger: { event: seen }", &["id: a, send: mail", "id: b, delay: 30d, send: mail"])
        .contacts("email,first_name", &rows)
        .through(&relay);
    let agree = |now: &str| {
        sandbox.drip(&["--now", now, "run"]);
        for all in [vec!["--json", "report"], vec!["report", "--compare"]] {
            let tallied = sandbox.drip(&[&["--now", now], &all[..]].concat()).code(0).stdout;
            let counted =
                sandbox.drip(&[&["--now", now], &all[..], &["--since", "1000-01-01"]].concat()).code(0).stdout;
            let plain = |text: &str| -> String {
                text.lines().filter(|line| !line.contains("since") && !line.contains("1000-01-01")).collect()
            };
            assert_eq!(plain(&tallied), plain(&counted), "{now}");
        }
        sandbox.check();
    };
    let track = |n: u32, event: &str, at: &str| {
        sandbox.drip(&["track", &format!("c{n:02}@example.com"), event, "--at", at]).code(0);
    };
    agree("2026-03-02T02:00:00Z");
    agree("2026-03-02T03:00:00Z");
    for n in 10..15 {
        track(n, "purchased", "2026-03-02T12:00:00Z");
    }
    agree("2026-03-03T02:00:00Z");
    agree("2026-03-03T04:00:00Z");
    for n in 15..20 {
        track(n, "seen", "2026-03-04T12:00:00Z");
        track(n + 5, "purchased", "2026-03-04T13:00:00Z");
    }
    sandbox.drip(&["--now", "2026-03-04T14:00:00Z", "contact", "set", "c25@example.com", "plan=off"]).code(0);
    agree("2026-03-04T14:00:00Z");
    sandbox
        .drip(&[
            "--now",
            "2026-03-04T14:00:00Z",
            "contact",
            "forget",
            "--yes",
            "c10@example.com",
            "c15@example.com",
            "c26@example.com",
        ])
        .code(0);
    sandbox.drip(&["--now", "2026-03-04T14:00:00Z", "resolve", "--state", "unknown", "--sent", "--all"]).code(0);
    sandbox.drip(&["--now", "2026-03-04T14:00:00Z", "resolve", "--state", "held", "--skip", "--all"]).code(0);
    agree("2026-03-06T02:00:00Z");
    // Steps are renamed, and one goes.
    let steps = [
        "id: a1, was: [a], send: greet",
        "id: t1, was: [t], delay: 1d, test: { x: { send: mail }, y: { send: mail } }",
        "id: c1, was: [c], delay: 1d, send: mail",
    ];
    sandbox.edit("w", head, &steps);
    agree("2026-03-07T02:00:00Z");
    track(19, "purchased", "2026-03-07T03:00:00Z");
    agree("2026-03-20T02:00:00Z");
    for kind in ["send", "end", "left", "won"] {
        let there = sandbox.sql(&format!("SELECT count(*) FROM tallies WHERE number > 0 AND kind = '{kind}'"));
        assert_ne!(there, ["0"], "`{kind}` was tried");
    }
}
