//! Imports that could mean something else than they say: taken safely, refused, or spoken of.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::Sandbox;

fn imported(text: &str) -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    sandbox.write("a.csv", text);
    let said = sandbox.drip(&["import", "a.csv"]).stderr;
    (sandbox, said)
}

fn consents(sandbox: &Sandbox) -> Vec<String> {
    sandbox.sql("SELECT email || ' ' || consent FROM v_contacts ORDER BY email")
}

fn attribute(sandbox: &Sandbox, name: &str) -> Vec<Value> {
    let rows = sandbox.sql("SELECT attributes FROM v_contacts ORDER BY email");
    rows.iter().map(|row| serde_json::from_str::<Value>(row).unwrap()[name].clone()).collect()
}

#[test]
fn a_status_that_speaks_of_mail_alone_keeps_people_from_being_mailed() {
    let (sandbox, _) = imported(
        "first_name,email_address,status\nA,a@example.com,active\nB,b@example.com,cancelled\nC,c@example.com,inactive\n\
         D,d@example.com,Unconfirmed\nE,e@example.com,bounced\nF,f@example.com,never subscribed\n",
    );
    assert_eq!(
        consents(&sandbox),
        [
            "a@example.com subscribed",
            "b@example.com unsubscribed",
            "c@example.com unsubscribed",
            "d@example.com pending",
            "e@example.com bounced",
            "f@example.com pending"
        ]
    );
    // In a shop's list an order was cancelled, not a subscription; and drip says what to do if not.
    let (sandbox, said) = imported("email,Order,Status\na@example.com,1,paid\nb@example.com,2,cancelled\n");
    assert_eq!(consents(&sandbox), ["a@example.com subscribed", "b@example.com subscribed"]);
    assert!(said.contains("column `Status`: 1 row with words like `cancelled`, first on line 3, are mailed"), "{said}");
    sandbox.drip(&["import", "a.csv", "--map", "Status=subscription_status"]).code(0);
    assert_eq!(consents(&sandbox), ["a@example.com subscribed", "b@example.com unsubscribed"]);
}

#[test]
fn a_no_is_a_no_in_other_words_and_columns() {
    for word in ["Đã huỷ đăng ký", "Đã hủy đăng ký", "UNSUBSCRIBE", "Opt-out", "Do not mail", "Ngừng nhận tin"]
    {
        let (sandbox, _) = imported(&format!("email,Order,Trạng thái\na@example.com,1,{word}\n"));
        assert_eq!(consents(&sandbox), ["a@example.com unsubscribed"], "{word}");
    }
    // Of an order or a lead these could say something else.
    for word in ["Từ chối", "Blocked", "Đã huỷ"] {
        let (sandbox, _) = imported(&format!("email,Trạng thái\na@example.com,{word}\n"));
        assert_eq!(consents(&sandbox), ["a@example.com unsubscribed"], "{word}");
        let (sandbox, said) = imported(&format!("email,Order,Trạng thái\na@example.com,1,{word}\n"));
        assert_eq!(consents(&sandbox), ["a@example.com subscribed"], "{word}");
        assert!(said.contains("if that is about mail"), "{said}");
    }
    let (sandbox, _) = imported("email,Subscribed,Opt In,Paid\na@example.com,2024-03-01,2024-03-02,05/03/2026\n");
    assert_eq!(consents(&sandbox), ["a@example.com subscribed"]);
    assert_eq!(attribute(&sandbox, "Subscribed"), ["2024-03-01"]);
    assert_eq!(attribute(&sandbox, "Paid"), ["2026-03-05"]);
    for (column, cell) in
        [("Opted out", "2024-03-01"), ("Do not contact", "x"), ("Opt In", "no"), ("Subscribed", "Pending")]
    {
        let (sandbox, _) = imported(&format!("email,{column}\na@example.com,{cell}\n"));
        assert_ne!(consents(&sandbox), ["a@example.com subscribed"], "{column}: {cell}");
    }
    for word in ["Hard Bounce", "hard_bounce"] {
        let (sandbox, _) = imported(&format!("email,Order,Status\na@example.com,1,{word}\n"));
        assert_eq!(consents(&sandbox), ["a@example.com bounced"], "{word}");
    }
    for (column, cell) in [
        ("Huỷ đăng ký", "có"),
        ("Hủy đăng ký", "x"),
        ("Opted out", "yes"),
        ("Do not contact", "TRUE"),
        ("OPT_IN", "No"),
        ("Subscribed", "no"),
        ("Email Marketing Consent", "UNSUBSCRIBED"),
        ("Blocklisted for email", "Yes"),
    ] {
        let (sandbox, _) = imported(&format!("email,{column}\na@example.com,{cell}\n"));
        assert_eq!(consents(&sandbox), ["a@example.com unsubscribed"], "{column}");
    }
}

