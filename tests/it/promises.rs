//! What must not happen however the tool is held: an opt-out lifted, a file lost, a record told, an event gone.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;

use serde_json::{Value, json};

use crate::support::Sandbox;
use crate::support::smtp::{Script, SmtpServer};

fn story(sandbox: &Sandbox, email: &str) -> String {
    sandbox.drip(&["contact", "show", email]).code(0).stdout
}

#[test]
fn who_opted_out_before_they_were_a_contact_stays_out() {
    let sandbox = Sandbox::new().campaign("w", "trigger: { tag: x }", &["id: a, send: mail"]);
    sandbox.drip(&["contact", "unsubscribe", "out@example.com"]).code(0);
    sandbox.drip(&["contact", "suppress", "other@example.com", "@rival.example"]).code(0);
    let list = sandbox.drip(&["contact", "suppress", "--list"]).code(0);
    let entries: Vec<&str> = list.stdout.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(entries, ["@rival.example", "other@example.com", "out@example.com"]);
    let said = sandbox.drip(&["contact", "suppress", "--remove", "out@example.com", "--reason", "x"]).code(2).stderr;
    assert!(said.contains("`out@example.com` opted out and stays on the suppression list"), "{said}");
    sandbox.drip(&["contact", "suppress", "--remove", "other@example.com", "--reason", "x"]).code(0);
    sandbox.write("a.csv", "email,tags\nout@example.com,x\nother@example.com,x\n");
    sandbox.drip(&["import", "a.csv"]).code(0);
    assert_eq!(sandbox.run("2100-03-02T02:00:00Z"), ["w a other@example.com sent"]);
}

#[test]
fn a_request_by_mail_is_met_by_the_identity_of_the_mail_it_answers() {
    let sandbox =
        Sandbox::new().campaign("w", "trigger: manual", &["id: a, send: mail"]).contacts("email", &["lan@example.com"]);
    sandbox.drip(&["--now", "2026-03-02T02:00:00Z", "enrol", "w", "lan@example.com"]).code(0);
    sandbox.run("2026-03-02T02:00:00Z");
    let id = sandbox.sql("SELECT message_id FROM v_sends").remove(0);
    assert!(story(&sandbox, &id).starts_with("lan@example.com\n"));
    let said = sandbox.drip(&["contact", "unsubscribe", &id]).code(0).stderr;
    assert_eq!(said, "lan@example.com is unsubscribed and gets nothing more.\n");
    let forged = id.replace(".1.x", ".2.x");
    assert!(sandbox.drip(&["contact", "unsubscribe", &forged]).code(0).stderr.contains("is no contact"));
}

#[test]
fn a_look_at_a_mail_goes_to_nobody_who_said_no() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = Sandbox::new()
        .campaign("w", "trigger: manual", &["id: a, send: mail"])
        .contacts("email", &["lan@example.com"])
        .through(&relay);
    sandbox.drip(&["contact", "unsubscribe", "lan@example.com", "gone@example.com"]).code(0);
    for email in ["lan@example.com", "gone@example.com"] {
        let said = sandbox.drip(&["preview", "w", "a", "--send-to", email]).code(2).stderr;
        assert!(said.contains(&format!("`{email}` wants no mail")), "{said}");
    }
    sandbox.drip(&["preview", "w", "a", "--send-to", "me@acme.example"]).code(0);
    assert_eq!(relay.recipients(), ["me@acme.example"]);
}

#[test]
fn no_export_replaces_a_file_unasked_and_none_the_database() {
    let sandbox = Sandbox::new().contacts("email", &["lan@example.com"]);
    sandbox.write("out.csv", "mine");
    for (file, force) in [("drip.db", true), ("./drip.yaml", true), ("out.csv", false)] {
        let mut words = vec!["contact", "export", "--all", file];
        words.extend(force.then_some("--force"));
        let said = sandbox.drip(&words).code(2).stderr;
        assert!(said.contains("is there already"), "{said}");
    }
    assert_eq!(fs::read_to_string(sandbox.path("out.csv")).unwrap(), "mine");
    sandbox.drip(&["contact", "export", "--all", "out.csv", "--force"]).code(0);
    sandbox.drip(&["contact", "list"]).code(0);
}

#[test]
fn a_mended_file_of_rejected_rows_is_not_lost_to_the_next_import() {
    let sandbox = Sandbox::new();
    sandbox.write("a.csv", "email\nbad\n");
    sandbox.drip(&["import", "a.csv"]).code(4);
    sandbox.write("a.rejected.csv", "email,line,reason\nmended@example.com,2,x\n");
    sandbox.drip(&["import", "a.csv"]).code(4);
    assert!(fs::read_to_string(sandbox.path("a.rejected.csv")).unwrap().contains("bad,2,"));
    assert!(fs::read_to_string(sandbox.path("a.rejected.old.csv")).unwrap().contains("mended@example.com"));
}

