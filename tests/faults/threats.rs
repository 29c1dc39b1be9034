//! What somebody writes who means harm: in the data of contacts, and in files of a project.

use std::fs;
use std::os::unix::fs::symlink;

use crate::case::{Case, Effort};
use crate::people::{NOW, below, due, number, run};
use crate::support::Sandbox;
use crate::support::sandbox::Ended;
use crate::support::smtp::{Script, SmtpServer};

const GROUP: &str = "Threats";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "S04",
            group: GROUP,
            fault: "a contact's name is HTML, a script or an address that runs one",
            answer: "it is read as the text it is: no element and no address of the mail comes from it, and the name beside the address has 100 letters at the most",
            needs: &[],
            story: html,
        },
        Case {
            id: "S05",
            group: GROUP,
            fault: "a contact's name is a template",
            answer: "it is never compiled: the mail shows the very braces",
            needs: &[],
            story: template,
        },
        Case {
            id: "S06",
            group: GROUP,
            fault: "a template, partial, layout, picture or attachment names a file outside of the project: by `..`, an absolute path, `~`, `\\`, NUL or a link",
            answer: "code 3; nothing of the file goes into a mail",
            needs: &[],
            story: paths,
        },
        Case {
            id: "S07",
            group: GROUP,
            fault: "YAML that multiplies itself, is nested without end, says a key twice, names types, or means another value than it seems",
            answer: "code 3 with line and column, within 600 MB of addresses",
            needs: &["prlimit"],
            story: yaml,
        },
        Case {
            id: "S09",
            group: GROUP,
            fault: "a contact's data is a formula for whoever opens an export",
            answer: "the cell begins with `'`, which an import takes off again; `--raw` leaves it",
            needs: &[],
            story: formulas,
        },
        Case {
            id: "S10",
            group: GROUP,
            fault: "SQL in every field: addresses, names, tags, columns, events, conditions, reasons",
            answer: "it is data, or refused",
            needs: &[],
            story: sql,
        },
        Case {
            id: "S25",
            group: GROUP,
            fault: "an archive that unpacks to a thousand times its size",
            answer: "nothing is unpacked: code 2 says what the file is",
            needs: &[],
            story: archives,
        },
        Case {
            id: "S28",
            group: GROUP,
            fault: "a campaign or template of somebody else tries to run a command, read the environment or load a file",
            answer: "only drip.yaml may name a command, and only webhooks variables, by name; anything else is an unknown key or function, code 3",
            needs: &[],
            story: commands,
        },
    ]
}

/// Mails one person with this name by this template, and returns the mail's HTML as `preview` shows it, and its bytes.
fn mailed(name: &str, body: &str) -> (String, String) {
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(0, 1).through(&relay);
    let row = serde_json::json!({ "email": "lan@example.com", "first_name": name, "page": name });
    sandbox.write("lan.jsonl", &format!("{row}\n"));
    sandbox.drip(&["--now", "2026-03-01T00:00:00Z", "import", "lan.jsonl"]).code(0);
    let text = format!(
        "---\nsubject: Chào {{{{first_name}}}}\n---\n{body}\n\n{{{{postal_address}}}} [x]({{{{unsubscribe_url}}}})\n"
    );
    sandbox.write(
        "templates/mail.html",
        &text.replace("[x]({{unsubscribe_url}})", "<a href=\"{{unsubscribe_url}}\">x</a>"),
    );
    fs::remove_file(sandbox.path("templates/mail.md")).unwrap();
    let html = sandbox.drip(&["preview", "w", "hello", "--contact", "lan@example.com", "--format", "html"]);
    let ended = run(&sandbox, NOW);
    // An address that cannot be one holds the mail.
    assert!([0, 6].contains(&ended.code), "{name}: {}", ended.stderr);
    let mails = relay.mails();
    let bytes = mails.first().map(|mail| String::from_utf8_lossy(&mail.bytes).into_owned()).unwrap_or_default();
    (html.stdout, bytes)
}

