//! What the user says of a file: maps, tags, order of dates, encoding, a dry run; and what is never damaged.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;

use serde_json::{Value, json};

use crate::support::Sandbox;

fn attributes(sandbox: &Sandbox) -> Vec<Value> {
    let rows = sandbox.sql("SELECT attributes FROM v_contacts ORDER BY email");
    rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect()
}

#[test]
fn a_map_names_columns_drops_them_and_must_meet_one() {
    let sandbox = Sandbox::new();
    sandbox.write("a.csv", "Khách;Tài khoản;Hạng;Ghi chú\nNguyễn Lan;lan@example.com;Vàng;x@example.com\n");
    let said = sandbox.drip(&["import", "a.csv"]).code(2).stderr;
    assert!(said.contains("--map 'Column=email'"), "{said}");
    let mapped = [
        "import",
        "a.csv",
        "--map",
        "tài khoản=email",
        "--map",
        "Khách=name",
        "--map",
        "Hạng=tags",
        "--map",
        "Ghi chú=",
    ];
    let said = sandbox.drip(&mapped).code(0).stderr;
    assert!(said.contains("`Tài khoản` → email") && said.contains("`Ghi chú` left out"), "{said}");
    assert_eq!(attributes(&sandbox), [json!({"name": "Nguyễn Lan", "first_name": "Lan"})]);
    assert_eq!(sandbox.sql("SELECT tags FROM v_contacts"), [r#"["Vàng"]"#]);

    sandbox.write("b.csv", "email,plan\nminh@example.com,pro\n");
    let said = sandbox.drip(&["import", "b.csv", "--map", "plann=tier"]).code(2).stderr;
    assert!(said.contains("no file has a column `plann`") && said.contains("did you mean `plan`?"), "{said}");
    assert_eq!(sandbox.sql("SELECT count(*) FROM v_contacts"), ["1"], "nothing of it came in");
    let said = sandbox.drip(&["import", "b.csv", "--map", "plan=Hạng thẻ"]).code(2).stderr;
    assert!(said.contains("`hang_the` it can"), "{said}");
    sandbox.write("c.csv", "email,Total Spent,total_spent\na@example.com,1,2\n");
    assert!(sandbox.drip(&["import", "c.csv"]).code(2).stderr.contains("would both be `total_spent`"));
    sandbox.drip(&["import", "c.csv", "--map", "Total Spent=before"]).code(0);
}

#[test]
fn a_tag_is_for_everyone_in_the_file_and_events_have_none() {
    let sandbox = Sandbox::new();
    sandbox.write("a.csv", "email,tags\nlan@example.com,tea\nminh@example.com,\n");
    sandbox.drip(&["import", "a.csv", "--tag", "fair-2026", "--tag", "hội chợ"]).code(0);
    assert_eq!(
        sandbox.sql("SELECT tags FROM v_contacts ORDER BY email"),
        [r#"["fair-2026","hội chợ","tea"]"#, r#"["fair-2026","hội chợ"]"#]
    );
    sandbox.write("e.csv", "email,event,time\nlan@example.com,x,2026-03-01\n");
    assert!(sandbox.drip(&["import", "e.csv", "--tag", "x"]).code(2).stderr.contains("events, which have no tags"));
    assert!(sandbox.drip(&["import", "a.csv", "--tag", "a,b"]).code(2).stderr.contains("write one tag"));
}

#[test]
fn dates_have_one_order_and_what_is_impossible_in_it_is_rejected() {
    let table =
        "email,first_order,birthday,code\na@example.com,02/03/2026,12/31/1990,1/2\nb@example.com,31/12/2025,,x\n";
    let sandbox = Sandbox::new();
    sandbox.write("a.csv", table);
    let said = sandbox.drip(&["import", "a.csv"]).code(4).stderr;
    assert!(said.contains("a.csv:2: column `birthday`: `12/31/1990` is no date with the day first; with the month first it is `--dates mdy`"), "{said}");
    assert_eq!(attributes(&sandbox), [json!({"first_order": "2025-12-31", "code": "x"})]);
    let said = sandbox.drip(&["import", "a.csv", "--dates", "mdy"]).code(4).stderr;
    assert!(said.contains("a.csv:3: column `first_order`: `31/12/2025` is no date with the month first"), "{said}");
    assert_eq!(attributes(&sandbox)[0], json!({"first_order": "2026-02-03", "birthday": "1990-12-31", "code": "1/2"}));

    sandbox.write("e.csv", "email,event,time\na@example.com,met,02/03/2026 09:30\n");
    assert!(
        sandbox.drip(&["import", "e.csv"]).code(4).stderr.contains("is no time"),
        "an event's order is never guessed"
    );
    sandbox.drip(&["import", "e.csv", "--dates", "dmy"]).code(0);
    assert_eq!(sandbox.sql("SELECT at FROM v_events"), ["2026-03-02T02:30:00Z"]);
}

#[test]
fn a_dry_run_shows_the_rows_and_leaves_no_trace() {
    let sandbox = Sandbox::new();
    sandbox.write("a.csv", "Email,Họ tên,SĐT,Total Spent\nlan@example.com,Nguyễn Thị Lan,0901 234 567,250.000 ₫\nwrong,,,\nmai@example.com,,,7\n");
    let before = fs::read_dir(sandbox.path(".")).unwrap().count();
    let ended = sandbox.drip(&["import", "--dry-run", "a.csv"]).code(4);
    insta::assert_snapshot!(ended.stdout, @r"
    a.csv:2: lan@example.com
      Họ tên       name         Nguyễn Thị Lan
      SĐT          phone        +84901234567
      Total Spent  total_spent  250000
                   first_name   Lan

    a.csv:4: mai@example.com
      Total Spent  total_spent  7
    ");
    insta::assert_snapshot!(ended.stderr, @r"
    a.csv: 2 contacts to add.
      columns: `Email` → email, `Họ tên` → name, `SĐT` → phone, `Total Spent` → total_spent
    warning: a.csv: 1 row rejected
      a.csv:3: `wrong` has no `@`
    Nothing was changed.
    ");
    assert_eq!(fs::read_dir(sandbox.path(".")).unwrap().count(), before, "no database, no file of rejected rows");
    sandbox.drip(&["import", "a.csv"]).code(4);
    sandbox.write("b.csv", "email,plan\nlan@example.com,pro\nnew@example.com,pro\n");
    let json = sandbox.drip(&["--json", "import", "--dry-run", "b.csv"]).code(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["dry_run"], &json["files"][0]["added"], &json["files"][0]["updated"]),
        (&json!(true), &json!(1), &json!(1))
    );
    assert_eq!(json["files"][0]["rows"][1]["fields"][0], json!({"column": "plan", "name": "plan", "value": "pro"}));
    assert_eq!(sandbox.sql("SELECT count(*) FROM v_contacts WHERE attributes LIKE '%pro%'"), ["0"]);
}

#[test]
fn an_encoding_can_be_named_and_a_wrong_one_garbles_nothing() {
    let sandbox = Sandbox::new();
    // Cyrillic: nothing in the file says which encoding it is.
    fs::write(sandbox.path("a.csv"), b"email,name\nivan@example.com,\xc8\xe2\xe0\xed \xcf\xe5\xf2\xf0\xee\xe2\n")
        .unwrap();
    assert!(sandbox.drip(&["import", "a.csv"]).code(2).stderr.contains("--encoding windows-1251"));
    sandbox.drip(&["import", "a.csv", "--encoding", "windows-1251"]).code(0);
    assert_eq!(attributes(&sandbox)[0]["name"], "Иван Петров");
    let said = sandbox.drip(&["import", "a.csv", "--encoding", "utf-8"]).code(4).stderr;
    assert!(said.contains("a.csv:2: column `name` is not in the encoding of the file"), "{said}");
    assert!(sandbox.drip(&["import", "a.csv", "--encoding", "vni"]).code(2).stderr.contains("UniKey"));
    assert!(sandbox.drip(&["import", "a.csv", "--encoding", "klingon"]).code(2).stderr.contains("windows-1258"));

    // UTF-8 in its first megabyte, and not behind it.
    let mut long = "email,name\n".to_owned().into_bytes();
    for row in 0..40_000 {
        long.extend_from_slice(format!("p{row}@example.com,Nguyễn Văn Minh\n").as_bytes());
    }
    long.extend_from_slice(b"last@example.com,Nguy\xean\n");
    fs::write(sandbox.path("long.csv"), long).unwrap();
    let said = sandbox.drip(&["import", "long.csv"]).code(4).stderr;
    assert!(said.contains("long.csv:40002: column `name` is not in the encoding of the file"), "{said}");
    assert_eq!(sandbox.sql("SELECT count(*) FROM v_contacts WHERE email LIKE 'p%'"), ["40000"]);
}

#[test]
fn one_person_in_several_spellings_is_one_and_opt_outs_stay() {
    let sandbox = Sandbox::new().contacts("email,consent", &["no@example.com,unsubscribed"]);
    sandbox.write(
        "a.csv",
        "email,plan,tags\nLan.Nguyen@Example.com,free,a\nlan.nguyen@EXAMPLE.com,pro,b\nlannguyen@example.com,x,\nno@example.com,x,\nlan@bücher.example,,\nlan@xn--bcher-kva.example,,\n",
    );
    let said = sandbox.drip(&["import", "a.csv"]).code(0).stderr;
    insta::assert_snapshot!(said, @r"
    a.csv: 3 contacts added and 1 contact updated.
      2 rows merged with an earlier one: line 3 is `lan.nguyen@example.com` of line 2, line 7 is `lan@xn--bcher-kva.example` of line 6
      1 contact stays unmailed: unsubscribed, bounced, complained or suppressed
    ");
    assert_eq!(
        sandbox.sql("SELECT tags || attributes FROM v_contacts WHERE email = 'Lan.Nguyen@example.com'"),
        [r#"["a","b"]{"plan":"pro"}"#]
    );
    assert_eq!(sandbox.sql("SELECT consent FROM v_contacts WHERE email = 'no@example.com'"), ["unsubscribed"]);
}

#[test]
fn a_name_that_was_given_is_not_overwritten_by_one_that_was_guessed() {
    let sandbox = Sandbox::new();
    sandbox.write("given.csv", "email,first_name\nanh@example.com,Lan Anh\n");
    sandbox.write("full.csv", "email,Họ tên\nanh@example.com,Nguyễn Lan Anh\nduc@example.com,Trần Đức\n");
    sandbox.write("married.csv", "email,Họ tên\nduc@example.com,Trần Minh Đạt\n");
    for file in ["given.csv", "full.csv", "married.csv"] {
        sandbox.drip(&["import", file]).code(0);
    }
    assert_eq!(
        attributes(&sandbox),
        [
            json!({"first_name": "Lan Anh", "name": "Nguyễn Lan Anh"}),
            json!({"name": "Trần Minh Đạt", "first_name": "Đạt"}),
        ]
    );
}

#[test]
fn json_lines_are_contacts_or_events() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "people.jsonl",
        "{\"email\":\"lan@example.com\",\"name\":\"Nguyễn Thị Lan\",\"tags\":[\"tea\",\"vip\"],\"address\":{\"city\":\"Huế\"},\"zip\":\"007\",\"Total Spent\":250000,\"vip\":true,\"none\":null}\n\n\
         {\"email\":\"duc@example.com\",\"tags\":\"a;b\",\"phone\":\"0901234567\",\"consent\":\"unsubscribed\"}\n[1]\n{\"email\":\"x\"}\n{\"email\": \"mai@example.com\"\n\
         {\"email\":\"big@example.com\",\"id\":123456789012345678901234567890}\n",
    );
    let said = sandbox.drip(&["import", "people.jsonl"]).code(4).stderr;
    insta::assert_snapshot!(said, @r#"
    people.jsonl: 2 contacts added.
      1 contact stays unmailed: unsubscribed, bounced, complained or suppressed
    warning: people.jsonl: 4 rows rejected; mend and import people.rejected.jsonl
      people.jsonl:4: the line holds no object; write `{"email": …}`
      people.jsonl:5: `x` has no `@`
      people.jsonl:6: the line is no JSON: EOF while parsing an object, at column 27
      …
    "#);
    assert_eq!(
        attributes(&sandbox),
        [
            json!({"phone": "+84901234567"}),
            json!({"name": "Nguyễn Thị Lan", "address": {"city": "Huế"}, "postal_code": "007", "total_spent": 250_000, "vip": true, "first_name": "Lan"}),
        ]
    );
    assert_eq!(sandbox.sql("SELECT tags FROM v_contacts ORDER BY email"), [r#"["a","b"]"#, r#"["tea","vip"]"#]);
    let rejected = fs::read_to_string(sandbox.path("people.rejected.jsonl")).unwrap();
    assert!(rejected.contains(r#"{"email":"x","rejected_line":5,"rejected_reason":"`x` has no `@`"}"#), "{rejected}");
    let mended: String = rejected
        .lines()
        .filter(|line| line.contains("\"x\""))
        .map(|line| line.replace("\"x\"", "\"x@example.com\"") + "\n")
        .collect();
    sandbox.write("people.rejected.jsonl", &mended);
    sandbox.drip(&["import", "people.rejected.jsonl"]).code(0);
    assert_eq!(sandbox.sql("SELECT attributes FROM v_contacts WHERE email = 'x@example.com'"), ["{}"]);

    sandbox.write(
        "events.ndjson",
        "{\"email\":\"LAN@example.com\",\"event\":\"purchased\",\"time\":\"2026-03-01T09:30:00+07:00\",\"value\":5,\"items\":[{\"sku\":\"T1\"}]}\n\
         {\"email\":\"lan@example.com\",\"event\":\"viewed\",\"time\":\"2026-03-01 10:00\",\"properties\":{\"page\":\"/tea\",\"Page Title\":\"Trà\"}}\n",
    );
    sandbox.drip(&["import", "events.ndjson"]).code(0);
    assert_eq!(
        sandbox.sql("SELECT event || ' ' || at || ' ' || properties FROM v_events ORDER BY at"),
        [
            r#"purchased 2026-03-01T02:30:00Z {"value":5,"items":[{"sku":"T1"}]}"#,
            r#"viewed 2026-03-01T03:00:00Z {"page":"/tea","page_title":"Trà"}"#,
        ]
    );
}

#[test]
fn a_column_that_another_program_writes_can_only_take_consent_away() {
    let sandbox = Sandbox::new().contacts("email,consent", &["lan@example.com,unsubscribed"]);
    sandbox.write("a.csv", "Email,Accepts Email Marketing\nlan@example.com,yes\nminh@example.com,no\nmai@example.com,maybe\nyen@example.com,\n");
    let said = sandbox.drip(&["import", "a.csv"]).code(4).stderr;
    assert!(said.contains("a.csv:4: column `Accepts Email Marketing`: `maybe` is neither `yes` nor `no`"), "{said}");
    assert_eq!(
        sandbox.sql("SELECT email || ' ' || consent FROM v_contacts ORDER BY email"),
        ["lan@example.com unsubscribed", "minh@example.com unsubscribed", "yen@example.com subscribed"]
    );
}