#[test]
fn what_customers_do_is_recorded_whatever_is_wrong_with_the_files() {
    let sandbox = Sandbox::new()
        .campaign("w", "trigger: { event: bought }", &["id: a, send: mail"])
        .contacts("email", &["lan@example.com"]);
    sandbox.write("templates/broken.md", "---\nsubject: S\n---\n{{#if x}}\n");
    sandbox.write("more.csv", "email\nminh@example.com\n");
    sandbox.drip(&["track", "lan@example.com", "bought", "--at", "2026-03-02T01:00:00Z"]).code(0);
    sandbox.drip(&["import", "more.csv"]).code(0);
    sandbox.drip(&["report"]).code(0);
    sandbox.drip(&["--now", "2026-03-02T02:00:00Z", "run"]).code(3);
    sandbox.write("campaigns/other.yaml", "trigger: manual\nsteps: 3\n");
    let said = sandbox.drip(&["track", "minh@example.com", "bought", "--at", "2026-03-02T01:00:00Z"]).code(0).stderr;
    assert!(
        said.contains("the project has errors, which `drip check` tells; the event is recorded all the same"),
        "{said}"
    );
    fs::remove_file(sandbox.path("templates/broken.md")).unwrap();
    fs::remove_file(sandbox.path("campaigns/other.yaml")).unwrap();
    assert_eq!(sandbox.run("2026-03-02T02:00:00Z"), ["w a lan@example.com sent", "w a minh@example.com sent"]);
}

#[test]
fn two_orders_of_one_day_are_two_and_the_same_file_again_adds_none() {
    let sandbox = Sandbox::new().contacts("email", &["lan@example.com"]);
    sandbox.write(
        "e.csv",
        "email,event,time,order\nlan@example.com,bought,2026-03-01,1\nlan@example.com,bought,2026-03-01,2\n\
         lan@example.com,bought,2026-03-01,2\nlan@example.com,bought,2026-03-01,3\n",
    );
    let said = sandbox.drip(&["import", "e.csv"]).code(0).stderr;
    assert!(said.contains("3 events added and 1 event known already"), "{said}");
    let again = sandbox.drip(&["import", "e.csv"]).code(0).stderr;
    assert!(again.contains("0 events added and 4 events known already"), "{again}");
    assert_eq!(sandbox.sql("SELECT json_extract(properties, '$.order') FROM v_events ORDER BY 1"), ["1", "2", "3"]);
}

#[test]
fn what_is_typed_by_hand_is_read_as_an_import_reads_it() {
    let sandbox = Sandbox::new()
        .campaign("w", "trigger: { event: dat_hoc_thu }", &["id: a, send: mail"])
        .contacts("email", &["lan@example.com"]);
    let said = sandbox
        .drip(&["track", "lan@example.com", "dat_hoc_thuu", "ngay=25/11/2026", "value=1.250.000"])
        .code(0)
        .stderr;
    assert!(said.contains("No campaign asks for `dat_hoc_thuu`; did you mean `dat_hoc_thu`?"), "{said}");
    let properties: Value = serde_json::from_str(&sandbox.sql("SELECT properties FROM v_events")[0]).unwrap();
    assert_eq!(properties, json!({ "ngay": "2026-11-25", "value": 1_250_000 }));
    sandbox.drip(&["contact", "set", "lan@example.com", "birthday=28/02/1990", "phone=0901 234 567"]).code(0);
    let told = story(&sandbox, "lan@example.com");
    assert!(told.contains("1990-02-28") && told.contains("+84901234567"), "{told}");
    for (text, at) in
        [("2026-11-25 18:00", "11:00:00"), ("25/11/2026 18:30", "11:30:00"), ("2026-11-25T18:00:05Z", "18:00:05")]
    {
        sandbox.drip(&["track", "lan@example.com", "dat_hoc_thu", "--at", text]).code(0);
        let at = format!("2026-11-25T{at}Z");
        assert!(sandbox.sql("SELECT at FROM v_events").contains(&at), "{text}");
    }
    assert!(
        sandbox.drip(&["track", "lan@example.com", "x", "--at", "soon"]).code(2).stderr.contains("`soon` is no time")
    );
    for wrong in ["first_name=a\u{1b}[31m", "first_name=a\r\nBcc: x@example.com", "birthday=30/02/1990"] {
        sandbox.drip(&["contact", "set", "lan@example.com", wrong]).code(2);
    }
    assert!(
        sandbox
            .drip(&["contact", "set", "lan@example.com", "a=1", "a=2"])
            .code(2)
            .stderr
            .contains("`a` is given twice")
    );
}

