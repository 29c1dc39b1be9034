//! Input that is made to take for ever.

use crate::case::{Case, Effort};
use crate::people::{NOW, below, due};
use crate::support::sandbox::Ended;
use crate::support::smtp::{Script, SmtpServer};

const GROUP: &str = "Threats";
/// What a command may take, in seconds of the processor: a hundred times what it needs, and nothing to what it would need
/// if its work grew with the square of such an input.
const SECONDS: &str = "--cpu=60";

pub(crate) fn cases() -> Vec<Case> {
    vec![Case {
        id: "S24",
        group: GROUP,
        fault: "an address, a template or a condition that a careless parser takes hours over",
        answer: "it is refused, or done in about the time that its length asks for",
        needs: &["prlimit"],
        story: parsers,
    }]
}

fn parsers(effort: Effort) -> String {
    let length = effort.choose(20_000, 200_000);
    let times = |text: &str| text.repeat(length / text.len());
    let bounded = |sandbox: &crate::support::Sandbox, words: &[&str]| {
        let ended = Ended::of(&mut below(&["prlimit", SECONDS], &sandbox.command(words)));
        assert!([0, 1, 2, 3, 4, 6].contains(&ended.code), "{words:?}: {} {}", ended.code, cut(&ended.stderr));
        ended
    };
    let sandbox = due(0, 1);
    let addresses = [
        format!("a@{}", times("a.")),
        format!("{}@example.com", times("a.")),
        format!("{}a@example.com", times("(")),
        format!("\"{}\"@example.com", times("\\\"")),
        format!("{}lan@example.com", times("<")),
        format!("lan@{}example.com", times("xn--a.")),
        format!("lan@{}.com", times("ệ")),
        times("@"),
        times("a@b.c,"),
    ];
    for address in &addresses {
        let row = serde_json::json!({ "email": address });
        sandbox.write("people.jsonl", &format!("{row}\n"));
        let ended = bounded(&sandbox, &["import", "people.jsonl"]);
        assert!(ended.stdout.contains("1 rejected") || ended.stderr.contains("rejected"), "{}", cut(&ended.stderr));
    }
    let templates = [
        ("html", times("<b>")),
        ("html", times("<div><p>")),
        ("html", times("<")),
        ("html", times("<!--")),
        ("html", times("<a href=\"")),
        ("html", times("&#38;")),
        ("html", times("<table><tr><td>")),
        ("html", format!("<style>{}</style>", times("a b>c+d{x:y}"))),
        ("html", format!("<style>p{}{{}}</style><p>x</p>", times(":not(p)"))),
        ("md", times("[")),
        ("md", times("![a](")),
        ("md", times("*a _b ")),
        ("md", times("> ")),
        ("md", times("`` ` ")),
        ("md", times("{{first_name}}")),
        ("md", times("{{#if plan}}")),
        ("md", times("{{")),
        ("mjml", format!("<mjml><mj-body>{}</mj-body></mjml>", times("<mj-section>"))),
    ];
    for (kind, body) in &templates {
        let project = due(0, 1);
        std::fs::remove_file(project.path("templates/mail.md")).unwrap();
        project.write(
            &format!("templates/mail.{kind}"),
            &format!("---\nsubject: x\n---\n{body}\n{{{{postal_address}}}} {{{{unsubscribe_url}}}}\n"),
        );
        bounded(&project, &["check"]);
    }
    let relay = SmtpServer::start(Script::new());
    let project = due(0, 1).through(&relay);
    let conditions = ["(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*a){12}$", "([a-zA-Z]+)*$"];
    let name = times("a") + "!";
    let row = serde_json::json!({ "email": "lan@example.com", "first_name": name });
    project.write("lan.jsonl", &format!("{row}\n"));
    project.drip(&["--now", "2026-03-01T00:00:00Z", "import", "lan.jsonl"]);
    for (number, pattern) in conditions.iter().enumerate() {
        let step = format!("id: s{number}, if: 'contact.first_name.matches(\"{pattern}\")', send: mail");
        project.edit("w", "trigger: { segment: 'true' }", &[&step]);
        bounded(&project, &["--now", NOW, "run"]);
    }
    format!(
        "{} addresses, {} templates and {} patterns of {length} bytes",
        addresses.len(),
        templates.len(),
        conditions.len()
    )
}

/// Returns the beginning of a text that may be very long.
fn cut(text: &str) -> String {
    text.chars().take(500).collect()
}
