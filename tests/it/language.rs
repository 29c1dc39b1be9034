//! The campaign language, key by key: dates, waits, tests, enrolling, telling the firm and others.

#![allow(clippy::unwrap_used, reason = "a test")]

use crate::support::Sandbox;
use crate::support::http::HttpServer;

fn track(sandbox: &Sandbox, email: &str, event: &str, at: &str) {
    sandbox.drip(&["track", email, event, "--at", at]).code(0);
}

#[test]
fn birthdays_come_every_year_in_the_contacts_own_zone() {
    let sandbox = Sandbox::new()
        .campaign(
            "birthday",
            "trigger: { date: birthday, yearly: true }\nreentry: always",
            &["id: wish, send: mail, delay: 0m at 09:00"],
        )
        .contacts(
            "email,birthday,timezone",
            &[
                "lan@example.com,1990-03-05,",
                "sam@example.com,1988-03-05,America/New_York",
                "leap@example.com,2004-02-29,",
                "unknown@example.com,,",
                "odd@example.com,in spring,",
            ],
        );
    // Midnight in Viet Nam is 17:00Z the day before; nine in the morning is 02:00Z.
    assert_eq!(sandbox.run("2026-03-04T16:59:00Z"), [""; 0]);
    assert_eq!(sandbox.run("2026-03-05T01:59:00Z"), [""; 0]);
    assert_eq!(sandbox.run("2026-03-05T02:00:00Z"), ["birthday wish lan@example.com sent"]);
    assert_eq!(sandbox.run("2026-03-05T13:59:00Z").len(), 1);
    assert_eq!(sandbox.run("2026-03-05T14:00:00Z").len(), 2);
    // A change on the day itself does not wish twice.
    sandbox.import("email,first_name", &["lan@example.com,Lan"]);
    assert_eq!(sandbox.run("2026-03-05T15:00:00Z").len(), 2);
    assert_eq!(sandbox.run("2027-02-27T16:59:00Z").len(), 2);
    assert_eq!(sandbox.run("2027-02-28T02:00:00Z").len(), 3, "29 February in a year without one");
    assert_eq!(sandbox.run("2027-03-05T14:00:00Z").len(), 5);
    assert_eq!(sandbox.run("2028-02-28T12:00:00Z").len(), 5);
    assert_eq!(sandbox.run("2028-02-29T02:00:00Z").len(), 6);
}

#[test]
fn a_renewal_is_announced_days_before_and_a_late_machine_does_not_forget_it() {
    let sandbox = Sandbox::new()
        .campaign(
            "renewal",
            "trigger: { date: expires, offset: -3d }\ngoal: renewed\nlate: skip after 2d",
            &["id: soon, send: mail", "id: tomorrow, send: mail, delay: 2d since entry"],
        )
        .contacts(
            "email,expires",
            &["lan@example.com,2026-03-10", "minh@example.com,2026-03-20", "past@example.com,2025-01-01"],
        );
    assert_eq!(sandbox.run("2026-03-06T16:59:00Z"), [""; 0]);
    // Nothing ran for a day and a half: the reminder goes all the same, and for `tomorrow` counts the day itself.
    assert_eq!(sandbox.run("2026-03-08T03:00:00Z"), ["renewal soon lan@example.com sent"]);
    assert_eq!(
        sandbox.run("2026-03-08T17:00:00Z"),
        ["renewal soon lan@example.com sent", "renewal tomorrow lan@example.com sent"]
    );
    // The date moves while they wait for it.
    sandbox.import("email,expires", &["minh@example.com,2026-04-20"]);
    assert_eq!(sandbox.run("2026-03-25T03:00:00Z").len(), 2);
    assert_eq!(sandbox.run("2026-04-16T17:00:00Z").len(), 3);
    track(&sandbox, "minh@example.com", "renewed", "2026-04-17T00:00:00Z");
    assert_eq!(sandbox.run("2026-04-19T00:00:00Z").len(), 3);
}

