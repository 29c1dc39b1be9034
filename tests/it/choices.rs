//! What readers chose holds when files are edited, and when a copy is put back that does not know of it.

#![allow(clippy::unwrap_used, reason = "a test")]

use crate::preferences::{
    MONDAY, SETTINGS, STEPS, TOPICS, TUESDAY, WEDNESDAY, asked, choices, got, link, mailed, preferences_of,
};
use crate::support::Sandbox;
use crate::support::server::Server;
use crate::support::smtp::{Script, SmtpServer};

#[test]
fn who_refused_a_campaign_refuses_it_also_once_it_has_a_topic() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay, "", MONDAY);
    let path = preferences_of(&relay, "lan@example.com");
    let server = Server::start(&sandbox);
    server.ask("POST", &path, "shown=campaign/tea&shown=campaign/sale&wanted=campaign/sale");
    drop(server);
    let topical = sandbox.settings(&format!("{SETTINGS}{TOPICS}"));
    topical.edit("tea", "name: Tea for you\ntrigger: { segment: 'true' }\ntopic: tips", &STEPS);
    let sandbox = topical.through(&relay);
    sandbox.run(TUESDAY);
    assert_eq!((got(&relay, "lan@example.com"), got(&relay, "minh@example.com")), (3, 4));
    // On the page it is the topic that is not ticked, and ticking it takes the refusal back.
    let server = Server::start(&sandbox);
    assert_eq!(server.ask("GET", &path, "").body.matches(" checked").count(), 1);
    server.ask("POST", &path, "shown=tips&shown=offers&wanted=tips&wanted=offers");
    assert_eq!(choices(&sandbox)[0], "lan@example.com [] -");
}

#[test]
fn a_pause_hides_no_mail_that_left_before_it_from_a_copy_that_is_adopted() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay, TOPICS, MONDAY);
    sandbox.drip(&["backup", "before.db"]).code(0);
    sandbox.run(TUESDAY);
    assert_eq!(got(&relay, "lan@example.com"), 4);
    let server = Server::start(&sandbox);
    let path = preferences_of(&relay, "lan@example.com");
    server.ask("POST", &path, "shown=tips&shown=offers&wanted=tips&wanted=offers&pause=30");
    drop(server);
    sandbox.drip(&["restore", "before.db"]).code(0);
    sandbox.drip(&["--now", WEDNESDAY, "run", "--adopt"]);
    assert_eq!(
        sandbox.sql("SELECT email || ' ' || count(*) FROM v_sends WHERE state = 'unknown' GROUP BY email"),
        ["lan@example.com 2", "minh@example.com 2"]
    );
    // Long after the pause nothing comes twice.
    sandbox.run("2027-03-03T02:00:00Z");
    assert_eq!((got(&relay, "lan@example.com"), got(&relay, "minh@example.com")), (4, 4));
    sandbox.check();
}

#[test]
fn who_confirmed_after_the_copy_was_made_gets_neither_the_question_nor_the_first_mail_again() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = asked(&relay);
    sandbox.run("2026-03-02T12:00:00Z");
    sandbox.drip(&["backup", "before.db"]).code(0);
    let server = Server::start(&sandbox);
    assert_eq!(server.ask("POST", &link(&relay.mails()[0], "y"), "").code, 200);
    drop(server);
    sandbox.run("2026-03-03T02:30:00Z");
    assert_eq!(got(&relay, "lan@example.com"), 2);
    sandbox.drip(&["restore", "before.db"]).code(0);
    assert_eq!(sandbox.sql("SELECT consent FROM contacts WHERE email = 'lan@example.com'"), ["subscribed"]);
    sandbox.drip(&["--now", "2026-03-04T02:30:00Z", "run", "--adopt"]);
    sandbox.run("2026-03-06T02:30:00Z");
    assert_eq!(got(&relay, "lan@example.com"), 2);
}

#[test]
fn what_somebody_chose_whom_the_copy_does_not_know_waits_for_them() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay, TOPICS, MONDAY);
    sandbox.drip(&["backup", "before.db"]).code(0);
    sandbox.import("email", &["hoa@example.com"]);
    sandbox.run(MONDAY);
    let server = Server::start(&sandbox);
    server.ask("POST", &preferences_of(&relay, "hoa@example.com"), "shown=tips&shown=offers&wanted=tips");
    drop(server);
    for _ in 0..2 {
        sandbox.drip(&["restore", "before.db"]).code(0);
    }
    sandbox.import("email", &["hoa@example.com"]);
    assert_eq!(choices(&sandbox)[0], "hoa@example.com [\"offers\"] -");
    sandbox.drip(&["contact", "forget", "hoa@example.com", "--yes"]).code(0);
    assert!(sandbox.sql("SELECT * FROM lost_choices").is_empty());
}

#[test]
fn nobody_confirms_by_an_event_for_somebody_else() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = asked(&relay);
    sandbox.run("2026-03-02T12:00:00Z");
    sandbox.drip(&["track", "lan@example.com", "confirmed", "--at", "2026-03-02T12:30:00Z"]).code(0);
    sandbox.run("2026-03-05T02:30:00Z");
    assert_eq!(sandbox.sql("SELECT consent FROM contacts WHERE email = 'lan@example.com'"), ["pending"]);
    assert_eq!(got(&relay, "lan@example.com"), 2, "the question, and the reminder");
    assert!(sandbox.sql("SELECT email FROM v_enrolments WHERE state = 'goal'").is_empty());
}

#[test]
fn a_campaign_that_turns_to_other_people_waits_until_somebody_has_looked() {
    let relay = SmtpServer::start(Script::new());
    let sandbox: Sandbox = mailed(&relay, "", MONDAY);
    sandbox.write("templates/mail.md", "---\nsubject: Hello\n---\n{{#if preferences_url}}{{confirm_url}}{{/if}}\n{{postal_address}} {{unsubscribe_url}}\n");
    sandbox.edit("tea", "trigger: pending", &STEPS);
    let said = sandbox.drip(&["--now", TUESDAY, "run"]).stderr;
    assert!(said.contains("would go to those who have not confirmed alone; the 2 inside"), "{said}");
    assert_eq!(sandbox.sql("SELECT count(*) FROM v_enrolments WHERE campaign = 'tea' AND state = 'active'"), ["2"]);
    // A person says that it is meant.
    sandbox.drip(&["campaign", "resume", "tea"]).code(0);
    sandbox.run(WEDNESDAY);
    assert_eq!(
        sandbox.sql("SELECT DISTINCT state || ' ' || reason FROM v_enrolments WHERE campaign = 'tea'"),
        ["exited confirmed"]
    );
}
