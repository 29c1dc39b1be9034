//! `drip export`: what other programs get to read.

#![allow(clippy::unwrap_used, reason = "a test")]

use serde_json::{Value, json};

use crate::support::Sandbox;

const MONDAY: &str = "2026-03-02T02:00:00Z";

fn shop() -> Sandbox {
    let sandbox = Sandbox::new()
        .settings("frequency_cap: none")
        .campaign(
            "welcome",
            "trigger: { event: purchased }\ngoal: { event: came_back, within: 30d }",
            &["id: thanks, send: mail", "id: more, delay: 7d, send: mail"],
        )
        .contacts("email,first_name", &["lan@example.com,Lan", "minh@example.com,Minh"]);
    sandbox
        .drip(&["track", "lan@example.com", "purchased", "item==1+1", "value=250000", "--at", "2026-03-01T09:00+07:00"])
        .code(0);
    sandbox.drip(&["track", "minh@example.com", "purchased", "--at", "2026-02-01T09:00+07:00"]).code(0);
    sandbox.drip(&["track", "minh@example.com", "purchased", "--at", "2026-03-01T10:00+07:00"]).code(0);
    sandbox.run(MONDAY);
    sandbox
}

#[test]
fn spreadsheets_get_every_row() {
    let sandbox = shop();
    let export = |words: &[&str]| sandbox.drip(&[&["--now", MONDAY, "export"], words].concat()).code(0).stdout;
    assert_eq!(
        export(&["events", "--since", "2026-02-15"]),
        "email,event,at,properties\n\
         lan@example.com,purchased,2026-03-01T02:00:00Z,\"{\"\"item\"\":\"\"=1+1\"\",\"\"value\"\":250000}\"\n\
         minh@example.com,purchased,2026-03-01T03:00:00Z,{}\n"
    );
    assert_eq!(export(&["events"]).lines().count(), 4);
    assert_eq!(export(&["events", "--until", "2026-02-15"]).lines().count(), 2);
    let sends = export(&["sends"]);
    let lines: Vec<&str> = sends.lines().collect();
    assert_eq!(lines[0], "campaign,step,variant,kind,email,round,state,reason,due_at,sent_at,message_id,reactions");
    assert!(lines[1].starts_with("welcome,thanks,,mail,"), "{sends}");
    assert_eq!(lines.len() - 1, sandbox.sql("SELECT count(*) FROM sends")[0].parse::<usize>().unwrap());
    let passages = export(&["enrolments"]);
    assert!(
        passages
            .starts_with("campaign,email,round,state,position,entered_at,ended_at,goal_step,reason,held_out\nwelcome,"),
        "{passages}"
    );
}

#[test]
fn programs_get_objects_with_lists_in_them_and_a_file_is_whole_or_not_there() {
    let sandbox = shop();
    sandbox.drip(&["--now", MONDAY, "export", "sends", "ledger.jsonl"]).code(0);
    let text = std::fs::read_to_string(sandbox.path("ledger.jsonl")).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["step"], &first["state"], &first["reactions"], &first["variant"]),
        (&json!("thanks"), &json!("sent"), &json!([]), &Value::Null)
    );
    let events = sandbox.drip(&["--now", MONDAY, "export", "events", "--format", "json"]).code(0).stdout;
    let first: Value = serde_json::from_str(events.lines().next().unwrap()).unwrap();
    assert_eq!(first["properties"], json!({ "item": "=1+1", "value": 250_000 }));
    let refused = sandbox.drip(&["export", "events", "ledger.jsonl"]);
    assert!(refused.code != 0 && refused.stderr.contains("write over it with --force"), "{}", refused.stderr);
    let refused = sandbox.drip(&["export", "events", "drip.db", "--force"]);
    assert!(refused.code != 0 && refused.stderr.contains("name another file"), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(sandbox.path("ledger.jsonl")).unwrap(), text);
    sandbox.drip(&["--now", MONDAY, "export", "events", "ledger.jsonl", "--force", "--format", "csv"]).code(0);
    assert!(std::fs::read_to_string(sandbox.path("ledger.jsonl")).unwrap().starts_with("\u{feff}email,event,"));
    let wrong = sandbox.drip(&["export", "events", "--since", "soon"]);
    assert!(wrong.code != 0 && wrong.stderr.contains("no day and no duration"), "{}", wrong.stderr);
}

#[test]
fn the_views_are_as_the_document_says_and_answer_its_questions() {
    let sandbox = shop();
    let document = crate::documents::document("docs/views.md");
    let views =
        sandbox.sql("SELECT name FROM sqlite_schema WHERE type = 'view' AND name LIKE 'v\\_%' ESCAPE '\\' ORDER BY 1");
    assert!(views.len() >= 8, "{views:?}");
    for view in &views {
        let row = document.lines().find(|line| line.starts_with(&format!("| `{view}` |")));
        let columns = row.unwrap_or_else(|| panic!("`{view}` is in no row")).rsplit(" | ").next().unwrap();
        // What stands in brackets are values.
        let shown: Vec<&str> =
            columns.split(", `").map(|one| one.trim_start_matches('`').split('`').next().unwrap()).collect();
        let values = ["finished", "goal", "exited", "notify", "webhook"];
        let in_brackets = |name: &&str| values.contains(name) && view != "v_funnel";
        let shown: Vec<&str> = shown.into_iter().filter(|name| !in_brackets(name)).collect();
        assert_eq!(shown, sandbox.sql(&format!("SELECT name FROM pragma_table_info('{view}')")), "{view}");
    }
    let questions = crate::documents::blocks(&document, "sh");
    let mut asked = 0;
    for line in questions[0].lines() {
        let query = line.split('"').nth(1).unwrap().replace("\\$", "$");
        sandbox.sql(&query);
        asked += 1;
    }
    assert_eq!(asked, 3);
}
