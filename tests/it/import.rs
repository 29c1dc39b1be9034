//! What comes in, and what is told of it.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::support::Sandbox;

#[test]
fn good_rows_are_in_and_bad_ones_lie_beside_the_file_to_be_mended() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "khách.csv",
        "email;first_name;phone;spent;timezone;tags\nlan@example.com;Lan;0901234567;12.5;Asia/Ho_Chi_Minh;tea,vip\nnot an address;X;;;;\nminh@example.com;Minh;;;Asia/Hanoi;\n",
    );
    let ended = sandbox.drip(&["import", "khách.csv"]).code(4);
    insta::assert_snapshot!(ended.stderr, @r"
    khách.csv: 1 contact added.
    warning: khách.csv: 2 rows rejected; mend and import khách.rejected.csv
      khách.csv:3: `not an address` holds a space or control character
      khách.csv:4: `Asia/Hanoi` is no time zone; did you mean `Asia/Ho_Chi_Minh`?
    ");
    let rejected = fs::read_to_string(sandbox.path("khách.rejected.csv")).unwrap();
    assert!(rejected.contains(";3;`not an address` holds a space"), "{rejected}");
    assert!(rejected.contains(";4;") && rejected.contains("Asia/Ho_Chi_Minh"), "{rejected}");
    assert_eq!(
        sandbox.sql("SELECT attributes FROM v_contacts"),
        [r#"{"first_name":"Lan","phone":"+84901234567","spent":12.5}"#]
    );
    assert_eq!(sandbox.sql("SELECT tags FROM v_contacts"), [r#"["tea","vip"]"#]);
    // The rest mended, and everything once more: nothing is lost, nothing doubled.
    let mended = rejected.replace("not an address", "nga@example.com").replace("Asia/Hanoi", "Asia/Ho_Chi_Minh");
    sandbox.write("mended.csv", &mended.lines().map(|line| line.to_owned() + "\n").collect::<String>());
    sandbox.drip(&["import", "mended.csv"]).code(0);
    assert_eq!(sandbox.sql("SELECT count(*) FROM v_contacts"), ["3"]);
}

#[test]
fn events_come_after_their_contacts_and_only_once() {
    let sandbox = Sandbox::new().contacts("email,first_name", &["lan@example.com,Lan"]);
    let events = "email,event,time,value\nLAN@example.com,purchased,2026-03-01T00:00:00Z,5\nnobody@example.com,purchased,2026-03-01T00:00:00Z,7\n";
    sandbox.write("events.csv", events);
    let said = sandbox.drip(&["--json", "import", "events.csv"]).code(4).stdout;
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((json["files"][0]["added"].as_u64(), json["files"][0]["rejected"].as_u64()), (Some(1), Some(1)));
    let rejected = fs::read_to_string(sandbox.path("events.rejected.csv")).unwrap();
    assert!(
        rejected.contains("nobody@example.com,purchased,2026-03-01T00:00:00Z,7,3,there is no contact"),
        "{rejected}"
    );
    sandbox.drip(&["import", "events.csv"]).code(4);
    assert_eq!(sandbox.sql("SELECT count(*) FROM v_events"), ["1"]);
    assert!(sandbox.drip(&["track", "nobody@example.com", "x"]).code(2).stderr.contains("import the contact first"));
}

#[test]
fn the_standard_input_is_a_file_too() {
    let sandbox = Sandbox::new();
    let mut child = sandbox.command(&["import", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all("email\nlan@example.com\n".as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "stdin: 1 contact added.\n");
}

#[test]
fn a_file_that_cannot_be_read_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("good.csv", "email\nlan@example.com\n");
    sandbox.write("bad.csv", "name,phone\nLan,09\n");
    let said = sandbox.drip(&["import", "good.csv", "bad.csv"]).code(2).stderr;
    assert!(said.contains("bad.csv:1"), "{said}");
    assert_eq!(sandbox.sql("SELECT count(*) FROM v_contacts"), ["0"], "one transaction");
}

#[test]
fn a_report_is_a_table_json_or_csv_also_before_anything_happened() {
    let sandbox = Sandbox::new().campaign(
        "w",
        "trigger: { event: go }\ngoal: purchased",
        &["id: a, send: mail", "id: b, send: mail, delay: 2d"],
    );
    assert!(sandbox.drip(&["report"]).code(0).stdout.contains("Nobody has entered yet"));
    let sandbox = sandbox.contacts("email", &["lan@example.com", "minh@example.com", "nga@example.com"]);
    for email in ["lan@example.com", "minh@example.com", "nga@example.com"] {
        sandbox.drip(&["track", email, "go", "--at", "2026-03-02T01:00:00Z"]).code(0);
    }
    sandbox.run("2026-03-02T01:00:00Z");
    sandbox.drip(&["track", "lan@example.com", "purchased", "--at", "2026-03-02T02:00:00Z"]).code(0);
    sandbox.run("2026-03-02T03:00:00Z");
    insta::assert_snapshot!(sandbox.drip(&["--now", "2026-03-02T03:00:00Z", "report"]).code(0).stdout, @r"
    w
    3 entered: 2 under way, 1 reached the goal (33 %)

    step                                 entered  sent   rate  of all  goal  waiting
    a     █████████████████████████████        3     3  100 %   100 %     1        ·
    b                                          3     ·    0 %     0 %     ·        2

    Waiting  2 for b, next 2026-03-04 08:00
    Due      0 in 24 hours, 2 in 7 days
    Goal     half of those who reached it within 1 h, 90 % within 1 h
    ");
    let json = sandbox.drip(&["report", "w", "--format", "json"]).code(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let funnel = &json["campaigns"][0];
    assert_eq!(
        (funnel["enrolled"].as_u64(), funnel["goal"].as_u64(), funnel["active"].as_u64()),
        (Some(3), Some(1), Some(2))
    );
    assert_eq!(funnel["steps"][0]["goal"].as_u64(), Some(1));
    let csv = sandbox.drip(&["report", "--format", "csv"]).code(0).stdout;
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(sandbox.drip(&["report", "v"]).code(2).stderr.contains("did you mean `w`?"));
}
