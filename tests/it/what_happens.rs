//! The table of docs/what-happens.md, row by row.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::Path;

use crate::documents::document;
use crate::import_document::table;
use crate::support::Sandbox;

/// Each row, and the test that plays it, or the case of docs/reliability.md.
const ROWS: [(&str, &str); 22] = [
    ("a text changes", "what_happens::everyone_not_yet_mailed_gets_the_new_text"),
    ("a delay changes", "what_happens::a_changed_delay_counts_from_the_same_origin_both_ways"),
    ("a step is inserted ahead of people", "what_happens::a_step_ahead_is_got_and_one_behind_never"),
    ("a step is inserted or moved behind them", "what_happens::a_step_ahead_is_got_and_one_behind_never"),
    ("the step they wait for is removed", "what_happens::a_removed_step_is_passed_over_from_the_same_origin"),
    ("a step is renamed, with `was: [old-id]`", "what_happens::a_renamed_step_is_the_same_only_where_the_file_says_so"),
    ("a step is renamed without it", "what_happens::a_renamed_step_is_the_same_only_where_the_file_says_so"),
    ("a step is appended", "what_happens::who_is_through_gets_an_appended_step_only_where_they_were_held"),
    ("a trigger changes", "what_happens::a_changed_trigger_is_for_those_to_come"),
    ("a campaign file appears", "run::who_matches_when_a_campaign_appears_stays_out_and_history_does_not_trigger"),
    ("a campaign file is gone", "what_happens::people_of_a_file_that_is_gone_wait_for_it"),
    ("a person pauses a campaign", "what_happens::what_a_person_paused_a_person_resumes"),
    ("cron was down for three weeks", "what_happens::after_an_outage_the_rest_keeps_its_spacing"),
    ("a step has `late: skip after 7d`", "what_happens::after_an_outage_the_rest_keeps_its_spacing"),
    (
        "two campaigns want the same person on one day",
        "run::the_frequency_cap_holds_over_all_campaigns_and_priority_goes_first",
    ),
    ("clocks go forward or back", "time::due_times_in_every_zone_agree_with_the_clock_on_the_wall"),
    ("a contact moves to another time zone", "F32"),
    ("a run is killed, at any moment", "F01b"),
    ("two crons overlap", "F28"),
    ("the relay is down", "F20"),
    ("a template misses a value", "run::a_mail_that_cannot_be_rendered_is_held_and_goes_when_it_is_mended"),
    ("somebody unsubscribes between two steps", "run::who_opts_out_gets_nothing_more_whatever_is_imported_after"),
];

#[test]
fn every_row_of_the_table_has_its_test() {
    let text = document("docs/what-happens.md");
    let rows: Vec<_> = table(&text, "| when | then |").iter().map(|row| row[0].to_owned()).collect();
    assert_eq!(rows, ROWS.map(|(row, _)| row));
    for (_, test) in ROWS {
        let Some((module, name)) = test.split_once("::") else {
            assert!(document("docs/reliability.md").contains(&format!("\n| {test} |")), "{test}");
            continue;
        };
        let code =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/{module}.rs"))).unwrap();
        assert!(code.contains(&format!("#[test]\nfn {name}()")), "{test}");
    }
    let table = |text: &str| text.split("| when | then |").nth(1).unwrap().split("\n\n").next().unwrap().to_owned();
    for row in table(&document("README.md")).lines().filter(|row| row.starts_with("| ") && !row.starts_with("| ---")) {
        assert!(text.contains(row), "the README says otherwise: {row}");
    }
}

const GO: &str = "trigger: { event: go }";

/// Lan entered `w` on 2 March at eight in the morning, and has had its first step.
fn inside(steps: &[&str]) -> Sandbox {
    let sandbox =
        Sandbox::new().settings("frequency_cap: none").campaign("w", GO, steps).contacts("email", &["lan@example.com"]);
    sandbox.drip(&["track", "lan@example.com", "go", "--at", "2026-03-02T01:00:00Z"]).code(0);
    assert_eq!(sandbox.run("2026-03-02T01:00:00Z"), ["w a lan@example.com sent"]);
    sandbox
}

