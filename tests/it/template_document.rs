//! What docs/templates.md shows is made: its files are a project, and every function prints what its table says.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;

use crate::documents::document;
use crate::import_document::table;
use crate::support::Sandbox;

/// Returns the files of a document: fenced blocks with a path behind the language.
fn files(text: &str) -> Vec<(String, String)> {
    let fences = text.split("\n```").skip(1).step_by(2);
    let file = |fence: &str| {
        let (head, body) = fence.split_once('\n')?;
        let (_, path) = head.split_once(' ')?;
        Some((path.to_owned(), format!("{body}\n")))
    };
    fences.filter_map(file).collect()
}

fn with_files(mut sandbox: Sandbox) -> Sandbox {
    for (path, text) in files(&document("docs/templates.md")) {
        sandbox = sandbox.file(&path, &text);
    }
    for path in ["images/tea.png", "files/menu.pdf"] {
        sandbox = sandbox.file(&format!("templates/{path}"), "x");
    }
    sandbox
}

#[test]
fn its_files_are_a_project_that_reads_well() {
    let sandbox = with_files(Sandbox::new().settings("language: vi\nutm: { source: drip }")).campaign(
        "welcome",
        "trigger: manual",
        &["id: tea, send: welcome/tea"],
    );
    sandbox.write(
        "contacts.jsonl",
        r#"{"email": "lan@example.com", "first_name": "Lan", "city": "Huế", "items": [{"name": "Trà sen", "price": 120000}]}"#,
    );
    sandbox.drip(&["import", "contacts.jsonl"]).code(0);
    let words = ["--now", "2026-03-01T01:00:00Z", "preview", "welcome", "tea", "--contact", "lan@example.com"];
    insta::assert_snapshot!(sandbox.drip(&words).code(0).stdout.split("(mailto:").next().unwrap(), @r"
    Subject: Lan, trà của bạn đây

    Chào Lan,

    Một ấm trà xanh

    Trà đến Huế trước thứ Tư, 4 tháng 3.

    * Trà sen: 120.000 ₫

    Xem thêm (https://acme.example/tea?name=Lan&utm_source=drip)

    ---

    Lan of Acme Tea

    12 Lý Thường Kiệt, Hà Nội · Unsubscribe
    ");
}

#[test]
fn every_function_prints_what_the_table_says() {
    let text = document("docs/templates.md");
    let data = text.split("```json\n").nth(1).unwrap().split("\n```").next().unwrap();
    let person = |language: &str| {
        let rest = data.trim().strip_prefix('{').unwrap();
        format!("{{\"email\": \"{language}@example.com\", \"language\": \"{language}\", {rest}").replace('\n', "")
            + "\n"
    };
    let mut sandbox = Sandbox::new();
    let rows = table(&text, "| function | in Vietnamese | in English |");
    assert!(rows.len() > 25);
    let shown = |cell: &str| cell.replace('`', "");
    let lines: Vec<_> = rows.iter().enumerate().map(|(at, row)| format!("<p>{at}: {}</p>\n", shown(row[0]))).collect();
    for language in ["vi", "en"] {
        sandbox = sandbox.file(
            &format!("templates/all.{language}.html"),
            &format!("---\nsubject: S\nlayout: none\n---\n{}", lines.concat()),
        );
    }
    let sandbox = sandbox.campaign("w", "trigger: manual", &["id: a, send: all"]);
    sandbox.write("contacts.jsonl", &(person("vi") + &person("en")));
    sandbox.drip(&["import", "contacts.jsonl"]).code(0);
    for (language, column) in [("vi", 1), ("en", 2)] {
        let who = format!("{language}@example.com");
        let html = sandbox.drip(&["preview", "w", "a", "--contact", &who, "--format", "html"]).code(0).stdout;
        for (at, row) in rows.iter().enumerate() {
            let found = html.split(&format!("<p>{at}: ")).nth(1).unwrap().split("</p>").next().unwrap();
            let found = found.replace("&#x3D;", "=").replace('\u{a0}', " ");
            assert_eq!(found, shown(row[column]), "{} in {language}", row[0]);
        }
    }
}

/// The functions are in one list of the code; each stands in the table.
#[test]
fn every_function_stands_in_the_table() {
    let code = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/mail/template/signature.rs")).unwrap();
    let list = code.split("const SIGNATURES").nth(1).unwrap().split("];").next().unwrap();
    let starts = ["of(\"", "named(\"", "name: \""];
    let behind = |start: &str| {
        list.split(start).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let names: Vec<_> = starts.into_iter().flat_map(behind).collect();
    assert!(names.len() >= 30, "{names:?}");
    let text = document("docs/templates.md");
    let rows: String = table(&text, "| function | in Vietnamese | in English |").iter().map(|row| row[0]).collect();
    for name in names {
        assert!(rows.contains(&format!("{{{{{name} ")) || rows.contains(&format!("({name} ")), "{name}");
    }
}
