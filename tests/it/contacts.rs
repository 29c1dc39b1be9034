//! People: listed, changed, suppressed, exported; their whole story.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;

use serde_json::Value;

use crate::support::Sandbox;

/// A shop with three people; Lan has bought.
fn shop() -> Sandbox {
    let sandbox = Sandbox::new()
        .settings("frequency_cap: none\nsegments:\n  buyers: 'did(\"purchased\")'\n  big: 'in_segment(\"buyers\") && contact.spent > 100'")
        .campaign("welcome", "trigger: { event: signed_up }\ngoal: purchased\nreentry: always", &["id: hello, send: mail", "id: tips, send: mail, delay: 2d"])
        .campaign("hand", "trigger: manual", &["id: a, send: mail"])
        .contacts(
            "email,first_name,spent,tags,language",
            &["lan@example.com,Nguyễn Lan,250,vip;tea,vi", "minh@example.com,Minh,20,tea,", "sam@rival.example,Sam,0,,en"],
        );
    track(&sandbox, "lan@example.com", "purchased", "2026-03-01T01:00:00Z");
    sandbox
}

fn track(sandbox: &Sandbox, email: &str, event: &str, at: &str) {
    sandbox.drip(&["track", email, event, "--at", at]).code(0);
}

fn json(sandbox: &Sandbox, words: &[&str]) -> Value {
    let words: Vec<_> = ["--json", "--now", "2026-03-05T00:00:00Z"].iter().chain(words).copied().collect();
    serde_json::from_str(&sandbox.drip(&words).code(0).stdout).unwrap()
}