#[test]
fn a_slip_in_a_template_tells_nobody_everything_and_no_wrong_price() {
    let sandbox = Sandbox::new()
        .file("templates/all.md", "---\nsubject: S\n---\nHi {{contact}}\n")
        .file("templates/price.md", "---\nsubject: S\n---\nOnly {{money gia \"VND\"}}\n")
        .campaign("w", "trigger: { tag: x }", &["id: a, send: all", "id: b, send: price"])
        .contacts("email,tags,secret,gia", &["lan@example.com,x,hidden,\"\"", "minh@example.com,x,,250.000"]);
    let said = sandbox.drip(&["preview", "w", "a", "--contact", "lan@example.com"]).code(3).stderr;
    assert!(said.contains("templates/all.md:4:4: this is a whole record") && !said.contains("hidden"), "{said}");
    let said = sandbox.drip(&["preview", "w", "b", "--contact", "minh@example.com"]).code(3).stderr;
    assert!(said.contains("`money` cannot read `250.000` as a number"), "{said}");
    let ran = sandbox.drip(&["--now", "2100-03-02T02:00:00Z", "run"]).code(6);
    assert!(ran.stdout.contains("2 held"), "{}", ran.stdout);
    let again = sandbox.drip(&["--now", "2100-03-02T02:01:00Z", "run"]);
    assert!(again.stdout.contains("2 mails held or unknown; `drip resolve` lists them."), "{}", again.stdout);
}

#[test]
fn a_birthday_comes_every_year() {
    let sandbox = Sandbox::new()
        .campaign(
            "birthday",
            "trigger: { date: birthday, yearly: true }",
            &["id: wish, delay: 0d at 09:00, send: mail"],
        )
        .contacts("email,birthday", &["lan@example.com,1990-03-05"]);
    for year in 2100..2103 {
        sandbox.run(&format!("{year}-03-05T03:00:00Z"));
    }
    assert_eq!(sandbox.sql("SELECT round FROM v_sends WHERE state = 'sent' ORDER BY 1"), ["1", "2", "3"]);
}

#[test]
fn a_test_tells_which_content_brought_people_to_the_goal() {
    let contacts: Vec<String> = (0..40).map(|number| format!("c{number}@example.com,x")).collect();
    let contacts: Vec<&str> = contacts.iter().map(String::as_str).collect();
    let sandbox = Sandbox::new()
        .campaign(
            "w",
            "trigger: { tag: x }\ngoal: { event: bought, within: 30d }",
            &["id: a, test: { long: { send: mail }, short: { send: mail, subject: S } }"],
        )
        .contacts("email,tags", &contacts);
    sandbox.run("2100-03-02T02:00:00Z");
    let sent =
        |variant: &str| sandbox.sql(&format!("SELECT email FROM v_sends WHERE variant = '{variant}' ORDER BY 1"));
    let (long, short) = (sent("long"), sent("short"));
    sandbox.drip(&["track", &short[0], "bought", "--at", "2100-03-03T02:00:00Z"]).code(0);
    sandbox.drip(&["--now", "2100-03-03T03:00:00Z", "run"]).code(0);
    let report = sandbox.drip(&["--now", "2100-03-03T03:00:00Z", "report", "w"]).code(0).stdout;
    let line = |name: &str, sent: usize, goal: usize| format!("a {name}: {sent} sent, {goal} to the goal");
    assert!(
        report.contains(&line("long", long.len(), 0)) && report.contains(&line("short", short.len(), 1)),
        "{report}"
    );
    assert!(report.contains("a (test)  ") && report.contains(" 40 "), "{report}");
    let json = sandbox.drip(&["--json", "--now", "2100-03-03T03:00:00Z", "report", "w"]).code(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let step = &json["campaigns"][0]["steps"][0];
    assert_eq!((&step["step_rate"], &step["variants"][1]["goal"]), (&json!(1.0), &json!(1)));
}

#[test]
fn a_colleague_is_told_under_the_subject_of_the_file() {
    let sandbox = Sandbox::new().campaign(
        "w",
        "trigger: manual",
        &["id: a, notify: { to: sales@acme.example, subject: \"{{contact.email}} is warm\" }"],
    );
    let mail = sandbox.drip(&["preview", "w", "a"]).code(0).stdout;
    assert!(mail.starts_with("Subject: lan@example.com is warm\n"), "{mail}");
}

#[test]
fn a_key_that_cannot_sign_is_told_of_before_the_first_mail_and_never_goes_into_git() {
    let sandbox = Sandbox::new()
        .settings("dkim: { domain: acme.example, selector: drip, key_file: keys/dkim.pem }")
        .campaign("w", "trigger: manual", &["id: a, send: mail"]);
    let said = sandbox.drip(&["check"]).code(0).stderr;
    assert!(said.contains("warning: the DKIM key") && said.contains("cannot be read"), "{said}");
    let folder = sandbox.path("fresh");
    sandbox.drip(&["init", folder.to_str().unwrap()]).code(0);
    let ignored = std::fs::read_to_string(folder.join(".gitignore")).unwrap();
    assert!(ignored.lines().any(|line| line == "keys/") && ignored.lines().any(|line| line == "*.pem"), "{ignored}");
}

#[test]
fn wall_time_in_a_broken_project_is_answered_with_what_is_broken() {
    let sandbox = Sandbox::new().campaign("w", "trigger: manual", &["id: a, send: mail"]);
    sandbox.write("campaigns/broken.yaml", "steps: [\n");
    let said = sandbox.drip(&["--now", "2026-03-01 10:00", "run"]).code(3).stderr;
    assert!(said.contains("campaigns/broken.yaml:"), "{said}");
}
