//! What a run does: entries, steps, goals, edits, consent. Every run is made twice.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;

use crate::support::Sandbox;

const LAN: &str = "lan@example.com,Lan";
const MINH: &str = "minh@example.com,Minh";

fn lan() -> Sandbox {
    Sandbox::new()
}

fn track(sandbox: &Sandbox, email: &str, event: &str, at: &str) {
    sandbox.drip(&["track", email, event, "--at", at]).code(0);
}

#[test]
fn a_series_goes_from_the_entry_to_the_end_with_the_spacing_of_the_real_sends() {
    let sandbox = lan()
        .campaign(
            "welcome",
            "trigger: { event: signed_up }",
            &["id: a, send: mail", "id: b, send: mail, delay: 2d", "id: c, send: mail, delay: 1d at 09:00"],
        )
        .contacts("email,first_name", &[LAN]);
    track(&sandbox, "lan@example.com", "signed_up", "2026-03-02T01:00:00Z");
    assert_eq!(sandbox.run("2026-03-02T00:59:00Z"), [""; 0], "the event is not seen before its time");
    assert_eq!(sandbox.run("2026-03-02T01:00:00Z"), ["welcome a lan@example.com sent"]);
    assert_eq!(sandbox.run("2026-03-04T00:59:00Z").len(), 1);
    // Cron was down for three weeks: one mail, and the rest keeps its distance.
    assert_eq!(sandbox.run("2026-03-25T05:00:00Z").len(), 2);
    assert_eq!(sandbox.run("2026-03-26T01:59:00Z").len(), 2);
    assert_eq!(sandbox.run("2026-03-26T02:00:00Z").len(), 3);
    assert_eq!(sandbox.enrolments(), ["welcome lan@example.com finished"]);
}

#[test]
fn triggers_let_in_who_they_mean_and_only_once() {
    let sandbox = lan()
        .campaign(
            "buyers",
            "trigger: { event: purchased, where: 'event.value >= 100 && contact.country == \"VN\"' }",
            &["id: a, send: mail"],
        )
        .campaign("vip", "trigger: { tag: vip }", &["id: a, send: mail"])
        .campaign("often", "trigger: { segment: 'count(\"purchased\") >= 2' }", &["id: a, send: mail"])
        .campaign("hand", "trigger: manual", &["id: a, send: mail"])
        .contacts("email,country,tags", &["lan@example.com,VN,tea;vip", "minh@example.com,FR,tea"]);
    sandbox.import(
        "email,event,time,value",
        &[
            "lan@example.com,purchased,2026-03-01T01:00:00Z,99",
            "minh@example.com,purchased,2026-03-01T01:00:00Z,200",
            "lan@example.com,purchased,2026-03-01T02:00:00Z,100",
        ],
    );
    assert_eq!(
        sandbox.run("2026-03-01T03:00:00Z"),
        ["buyers a lan@example.com sent", "often a lan@example.com sent", "vip a lan@example.com sent"]
    );
    sandbox.import("email,tags", &["minh@example.com,vip", "lan@example.com,vip"]);
    sandbox.drip(&["--now", "2026-03-01T04:00:00Z", "enrol", "hand", "minh@example.com"]).code(0);
    assert_eq!(
        sandbox.drip(&["enrol", "hand", "minh@example.com", "nobody@example.com"]).code(4).stderr.lines().count(),
        3
    );
    let sends = sandbox.run("2026-03-01T04:00:00Z");
    assert_eq!(sends.len(), 5);
    assert!(
        sends.contains(&"hand a minh@example.com sent".to_owned())
            && sends.contains(&"vip a minh@example.com sent".to_owned())
    );
}

#[test]
fn who_matches_when_a_campaign_appears_stays_out_and_history_does_not_trigger() {
    let sandbox = lan()
        .campaign("other", "trigger: manual", &["id: a, send: mail"])
        .contacts("email,tags", &["lan@example.com,vip"]);
    track(&sandbox, "lan@example.com", "signed_up", "2026-01-01T00:00:00Z");
    sandbox.run("2026-03-01T03:00:00Z");
    sandbox.edit(
        "vip",
        "trigger: [{ tag: vip }, { event: signed_up }, { inactive: { event: signed_up, for: 30d } }]",
        &["id: a, send: mail"],
    );
    let said = sandbox.drip(&["--now", "2026-03-02T03:00:00Z", "run"]).code(0);
    assert!(said.stderr.contains("Campaign vip is new; 1 contact who match"), "{}", said.stderr);
    assert_eq!(sandbox.run("2026-03-03T03:00:00Z"), [""; 0]);
}

