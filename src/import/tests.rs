mod anything;
mod line_numbers;
mod refusals;

use std::fs;

use chrono_tz::Tz;
use serde_json::json;

use super::*;

const HANOI: Tz = Tz::Asia__Ho_Chi_Minh;

fn hanoi() -> Options {
    Options::new(HANOI, "vi")
}

/// Imports a text and returns its rows and its rejections.
fn import(text: impl AsRef<[u8]>) -> (Vec<Row>, Vec<Rejected>) {
    let mut rows = Vec::new();
    let mut rejected = Vec::new();
    for row in open(text.as_ref(), "contacts.csv", &hanoi()).expect("a readable head") {
        match row {
            Ok(row) => rows.push(row),
            Err(reason) => rejected.push(reason),
        }
    }
    (rows, rejected)
}

fn contacts(text: impl AsRef<[u8]>) -> Vec<ContactRow> {
    let (rows, rejected) = import(text);
    assert_eq!(rejected, []);
    rows.into_iter()
        .map(|row| match row {
            Row::Contact(contact) => contact,
            Row::Event(event) => panic!("an event: {event:?}"),
        })
        .collect()
}

/// Returns why a file is refused as a whole, with the hint.
fn refusal(text: impl AsRef<[u8]>) -> String {
    match open(text.as_ref(), "contacts.csv", &hanoi()) {
        Ok(_) => "taken".to_owned(),
        Err(error) => format!("{error} | {}", error.hints.join(" | ")),
    }
}

/// Returns the lines and reasons of rejected rows.
fn reasons(text: impl AsRef<[u8]>) -> Vec<String> {
    import(text).1.iter().map(|row| format!("{}: {}", row.line, row.reason)).collect()
}

#[test]
fn a_vietnamese_spreadsheet_becomes_contacts() {
    let found = contacts(
        "\u{feff}Địa chỉ email;Họ tên;Tags;TimeZone;Language;Consent;điện thoại;doanh thu;vip;hết hạn;ghi chú\r\n\
         Lan@Example.VN; Nguye\u{302}\u{303}n Thị Lan ;trial|vip, ,trial;asia/ho_chi_minh;vi-vn;Pending;0901234567;12.5;TRUE;2026-03-01;\r\n",
    );
    let [lan] = found.as_slice() else { panic!("one row: {found:?}") };
    assert_eq!(lan.address.key(), "lan@example.vn");
    assert_eq!(lan.tags, ["trial", "vip"]);
    assert_eq!(
        (lan.timezone, lan.language.as_deref(), lan.consent),
        (Some(HANOI), Some("vi-VN"), Some(Consent::Pending))
    );
    assert_eq!(
        serde_json::Value::Object(lan.attributes.clone()),
        json!({"name": "Nguyễn Thị Lan", "phone": "+84901234567", "doanh_thu": 12.5, "vip": true, "het_han": "2026-03-01"}),
    );
    assert_eq!(lan.greeting.as_deref(), Some("Lan"));
}

#[test]
fn any_delimiter_reads_the_same() {
    for text in [
        "email,plan\na@x.vn,pro\n",
        "email;plan\na@x.vn;pro",
        "email\tplan\r\na@x.vn\tpro\r\n",
        "sep=;\nemail;plan\na@x.vn;pro\n",
        "SEP=|\r\nemail|plan\r\na@x.vn|pro\r\n",
        "email|plan\na@x.vn|pro\n",
        "sep=\t\nemail\tplan\na@x.vn\tpro\n",
        "\n\nplan,\"e-mail\"\npro,\"a@x.vn\"\n",
    ] {
        let found = contacts(text);
        assert_eq!(found.len(), 1, "{text:?}");
        assert_eq!((found[0].address.key(), &found[0].attributes["plan"]), ("a@x.vn", &json!("pro")), "{text:?}");
    }
    let found = contacts("email;name, first\na@x.vn;Lan\n");
    assert_eq!(found[0].attributes["name_first"], json!("Lan"), "a comma in a name is none between columns");
}

#[test]
fn a_tsv_file_is_split_at_tabs_whatever_else_its_header_holds() {
    let text = "email\tlast, first, middle\na@x.vn\tLan, Thi, Nguyen\n";
    let mut file = open(text.as_bytes(), "people.tsv", &hanoi()).expect("a header");
    let Some(Ok(Row::Contact(row))) = file.next() else { panic!("a contact") };
    assert_eq!(row.attributes["last_first_middle"], json!("Lan, Thi, Nguyen"));
}

#[test]
fn the_parts_of_a_name_depend_on_the_columns_beside_them() {
    for (text, attributes, greeting) in [
        ("email,Họ,Tên\na@x.vn,Nguyễn,Lan\n", json!({"last_name": "Nguyễn", "first_name": "Lan"}), None),
        ("email,Tên\na@x.vn,Nguyễn Thị Lan\n", json!({"name": "Nguyễn Thị Lan"}), Some("Lan")),
        ("email,Tên,Họ tên\na@x.vn,Lan,Nguyễn Lan\n", json!({"first_name": "Lan", "name": "Nguyễn Lan"}), None),
        ("email,Tên,First name\na@x.vn,Nguyễn Lan,Lan\n", json!({"name": "Nguyễn Lan", "first_name": "Lan"}), None),
        (
            "email,Mobile,SMS\na@x.vn,0901234567,0912345678\n",
            json!({"phone": "+84901234567", "SMS": "+84912345678"}),
            None,
        ),
        ("email,Phone,Mobile\na@x.vn,,0912345678\n", json!({"Mobile": "+84912345678"}), None),
        ("email,Work email\na@x.vn,b@x.vn\n", json!({"work_email": "b@x.vn"}), None),
    ] {
        let found = contacts(text);
        assert_eq!(serde_json::Value::Object(found[0].attributes.clone()), attributes, "{text}");
        assert_eq!((found[0].address.key(), found[0].greeting.as_deref()), ("a@x.vn", greeting), "{text}");
    }
}