#[test]
fn a_segment_becomes_true_by_itself_at_its_very_instant() {
    let sandbox = Sandbox::new()
        .campaign(
            "quiet",
            "trigger: { segment: 'did(\"purchased\") && !did(\"purchased\", \"10d\")' }\nreentry: always",
            &["id: a, send: mail"],
        )
        .campaign("monthly", "trigger: { segment: 'days_since(\"purchased\") >= 30' }", &["id: a, send: mail"])
        .contacts("email", &["lan@example.com", "never@example.com"]);
    sandbox.run("2026-03-01T00:00:00Z");
    track(&sandbox, "lan@example.com", "purchased", "2026-03-01T10:00:00Z");
    assert_eq!(sandbox.run("2026-03-01T10:00:00Z"), [""; 0]);
    assert_eq!(sandbox.run("2026-03-11T10:00:00Z"), [""; 0], "ten days to the second still count");
    assert_eq!(sandbox.run("2026-03-11T10:00:01Z"), ["quiet a lan@example.com sent"]);
    track(&sandbox, "lan@example.com", "purchased", "2026-03-20T10:00:00Z");
    sandbox.run("2026-03-20T10:00:00Z");
    assert_eq!(sandbox.run("2026-03-30T10:01:00Z").len(), 2, "the next silence");
    assert_eq!(sandbox.run("2026-04-19T09:59:00Z").len(), 2);
    assert_eq!(sandbox.run("2026-04-19T10:00:00Z").len(), 3);
    // Nobody is looked at before their time: the two who never bought have no time at all.
    assert_eq!(sandbox.sql("SELECT count(*) FROM watches WHERE at IS NOT NULL AND at < 1776592800000"), ["0"]);
    assert_eq!(sandbox.sql("SELECT count(*) FROM watches WHERE at IS NULL"), ["3"]);
}

#[test]
fn a_wait_goes_on_at_once_or_when_time_is_up_and_later_steps_can_tell() {
    let sandbox = Sandbox::new()
        .campaign(
            "trial",
            "trigger: { event: trial_started }",
            &[
                "id: hello, send: mail",
                "id: active, wait_for: { event: activated, where: 'event.plan == \"pro\"', at_most: 7d }",
                "id: thanks, if: 'came(\"active\")', send: mail",
                "id: nudge, if: 'timed_out(\"active\")', send: mail",
            ],
        )
        .contacts("email", &["lan@example.com", "minh@example.com"]);
    for email in ["lan@example.com", "minh@example.com"] {
        track(&sandbox, email, "trial_started", "2026-03-01T01:00:00Z");
    }
    sandbox.run("2026-03-01T01:00:00Z");
    assert_eq!(sandbox.enrolments()[0], "trial lan@example.com active at active");
    sandbox.drip(&["track", "lan@example.com", "activated", "plan=free", "--at", "2026-03-02T01:00:00Z"]).code(0);
    assert_eq!(sandbox.run("2026-03-02T01:00:00Z").len(), 2);
    sandbox.drip(&["track", "lan@example.com", "activated", "plan=pro", "--at", "2026-03-03T01:00:00Z"]).code(0);
    sandbox.run("2026-03-03T01:00:00Z");
    let sends = sandbox.run("2026-03-08T01:00:00Z");
    assert_eq!(
        sends,
        [
            "trial active lan@example.com done (came)",
            "trial hello lan@example.com sent",
            "trial nudge lan@example.com skipped (condition)",
            "trial thanks lan@example.com sent",
            "trial active minh@example.com done (timed out)",
            "trial hello minh@example.com sent",
            "trial nudge minh@example.com sent",
            "trial thanks minh@example.com skipped (condition)",
        ]
    );
}

