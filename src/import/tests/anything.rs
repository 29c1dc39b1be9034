//! Whatever a file holds, it is read or refused.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

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