#[test]
fn what_hubspot_knows_of_leaving_is_taken_from_each_of_its_columns() {
    let (sandbox, _) = imported(
        "Email,Unsubscribed from all email,Opted out of email: Newsletter,Opted out of email: Offers,\
         Email hard bounce reason,Marketing contact status\n\
         a@example.com,No,No,No,,Marketing contact\nb@example.com,No,Yes,No,,Marketing contact\n\
         c@example.com,No,,Yes,,Marketing contact\nd@example.com,,,,UNKNOWN_USER,Marketing contact\n\
         e@example.com,,,,,Non-marketing contact\n",
    );
    let words: Vec<String> = consents(&sandbox).iter().map(|row| row.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(words, ["subscribed", "unsubscribed", "unsubscribed", "bounced", "pending"]);
}

#[test]
fn who_was_pending_is_subscribed_when_a_file_says_so_and_nobody_else_is() {
    let (sandbox, _) = imported("email,consent\na@example.com,pending\nb@example.com,unsubscribed\n");
    sandbox.write("b.csv", "email\na@example.com\n");
    sandbox.drip(&["import", "b.csv"]).code(0);
    assert_eq!(consents(&sandbox)[0], "a@example.com pending", "a list alone confirms nobody");
    sandbox.write("c.csv", "email,consent\na@example.com,subscribed\nb@example.com,subscribed\n");
    sandbox.drip(&["import", "c.csv"]).code(0);
    assert_eq!(consents(&sandbox), ["a@example.com subscribed", "b@example.com unsubscribed"]);
}

#[test]
fn dates_and_money_are_read_as_vietnamese_write_them_and_what_is_neither_is_spoken_of() {
    let (sandbox, said) = imported(
        "email,Ngày sinh,Hẹn,Doanh thu\na@example.com,ngày 5 tháng 3 năm 1990,05/03/2026 2:30 CH,250k\n\
         b@example.com,33000,06/03/2026 8:30 SA,1tr2\nc@example.com,mùa xuân,07/03/2026,\"1,5 triệu\"\n",
    );
    assert_eq!(attribute(&sandbox, "birthday"), [json!("1990-03-05"), json!(33000), json!("mùa xuân")]);
    assert_eq!(attribute(&sandbox, "hen"), ["2026-03-05T14:30", "2026-03-06T08:30", "2026-03-07"]);
    assert_eq!(attribute(&sandbox, "doanh_thu"), [250_000, 1_200_000, 1_500_000]);
    assert!(said.contains("column `Ngày sinh`: 2 rows without a date, first `33000` on line 3"), "{said}");

    let (sandbox, said) =
        imported("email,Gia hạn\na@example.com,05/03/2026\nb@example.com,06/03/2026\nc@example.com,chưa rõ\n");
    assert_eq!(attribute(&sandbox, "gia_han")[0], "05/03/2026");
    assert!(
        said.contains("column `Gia hạn`: 2 of the first 3 cells are dates, but `chưa rõ` on line 4 is not"),
        "{said}"
    );
}

#[test]
fn a_row_that_reads_two_ways_is_rejected_and_the_rows_behind_it_are_not() {
    let (sandbox, said) = imported(
        "email,name\na@example.com,\"Bob \"B\" Lee\"\nb@example.com,\"He said \"\"hi\"\"\" \nc@example.com,5\" screen\n",
    );
    assert!(said.contains("a.csv:2: a field goes on behind its closing quote"), "{said}");
    assert_eq!(attribute(&sandbox, "name"), ["He said \"hi\"", "5\" screen"]);

    let long = "x".repeat((1 << 20) + 10);
    sandbox.write(
        "b.jsonl",
        &format!(
            "{{\"email\":\"d@example.com\",\"email\":\"e@example.com\"}}\n{{\"email\":\"{long}\"}}\n{{\"email\":\"f@example.com\"}}\n[1]\n"
        ),
    );
    let said = sandbox.drip(&["import", "b.jsonl"]).code(4).stderr;
    for what in [
        "b.jsonl:1: the key `email` stands there twice",
        "b.jsonl:2: the line is longer than 1 MiB",
        "b.jsonl:4: the line holds no object",
    ] {
        assert!(said.contains(what), "{said}");
    }
    assert!(consents(&sandbox).contains(&"f@example.com subscribed".to_owned()));
}

#[test]
fn rejected_rows_are_for_their_owner_alone_and_each_file_has_its_own() {
    let sandbox = Sandbox::new();
    sandbox.write("d.csv", "email\nbad\n");
    sandbox.write("d.tsv", "email\tn\nworse\t1\n");
    sandbox.drip(&["import", "d.csv", "d.tsv"]).code(4);
    for (file, cell) in [("d.rejected.csv", "bad"), ("d.tsv.rejected.csv", "worse")] {
        let path = sandbox.path(file);
        assert!(fs::read_to_string(&path).unwrap().contains(cell));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{file}");
    }
}

#[test]
fn a_map_that_undoes_another_or_takes_the_address_away_is_told_so() {
    let sandbox = Sandbox::new();
    sandbox.write("a.csv", "email,a\nlan@example.com,1\n");
    let said = sandbox.drip(&["import", "a.csv", "--map", "a=x", "--map", "A=y"]).code(2).stderr;
    assert!(said.contains("`A` is mapped already"), "{said}");
    let said = sandbox.drip(&["import", "a.csv", "--map", "email=mail"]).code(2).stderr;
    assert!(said.contains("--map makes something else of `email`; leave that out"), "{said}");
}

#[test]
fn an_encoding_of_the_far_east_is_not_taken_for_a_western_one() {
    let sandbox = Sandbox::new();
    let names = "email,name\ntaro@example.com,田中太郎\nhanako@example.com,山田花子\n";
    let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode(names);
    fs::write(sandbox.path("a.csv"), &bytes).unwrap();
    let said = sandbox.drip(&["import", "a.csv"]).code(2).stderr;
    assert!(said.contains("the encoding of the file is not known"), "{said}");
    sandbox.drip(&["import", "a.csv", "--encoding", "shift_jis"]).code(0);
    assert_eq!(attribute(&sandbox, "name"), ["山田花子", "田中太郎"]);
}

#[test]
fn contacts_come_back_from_json_lines_as_they_went() {
    let sandbox = Sandbox::new();
    let line = r#"{"email":"lan@example.com","code":"42","yes":"true","items":[{"n":1}],"tags":["a,b","x \"y\""],"born":"28/02/1990"}"#;
    sandbox.write("in.jsonl", line);
    sandbox.drip(&["import", "in.jsonl"]).code(0);
    sandbox.drip(&["contact", "export", "--all", "out.jsonl"]).code(0);
    sandbox.drip(&["contact", "export", "--all", "out.csv"]).code(0);
    let again = sandbox.drip(&["import", "out.jsonl"]).code(0).stderr;
    assert!(again.contains("0 contacts added and 1 contact known already"), "{again}");
    let tags = sandbox.sql("SELECT tags FROM v_contacts");
    let other = Sandbox::new();
    other.write("out.csv", &fs::read_to_string(sandbox.path("out.csv")).unwrap());
    other.drip(&["import", "out.csv"]).code(0);
    assert_eq!(other.sql("SELECT tags FROM v_contacts"), tags);
}

#[test]
fn prices_that_stay_text_and_names_that_lost_their_letters_are_spoken_of() {
    let (sandbox, said) = imported(
        "email,Mã vùng,Giá,Họ và tên\na@example.com,1.250.000,1.250.000,Nguy?n Th? Lan\nb@example.com,250.000,,TrÃ¢n\n",
    );
    assert_eq!(attribute(&sandbox, "gia")[0], 1_250_000);
    assert!(said.contains("column `Mã vùng`: 2 rows like `1.250.000`, first on line 2, stay text"), "{said}");
    assert!(
        said.contains("column `Họ và tên`: letters are lost in 2 rows, first `Nguy?n Th? Lan` on line 2"),
        "{said}"
    );
    sandbox.drip(&["import", "a.csv", "--map", "Mã vùng=amount"]).code(0);
    assert_eq!(attribute(&sandbox, "amount"), [1_250_000, 250_000]);
}

#[test]
fn the_column_of_addresses_is_found_by_what_it_holds_and_the_header_below_a_title() {
    let (sandbox, said) = imported("Tên,Liên hệ nhận quà\nLan,lan@example.com\nMinh,minh@example.com\n");
    assert!(said.contains("`Liên hệ nhận quà` → email"), "{said}");
    assert_eq!(consents(&sandbox).len(), 2);
    let (_, said) = imported("Danh sách khách hàng;;\n;;\nSTT;Email;Họ tên\n1;lan@example.com;Lan\n");
    assert!(said.contains("line 3 looks like the header: delete the lines above it"), "{said}");
    let (_, said) = imported("lan@example.com,Lan\nminh@example.com,Minh\n");
    assert!(said.contains("the first line holds an address"), "{said}");
    let (sandbox, _) = imported("Liên hệ,Kênh\nlan@example.com,Email\n");
    assert_eq!(consents(&sandbox), ["lan@example.com subscribed"]);
    let (_, said) = imported("a,b\nlan@example.com,minh@example.com\n");
    assert!(said.contains("no column is called `email`"), "{said}");
}

#[test]
fn zones_and_languages_have_other_names() {
    let (sandbox, _) = imported(
        "email,timezone,language\na@example.com,GMT+7,Tieng Viet\nb@example.com,+09:00,vi_VN.UTF-8\n\
         c@example.com,SE Asia Standard Time,Italian\nd@example.com,UTC-05:00,en\n",
    );
    assert_eq!(
        sandbox.sql("SELECT timezone || ' ' || language FROM v_contacts ORDER BY email"),
        ["Asia/Ho_Chi_Minh vi", "Etc/GMT-9 vi-VN", "Asia/Ho_Chi_Minh it", "Etc/GMT+5 en"]
    );
}

/// Who is asked for a birthday rarely tells the year: lists hold `28/02`, Mailchimp's exports `02/28`.
#[test]
fn a_birthday_without_its_year_is_a_day_of_every_year() {
    let birthdays = |header: &str, cells: &[&str], words: &[&str]| {
        let sandbox = Sandbox::new();
        let row = |(number, cell): (usize, &&str)| format!("{number}@example.com,{cell},1\n");
        let rows = cells.iter().enumerate().map(row).collect::<Vec<_>>().concat();
        sandbox.write("a.csv", &format!("email,{header}\n{rows}"));
        let said = sandbox.drip(&[&["import", "a.csv"], words].concat()).stderr;
        (attribute(&sandbox, "birthday"), said)
    };
    let (days, said) = birthdays("birthday,x", &["03-01", "--05-17", "28/02", "5/3"], &[]);
    assert_eq!(days, ["03-01", "05-17", "02-28", "03-05"]);
    assert!(!said.contains("without a date"), "{said}");
    // One cell that can be nothing else tells the order of all.
    assert_eq!(birthdays("Ngày sinh,x", &["05/03", "02/28"], &[]).0, ["05-03", "02-28"]);
    assert_eq!(birthdays("Birthday,x", &["05/03", "04/02"], &[]).0, ["03-05", "02-04"]);
    assert_eq!(birthdays("Birthday,x", &["05/03", "04/02"], &["--dates", "mdy"]).0, ["05-03", "04-02"]);
    assert_eq!(birthdays("Birthday,LEID", &["05/03", "04/02"], &[]).0, ["05-03", "04-02"]);
    let (days, said) = birthdays("Birthday,x", &["28/02", "02/28"], &[]);
    assert_eq!(days, ["02-28"]);
    assert!(
        said.contains("column `Birthday`: `02/28` is no date with the day first; with the month first it is"),
        "{said}"
    );
}

#[test]
fn a_birthday_typed_by_hand_is_a_day_or_spoken_of() {
    let (sandbox, _) = imported("email\na@example.com\n");
    sandbox.drip(&["contact", "set", "a@example.com", "birthday=28/02"]).code(0);
    assert_eq!(attribute(&sandbox, "birthday"), ["02-28"]);
    let said = sandbox.drip(&["contact", "set", "a@example.com", "birthday=02/28"]).code(2).stderr;
    assert!(said.contains("`birthday` is no day of the calendar with the day first"), "{said}");
    assert!(said.contains("hint: write it as 1990-12-31, or as 12-31 without a year"), "{said}");
    let said = sandbox.drip(&["contact", "set", "a@example.com", "birthday=spring"]).code(0).stderr;
    assert!(said.contains("`spring` is no day, and no date trigger sees it; write `birthday` as 1990-12-31"), "{said}");
}

#[test]
fn events_that_look_like_opt_outs_of_people_who_are_mailed_are_warned_of() {
    let (sandbox, _) = imported("email,consent\na@example.com,\nb@example.com,\nc@example.com,unsubscribed\n");
    sandbox.write(
        "e.csv",
        "email,event,time\na@example.com,unsubscribed,2026-03-01T00:00:00Z\nb@example.com,Spam_Report,2026-03-01T00:00:00Z\n\
         c@example.com,unsubscribed,2026-03-01T00:00:00Z\nb@example.com,purchased,2026-03-01T00:00:00Z\n",
    );
    let said = sandbox.drip(&["import", "e.csv"]).code(0).stderr;
    assert!(said.contains("2 events like `unsubscribed`, first on line 2, opt nobody out"), "{said}");
    assert_eq!(
        consents(&sandbox),
        ["a@example.com subscribed", "b@example.com subscribed", "c@example.com unsubscribed"]
    );
    // What drip wrote itself speaks of people who have left.
    sandbox.drip(&["contact", "unsubscribe", "a@example.com"]).code(0);
    sandbox.drip(&["contact", "suppress", "b@example.com", "--reason", "bounce"]).code(0);
    for format in ["csv", "json"] {
        let (events, own) =
            (sandbox.drip(&["export", "events", "--format", format]).code(0).stdout, format!("own.{format}"));
        sandbox.write(&own, &events);
        let said = sandbox.drip(&["import", &own]).code(0).stderr;
        assert!(said.contains("0 events added and") && said.contains("known already"), "{said}");
        assert!(!said.contains("opt nobody out"), "{said}");
    }
}

#[test]
fn what_drip_wrote_of_people_who_have_left_lets_nobody_in_elsewhere() {
    let (sandbox, _) = imported("email\na@example.com\nb@example.com\n");
    sandbox.write("e.csv", "email,event,time,value\na@example.com,purchased,2026-03-01T00:00:00Z,5\nb@example.com,purchased,2026-03-01T00:00:00Z,5\n");
    sandbox.drip(&["import", "e.csv"]).code(0);
    sandbox.drip(&["contact", "unsubscribe", "a@example.com"]).code(0);
    sandbox.drip(&["contact", "suppress", "b@example.com", "--reason", "bounce"]).code(0);
    let other = Sandbox::new();
    // Events are events of nobody there.
    other.write("events.csv", &sandbox.drip(&["export", "events"]).code(0).stdout);
    let said = other.drip(&["import", "events.csv"]).stderr;
    assert!(said.contains("there is no contact"), "{said}");
    for what in ["sends", "enrolments", "value"] {
        other.write("own.csv", &sandbox.drip(&["export", what]).code(0).stdout);
        let said = other.drip(&["import", "own.csv"]).code(2).stderr;
        assert!(said.contains("drip's own export of what happened"), "{said}");
    }
    assert_eq!(consents(&other), Vec::<String>::new());
    let customers = sandbox.drip(&["export", "value"]).code(0).stdout;
    assert!(
        customers.contains("a@example.com,unsubscribed,") && customers.contains("b@example.com,unsubscribed,"),
        "{customers}"
    );
}