fn html(_: Effort) -> String {
    let names = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "\"><svg/onload=alert(1)>",
        "' onmouseover='alert(1)",
        "</td></table><a href=\"https://evil.example\">Lan</a>",
        "<!--",
        "]]><script>",
        "<style>*{display:none}</style>",
        "&lt;script&gt;",
    ];
    let body = "<p title=\"{{first_name}}\">Chào {{first_name}}</p>";
    let count = |html: &str| html.matches('<').count();
    let usual = count(&mailed("Lan", body).0);
    for name in names {
        let (html, bytes) = mailed(name, body);
        assert_eq!(count(&html), usual, "{name}: {html}");
        assert!(!html.contains("onmouseover='") && !html.contains("\"><svg"), "{name}: {html}");
        assert!(!bytes.is_empty(), "{name}");
    }
    let link = "<p><a href=\"{{page}}\">x</a></p>";
    let (html, _) = mailed("https://acme.example/tea", link);
    assert!(html.contains("https://acme.example/tea"), "{html}");
    for address in
        ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", " javascript:alert(1)"]
    {
        let (html, bytes) = mailed(address, link);
        let lower = (html + &bytes).to_lowercase().replace("=\r\n", "");
        assert!(
            !lower.contains("href=\"javascript")
                && !lower.contains("href=\"data:")
                && !lower.contains("href=\"vbscript"),
            "{address}: {lower}"
        );
        assert!(!lower.contains("href=3d\"javascript"), "{address}: {lower}");
    }
    let (_, bytes) = mailed(&"Lan ".repeat(100), body);
    let to: String = bytes.split("To: ").nth(1).unwrap().split("\r\nMIME").next().unwrap().to_owned();
    assert!(to.matches("Lan").count() <= 25, "{to}");
    format!("{} names and 5 addresses: no element of theirs", names.len())
}

fn template(_: Effort) -> String {
    let names = [
        "{{7}}",
        "{{contact.email}}",
        "{{> mail}}",
        "{{#each contact}}x{{/each}}",
        "${SHELL}",
        "{%x%}",
        "{{{postal_address}}}",
    ];
    for name in names {
        let (html, bytes) = mailed(name, "<p>Chào [{{first_name}}]</p>");
        assert!(html.replace("&gt;", ">").contains(&format!("[{name}]")), "{name}: {html}");
        assert!(!bytes.is_empty(), "{name}");
    }
    format!("{} names, each as it is", names.len())
}

fn paths(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(1, 1).through(&relay);
    let outside = tempfile::tempdir().unwrap();
    for name in ["secret.md", "secret.png", "secret.txt", "secret.yaml"] {
        fs::write(outside.path().join(name), "---\nsubject: x\n---\nC4N4RY\n").unwrap();
    }
    let away = outside.path().display().to_string();
    let up = format!("../../../../../../../..{away}");
    let body = |front: &str, text: &str| {
        format!("---\nsubject: hello\n{front}---\n{text}\n\n{{{{postal_address}}}} [x]({{{{unsubscribe_url}}}})\n")
    };
    let mut tried = 0;
    let mut refused = |what: &str| {
        let said = run(&sandbox, NOW).code(3);
        assert!(!(said.stderr + &said.stdout).contains("C4N4RY"), "{what}");
        tried += 1;
    };
    let whole = body("", "Chào");
    for way in [
        &format!("{up}/secret"),
        &format!("{away}/secret"),
        "~/secret",
        "..\\\\secret",
        "../mail",
        "a/../../mail",
        "mail\\0",
        "MAIL",
    ] {
        sandbox.edit("w", "trigger: { segment: 'true' }", &[&format!("id: hello, send: \"{way}\"")]);
        refused(way);
    }
    sandbox.edit("w", "trigger: { segment: 'true' }", &["id: hello, send: mail"]);
    for way in
        [format!("{up}/secret"), format!("{away}/secret"), "~/secret".into(), "../secret".into(), "..\\secret".into()]
    {
        for text in [
            body("", &format!("{{{{> \"{way}\"}}}}")),
            body(&format!("layout: \"{}\"\n", way.replace('\\', "\\\\")), "x"),
            body("", &format!("![x]({way}.png)")),
            body(&format!("attachments: [\"{}.txt\"]\n", way.replace('\\', "\\\\")), "x"),
        ] {
            sandbox.write("templates/mail.md", &text);
            refused(&text);
        }
    }
    sandbox.write("templates/mail.md", &whole);
    for (to, at) in [
        ("secret.md", "templates/x.md"),
        ("secret.png", "templates/x.png"),
        ("secret.yaml", "campaigns/x.yaml"),
        ("", "templates/x"),
    ] {
        symlink(outside.path().join(to), sandbox.path(at)).unwrap();
        refused(at);
        fs::remove_file(sandbox.path(at)).unwrap();
    }
    assert_eq!(relay.connections(), 0);
    run(&sandbox, NOW).code(0);
    assert_eq!(relay.recipients().len(), 1);
    format!("{tried} ways out, none taken")
}

