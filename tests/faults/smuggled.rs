//! What data may carry with it: headers, SMTP commands, the end of a mail.

use crate::case::{Case, Effort};
use crate::support::Sandbox;
use crate::support::sandbox::count;
use crate::support::smtp::{Script, SmtpServer};
use crate::trouble::NOW;

const GROUP: &str = "What is smuggled in";

pub(crate) fn cases() -> Vec<Case> {
    let case = |id, fault, answer, story| Case { id, group: GROUP, fault, answer, needs: &[], story };
    vec![
        case(
            "S01",
            "line breaks and other control characters in names and subjects, to add a header such as `Bcc`",
            "refused at the import; from a database that others wrote to, a mail has the headers it always has and goes to its contact alone",
            headers,
        ),
        case(
            "S02",
            "SMTP commands and odd forms in e-mail addresses",
            "the import refuses them, line by line; the relay hears of the good ones alone",
            commands,
        ),
        case(
            "S03",
            "the end of a mail within a mail (SMTP smuggling): `\\n.\\n`, `\\r.\\r`, `\\r\\n.\\r` and so on, in data and templates",
            "servers of every laxness see one mail each, and nothing that drip sends holds a bare CR or LF",
            smuggling,
        ),
    ]
}

/// What would begin a header of its own, if it came through.
const BREAKS: [&str; 12] = [
    "\r\n",
    "\n",
    "\r",
    "\n\n",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{0b}",
    "\u{0c}",
    "\0",
    "%0d%0a",
    "=?utf-8?Q?=0D=0A?=",
];

/// The ends of a content that some server has taken for one (CVE-2023-51764, -51765, -51766).
const ENDS: [&[u8]; 8] = [b"\r\n.\r\n", b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n.\r"];

fn headers(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = Sandbox::new()
        .settings("frequency_cap: none")
        .file(
            "templates/mail.md",
            "---\nsubject: \"Hi {{default first_name 'you'}} {{default city 'there'}}\"\n---\n\
             {{default first_name 'you'}} {{postal_address}} [out]({{unsubscribe_url}})\n",
        )
        .campaign("w", "trigger: { segment: 'true' }", &["id: a, send: mail"])
        .contacts("email,first_name,city", &["good@example.com,Lan,Huế"])
        .through(&relay);
    let mut rows = Vec::new();
    for (at, line) in BREAKS.iter().enumerate() {
        for (field, name) in ["first_name", "city"].iter().enumerate() {
            let evil = format!("Lan{line}Bcc: evil@example.com{line}{line}Body");
            rows.push(serde_json::json!({ "email": format!("p{at:02}{field}@example.com"), *name: evil }).to_string());
        }
    }
    sandbox.write("evil.jsonl", &(rows.join("\n") + "\n"));
    let ended = sandbox.drip(&["--now", "2026-03-01T00:00:00Z", "import", "evil.jsonl"]);
    assert!([0, 4].contains(&ended.code), "{}", ended.stderr);
    // What the import refuses may still stand in a database that others write to.
    put(&sandbox, &rows);
    sandbox.drip(&["--now", NOW, "run"]).code(0);

    let mails = relay.mails();
    let names = |bytes: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let head = text.split("\r\n\r\n").next().unwrap().to_owned();
        head.split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap().to_owned())
            .collect()
    };
    let usual = mails.iter().find(|mail| mail.to == ["good@example.com"]).map(|mail| names(&mail.bytes)).unwrap();
    assert!(usual.len() > 8 && !usual.contains(&"Bcc".to_owned()), "{usual:?}");
    for mail in &mails {
        assert_eq!(names(&mail.bytes), usual, "{}", String::from_utf8_lossy(&mail.bytes));
        assert_eq!(mail.to.len(), 1);
    }
    let (received, contacts) = (count(relay.recipients()), count(sandbox.sql("SELECT email FROM v_contacts")));
    assert_eq!(received, contacts, "each contact one, and nobody else any");
    assert!(contacts.len() > rows.len(), "{contacts:?}");
    sandbox.check();
    format!("{} values: {} mails left, each with the usual headers", rows.len(), mails.len() - 1)
}