#[test]
fn a_test_is_sticky_and_its_variants_have_their_own_subjects() {
    let sandbox = Sandbox::new()
        .campaign(
            "w",
            "trigger: { event: go }",
            &["id: a, test: { plain: { send: mail }, loud: { send: mail, subject: \"LOUD\", share: 50 } }"],
        )
        .contacts("email", &[]);
    let people: Vec<_> = (0..40).map(|n| format!("p{n}@example.com")).collect();
    let rows: Vec<_> = people.iter().map(|email| format!("{email},go,2026-03-01T01:00:00Z")).collect();
    sandbox.import("email", &people.iter().map(String::as_str).collect::<Vec<_>>());
    sandbox.import("email,event,time", &rows.iter().map(String::as_str).collect::<Vec<_>>());
    sandbox.run("2026-03-01T01:00:00Z");
    let loud = sandbox.sql("SELECT email FROM v_sends WHERE variant = 'loud' ORDER BY email");
    assert!((8..=32).contains(&loud.len()), "{}", loud.len());
    let mut heard: Vec<_> =
        sandbox.outbox().into_iter().filter(|mail| mail.raw.contains("\nSubject: LOUD")).map(|mail| mail.to).collect();
    heard.sort();
    assert_eq!(heard, loud);
    // The same people in a fresh project get the same variants.
    let again = Sandbox::new().campaign(
        "w",
        "trigger: { event: go }",
        &["id: a, test: { plain: { send: mail }, loud: { send: mail, subject: \"LOUD\", share: 50 } }"],
    );
    again.import("email", &people.iter().rev().map(String::as_str).collect::<Vec<_>>());
    again.import("email,event,time", &rows.iter().map(String::as_str).collect::<Vec<_>>());
    again.run("2026-03-01T01:00:00Z");
    assert_eq!(again.sql("SELECT email FROM v_sends WHERE variant = 'loud' ORDER BY email"), loud);
}

#[test]
fn a_campaign_enrols_into_another_and_tells_the_firm() {
    let sandbox = Sandbox::new()
        .file("templates/alert.md", "---\nsubject: \"{{contact.email}} is hot\"\n---\nCall {{default phone 'them'}}. {{event.name}}. {{postal_address}}\n")
        .campaign(
            "aware",
            "trigger: { event: downloaded }",
            &[
                "id: a, send: mail",
                "id: hot, notify: sales@acme.example",
                "id: hotter, notify: { to: boss@acme.example, send: alert }",
                "id: on, enrol: interest",
                "id: again, enrol: aware-too",
            ],
        )
        .campaign("interest", "trigger: manual", &["id: x, send: mail, delay: 1d"])
        .campaign("aware-too", "trigger: manual\nreentry: always", &["id: back, enrol: aware-three"])
        .campaign("aware-three", "trigger: manual\nreentry: always", &["id: forth, enrol: aware-too"])
        .contacts("email,name,company", &["lan@example.com,Nguyễn Thị Lan,Trà Xanh"]);
    track(&sandbox, "lan@example.com", "downloaded", "2026-03-01T01:00:00Z");
    let sends = sandbox.run("2026-03-01T01:00:00Z");
    assert!(sends.contains(&"aware on lan@example.com done".to_owned()), "{sends:?}");
    assert_eq!(sandbox.enrolments()[2], "aware-too lan@example.com finished");
    assert!(sandbox.enrolments().contains(&"interest lan@example.com active at x".to_owned()));
    let mails = sandbox.outbox();
    let sales = mails.iter().find(|mail| mail.to == "sales@acme.example").unwrap();
    assert!(
        sales.raw.contains("\nReply-To: lan@example.com") && !sales.raw.contains("List-Unsubscribe"),
        "{}",
        sales.raw
    );
    assert!(
        mails.iter().any(|mail| mail.to == "boss@acme.example" && mail.raw.contains("Subject: lan@example.com is hot"))
    );
    // What goes to the firm takes no part in the contact's cap and is no mail of theirs.
    assert_eq!(
        sandbox.sql("SELECT kind FROM v_sends WHERE state = 'sent' ORDER BY kind"),
        ["mail", "notify", "notify"]
    );
}

