use std::fmt::Write as _;
use std::fs;
use std::io::Read;

use chrono_tz::Tz;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
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
fn the_line_is_that_of_an_editor_whatever_stands_before() {
    let text = "sep=,\r\n\r\nemail,note\r\n\r\n\
                a@x.vn,one\r\n\r\n\r\n\
                wrong,\"two\r\nlines\"\r\n\
                b@x.vn,\"say \"\"hi\"\"\"\r\n,,\r\n ,\r\n\
                worse\r\n\
                c@x.vn,end";
    let (rows, rejected) = import(text);
    let lines: Vec<_> = rows
        .iter()
        .map(|row| match row {
            Row::Contact(contact) => (contact.line, contact.address.key()),
            Row::Event(_) => panic!("no events here"),
        })
        .collect();
    assert_eq!(lines, [(5, "a@x.vn"), (10, "b@x.vn"), (14, "c@x.vn")]);
    let lines: Vec<_> = rejected.iter().map(|row| (row.line, row.reason.as_str())).collect();
    assert_eq!(lines, [(8, "`wrong` has no `@`"), (13, "2 fields expected, 1 found")]);
    assert_eq!(rejected[0].record, ["wrong", "two\nlines"]);
}

#[test]
fn lines_are_counted_in_pieces_of_any_size() {
    let mut text = "email,note\r\n".to_owned();
    for row in 0..3000 {
        write!(text, "p{row}@x.vn,\"{}\"\r\n\r\n", "é".repeat(row % 97)).expect("a string grows");
    }
    write!(text, "last,{}\r\r\n", "x".repeat(200_000)).expect("a string grows");
    let expected = 2 + 3000 * 2;
    for size in [1, 2, 3, 7, 4096, usize::MAX] {
        let import = open(Pieces { rest: text.as_bytes(), size }, "contacts.csv", &hanoi()).expect("a header");
        let (good, bad): (Vec<_>, Vec<_>) = import.partition(Result::is_ok);
        assert_eq!((good.len(), bad.len()), (3000, 1));
        let rejected = bad[0].as_ref().expect_err("no address");
        assert_eq!((rejected.line, rejected.record[1].len()), (expected, 200_001), "in pieces of {size}");
    }
}