fn yaml(_: Effort) -> String {
    let sandbox = due(1, 1);
    let bomb = ('b'..='j').zip('a'..).fold(String::new(), |text, (name, of)| {
        text + &format!("{name}: &{name} [{}]\n", vec![format!("*{of}"); 9].join(","))
    });
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let steps = "steps: [{ id: hello, send: mail }]\n";
    let files = [
        ("a bomb", format!("a: &a [x,x,x,x,x,x,x,x,x]\n{bomb}trigger: manual\n{steps}")),
        ("endless nesting", format!("trigger: {deep}\n{steps}")),
        ("endless mappings", format!("trigger: {}1{}\n{steps}", "{a: ".repeat(50_000), "}".repeat(50_000))),
        ("a key twice", format!("trigger: manual\ntrigger: manual\n{steps}")),
        ("an unknown key", format!("trigger: manual\npassword_command: id\n{steps}")),
        ("a type", format!("trigger: !!python/object/apply:os.system [\"id\"]\n{steps}")),
        ("a number without end", format!("trigger: manual\npriority: 1e999\n{steps}")),
        ("not a number", format!("trigger: manual\npriority: .nan\n{steps}")),
        ("an alias of itself", format!("trigger: &a [*a]\n{steps}")),
        ("two documents", format!("trigger: manual\n{steps}---\ntrigger: manual\n{steps}")),
        ("a merge", "x: &x { send: mail }\ntrigger: manual\nsteps: [{ id: hello, <<: *x }]\n".to_owned()),
    ];
    for (what, text) in &files {
        sandbox.write("campaigns/w.yaml", text);
        let inner = sandbox.command(&["check"]);
        let ended = Ended::of(&mut below(&["prlimit", "--as=600000000"], &inner));
        assert_eq!(ended.code, 3, "{what}: {}", ended.stderr);
        assert!(ended.stderr.contains("campaigns/w.yaml:"), "{what}: {}", ended.stderr);
    }
    // Norway is a language, and neither a word nor a number for yes and no.
    sandbox.write("campaigns/w.yaml", "name: no\ntrigger: { tag: no }\nsteps: [{ id: no, send: mail }]\n");
    let said = sandbox.drip(&["check"]);
    assert!([0, 3].contains(&said.code), "{}", said.stderr);
    format!("{} files, each refused with its place", files.len())
}