#[test]
fn a_silence_triggers_once_and_the_next_one_again() {
    let sandbox = lan()
        .campaign(
            "back",
            "trigger: { inactive: { event: purchased, for: 10d } }\nreentry: always\ngoal: purchased",
            &["id: a, send: mail", "id: b, send: mail, delay: 5d"],
        )
        .contacts("email,first_name", &[LAN, MINH]);
    sandbox.run("2026-03-01T00:00:00Z");
    track(&sandbox, "lan@example.com", "purchased", "2026-03-01T01:00:00Z");
    assert_eq!(sandbox.run("2026-03-11T00:59:00Z"), [""; 0]);
    assert_eq!(sandbox.run("2026-03-11T01:00:00Z"), ["back a lan@example.com sent"]);
    track(&sandbox, "lan@example.com", "purchased", "2026-03-12T00:00:00Z");
    assert_eq!(sandbox.run("2026-03-20T00:00:00Z"), ["back a lan@example.com sent"], "the goal stops the series");
    assert_eq!(sandbox.run("2026-04-20T00:00:00Z"), ["back a lan@example.com sent", "back a lan@example.com #2 sent"]);
    assert_eq!(sandbox.enrolments(), ["back lan@example.com goal", "back lan@example.com #2 active at b"]);
}

#[test]
fn steps_set_skip_exit_and_wait_for_hours() {
    let sandbox = lan()
        .settings("frequency_cap: none\nhours: \"09:00-17:00\"\ndays: mon-fri")
        .campaign(
            "w",
            "trigger: { event: go }\nexit_when: 'contact.plan == \"gone\"'",
            &[
                "id: a, send: mail",
                "id: mark, set: { plan: pro, n: 3 }",
                "id: b, send: mail, if: 'contact.plan == \"free\"'",
                "id: c, send: mail, delay: 1d, late: skip after 2d",
                "id: end, exit: enough, if: 'contact.n == 3'",
            ],
        )
        .contacts("email,plan,timezone", &["lan@example.com,free,", "sam@example.com,free,America/New_York"]);
    // Friday 18:00 in Viet Nam, 06:00 in New York.
    track(&sandbox, "lan@example.com", "go", "2026-03-06T11:00:00Z");
    track(&sandbox, "sam@example.com", "go", "2026-03-06T11:00:00Z");
    assert_eq!(sandbox.run("2026-03-06T11:00:00Z"), [""; 0]);
    let told = sandbox.drip(&["--now", "2026-03-06T11:05:00Z", "run"]).code(0).stdout;
    assert_eq!(
        told, "Nothing was due.\nNext: w, 2026-03-06 21:00.\n",
        "nine o'clock in New York, as Viet Nam's clocks show it"
    );
    assert_eq!(sandbox.run("2026-03-06T14:00:00Z"), ["w a sam@example.com sent", "w mark sam@example.com done"]);
    let sends = sandbox.run("2026-03-09T02:00:00Z");
    assert!(sends.contains(&"w b sam@example.com skipped (condition)".to_owned()), "{sends:#?}");
    assert!(sends.contains(&"w a lan@example.com sent".to_owned()), "on Monday at nine: {sends:#?}");
    sandbox.run("2026-03-10T02:00:00Z");
    // Nobody ran drip for a month: too late for `c`, and `end` ends it.
    let sends = sandbox.run("2026-04-10T02:00:00Z");
    assert!(sends.contains(&"w c lan@example.com skipped (late)".to_owned()), "{sends:#?}");
    assert_eq!(sandbox.enrolments(), ["w lan@example.com exited (enough)", "w sam@example.com exited (enough)"]);
}