#[test]
fn a_webhook_is_called_with_what_is_known_until_it_is_taken() {
    let server = HttpServer::start(&["503 Busy\nRetry-After: 600", "close", "200 OK", "422 Wrong"]);
    let json = r#"json: { phone: "{{contact.phone}}", key: "${SMS_KEY}", text: "Chào {{first_name}}", n: 3 }"#;
    let headers = r#"headers: { Authorization: "Bearer ${CRM_TOKEN}" }"#;
    let sandbox = Sandbox::new()
        .campaign(
            "w",
            "trigger: { event: go }",
            &[
                &format!("id: crm, webhook: {{ url: \"{}\", {headers} }}", server.url("/crm")),
                &format!("id: sms, delay: 1h, webhook: {{ url: \"{}\", {json} }}", server.url("/sms")),
                "id: a, send: mail",
            ],
        )
        .contacts("email,first_name,phone", &["lan@example.com,${CRM_TOKEN},+84901234567"]);
    sandbox.drip(&["track", "lan@example.com", "go", "value=5", "--at", "2026-03-01T01:00:00Z"]).code(0);
    let env = [("CRM_TOKEN", "s3cret"), ("SMS_KEY", "k3y")];
    let run = |now: &str| {
        sandbox.drip_with(&env, &["--now", now, "run"]);
        sandbox.sends().join("\n")
    };
    // Without its secret it is put off, not lost.
    sandbox.drip(&["--now", "2026-03-01T01:00:00Z", "run"]).code(0);
    assert_eq!(sandbox.sends(), ["w crm lan@example.com deferred (CRM_TOKEN is not set in the environment)"]);
    assert!(server.calls().is_empty());
    assert!(run("2026-03-01T01:07:00Z").contains("deferred (HTTP 503"));
    assert!(run("2026-03-01T01:16:59Z").contains("deferred (HTTP 503"));
    assert_eq!(server.calls().len(), 1, "not before it asked for");
    assert!(run("2026-03-01T01:20:00Z").contains("crm lan@example.com deferred"));
    assert!(run("2026-03-01T03:00:00Z").contains("crm lan@example.com done"));
    let calls = server.calls();
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| call.header("idempotency-key") == calls[0].header("idempotency-key")));
    assert!(calls[0].header("idempotency-key").len() > 10);
    assert_eq!((calls[0].path.as_str(), calls[0].header("authorization")), ("/crm", "Bearer s3cret"));
    assert_eq!(calls[0].body["contact"]["email"], "lan@example.com");
    assert_eq!(calls[0].body["event"]["value"], 5);
    // A definite no is no reason to stop the series; and what a contact is called is never looked up.
    let sends = run("2026-03-01T04:00:00Z");
    assert!(
        sends.contains("sms lan@example.com rejected (HTTP 422") && sends.contains("w a lan@example.com sent"),
        "{sends}"
    );
    let sms = server.calls().pop().unwrap();
    assert_eq!(
        sms.body,
        serde_json::json!({ "phone": "+84901234567", "key": "k3y", "text": "Chào ${CRM_TOKEN}", "n": 3 })
    );
    let everything = format!("{:?}", sandbox.sql("SELECT coalesce(reason, '') FROM v_sends"));
    assert!(!everything.contains("s3cret"));
}

#[test]
fn nothing_goes_on_quiet_dates_nor_outside_the_campaigns_own_hours() {
    let sandbox = Sandbox::new()
        .settings("frequency_cap: none\nhours: \"08:00-20:00\"\nquiet_dates: [2027-02-05..2027-02-10, 09-02]")
        .campaign("w", "trigger: { event: go }", &["id: a, send: mail"])
        .campaign("now", "trigger: { event: go }\nhours: none\nquiet_dates: none", &["id: a, send: mail"])
        .contacts("email", &["lan@example.com"]);
    track(&sandbox, "lan@example.com", "go", "2027-02-05T03:00:00Z");
    assert_eq!(sandbox.run("2027-02-05T03:00:00Z"), ["now a lan@example.com sent"]);
    assert_eq!(sandbox.run("2027-02-10T05:00:00Z").len(), 1);
    assert_eq!(sandbox.run("2027-02-11T00:59:00Z").len(), 1);
    assert_eq!(sandbox.run("2027-02-11T01:00:00Z").len(), 2);
}