fn formulas(_: Effort) -> String {
    let sandbox = Sandbox::new();
    let live = [
        "=1+1",
        "+1",
        "-1+1",
        "@SUM(A1)",
        "\u{ff1d}1",
        "\u{ff0b}1",
        "=HYPERLINK(\"https://evil.example\",\"x\")",
        "=cmd|' /C calc'!A0",
        "Lan;=1+1",
        " =1",
    ];
    let line =
        |n: usize, text: &str| serde_json::json!({ "email": format!("c{n}@example.com"), "note": text }).to_string();
    let lines: Vec<_> = live.iter().enumerate().map(|(n, text)| line(n, text)).collect();
    let lines = lines.join("\n");
    sandbox.write("a.jsonl", &lines);
    sandbox.drip(&["import", "a.jsonl"]).code(0);
    let notes = || sandbox.sql("SELECT json_extract(attributes, '$.note') FROM v_contacts ORDER BY email");
    let before = notes();
    sandbox.drip(&["contact", "export", "--all", "out.csv"]).code(0);
    let out = fs::read_to_string(sandbox.path("out.csv")).unwrap();
    let starts = ['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    let mut cells = 0;
    for row in csv::Reader::from_reader(out.trim_start_matches('\u{feff}').as_bytes()).records() {
        for cell in &row.unwrap() {
            assert!(!cell.split(';').any(|part| part.trim_start().starts_with(starts)), "{cell}");
            cells += 1;
        }
    }
    sandbox.drip(&["import", "out.csv"]).code(0);
    assert_eq!(notes(), before, "an import takes the marks off");
    assert!(sandbox.drip(&["contact", "export", "--all", "--raw"]).code(0).stdout.contains(",=1+1"));
    format!("{} formulas among {cells} cells, none live, all back", live.len())
}

fn sql(_: Effort) -> String {
    let sandbox = due(2, 1);
    let evil = "x'); DROP TABLE contacts; --";
    let tables = number(&sandbox, "SELECT count(*) FROM sqlite_schema");
    sandbox.write("a.csv", &format!("email,first_name,tags,\"{evil}\",language,timezone\n\"{evil}@example.com\",\"{evil}\",\"{evil}\",\"{evil}\",\"{evil}\",\"{evil}\"\ngood@example.com,\"{evil}\",\"{evil}\",\"{evil}\",,\n"));
    let mut tried = 0;
    for words in [
        &["import", "a.csv"][..],
        &["import", "a.csv", "--tag", evil],
        &["track", "good@example.com", evil, &format!("{evil}={evil}")],
        &["track", evil, "bought"],
        &["contact", "set", "good@example.com", &format!("{evil}={evil}")],
        &["contact", "set", "good@example.com", &format!("city={evil}")],
        &["contact", "tag", "good@example.com", "--add", evil],
        &["contact", "list", "--where", evil],
        &["contact", "list", "--where", &format!("contact.city == \"{evil}\"")],
        &["contact", "list", "--tag", evil],
        &["contact", "show", evil],
        &["contact", "unsubscribe", evil],
        &["contact", "suppress", "good@example.com", "--reason", evil],
        &["contact", "suppress", &format!("@{evil}")],
        &["enrol", "w", "--where", &format!("contact.first_name == \"{evil}\"")],
        &["enrol", evil, "good@example.com"],
        &["report", evil],
        &["resolve", evil, "--skip"],
        &["run", "--campaign", evil],
        &["campaign", "pause", evil],
    ] {
        let ended = sandbox.drip(words);
        assert!([0, 2, 4].contains(&ended.code), "{words:?}: code {} {}", ended.code, ended.stderr);
        assert!(
            !ended.stderr.contains("syntax error") && !ended.stderr.contains("no such"),
            "{words:?}: {}",
            ended.stderr
        );
        tried += 1;
    }
    assert_eq!(number(&sandbox, "SELECT count(*) FROM sqlite_schema"), tables);
    assert_eq!(number(&sandbox, "SELECT count(*) FROM v_contacts"), 3);
    sandbox.check();
    format!("{tried} commands, every table there, 3 contacts")
}

fn archives(_: Effort) -> String {
    let sandbox = Sandbox::new();
    for (name, head, says) in [
        ("a.csv.gz", &b"\x1f\x8b\x08\0"[..], "gzip"),
        ("a.zip", b"PK\x03\x04", "zip"),
        ("a.xlsx", b"PK\x03\x04\x14\0\x06\0", "zip"),
    ] {
        fs::write(sandbox.path(name), [head, &[0; 4096]].concat()).unwrap();
        let said = sandbox.drip(&["import", name]).code(2).stderr;
        assert!(said.contains(says) && said.contains("hint: "), "{name}: {said}");
    }
    assert!(!sandbox.path("drip.db").exists() || number(&sandbox, "SELECT count(*) FROM v_contacts") == 0);
    "3 kinds, none unpacked".to_owned()
}

fn commands(_: Effort) -> String {
    let sandbox = due(1, 1);
    let campaign =
        |line: &str| format!("trigger: {{ segment: 'true' }}\n{line}\nsteps: [{{ id: hello, send: mail }}]\n");
    let step = |step: &str| format!("trigger: {{ segment: 'true' }}\nsteps: [{{ id: hello, {step} }}]\n");
    let right = campaign("");
    let texts = [
        campaign("password_command: touch ran"),
        campaign("smtp: { url: \"smtp://u@localhost\", password_command: touch ran }"),
        campaign("hooks: { before: touch ran }"),
        step("send: mail, command: touch ran"),
        step("run: touch ran"),
        step("webhook: { url: \"file:///etc/passwd\" }"),
        step("webhook: { url: \"gopher://localhost/\" }"),
        step("send: mail, if: 'system(\"touch ran\")'"),
        step("send: mail, subject: '{{exec \"touch ran\"}}'"),
        step("send: mail, subject: '{{env \"HOME\"}}'"),
        step("send: mail, subject: '${HOME} {{read \"/etc/passwd\"}}'"),
        step("send: mail, subject: '{{lookup process \"env\"}} {{include \"drip.yaml\"}}'"),
    ];
    for text in &texts {
        sandbox.write("campaigns/w.yaml", text);
        let said = run(&sandbox, NOW).code(3).stderr;
        assert!(said.contains("campaigns/w.yaml:"), "{text}: {said}");
    }
    sandbox.write("campaigns/w.yaml", &right);
    assert!(!sandbox.path("ran").exists());
    format!("{} ways, none of which ran", texts.len())
}