/// Returns the steps that were sent by a run.
fn steps(sandbox: &Sandbox, now: &str) -> Vec<String> {
    let before = sandbox.sends().len();
    sandbox.run(now)[before..].iter().map(|row| row.split(' ').nth(1).unwrap().to_owned()).collect()
}

#[test]
fn everyone_not_yet_mailed_gets_the_new_text() {
    let sandbox = inside(&["id: a, send: mail", "id: b, send: mail, delay: 1d"]);
    sandbox.write("templates/mail.md", "---\nsubject: New\n---\nThe new text\n");
    sandbox.run("2026-03-03T01:00:00Z");
    let texts: Vec<bool> = sandbox.outbox().iter().map(|mail| mail.raw.contains("The new text")).collect();
    assert_eq!(texts.iter().filter(|new| **new).count(), 1);
    assert_eq!(texts.len(), 2);
}

#[test]
fn a_changed_delay_counts_from_the_same_origin_both_ways() {
    let sandbox = inside(&["id: a, send: mail", "id: b, send: mail, delay: 10d"]);
    sandbox.edit("w", GO, &["id: a, send: mail", "id: b, send: mail, delay: 20d"]);
    assert_eq!(steps(&sandbox, "2026-03-21T23:00:00Z"), [""; 0]);
    sandbox.edit("w", GO, &["id: a, send: mail", "id: b, send: mail, delay: 19d"]);
    assert_eq!(steps(&sandbox, "2026-03-21T23:00:00Z"), ["b"]);
}

#[test]
fn a_step_ahead_is_got_and_one_behind_never() {
    let sandbox = inside(&["id: a, send: mail", "id: b, send: mail, delay: 2d", "id: c, send: mail, delay: 2d"]);
    let edited = [
        "id: start, send: mail",
        "id: a, send: mail",
        "id: new, send: mail, delay: 1d",
        "id: b, send: mail, delay: 2d",
        "id: c, send: mail, delay: 2d",
    ];
    sandbox.edit("w", GO, &edited);
    assert_eq!(steps(&sandbox, "2026-03-03T01:00:00Z"), ["new"]);
    assert_eq!(steps(&sandbox, "2026-03-05T01:00:00Z"), ["b"]);
    // `c` moves behind them.
    sandbox.edit("w", GO, &["id: c, send: mail", "id: a, send: mail", "id: new, send: mail", "id: b, send: mail"]);
    assert_eq!(steps(&sandbox, "2026-04-05T01:00:00Z"), [""; 0]);
    assert_eq!(sandbox.enrolments(), ["w lan@example.com finished"]);
}

#[test]
fn a_removed_step_is_passed_over_from_the_same_origin() {
    let sandbox = inside(&["id: a, send: mail", "id: b, send: mail, delay: 9d", "id: c, send: mail, delay: 3d"]);
    sandbox.edit("w", GO, &["id: a, send: mail", "id: c, send: mail, delay: 3d"]);
    assert_eq!(steps(&sandbox, "2026-03-05T00:59:00Z"), [""; 0]);
    assert_eq!(steps(&sandbox, "2026-03-05T01:00:00Z"), ["c"]);
}