#[test]
fn the_frequency_cap_holds_over_all_campaigns_and_priority_goes_first() {
    let sandbox = lan()
        .settings("frequency_cap: 1 per day")
        .campaign("low", "trigger: { event: go }", &["id: a, send: mail"])
        .campaign("high", "trigger: { event: go }\npriority: 5", &["id: a, send: mail"])
        .contacts("email,first_name", &[LAN]);
    track(&sandbox, "lan@example.com", "go", "2026-03-02T01:00:00Z");
    assert_eq!(sandbox.run("2026-03-02T01:00:00Z"), ["high a lan@example.com sent"]);
    assert_eq!(sandbox.run("2026-03-02T16:59:00Z").len(), 1);
    assert_eq!(sandbox.run("2026-03-02T17:00:00Z").len(), 2, "midnight in Viet Nam");
}

#[test]
fn who_opts_out_gets_nothing_more_whatever_is_imported_after() {
    let sandbox = lan()
        .campaign("w", "trigger: { event: go }", &["id: a, send: mail", "id: b, send: mail, delay: 1d"])
        .contacts("email,first_name", &[LAN]);
    track(&sandbox, "lan@example.com", "go", "2026-03-02T01:00:00Z");
    sandbox.run("2026-03-02T01:00:00Z");
    sandbox.drip(&["contact", "unsubscribe", "LAN@example.com", "stranger@example.com"]).code(0);
    sandbox
        .import("email,first_name,consent", &["lan@example.com,Lan,subscribed", "stranger@example.com,X,subscribed"]);
    track(&sandbox, "stranger@example.com", "go", "2026-03-03T01:00:00Z");
    track(&sandbox, "lan@example.com", "go", "2026-03-03T01:00:00Z");
    assert_eq!(sandbox.run("2026-03-04T01:00:00Z"), ["w a lan@example.com sent"]);
    assert_eq!(sandbox.enrolments(), ["w lan@example.com exited (unsubscribed)"]);
    let story = sandbox.drip(&["contact", "show", "lan@example.com"]).code(0).stdout;
    assert!(story.contains("unsubscribed (by hand)") && story.contains("w a: sent"), "{story}");
}

#[test]
fn a_live_edit_reaches_everyone_once() {
    let sandbox = lan()
        .campaign("w", "trigger: { event: go }", &["id: a, send: mail", "id: b, send: mail, delay: 10d"])
        .contacts("email,first_name", &[LAN]);
    track(&sandbox, "lan@example.com", "go", "2026-03-02T01:00:00Z");
    sandbox.run("2026-03-02T01:00:00Z");
    sandbox.edit(
        "w",
        "trigger: { event: go }",
        &["id: first, was: [a], send: mail", "id: new, send: mail, delay: 1d", "id: b, send: mail, delay: 1d"],
    );
    assert_eq!(sandbox.run("2026-03-03T01:00:00Z"), ["w first lan@example.com sent", "w new lan@example.com sent"]);
    std::fs::remove_file(sandbox.path("campaigns/w.yaml")).unwrap();
    let said = sandbox.drip(&["--now", "2026-03-05T01:00:00Z", "run"]).code(0);
    assert!(said.stderr.contains("campaigns/w.yaml is gone; 1 contact"), "{}", said.stderr);
    sandbox.edit(
        "w",
        "trigger: { event: go }",
        &["id: first, was: [a], send: mail", "id: new, send: mail", "id: last, send: mail, delay: 2d"],
    );
    // `b` is gone while they wait for it: `last` comes, from the same origin.
    assert_eq!(sandbox.run("2026-03-05T00:59:00Z").len(), 2);
    assert_eq!(sandbox.run("2026-03-05T01:00:00Z").len(), 3);
    assert_eq!(sandbox.enrolments(), ["w lan@example.com finished"]);
}

