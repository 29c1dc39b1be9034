//! Templates that cannot be rendered, or not for everyone, or never end.

use std::fmt::Write as _;

use crate::case::{Case, Effort};
use crate::people::{NOW, due, nobody_twice, number, run};
use crate::support::smtp::{Script, SmtpServer};

const GROUP: &str = "Bad input";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "F36",
            group: GROUP,
            fault: "a template lacks a value for one person, or makes 100 MB of it, or loops over loops",
            answer: "that person's mail is `held` before anything is said to the relay, with the reason; the others go, and it goes once it is mended",
            needs: &[],
            story: one_persons,
        },
        Case {
            id: "F36b",
            group: GROUP,
            fault: "a template has a slip, or partials that include each other",
            answer: "code 3 with file, line and column, before anybody is mailed",
            needs: &[],
            story: everyones,
        },
    ]
}

const OUT: &str = "{{postal_address}} [Hủy đăng ký]({{unsubscribe_url}})\n";

fn one_persons(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(5, 2).through(&relay);
    let list = |length: usize, item: &str| {
        let items: Vec<String> = (0..length).map(|_| format!("\"{item}\"")).collect();
        format!("[{}]", items.join(","))
    };
    let mut lines = String::new();
    // Each within what one cell may hold, and two of them too much once a template has multiplied it.
    for (person, list) in [
        (0, list(1, "x")),
        (1, list(900, &"x".repeat(1000))),
        (2, list(40_000, "x")),
        (3, list(1, "x")),
        (4, list(1, "x")),
    ] {
        writeln!(lines, "{{\"email\":\"c000{person}@example.com\",\"list\":{list}}}").unwrap();
    }
    sandbox.write("lists.jsonl", &lines);
    sandbox.drip(&["--now", "2026-03-01T00:00:00Z", "import", "lists.jsonl"]).code(0);
    sandbox
        .drip(&["--now", "2026-03-01T00:00:00Z", "contact", "set", "c0003@example.com", "--unset", "first_name"])
        .code(0);
    sandbox.write(
        "templates/mail.md",
        &format!("---\nsubject: hello\n---\nChào {{{{first_name}}}} {{{{#each list}}}}{{{{#each ../list}}}}{{{{this}}}}{{{{/each}}}}{{{{/each}}}}\n\n{OUT}"),
    );
    let ended = run(&sandbox, NOW).code(6);
    assert_eq!(number(&sandbox, "SELECT count(*) FROM v_sends WHERE state = 'held'"), 3, "{:?}", sandbox.sends());
    assert_eq!(relay.recipients().len(), 2);
    assert_eq!(relay.count("MAIL"), 2, "nothing is said of a mail that is held");
    assert!(ended.stderr.contains("held: ") && ended.stderr.contains("first_name"), "{}", ended.stderr);
    let reasons = sandbox.sql("SELECT reason FROM v_sends WHERE state = 'held' ORDER BY email");
    sandbox.write("templates/mail.md", &format!("---\nsubject: hello\n---\nChào\n\n{OUT}"));
    // The text is mended, and so is the one list that no text could carry.
    sandbox.write("lists.jsonl", "{\"email\":\"c0002@example.com\",\"list\":[\"x\"]}\n");
    sandbox.drip(&["--now", "2026-03-01T00:00:00Z", "import", "lists.jsonl"]).code(0);
    run(&sandbox, NOW).code(0);
    assert_eq!(relay.recipients().len(), 5);
    nobody_twice(&sandbox, &relay);
    format!(
        "3 of 5 held: {}",
        reasons.iter().map(|reason| reason.lines().next().unwrap_or_default()).collect::<Vec<_>>().join("; ")
    )
}

fn everyones(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(3, 1).through(&relay);
    let broken = [
        ("templates/mail.md", "---\nsubject: hello\n---\n{{#if first_name}}\n"),
        ("templates/mail.md", "---\nsubject: hello\n---\n{{first_name\n"),
        ("templates/mail.md", "---\nsubject: hello\n---\n{{nonsense first_name}}\n"),
        ("templates/_partials/a.md", "{{> a}}\n"),
        ("templates/mail.md", "no front matter at all\n"),
    ];
    let whole = std::fs::read_to_string(sandbox.path("templates/mail.md")).unwrap();
    for (file, text) in broken {
        sandbox.write(file, text);
        if file.contains("_partials") {
            sandbox.write("templates/mail.md", &whole.replace("---\n{{", "---\n{{> a}} {{"));
        }
        let said = run(&sandbox, NOW).code(3).stderr;
        assert!(
            said.contains(&format!("error: {file}:")) || said.contains("error: templates/mail.md:"),
            "{text}: {said}"
        );
        let _ = std::fs::remove_file(sandbox.path("templates/_partials/a.md"));
    }
    assert_eq!(relay.connections(), 0);
    sandbox.write("templates/mail.md", &whole);
    run(&sandbox, NOW).code(0);
    nobody_twice(&sandbox, &relay);
    format!("{} slips, each told with its place", broken.len())
}
