//! What docs/import.md shows is run, and what its tables say of columns and values holds.

#![allow(clippy::unwrap_used, reason = "a test")]

use serde_json::Value;

use crate::documents::{blocks, document, play};
use crate::support::Sandbox;

#[test]
fn the_examples_go_as_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let document = document("docs/import.md");
    let blocks = |language: &str| blocks(&document, language);
    play(&blocks("console")[0], folder.path());
    play(&blocks("console")[1], &folder.path().join("shop"));
    let sandbox = Sandbox::new().contacts("email", &["lan@example.com"]);
    sandbox.write("events.jsonl", &blocks("json")[0]);
    sandbox.drip(&["import", "events.jsonl"]).code(0);
    assert_eq!(
        sandbox.sql("SELECT event || properties FROM v_events ORDER BY at"),
        [r#"purchased{"value":250000}"#, r#"viewed{"page":"/tea"}"#]
    );
}

/// Returns the rows of the table below a header, cell by cell.
pub(crate) fn table<'a>(text: &'a str, header: &str) -> Vec<Vec<&'a str>> {
    let rows = text.split(header).nth(1).unwrap_or_else(|| panic!("no table {header}")).lines().skip(2);
    let rows = rows.take_while(|row| row.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn each_name_in_the_table_of_columns_is_known() {
    let document = document("docs/import.md");
    let rows = table(&document, "| becomes | from columns called |");
    assert_eq!(rows.len(), 18);
    for row in rows {
        let target = row[0].trim_matches('`').replace("time zone", "timezone");
        let names = row[1].split(':').next().unwrap().replace(['(', ')'], ",");
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            // Beside a column with a first name, so that `Tên` has its role.
            let (header, cells) = if target == "email" {
                (name.to_owned(), "lan@example.com".to_owned())
            } else {
                let value = match target.as_str() {
                    "consent" => "subscribed",
                    "timezone" => "Asia/Ho_Chi_Minh",
                    _ => "vi",
                };
                (format!("email;Họ và chữ lót;{name}"), format!("lan@example.com;;{value}"))
            };
            let header = if target == "last_name" { header.replace(";Họ và chữ lót", ";note") } else { header };
            let sandbox = Sandbox::new();
            sandbox.write("a.csv", &format!("{header}\n{cells}\n"));
            let json = sandbox.drip(&["--json", "import", "--dry-run", "a.csv"]).code(0).stdout;
            let json: Value = serde_json::from_str(&json).unwrap();
            assert_eq!(json["files"][0]["columns"][name], target, "{name}");
        }
    }
}

#[test]
fn each_value_in_the_table_of_values_is_read_as_it_says() {
    let document = document("docs/import.md");
    let mut checked = 0;
    for row in table(&document, "| cell | value |") {
        let (cell, value) = (row[0], row[1]);
        let column = match cell {
            _ if cell.contains("column of dates") || cell.contains("column of birthdays") => "birthday",
            _ if cell.contains("telephone") => "phone",
            _ if cell.contains("speaks of money") => "amount",
            _ => "x",
        };
        let shown: Vec<&str> = cell.split(" in a column").next().unwrap().split('`').skip(1).step_by(2).collect();
        let wanted: Vec<&str> = value.split('`').skip(1).step_by(2).collect();
        for (index, text) in shown.iter().enumerate().filter(|(_, text)| !text.contains('…')) {
            let sandbox = Sandbox::new();
            sandbox.write("a.csv", &format!("email;{column}\nlan@example.com;{text}\n"));
            sandbox.drip(&["import", "a.csv"]).code(0);
            let found: Value = serde_json::from_str(&sandbox.sql("SELECT attributes FROM v_contacts")[0]).unwrap();
            let found = &found[column];
            match value.split([':', ',']).next().unwrap() {
                "number" => assert!(found.is_number() || found.is_boolean(), "{text}: {found}"),
                "text" => assert_eq!(found, text),
                first if first.parse::<i64>().is_ok() => {
                    let numbers: Vec<&str> = value.split(", ").collect();
                    assert_eq!(found.to_string(), **numbers.get(index).or(numbers.last()).unwrap(), "{text}");
                }
                _ => assert_eq!(found, wanted.get(index).or(wanted.last()).unwrap(), "{text}"),
            }
            checked += 1;
        }
    }
    assert!(checked >= 28, "{checked}");
}