/// A reader that gives at most `size` bytes a call, as a pipe may.
struct Pieces<'a> {
    rest: &'a [u8],
    size: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let length = self.size.min(out.len());
        self.rest.read(&mut out[..length])
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
fn a_file_that_cannot_be_meant_is_refused_with_what_to_do() {
    for (text, expected) in [
        (&b""[..], "contacts.csv: the file is empty | its first line names the columns, as `email,first_name,tags`"),
        (
            b"PK\x03\x04\x14\0[Content_Types].xml",
            "contacts.csv: the file is an Excel workbook, not text | open it and save it as `CSV UTF-8`",
        ),
        (b"PK\x03\x04\x14\0a.csv", "contacts.csv: the file is a zip archive, not text | unpack it first"),
        (b"\x1f\x8b\x08\0", "contacts.csv: the file is compressed (gzip), not text | unpack it first: `gunzip -k`"),
        (
            b"email,n\na@x.vn,Ma\xb3gorzata\n",
            "contacts.csv: the encoding of the file is not known; in Windows-1252 it would say `Ma³gorzata` \
             | save it as `CSV UTF-8`, or name its encoding: --encoding windows-1251",
        ),
        (
            "email,name\na@x.vn,NguyÔn ThÞ Lan\n".as_bytes(),
            "contacts.csv: the text was typed for a TCVN3 (ABC) font, not in Unicode \
             | convert it first: UniKey, Toolkit (Ctrl+Shift+F6), from TCVN3 (ABC) to Unicode",
        ),
        (
            b"email,name\na@x.vn,Nguye\xe3n Th\xf2 Lan\nb@x.vn,Tra\xe0n Va\xean \xd1\xf6\xf9c\n",
            "contacts.csv: the text was typed for a VNI font, not in Unicode \
             | convert it first: UniKey, Toolkit (Ctrl+Shift+F6), from VNI to Unicode",
        ),
        (
            b"[{\"email\": \"a@x.vn\"}]",
            "contacts.csv: the file is one JSON array; drip reads JSON lines, one object a line \
             | take it apart: jq -c '.[]' contacts.csv | drip import -",
        ),
        (
            b"{\n  \"email\": \"a@x.vn\"\n}\n",
            "contacts.csv:1: the object goes on over several lines | write one object a line: jq -c . contacts.csv",
        ),
        (
            b"email,n\ra@x.vn,b\r",
            "contacts.csv: its lines end in CR alone, as on an old Mac | convert it: `tr '\\r' '\\n'`",
        ),
        (
            b"emial,n\n",
            "contacts.csv:1: no column is called `email` | did you mean `emial`? say so: --map 'emial=email'",
        ),
        (
            "name,Mail của khách\n".as_bytes(),
            "contacts.csv:1: no column is called `email` | did you mean `Mail của khách`? say so: --map 'Mail của khách=email'",
        ),
        (
            b"a,b\n",
            "contacts.csv:1: no column is called `email` | the columns are `a`, `b`; say which one holds the addresses: --map 'Column=email'",
        ),
        (
            b"lan@x.vn,Lan\n",
            "contacts.csv:1: no column is called `email` | the first line holds an address; put a line above it that names the columns, as `email,first_name`",
        ),
        (
            b"\n\nemail,plan, Plan \n",
            "contacts.csv:3: columns 2 and 3 are both `Plan` | rename one of them, or delete it",
        ),
        (
            b"email,E-Mail\n",
            "contacts.csv:1: columns 1 and 2, `email` and `E-Mail`, would both be `email` | leave one out: --map 'E-Mail='",
        ),
        (
            b"email,Total Spent,total_spent\n",
            "contacts.csv:1: columns 2 and 3, `Total Spent` and `total_spent`, would both be `total_spent` \
             | leave one out: --map 'total_spent='",
        ),
        (
            b"email,***\n",
            "contacts.csv:1: no template can write the name of column 2, `***` | name it for drip: --map '***=some_name'",
        ),
        (
            b"email,,n\na@x.vn,1,2\n",
            "contacts.csv:1: column 2 has no name | name it in the first line, or delete the column",
        ),
        (
            b"email,\"n\n",
            "contacts.csv:1: the quote that opens on this line is never closed | close the quote in the header, or write the `\"` twice",
        ),
    ] {
        assert_eq!(refusal(text), expected, "{text:?}");
    }
}

#[test]
fn a_header_over_two_lines_is_named_by_its_first() {
    assert_eq!(
        refusal("\nname,\"first\nname\"\n"),
        "contacts.csv:2: the name of column 2, `first name`, holds a line break or control character \
         | write the name on one line, in the first line of the file"
    );
}

#[test]
fn a_quote_left_open_is_found_where_it_opened() {
    let text = "email,note\na@x.vn,\"two\nlines\"\nb@x.vn,\"open\nc@x.vn,x\nd@x.vn,y";
    let mut file = open(text.as_bytes(), "contacts.csv", &hanoi()).expect("a header");
    assert!(matches!(file.next(), Some(Err(Rejected { line: 2, .. }))));
    let open_quote = file.next().expect("an item").expect_err("a rejection");
    assert_eq!((open_quote.line, open_quote.reason.as_str()), (4, "the quote that opens on this line is never closed"));
    assert!(file.next().is_none());
    assert_eq!(file.cut_short(), Some("line 4: the quote that opens on this line is never closed"));

    // Not the whole file is taken into memory for it.
    let endless = format!("email,note\na@x.vn,\"{}", "b@x.vn,c\n".repeat(1_000_000));
    let mut file = open(endless.as_bytes(), "contacts.csv", &hanoi()).expect("a header");
    let open_quote = file.next().expect("an item").expect_err("a rejection");
    assert_eq!(open_quote.line, 2);
    assert!(open_quote.record[1].len() < 2 << 20 && file.next().is_none());
}