#[test]
fn a_mail_that_cannot_be_rendered_is_held_and_goes_when_it_is_mended() {
    let sandbox = lan()
        .file(
            "templates/city.md",
            "---\nsubject: Hi\n---\nTrà ở {{city}}. [Unsubscribe]({{unsubscribe_url}}) {{postal_address}}\n",
        )
        .campaign("w", "trigger: { event: go }", &["id: a, send: city"])
        .contacts("email,city", &["lan@example.com,", "minh@example.com,Huế", "nga@example.com,"]);
    for email in ["lan@example.com", "minh@example.com", "nga@example.com"] {
        track(&sandbox, email, "go", "2026-03-02T01:00:00Z");
    }
    let said = sandbox.drip(&["--now", "2026-03-02T01:00:00Z", "run"]).code(6);
    assert!(said.stderr.contains("templates/city.md:4:7: `city` is missing"), "{}", said.stderr);
    assert_eq!(sandbox.sql("SELECT count(*) FROM v_sends WHERE state = 'held'"), ["2"]);
    assert_eq!(sandbox.run("2026-03-02T02:00:00Z").len(), 3);
    sandbox.import("email,city", &["lan@example.com,Hà Nội"]);
    sandbox.run("2026-03-02T03:00:00Z");
    assert_eq!(sandbox.sql("SELECT email FROM v_sends WHERE state = 'held'"), ["nga@example.com"]);
    sandbox.write("templates/city.md", "---\nsubject: Hi\n---\nTrà ở {{default city \"nhà\"}}. [Unsubscribe]({{unsubscribe_url}}) {{postal_address}}\n");
    sandbox.run("2026-03-02T04:00:00Z");
    assert_eq!(sandbox.sql("SELECT count(*) FROM v_sends WHERE state = 'sent'"), ["3"]);
}

#[test]
fn a_dry_run_says_who_and_changes_nothing() {
    let sandbox = lan()
        .campaign("w", "trigger: { event: go }", &["id: a, send: mail"])
        .contacts("email,first_name", &[LAN, MINH]);
    for email in ["lan@example.com", "minh@example.com"] {
        track(&sandbox, email, "go", "2026-03-02T01:00:00Z");
    }
    let before = std::fs::read(sandbox.path("drip.db")).unwrap();
    let said = sandbox.drip(&["--now", "2026-03-02T02:00:00Z", "run", "--dry-run"]).code(0).stdout;
    insta::assert_snapshot!(said, @r"
    Dry run, nothing was changed. 2 mails would be sent, 2 enrolled and 2 finished.
      w  a  lan@example.com
      w  a  minh@example.com
    ");
    assert!(std::fs::read(sandbox.path("drip.db")).unwrap() == before);
    assert!(sandbox.sends().is_empty() && sandbox.outbox().is_empty());
    // --limit sends so many, and the rest later.
    sandbox.drip(&["--now", "2026-03-02T02:00:00Z", "run", "--limit", "1"]).code(0);
    assert_eq!(sandbox.sends().len(), 1);
    assert_eq!(sandbox.run("2026-03-02T02:00:00Z").len(), 2);
}

#[test]
fn a_template_that_was_right_and_is_wrong_now_stops_a_run_before_anything_leaves() {
    let sandbox = lan()
        .campaign("w", "trigger: { event: go }", &["id: a, send: mail", "id: b, send: mail, subject: '{{first_name}}'"])
        .contacts("email,first_name", &["lan@example.com,Lan"]);
    let right = fs::read_to_string(sandbox.path("templates/mail.md")).unwrap();
    let campaign = fs::read_to_string(sandbox.path("campaigns/w.yaml")).unwrap();
    // Twice: the second run may remember that all was well.
    sandbox.run("2026-03-01T02:00:00Z");
    track(&sandbox, "lan@example.com", "go", "2026-03-02T01:00:00Z");
    for (path, wrong) in [
        ("templates/mail.md", format!("{right}{{{{#if}}}}")),
        ("campaigns/w.yaml", campaign.replace("{{first_name}}", "{{first_name")),
    ] {
        let before = fs::read_to_string(sandbox.path(path)).unwrap();
        sandbox.write(path, &wrong);
        let said = sandbox.drip(&["--now", "2026-03-02T02:00:00Z", "run"]).code(3).stderr;
        assert!(said.contains(path), "{said}");
        assert!(sandbox.sends().is_empty());
        sandbox.write(path, &before);
    }
    assert_eq!(sandbox.run("2026-03-02T02:00:00Z"), ["w a lan@example.com sent"]);
}