#[test]
fn a_renamed_step_is_the_same_only_where_the_file_says_so() {
    let sandbox = inside(&["id: a, send: mail", "id: b, send: mail, delay: 2d"]);
    let renamed = ["id: hello, send: mail", "id: b, send: mail, delay: 2d"];
    sandbox.edit("w", GO, &renamed);
    for now in ["2026-03-04T01:00:00Z", "2026-03-04T02:00:00Z"] {
        let said = sandbox.drip(&["--now", now, "run"]).code(0).stderr;
        assert!(
            said.contains("campaign w is paused (step `a` is gone, and `hello` is new to 1 contact who had it: if it is the same, write `was: [a]` below its id)"),
            "{said}"
        );
    }
    assert_eq!(sandbox.sends().len(), 1);
    // An edit of something else does not open the door.
    sandbox.write("templates/mail.md", "---\nsubject: New\n---\nNew {{unsubscribe_url}} {{postal_address}}\n");
    assert_eq!(steps(&sandbox, "2026-03-04T03:00:00Z"), [""; 0]);
    sandbox.edit("w", GO, &["id: hello, was: [a], send: mail", "id: b, send: mail, delay: 2d"]);
    assert_eq!(steps(&sandbox, "2026-03-04T04:00:00Z"), ["b"]);

    // Where it really is another mail, a person says so.
    let sandbox = inside(&["id: a, send: mail", "id: b, send: mail, delay: 2d"]);
    sandbox.edit("w", GO, &renamed);
    assert_eq!(steps(&sandbox, "2026-03-02T02:00:00Z"), [""; 0]);
    sandbox.drip(&["campaign", "resume", "w"]).code(0);
    assert_eq!(steps(&sandbox, "2026-03-02T03:00:00Z"), ["hello"]);
    // And where nobody would get anything twice, nobody is asked.
    let sandbox = inside(&["id: a, send: mail", "id: b, send: mail, delay: 2d"]);
    sandbox.edit("w", GO, &["id: a, send: mail", "id: c, send: mail, delay: 1d"]);
    assert_eq!(steps(&sandbox, "2026-03-03T01:00:00Z"), ["c"]);
}

#[test]
fn a_step_may_be_renamed_again_and_again() {
    let b = "id: b, send: other, delay: 5d";
    let fresh = || {
        let sandbox = Sandbox::new()
            .settings("frequency_cap: none")
            .file("templates/other.md", "---\nsubject: Other\n---\nOther {{unsubscribe_url}} {{postal_address}}\n")
            .campaign("w", GO, &["id: a, send: mail", b])
            .contacts("email", &["lan@example.com"]);
        sandbox.drip(&["track", "lan@example.com", "go", "--at", "2026-03-02T01:00:00Z"]).code(0);
        assert_eq!(sandbox.run("2026-03-02T01:00:00Z"), ["w a lan@example.com sent"]);
        sandbox
    };
    let once = || {
        let sandbox = fresh();
        sandbox.edit("w", GO, &["id: a2, was: [a], send: mail", b]);
        assert_eq!(steps(&sandbox, "2026-03-02T02:00:00Z"), [""; 0]);
        sandbox
    };
    // Each time from the name it had last; and a `was` that was tidied away is not missed.
    for second in ["id: a3, was: [a2], send: mail", "id: a2, send: mail", "id: a3, was: [a], send: mail"] {
        let sandbox = once();
        sandbox.edit("w", GO, &[second, b]);
        if second.contains("was: [a]") {
            // That name is not the last one: a person is asked, and nobody mailed.
            assert_eq!(steps(&sandbox, "2026-03-02T03:00:00Z"), [""; 0]);
            assert_eq!(sandbox.sql("SELECT paused_by FROM campaigns"), ["edit"]);
            continue;
        }
        assert_eq!(steps(&sandbox, "2026-03-02T03:00:00Z"), [""; 0], "{second}");
        assert_eq!(steps(&sandbox, "2026-03-07T01:00:00Z"), ["b"], "{second}");
        assert_eq!(steps(&sandbox, "2026-03-20T01:00:00Z"), [""; 0], "{second}");
    }
    // Without a `was` a person is asked the second time as well, and also where the step was moved.
    for steps_now in [["id: a3, send: mail", b], [b, "id: a3, send: mail"]] {
        let sandbox = once();
        sandbox.edit("w", GO, &steps_now);
        assert_eq!(steps(&sandbox, "2026-03-09T01:00:00Z"), [""; 0], "{steps_now:?}");
        assert_eq!(sandbox.sql("SELECT paused_by FROM campaigns"), ["edit"], "{steps_now:?}");
    }
    let sandbox = fresh();
    sandbox.edit("w", GO, &[b, "id: a2, send: mail"]);
    assert_eq!(steps(&sandbox, "2026-03-09T01:00:00Z"), [""; 0]);
    assert_eq!(sandbox.sql("SELECT paused_by FROM campaigns"), ["edit"]);
}