/// Puts a contact with each of these attributes into the database, past every check.
fn put(sandbox: &Sandbox, attributes: &[String]) {
    let people: Vec<String> = (0..attributes.len()).map(|at| format!("q{at:02}@example.com")).collect();
    sandbox.import("email", &people.iter().map(String::as_str).collect::<Vec<_>>());
    let database = sandbox.database();
    for pair in people.iter().zip(attributes) {
        let update = "UPDATE contacts SET attributes = json_remove(?2, '$.email') WHERE email = ?1";
        assert_eq!(database.execute(update, pair).unwrap(), 1);
    }
}

/// Addresses of people who mean harm, or who type badly.
const ODD: [&str; 26] = [
    "an@example.com\r\nRCPT TO:<evil@example.com>",
    "an@example.com\nDATA",
    "an@example.com\rQUIT",
    "an@example.com> SIZE=1\r\nRSET\r\nMAIL FROM:<evil@example.com",
    "a@b>,<c@d.example",
    "an@example.com>",
    "<an@example.com",
    "an@example.com,evil@example.com",
    "an@example.com;evil@example.com",
    "an example@example.com",
    "an@exam ple.com",
    "\"an\\\" evil\"@example.com",
    "\"<evil@example.com>\"@example.com",
    "(evil)an@example.com",
    "an@[1.2.3.4]",
    "an@[IPv6:::1]",
    ".an@example.com",
    "an.@example.com",
    "a..n@example.com",
    ".@x",
    "an@-example-.com",
    "an@example.com\0",
    "an@example.com\u{2028}DATA",
    "an@example.com NOTIFY=NEVER",
    "@evil.example:an@example.com",
    "an@exa\u{200b}mple.com",
];

fn commands(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new().keeping_wire());
    let sandbox = Sandbox::new()
        .settings("frequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 1 }")
        .campaign("w", "trigger: { segment: 'true' }", &["id: a, send: mail"])
        .through(&relay);
    let long = format!("{}@example.com", "x".repeat(300));
    let good = ["binh@example.com", "o'neil+news@example.com", "hoa@bücher.example", "đức@example.com"];
    let all: Vec<&str> = ODD.iter().copied().chain([long.as_str()]).chain(good).collect();
    let rows: Vec<String> = all.iter().map(|email| serde_json::json!({ "email": email }).to_string()).collect();
    sandbox.write("odd.jsonl", &(rows.join("\n") + "\n"));
    let ended = sandbox.drip(&["--now", "2026-03-01T00:00:00Z", "import", "odd.jsonl"]).code(4);
    assert!(!ended.stderr.chars().any(|c| c.is_control() && c != '\n'), "{:?}", ended.stderr);
    for words in
        ["4 contacts added", &format!("{} rows rejected", ODD.len() + 1), "odd.jsonl:1: `email` holds a line break"]
    {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    sandbox.drip(&["--now", NOW, "run"]).code(0);

    let smtp = ["binh@example.com", "o'neil+news@example.com", "hoa@xn--bcher-kva.example", "đức@example.com"];
    assert_eq!(count(relay.recipients()), count(smtp.map(str::to_owned)));
    let said: Vec<String> =
        relay.commands().into_iter().filter(|line| !line.starts_with("MAIL FROM:<hello@acme.example> SIZE=")).collect();
    let mut expected = vec!["QUIT".to_owned(), said.iter().find(|line| line.starts_with("EHLO")).unwrap().clone()];
    for to in smtp {
        expected.extend([format!("RCPT TO:<{to}>"), "DATA".to_owned()]);
    }
    assert_eq!(count(said), count(expected));
    assert_eq!(relay.count("MAIL"), smtp.len());
    let heard = String::from_utf8_lossy(&relay.wire().concat()).into_owned();
    assert!(!heard.contains("evil"), "{heard}");
    format!("{} addresses refused, {} mails to the {} good ones", ODD.len() + 1, smtp.len(), good.len())
}