#[test]
fn contacts_are_listed_by_conditions_tags_and_consent() {
    let sandbox = shop();
    let list = |words: &[&str]| -> Vec<String> {
        let words: Vec<_> = ["contact", "list"].iter().chain(words).copied().collect();
        let json = json(&sandbox, &words);
        json["contacts"].as_array().unwrap().iter().map(|c| c["email"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(list(&[]).len(), 3);
    assert_eq!(list(&["--where", "contact.spent >= 20"]), ["lan@example.com", "minh@example.com"]);
    assert_eq!(list(&["--where", "in_segment(\"big\")"]), ["lan@example.com"], "a segment in a segment loads events");
    assert_eq!(list(&["--where", "!did(\"purchased\")", "--tag", "tea"]), ["minh@example.com"]);
    assert_eq!(list(&["--consent", "unsubscribed"]), [""; 0]);
    assert_eq!(list(&["--limit", "2"]).len(), 2);
    sandbox.drip(&["contact", "suppress", "@rival.example"]).code(0);
    let ended = sandbox.drip(&["contact", "list"]).code(0);
    insta::assert_snapshot!(ended.stdout + &ended.stderr, @r"
    email              consent                 language  timezone  tags
    lan@example.com    subscribed              vi                  tea, vip
    minh@example.com   subscribed                                  tea
    sam@rival.example  subscribed, suppressed  en
    3 contacts.
    ");
}

#[test]
fn a_wrong_condition_is_shown_where_it_is_wrong() {
    let sandbox = shop();
    insta::assert_snapshot!(
        sandbox.drip(&["contact", "list", "--where", "contact.plan == \"pro\" && didd(\"x\")"]).code(2).stderr
    );
    insta::assert_snapshot!(sandbox.drip(&["enrol", "hand", "--where", "in_segment(\"buyer\")"]).code(2).stderr);
    let said = sandbox.drip(&["contact", "export", "--where", "event.value > 3"]).code(2).stderr;
    assert!(said.contains("--where:1:1: there is no triggering `event` here"), "{said}");
}

#[test]
fn a_change_by_hand_has_the_next_run_look_anew() {
    let sandbox = shop().campaign("vip", "trigger: { tag: gold }", &["id: a, send: mail"]);
    sandbox.run("2026-03-02T00:00:00Z");
    assert_eq!(sandbox.sql("SELECT count(*) FROM contacts WHERE changed = 1"), ["0"]);
    sandbox
        .drip(&[
            "contact",
            "set",
            "lan@example.com",
            "plan=pro",
            "seats=3",
            "--unset",
            "spent",
            "--timezone",
            "europe/paris",
            "--language",
            "fr",
        ])
        .code(0);
    assert_eq!(
        sandbox.sql(
            "SELECT attributes || ' ' || timezone || ' ' || language || ' ' || changed FROM contacts WHERE id = 1"
        ),
        [r#"{"first_name":"Nguyễn Lan","plan":"pro","seats":3} Europe/Paris fr 1"#]
    );
    let said = json(
        &sandbox,
        &["contact", "tag", "minh@example.com", "sam@rival.example", "--add", "gold", "--remove", "tea"],
    );
    assert_eq!(said["contacts"][0]["tags"], serde_json::json!(["gold"]));
    assert_eq!(sandbox.run("2026-03-03T00:00:00Z"), ["vip a minh@example.com sent", "vip a sam@rival.example sent"]);
    for (words, hint) in [
        (vec!["set", "lan@example.com", "timezone=UTC"], "write it as --timezone UTC"),
        (vec!["set", "lan@example.com", "plan="], "--unset plan"),
        (vec!["set", "lan@example.com", "--timezone", "Asia/Hanoi"], "is no time zone"),
        (vec!["tag", "lan@example.com", "--add", "a,b"], "an --add of its own"),
        (vec!["tag", "nobody@example.com", "--add", "a"], "there is no contact"),
    ] {
        let words: Vec<_> = std::iter::once("contact").chain(words).collect();
        let said = sandbox.drip(&words).code(2).stderr;
        assert!(said.contains(hint), "{words:?}: {said}");
    }
}

#[test]
fn what_is_suppressed_gets_nothing_until_it_is_taken_off_with_a_reason() {
    let sandbox = shop();
    let say = |words: &[&str]| {
        let words: Vec<_> =
            ["--now", "2026-03-02T00:00:00Z", "contact", "suppress"].iter().chain(words).copied().collect();
        sandbox.drip(&words)
    };
    say(&["@RIVAL.example", "lan@example.com", "--reason", "competitor"]).code(0);
    for email in ["lan@example.com", "minh@example.com", "sam@rival.example"] {
        track(&sandbox, email, "signed_up", "2026-03-02T00:00:00Z");
    }
    assert_eq!(sandbox.run("2026-03-02T01:00:00Z"), ["welcome hello minh@example.com sent"]);
    say(&["lan@example.com", "--remove"]).code(2);
    for command in ["suppress", "unsubscribe"] {
        let said = sandbox.drip(&["-C", "templates", "contact", command, "minh@example.com"]).code(2).stderr;
        assert!(said.contains("there is no drip.yaml in `templates`"), "{said}");
        assert!(!sandbox.path("templates/drip.db").exists(), "an opt-out must not get lost in a wrong folder");
    }
    say(&["lan@example.com", "@rival.example", "--remove", "--reason", "now a customer"]).code(0);
    sandbox.drip(&["--now", "2026-03-02T02:00:00Z", "enrol", "hand", "lan@example.com"]).code(0);
    assert!(sandbox.run("2026-03-02T02:00:00Z").contains(&"hand a lan@example.com sent".to_owned()));
    let story = sandbox.drip(&["contact", "show", "lan@example.com"]).code(0).stdout;
    assert!(story.contains("subscribed (suppressed: competitor)"), "{story}");
    assert!(story.contains("subscribed (no longer suppressed: now a customer)"), "{story}");
}

#[test]
fn the_whole_story_stands_in_the_order_of_time() {
    let sandbox = shop();
    track(&sandbox, "lan@example.com", "signed_up", "2026-03-02T01:00:00Z");
    sandbox.run("2026-03-02T01:00:00Z");
    track(&sandbox, "lan@example.com", "purchased", "2026-03-03T01:00:00Z");
    sandbox.run("2026-03-03T02:00:00Z");
    track(&sandbox, "lan@example.com", "signed_up", "2026-03-04T01:00:00Z");
    sandbox.run("2026-03-04T01:00:00Z");
    sandbox
        .drip(&["--now", "2026-03-05T00:00:00Z", "contact", "unsubscribe", "lan@example.com", "--reason", "by phone"])
        .code(0);
    sandbox.run("2026-03-05T01:00:00Z");
    let story = sandbox.drip(&["--now", "2026-03-05T01:00:00Z", "contact", "show", "lan@example.com"]).code(0).stdout;
    insta::assert_snapshot!(story);
    sandbox.database().execute("UPDATE sends SET kind = 'notify', variant = 'b', state = 3, reason = 'busy', retry_at = at + 300000 WHERE id = 1", []).unwrap();
    let told = sandbox.drip(&["contact", "show", "lan@example.com"]).code(0).stdout;
    assert!(told.contains("notify    welcome hello [b]: deferred (busy), again after 2026-03-02 08:05"), "{told}");
    // What an older drip has taken in has no first consent on record; none is made up.
    sandbox.database().execute("DELETE FROM consent_changes WHERE reason = 'import'", []).unwrap();
    let older = |email: &str| sandbox.drip(&["contact", "show", email]).code(0).stdout;
    assert!(older("lan@example.com").contains("added     its consent then is not recorded"));
    assert!(older("minh@example.com").contains("added     subscribed (its source is not recorded)"));
}

#[test]
fn an_export_of_one_person_holds_everything() {
    let sandbox = shop();
    track(&sandbox, "lan@example.com", "signed_up", "2026-03-02T01:00:00Z");
    sandbox.run("2026-03-02T01:00:00Z");
    let record = json(&sandbox, &["contact", "export", "lan@example.com"]);
    assert_eq!(record["contact"]["attributes"]["first_name"], "Nguyễn Lan");
    assert_eq!(record["consent"][0]["reason"], "import");
    assert_eq!(record["events"].as_array().unwrap().len(), 2);
    assert_eq!(record["enrolments"][0]["campaign"], "welcome");
    assert_eq!((&record["sends"][0]["step"], &record["sends"][0]["state"]), (&"hello".into(), &"sent".into()));
    assert!(record["sends"][0]["message_id"].as_str().unwrap().contains('@'));
    assert_eq!(record["standing"][0]["segments"], "big buyers", "{record}");
    // Every table that names a contact is in it.
    let tables = sandbox.sql("SELECT DISTINCT m.name FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table' AND f.\"table\" = 'contacts' ORDER BY 1");
    assert_eq!(
        tables,
        ["consent_changes", "enrolments", "events", "members", "stage_changes", "standings", "watches"],
        "a new table belongs into src/store/dossier.rs"
    );
}

#[test]
fn an_export_of_many_runs_no_formula_and_comes_back_the_same() {
    let sandbox = Sandbox::new().contacts(
        "email,company,phone,balance,tags",
        &[
            "lan@example.com,\"=HYPERLINK(\"\"http://x\"\")\",+84901234567,-7,vip",
            "+minh@example.com,'=1,＝2,0.5,@x;tea",
        ],
    );
    sandbox.drip(&["contact", "set", "lan@example.com", "company==1+1"]).code(0);
    let said = sandbox.drip(&["contact", "export", "--all", "out.csv"]).code(0).stderr;
    assert_eq!(said, "Exported 2 contacts to out.csv.\n");
    let csv = fs::read_to_string(sandbox.path("out.csv")).unwrap();
    assert!(csv.starts_with('\u{feff}'), "without the mark Excel misreads Vietnamese");
    insta::assert_snapshot!(csv.trim_start_matches('\u{feff}'), @r"
    email,consent,timezone,language,tags,balance,company,phone
    lan@example.com,subscribed,,,vip,-7,'=1+1,'+84901234567
    '+minh@example.com,subscribed,,,'@x;tea,0.5,'=1,'＝2
    ");
    let everything = "SELECT email || tags || attributes FROM v_contacts ORDER BY email";
    let before = sandbox.sql(everything);
    let said = sandbox.drip(&["import", "out.csv"]).code(0).stderr;
    assert!(said.contains("2 contacts known already"), "{said}");
    assert_eq!(sandbox.sql(everything), before);
    let raw = sandbox.drip(&["contact", "export", "--tag", "vip", "--raw"]).code(0).stdout;
    assert!(raw.contains(",=1+1,+84901234567") && raw.lines().count() == 2, "{raw}");
    // Who is suppressed here must not be mailed from there.
    sandbox.drip(&["contact", "suppress", "lan@example.com"]).code(0);
    assert!(
        sandbox.drip(&["contact", "export", "--tag", "vip"]).code(0).stdout.contains("lan@example.com,unsubscribed")
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(sandbox.path("out.csv")).unwrap().permissions().mode() & 0o77, 0);
    }
}

#[test]
fn everyone_for_whom_a_condition_holds_is_enrolled_once() {
    let rows: Vec<String> = (0..1200).map(|n| format!("c{n}@example.com,{}", n % 2)).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let sandbox =
        Sandbox::new().campaign("hand", "trigger: manual", &["id: a, send: mail"]).contacts("email,odd", &rows);
    sandbox.drip(&["contact", "unsubscribe", "c1@example.com"]).code(0);
    let before = json(&sandbox, &["enrol", "hand", "--where", "contact.odd == 1", "--dry-run"]);
    assert_eq!((&before["enrolled"], &before["refused"]["unsubscribed"]), (&599.into(), &1.into()));
    assert_eq!(sandbox.enrolments().len(), 0);
    let said = sandbox.drip(&["enrol", "hand", "--where", "contact.odd == 1"]).code(0).stderr;
    assert_eq!(
        said,
        "599 contacts enrolled in hand; the next `drip run` sends what is due. Not enrolled: 1 contact unsubscribed.\n"
    );
    let again = json(&sandbox, &["enrol", "hand", "--where", "contact.odd == 1"]);
    assert_eq!((&again["enrolled"], &again["refused"]["inside already"]), (&0.into(), &599.into()));
    sandbox.drip(&["contact", "tag", "c2@example.com", "--add", "vip"]).code(0);
    assert_eq!(json(&sandbox, &["enrol", "hand", "--tag", "vip"])["enrolled"], 1);
    sandbox.drip(&["enrol", "hand"]).code(2);
    // A dry run by name leaves no byte changed either.
    sandbox.edit("new", "trigger: manual", &["id: a, send: mail"]);
    let before = fs::read(sandbox.path("drip.db")).unwrap();
    assert_eq!(json(&sandbox, &["enrol", "new", "c0@example.com", "c4@example.com", "--dry-run"])["enrolled"], 2);
    assert!(fs::read(sandbox.path("drip.db")).unwrap() == before);
}

#[test]
fn programs_are_told_in_json() {
    let sandbox = shop();
    let at = "2026-03-05T00:00:00Z";
    let said = json(&sandbox, &["track", "lan@example.com", "viewed", "page=7", "--at", at]);
    assert_eq!((&said["recorded"], &said["properties"]["page"]), (&true.into(), &7.into()));
    assert_eq!(json(&sandbox, &["track", "lan@example.com", "viewed", "page=7", "--at", at])["recorded"], false);
    assert_eq!(json(&sandbox, &["campaign", "pause", "hand"])["paused"], true);
    assert_eq!(json(&sandbox, &["campaign", "resume", "hand"])["paused"], false);
    assert_eq!(json(&sandbox, &["contact", "unsubscribe", "lan@example.com"])["results"][0]["result"], "unsubscribed");
    assert_eq!(json(&sandbox, &["contact", "suppress", "@x.example"])["results"][0]["entry"], "@x.example");
    assert_eq!(json(&sandbox, &["contact", "set", "lan@example.com", "a=1"])["changed"], true);
}

#[test]
fn a_step_that_sends_nothing_is_no_send_in_a_story() {
    let sandbox = Sandbox::new()
        .campaign("next", "trigger: manual", &["id: a, send: mail"])
        .campaign(
            "w",
            "trigger: { event: go }",
            &[
                "id: known, set: { plan: pro }",
                "id: on, enrol: next",
                "id: active, wait_for: { event: activated, at_most: 1h }",
                "id: hello, send: mail",
                "id: never, if: 'false', set: { plan: free }",
                "id: over, exit: enough",
            ],
        )
        .contacts("email", &["lan@example.com"]);
    track(&sandbox, "lan@example.com", "go", "2026-03-02T01:00:00Z");
    for now in ["2026-03-02T01:00:00Z", "2026-03-02T03:00:00Z", "2026-03-02T04:00:00Z"] {
        sandbox.drip(&["--now", now, "run"]);
    }
    let story = sandbox.drip(&["contact", "show", "lan@example.com"]).code(0).stdout;
    let kind = |step: &str| {
        let line =
            story.lines().find(|line| line.contains(&format!("w {step}: "))).unwrap_or_else(|| panic!("{story}"));
        line.split_whitespace().nth(2).unwrap().to_owned()
    };
    assert_eq!(["known", "on", "active", "never", "over"].map(kind), ["step"; 5], "{story}");
    assert_eq!(kind("hello"), "send");
    let said = sandbox.drip(&["preview", "w", "over"]).code(0).stderr;
    assert!(said.contains("Step over sends nothing: it is an `exit`."), "{said}");
}