#[test]
fn who_matches_a_changed_trigger_already_stays_out_whatever_else_changes_about_them() {
    for wider in [
        "trigger: { segment: contact.n > 1 }",
        "trigger: [{ segment: contact.n > 5 }, { segment: contact.n > 1 }]",
        "trigger: { segment: 'in_segment(\"some\")' }",
    ] {
        let sandbox = Sandbox::new()
            .settings("frequency_cap: none\nsegments: { some: contact.n > 1 }")
            .campaign("w", "trigger: { segment: contact.n > 5 }", &["id: a, send: mail"])
            .contacts("email,n", &["lan@example.com,3", "minh@example.com,1"]);
        assert_eq!(sandbox.run("2026-03-02T01:00:00Z"), [""; 0]);
        sandbox.edit("w", wider, &["id: a, send: mail"]);
        // She comes together with the edit, and is one of those to come.
        sandbox.import("email,n", &["hoa@example.com,4"]);
        let said = sandbox.drip(&["--now", "2026-03-02T02:00:00Z", "run"]).code(0).stderr;
        assert!(
            said.contains("The trigger of campaign w changed; whom it fits already stays out: 1 contact"),
            "{said}"
        );
        sandbox.drip(&["contact", "set", "lan@example.com", "foo=1"]).code(0);
        sandbox.drip(&["contact", "set", "minh@example.com", "n=2"]).code(0);
        let sends = sandbox.run("2026-03-02T03:00:00Z");
        assert_eq!(sends, ["w a hoa@example.com sent", "w a minh@example.com sent"], "{wider}");
    }
}

#[test]
fn history_lets_nobody_in_unless_the_campaign_includes_it() {
    for (include, entered) in [("", 1), ("\nexisting: include", 3)] {
        let sandbox = Sandbox::new()
            .settings("frequency_cap: none")
            .campaign("w", &format!("{GO}{include}"), &["id: a, send: mail"])
            .contacts("email", &["lan@example.com", "minh@example.com", "hoa@example.com"]);
        sandbox.write(
            "history.csv",
            "email,event,time\nlan@example.com,go,2023-05-01\nminh@example.com,go,2026-01-25\nhoa@example.com,go,2026-02-20\n",
        );
        sandbox.drip(&["--now", "2026-03-02T01:00:00Z", "import", "history.csv"]).code(0);
        let said = sandbox.drip(&["--now", "2026-03-02T01:00:00Z", "run"]).code(0).stderr;
        assert_eq!(said.contains("2 events of more than 31 days ago let nobody in"), entered == 1, "{said}");
        assert_eq!(sandbox.sends().len(), entered);
    }
}

#[test]
fn a_new_file_may_include_what_runs_have_seen_before() {
    for (include, entered) in [("", 0), ("\nexisting: include", 2)] {
        let sandbox =
            Sandbox::new().settings("frequency_cap: none").contacts("email", &["lan@example.com", "minh@example.com"]);
        for (who, day) in [("lan", "2025-03-01"), ("lan", "2026-02-27"), ("minh", "2026-03-01")] {
            let at = format!("{day}T01:00:00Z");
            sandbox.drip(&["track", &format!("{who}@example.com"), "go", "--at", &at]).code(0);
        }
        sandbox.run("2026-03-02T01:00:00Z");
        sandbox.edit("w", &format!("{GO}{include}\nreentry: always"), &["id: a, send: mail"]);
        sandbox.run("2026-03-02T02:00:00Z");
        assert_eq!(sandbox.sends().len(), entered);
        // Once.
        sandbox.run("2026-03-02T03:00:00Z");
        assert_eq!(sandbox.sends().len(), entered);
    }
}