#[test]
fn each_bad_cell_costs_its_own_row_only() {
    let text = b"email,consent,timezone,language,name\n\
        a@x.vn,yes,,,\n\
        b@x.vn,,Asia/Hanoi,,\n\
        c@x.vn,,Europe/Pariss,,\n\
        d@x.vn,,,Vietnamese!,\n\
        e@x.vn,,,,a\0b\n\
        f@x.vn,,,,\"a\nBcc: x@y.vn\"\n\
        g@x.vn,,,,Nguy\xean\n\
        ,,,,Lan\n\
        h@x.vn,,,,,\n\
        i@x.vn,SUBSCRIBED,utc,EN,\xc4\x90\xe1\xba\xb7ng Lan\n";
    assert_eq!(
        reasons(text),
        [
            "2: `yes` is no consent; it is one of `pending`, `subscribed`, `unsubscribed`, `bounced`, `complained`",
            "3: `Asia/Hanoi` is no time zone; did you mean `Asia/Ho_Chi_Minh`?",
            "4: `Europe/Pariss` is no time zone; did you mean `Europe/Paris`?",
            "5: `Vietnamese!` is no language; write one as `vi` or `en-US`",
            "6: column `name` holds a control character",
            "7: column `name` holds a line break",
            "9: column `name` is not in the encoding of the file; name that with --encoding",
            "10: the address is empty",
            "11: 5 fields expected, 6 found",
        ]
    );
    assert_eq!(import(text).0.len(), 1);
}

#[test]
fn events_have_a_name_a_time_and_properties() {
    let text = "email,Event,time,amount,tags\n\
        a@x.vn,purchased,2026-03-01T09:30:00+07:00,250000,x\n\
        a@x.vn,purchased,2026-03-01,,\n\
        a@x.vn,purchased,2026-03-01 09:30,,\n\
        a@x.vn,purchased,2026-03-01 09:30:15,,\n\
        a@x.vn,purchased,2026-03-01T02:30:00Z,,\n\
        a@x.vn,purchased,01/03/2026,,\n\
        a@x.vn,purchased,2026-02-30,,\n\
        a@x.vn,page viewed,2026-03-01,,\n\
        a@x.vn,purchased,,1,\n";
    let (rows, rejected) = import(text);
    let events: Vec<_> = rows
        .into_iter()
        .map(|row| match row {
            Row::Event(event) => event,
            Row::Contact(contact) => panic!("a contact: {contact:?}"),
        })
        .collect();
    let times: Vec<_> = events.iter().map(|event| event.at.format("%m-%d %H:%M:%S").to_string()).collect();
    assert_eq!(times, ["03-01 02:30:00", "02-28 17:00:00", "03-01 02:30:00", "03-01 02:30:15", "03-01 02:30:00"]);
    assert_eq!(serde_json::Value::Object(events[0].properties.clone()), json!({"amount": 250_000, "tags": "x"}));
    let rejected: Vec<_> = rejected.iter().map(|row| format!("{}: {}", row.line, row.reason)).collect();
    let hint = "is no time; write it as `2026-03-01 09:30` or `2026-03-01T09:30:00+07:00`";
    assert_eq!(
        rejected,
        [
            "7: `01/03/2026` is no time in ISO 8601; with the day first it is `--dates dmy`".to_owned(),
            format!("8: `2026-02-30` {hint}"),
            "9: `page viewed` is no event name; use letters, digits, `-`, `_` and `.`".to_owned(),
            "10: the event has no time".to_owned(),
        ]
    );
}

#[test]
fn rejected_rows_go_beside_the_file_and_come_back_mended() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("contacts.csv");
    let target = folder.path().join("contacts.rejected.csv");
    fs::write(&target, "from the last time").expect("a file");
    let run = |text: &str, name: &str| {
        let mut file = open(text.as_bytes(), name, &hanoi()).expect("a header");
        let mut writer = file.rejected_writer(Some(&source));
        let mut taken = Vec::new();
        for row in file.by_ref() {
            match row {
                Ok(row) => taken.push(row),
                Err(rejected) => writer.write(&rejected).expect("written"),
            }
        }
        (taken, writer.finish().expect("written"))
    };
    assert_eq!(run("email\na@x.vn\n", "contacts.csv").1, None);
    assert_eq!(fs::read_to_string(&target).expect("a file"), "from the last time");

    let (_, path) = run("email;sum\na@x.vn;1\nlan;=1+2\nb@x.vn\nc@x.vn;1;2\n", "contacts.csv");
    assert_eq!(path.as_deref(), Some(target.as_path()));
    let written = fs::read_to_string(&target).expect("a file");
    assert_eq!(
        written,
        "email;sum;line;reason\nlan;=1+2;3;`lan` has no `@`\nb@x.vn;;4;2 fields expected, 1 found\nc@x.vn;1;5;2 fields expected, 3 found;2\n"
    );
    let mended = written.replace("lan;", "lan@x.vn;").replace("found;2", "found");
    let (taken, path) = run(&mended, "contacts.rejected.csv");
    assert_eq!(path, None);
    let [Row::Contact(lan), ..] = taken.as_slice() else { panic!("contacts: {taken:?}") };
    assert_eq!(serde_json::Value::Object(lan.attributes.clone()), json!({"sum": "=1+2"}));
}