#[test]
fn a_file_that_breaks_off_says_so() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    // Longer than what is read ahead, so that the fault comes in the middle.
    let text = format!("email\n{}", "a@x.vn\n".repeat(200_000));
    let mut file = open(text.as_bytes().chain(Broken), "contacts.csv", &hanoi()).expect("a header");
    let (good, bad): (Vec<_>, Vec<_>) = file.by_ref().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (200_000, 1));
    assert_eq!(file.cut_short(), Some("line 200001: the file cannot be read any further: the disk is gone"));
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

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in vec(prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), Just(0xe1), any::<u8>()], 0..200)) {
        let bytes = [b"email,note\n".as_slice(), &bytes].concat();
        for text in [bytes.as_slice(), &bytes[11..]] {
            if let Ok(import) = open(text, "contacts.csv", &hanoi()) {
                let last = text.split(|&byte| byte == b'\n').count() as u64;
                for row in import {
                    let line = match row {
                        Ok(Row::Contact(contact)) => contact.line,
                        Ok(Row::Event(event)) => event.line,
                        Err(rejected) => rejected.line,
                    };
                    prop_assert!((1..=last).contains(&line), "line {line} of {last}");
                }
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic_in_any_column(
        cells in vec("[0-9 .,/:+TZđ₫$€'\\-]{0,14}|\\PC{0,12}|[0-9]{1,4}[-/. ][0-9A-Za-z]{1,9}[-/. ][0-9]{1,5}([ T]\\PC{0,10})?", 10),
        json in any::<bool>(),
    ) {
        let names = ["email", "name", "phone", "birthday", "amount", "x", "tags", "language", "timezone", "status"];
        let text = if json {
            let object: Map<String, Value> = names.iter().zip(&cells).map(|(name, cell)| ((*name).to_owned(), json!(cell))).collect();
            format!("{{\"email\":\"a@x.vn\"}}\n{}\n{}\n", Value::Object(object), cells[0])
        } else {
            let quoted: Vec<_> = cells.iter().skip(1).map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            format!("{}\na@x.vn,{}\n", names.join(","), quoted.join(","))
        };
        for order in [None, Some(DateOrder::Mdy), Some(DateOrder::Ymd)] {
            let options = Options { dates: order, ..hanoi() };
            if let Ok(import) = open(text.as_bytes(), "contacts.csv", &options) {
                prop_assert!(import.count() <= 3);
            }
        }
    }

    #[test]
    fn each_row_comes_back_from_its_line(
        rows in vec((0..3_usize, vec(select(vec!["a", "é", "\"", ",", " ", "\n"]), 0..8)), 0..20),
        end in select(vec!["\n", "\r\n"]),
    ) {
        let mut text = format!("email,note{end}");
        let mut expected = Vec::new();
        for (blank, note) in rows {
            text += &end.repeat(blank);
            let note = note.concat();
            expected.push((text.matches('\n').count() as u64 + 1, note.trim().to_owned()));
            write!(text, "a@x.vn,\"{}\"{end}", note.replace('"', "\"\"").replace('\n', end)).expect("a string grows");
        }
        let mut found = Vec::new();
        for row in open(text.as_bytes(), "contacts.csv", &hanoi()).expect("a header") {
            found.push(match row {
                Ok(Row::Contact(contact)) => {
                    let note = contact.attributes.get("note").and_then(|note| note.as_str());
                    (contact.line, note.unwrap_or_default().to_owned())
                }
                Ok(Row::Event(event)) => panic!("an event: {event:?}"),
                Err(rejected) => {
                    prop_assert_eq!(&rejected.reason, "column `note` holds a line break");
                    (rejected.line, rejected.record[1].trim().to_owned())
                }
            });
        }
        prop_assert_eq!(found, expected);
    }
}