#[test]
fn a_call_keeps_hours_of_its_own_and_those_of_the_mails_do_not_bind_it() {
    let sandbox = Sandbox::new()
        .settings("frequency_cap: none\nhours: \"08:00-20:00\"")
        .campaign(
            "w",
            "trigger: { segment: 'true' }",
            &[
                "id: now, notify: sales@acme.example",
                "id: later, notify: sales@acme.example, hours: \"09:00-17:00\", days: mon-fri",
            ],
        )
        .contacts("email", &["lan@example.com"]);
    // Three in the morning of a Monday in Vietnam.
    assert_eq!(steps(&sandbox, "2026-03-01T20:00:00Z"), ["now"]);
    assert_eq!(steps(&sandbox, "2026-03-02T01:00:00Z"), [""; 0]);
    assert_eq!(steps(&sandbox, "2026-03-02T02:00:00Z"), ["later"]);
}

#[test]
fn a_step_since_the_entry_is_late_by_the_entry_whatever_came_late_before_it() {
    let sandbox = inside(&[
        "id: a, send: mail",
        "id: b, send: mail, delay: 2d",
        "id: c, send: mail, delay: 3d since entry, late: skip after 2d",
    ]);
    assert_eq!(steps(&sandbox, "2026-03-20T01:00:00Z"), ["b"]);
    assert_eq!(steps(&sandbox, "2026-03-21T01:00:00Z"), ["c"]);
    assert_eq!(sandbox.sends().last().unwrap(), "w c lan@example.com skipped (late)");
}

#[test]
fn what_was_tracked_by_hand_at_one_moment_is_told_apart_by_what_it_says() {
    let sandbox = inside(&["id: a, send: mail"]);
    for (value, said) in [("1", true), ("2", true), ("1", false), ("2", false)] {
        let words = ["track", "lan@example.com", "bought", &format!("value={value}"), "--at", "2026-03-02T01:00:00Z"];
        let ended = sandbox.drip(&words).code(0);
        assert_eq!(
            !format!("{}{}", ended.stdout, ended.stderr).contains("before"),
            said,
            "{}{}",
            ended.stdout,
            ended.stderr
        );
    }
    assert_eq!(sandbox.sql("SELECT count(*) FROM v_events WHERE event = 'bought'"), ["2"]);
}

#[test]
fn one_birthday_is_one_greeting_whatever_is_corrected_about_it() {
    let head = |offset: &str| format!("trigger: {{ date: birthday, yearly: true, offset: {offset} }}");
    let sandbox = Sandbox::new()
        .settings("frequency_cap: none")
        .campaign("w", &head("-3d"), &["id: a, send: mail"])
        .contacts("email,birthday", &["lan@example.com,1990-03-05", "minh@example.com,1990-03-09"]);
    sandbox.run("2026-03-01T01:00:00Z");
    assert_eq!(steps(&sandbox, "2026-03-02T01:00:00Z"), ["a"]);
    sandbox.edit("w", &head("0d"), &["id: a, send: mail"]);
    sandbox.drip(&["contact", "set", "lan@example.com", "birthday=1990-03-06"]).code(0);
    for day in ["03", "04", "05", "06", "07", "08"] {
        assert_eq!(steps(&sandbox, &format!("2026-03-{day}T01:00:00Z")), [""; 0], "{day}");
    }
    assert_eq!(steps(&sandbox, "2026-03-09T01:00:00Z"), ["a"], "Minh's own");
    assert_eq!(steps(&sandbox, "2027-03-06T01:00:00Z"), ["a"], "the next year");
}