fn smuggling(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new().keeping_wire());
    let mail = "MAIL FROM:<evil@example.com>\r\nRCPT TO:<evil@example.com>\r\nDATA\r\nSubject: x\r\n\r\nx";
    let body = |end: &str| format!("Hi{end}{mail}{end}");
    let raw: Vec<String> = ENDS.iter().map(|end| body(std::str::from_utf8(end).unwrap())).collect();
    let template = raw.concat();
    let front = "---\nsubject: Hi\n---\n";
    let foot = "{{postal_address}} [out]({{unsubscribe_url}})";
    let sandbox = Sandbox::new()
        .settings("frequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 2 }")
        .file("templates/mail.md", &format!("{front}{{{{note}}}}\n\n{foot}\n"))
        .file("templates/raw.html", &format!("{front}<pre>{{{{note}}}}\n.\n{template}</pre><p>{{{{postal_address}}}} <a href=\"{{{{unsubscribe_url}}}}\">out</a></p>\n"))
        .file("templates/raw.txt", &format!("{{{{note}}}}\n.\n{template}\n{{{{postal_address}}}} {{{{unsubscribe_url}}}}\n"))
        .campaign("w", "trigger: { segment: 'true' }", &["id: a, send: mail"])
        .campaign("v", "trigger: { segment: 'true' }", &["id: a, send: raw"])
        .through(&relay);
    // An import refuses line breaks in values; a database that others write to may hold them all the same.
    let notes: Vec<_> = raw.iter().chain([&template]).collect();
    put(&sandbox, &notes.iter().map(|note| serde_json::json!({ "note": note }).to_string()).collect::<Vec<_>>());
    sandbox.drip(&["--now", NOW, "run"]).code(0);

    let mails = notes.len() * 2;
    assert_eq!(relay.recipients().len(), mails);
    assert!(!relay.recipients().contains(&"evil@example.com".to_owned()));
    let wire = relay.wire();
    for heard in &wire {
        let bare = heard.iter().enumerate().any(|(at, byte)| match byte {
            b'\n' => at == 0 || heard[at - 1] != b'\r',
            b'\r' => heard.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        assert!(!bare, "a bare CR or LF: {}", String::from_utf8_lossy(heard));
    }
    let smuggled = b"DATA\r\nx\n.\nMAIL FROM:<a>\r\nDATA\r\ny\r\n.\r\n";
    assert_eq!((contents(smuggled, b"\n.\n"), contents(smuggled, b"\r.\r")), (2, 1), "what is counted can be counted");
    for end in ENDS {
        let seen: usize = wire.iter().map(|heard| contents(heard, end)).sum();
        assert_eq!(seen, mails, "as a server sees it that takes {end:?} for the end, too");
    }
    format!("{mails} mails with {} ends inside: a server of each laxness saw {mails}", ENDS.len())
}

/// Counts the mails that a server sees which takes this for the end of a content as well as CRLF, dot, CRLF.
fn contents(heard: &[u8], end: &[u8]) -> usize {
    let find = |from: usize, mark: &[u8]| heard[from..].windows(mark.len()).position(|w| w == mark).map(|at| from + at);
    let (mut at, mut seen) = (0, 0);
    while let Some(data) = find(at, b"DATA\r\n") {
        // The line end of DATA may be that before the dot.
        let content = data + 4;
        let ends = [find(content, b"\r\n.\r\n").map(|at| at + 5), find(content, end).map(|at| at + end.len())];
        let Some(next) = ends.into_iter().flatten().min() else { break };
        seen += 1;
        at = next;
    }
    seen
}