#[test]
fn who_is_through_gets_an_appended_step_only_where_they_were_held() {
    for (head, got) in [(GO.to_owned(), 1), (format!("{GO}\nat_end: hold"), 2)] {
        let sandbox = Sandbox::new()
            .settings("frequency_cap: none")
            .campaign("w", &head, &["id: a, send: mail"])
            .contacts("email", &["lan@example.com"]);
        sandbox.drip(&["track", "lan@example.com", "go", "--at", "2026-03-02T01:00:00Z"]).code(0);
        sandbox.run("2026-03-02T01:00:00Z");
        sandbox.edit("w", &head, &["id: a, send: mail", "id: b, send: mail, delay: 1d"]);
        assert_eq!(sandbox.run("2026-03-09T01:00:00Z").len(), got, "{head}");
    }
}

#[test]
fn a_changed_trigger_is_for_those_to_come() {
    let sandbox = inside(&["id: a, send: mail", "id: b, send: mail, delay: 2d"]);
    sandbox.edit("w", "trigger: { event: other }", &["id: a, send: mail", "id: b, send: mail, delay: 2d"]);
    assert_eq!(steps(&sandbox, "2026-03-04T01:00:00Z"), ["b"]);
    sandbox.import("email", &["sam@example.com", "kim@example.com"]);
    sandbox.drip(&["track", "sam@example.com", "go", "--at", "2026-03-05T01:00:00Z"]).code(0);
    sandbox.drip(&["track", "kim@example.com", "other", "--at", "2026-03-05T01:00:00Z"]).code(0);
    assert!(sandbox.run("2026-03-05T01:00:00Z").contains(&"w a kim@example.com sent".to_owned()));
    assert_eq!(sandbox.sends().len(), 3);
}

#[test]
fn people_of_a_file_that_is_gone_wait_for_it() {
    let sandbox = inside(&["id: a, send: mail", "id: b, send: mail, delay: 2d"]);
    let file = sandbox.path("campaigns/w.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let said = sandbox.drip(&["--now", "2026-03-09T01:00:00Z", "run"]).code(0).stderr;
    assert!(said.contains("campaigns/w.yaml is gone; 1 contact inside it wait"), "{said}");
    fs::write(&file, text).unwrap();
    assert_eq!(steps(&sandbox, "2026-03-10T01:00:00Z"), ["b"]);
}

#[test]
fn what_a_person_paused_a_person_resumes() {
    let sandbox = inside(&["id: a, send: mail", "id: b, send: mail, delay: 2d"]);
    sandbox.drip(&["campaign", "pause", "w"]).code(0);
    sandbox.edit("w", GO, &["id: a, send: mail", "id: b, send: mail, delay: 1d"]);
    assert_eq!(steps(&sandbox, "2026-03-05T01:00:00Z"), [""; 0]);
    // A change of names is asked about when the campaign goes on, not forgotten.
    sandbox.edit("w", GO, &["id: hello, send: mail", "id: b, send: mail, delay: 1d"]);
    assert_eq!(steps(&sandbox, "2026-03-05T02:00:00Z"), [""; 0]);
    sandbox.drip(&["campaign", "resume", "w"]).code(0);
    assert_eq!(steps(&sandbox, "2026-03-05T03:00:00Z"), [""; 0]);
    sandbox.edit("w", GO, &["id: hello, was: [a], send: mail", "id: b, send: mail, delay: 1d"]);
    assert_eq!(steps(&sandbox, "2026-03-05T04:00:00Z"), ["b"]);
}

#[test]
fn after_an_outage_the_rest_keeps_its_spacing() {
    let late = |late: &str| {
        let third = format!("id: c, send: mail, delay: 2d{late}");
        let sandbox = inside(&["id: a, send: mail", "id: b, send: mail, delay: 2d", &third]);
        assert_eq!(steps(&sandbox, "2026-03-25T01:00:00Z"), ["b"]);
        assert_eq!(steps(&sandbox, "2026-03-27T00:59:00Z"), [""; 0]);
        // And down again.
        sandbox.run("2026-04-15T01:00:00Z").pop().unwrap()
    };
    assert_eq!(late(""), "w c lan@example.com sent");
    assert_eq!(late(", late: skip after 7d"), "w c lan@example.com skipped (late)");
}
