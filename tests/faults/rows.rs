//! Files of contacts that are not what they should be.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::case::{Case, Effort};
use crate::people::{NOW, below, due, number, run};
use crate::support::Sandbox;
use crate::support::smtp::{Script, SmtpServer};

const GROUP: &str = "Bad input";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "F38",
            group: GROUP,
            fault: "one person stands in a file many times: in capitals, with spaces, in another form of Unicode or of the domain",
            answer: "one contact and one mail; the import names the rows it merged. A dot within the name is another person",
            needs: &[],
            story: spellings,
        },
        Case {
            id: "F39",
            group: GROUP,
            fault: "a file with a BOM, in UTF-16 or Latin-1, with CR alone, ragged rows, an open quote, NUL, doubtful headers, 100,000 columns, 10 MB in a cell, compressed",
            answer: "it is read, or refused with its line and the reason; a bad row goes into the file of rejected rows, and the good ones are in",
            needs: &[],
            story: files,
        },
        Case {
            id: "F39b",
            group: GROUP,
            fault: "a file that never seems to end",
            answer: "it is read in constant memory",
            needs: &["prlimit"],
            story: endless,
        },
        Case {
            id: "F40",
            group: GROUP,
            fault: "addresses with line breaks, brackets, spaces, 300 letters, quotes, numbers of machines, emoji",
            answer: "each row is rejected with its line and the reason, and the relay hears of none",
            needs: &[],
            story: addresses,
        },
        Case {
            id: "F41",
            group: GROUP,
            fault: "people who unsubscribed, bounced or are suppressed stand in a new file as subscribed",
            answer: "they stay out, and the import says how many they are",
            needs: &[],
            story: suppressed,
        },
    ]
}

fn spellings(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(0, 1).through(&relay);
    let rows = [
        "Lan.Nguyen@Example.com",
        "lan.nguyen@EXAMPLE.com",
        " lan.nguyen@example.com ",
        "lannguyen@example.com",
        "lan@b\u{fc}cher.example",
        "lan@bu\u{308}cher.example",
        "LAN@XN--BCHER-KVA.example",
        "th\u{1ea3}o@example.com",
        "tha\u{309}o@example.com",
    ];
    sandbox.write("a.csv", &format!("email\n{}\n", rows.join("\n")));
    let said = sandbox.drip(&["--now", "2026-03-01T00:00:00Z", "import", "a.csv"]).code(0).stderr;
    assert!(said.contains("4 contacts added") && said.contains("5 rows merged with an earlier one"), "{said}");
    run(&sandbox, NOW).code(0);
    let mut mailed = relay.recipients();
    mailed.sort();
    mailed.dedup();
    assert_eq!((mailed.len(), relay.recipients().len()), (4, 4));
    format!("{} rows, 4 people, 4 mails", rows.len())
}

fn files(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(0, 1).through(&relay);
    let utf16 =
        |text: &str| [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let wide = |columns: usize| {
        let names = (0..columns).fold(String::new(), |text, n| text + &format!(",c{n}"));
        format!("email{names}\nwide@example.com{}\n", ",x".repeat(columns)).into_bytes()
    };
    let long = format!("email,first_name\nlong@example.com,{}\nafter@example.com,Minh\n", "x".repeat(10_000_000));
    let table: [(&str, Vec<u8>, i32, usize, &str); 17] = [
        ("bom", "\u{feff}email,first_name\na@example.com,Thảo\n".into(), 0, 1, ""),
        ("utf-16", utf16("email,first_name\nb@example.com,Thảo\n"), 0, 1, "read as UTF-16LE"),
        ("latin-1", b"email,first_name\nc@example.com,Andr\xe9\n".into(), 0, 1, "read as windows-1252, as in `André`"),
        ("cr", b"email\rd@example.com\r".into(), 2, 0, "end in CR alone"),
        (
            "ragged",
            b"email,first_name\ne@example.com\nf@example.com,Lan,x\ng@example.com,Lan\n".into(),
            4,
            1,
            "ragged.csv:2: 2 fields expected, 1 found",
        ),
        (
            "quote",
            b"email,first_name\nh@example.com,Lan\ni@example.com,\"Lan\nj@example.com,Minh\n".into(),
            4,
            1,
            "quote.csv:3: the quote that opens on this line is never closed",
        ),
        (
            "nul",
            b"email,first_name\nk@example.com,La\0n\nl@example.com,Minh\n".into(),
            4,
            1,
            "nul.csv:2: column `first_name` holds a control character",
        ),
        (
            "twice",
            b"email,city,city\nm@example.com,Hue,Vinh\n".into(),
            2,
            0,
            "twice.csv:1: columns 2 and 3 are both `city`",
        ),
        ("headless", b"n@example.com,Lan\no@example.com,Minh\n".into(), 2, 0, "the first line holds an address"),
        ("nobody", b"name,city\nLan,Hue\n".into(), 2, 0, "nobody.csv:1: no column is called `email`"),
        ("empty", Vec::new(), 2, 0, "the file is empty"),
        ("wide", wide(100_000), 2, 0, "wide.csv:1: the row has 100001 columns"),
        ("wider", wide(1_000_000), 2, 0, "wider.csv:1: the row is longer than 1 MiB"),
        ("long", long.into_bytes(), 4, 0, "long.csv:2: the row is longer than 1 MiB"),
        ("gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03KMO\0".into(), 2, 0, "is compressed (gzip)"),
        ("zip", b"PK\x03\x04 and so on".into(), 2, 0, "is a zip archive"),
        (
            "injected",
            b"email,first_name\np@example.com,\"Lan\r\nBcc: q@example.com\"\n".into(),
            4,
            0,
            "injected.csv:2: column `first_name` holds a line break",
        ),
    ];
    let mut people = 0;
    let files = table.len();
    for (name, bytes, code, added, says) in table {
        let file = format!("{name}.csv");
        fs::write(sandbox.path(&file), bytes).unwrap();
        let said = sandbox.drip(&["import", &file]).code(code).stderr;
        assert!(said.contains(says), "{name}: {said}");
        people += added;
        assert_eq!(number(&sandbox, "SELECT count(*) FROM v_contacts"), people, "{name}");
        assert_eq!(sandbox.path(&format!("{name}.rejected.csv")).exists(), code == 4, "{name}");
    }
    sandbox.check();
    format!("{files} files, {people} good rows in, the rest told with line and reason")
}

fn endless(effort: Effort) -> String {
    let (megabytes, limit) = effort.choose((3, "--as=600000000"), (1024, "--as=600000000"));
    let sandbox = Sandbox::new();
    let mut child = below(&["prlimit", limit], &sandbox.command(&["-q", "import", "-"]))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = std::io::BufWriter::with_capacity(1 << 20, child.stdin.take().unwrap());
    pipe.write_all(b"email,first_name,notes\n").unwrap();
    let notes = "chè Thái Nguyên ".repeat(400);
    let mut written = 0;
    let mut rows = 0;
    while written < megabytes << 20 {
        let row = format!("c{:05}@example.com,Lan,{notes}\n", rows % 1000);
        pipe.write_all(row.as_bytes()).unwrap();
        written += row.len();
        rows += 1;
    }
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(number(&sandbox, "SELECT count(*) FROM v_contacts"), rows.min(1000));
    format!("{megabytes} MiB, {rows} rows, within 600 MB of addresses")
}

fn addresses(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(0, 1).through(&relay);
    let long = format!("{}@example.com", "x".repeat(300));
    let odd = [
        "\"a@example.com\r\nRCPT TO:<b@example.com>\"",
        "\"a@b>,<c@d.example\"",
        "lan nguyen@example.com",
        &long,
        "\"\"\"lan nguyen\"\"@example.com\"",
        "lan@[1.2.3.4]",
        "lan@1.2.3.4",
        ".@x",
        ".lan@example.com",
        "lan..nguyen@example.com",
        "\u{1f600}@example.com",
        "lan@example",
        "@example.com",
        "lan@",
        "lan@example..com",
        "lan@-example.com",
        "lan@exa\u{200b}mple.com",
        "lan@example.com\u{7}",
        "<lan@example.com>",
        "Lan <lan@example.com>",
        "lan@example.com;minh@example.com",
    ];
    sandbox.write("odd.csv", &format!("email\n{}\ngood@example.com\n", odd.join("\n")));
    sandbox.drip(&["--now", "2026-03-01T00:00:00Z", "import", "odd.csv"]).code(4);
    let rejected = fs::read_to_string(sandbox.path("odd.rejected.csv")).unwrap();
    // The first of them has two lines.
    assert_eq!(rejected.lines().count(), 1 + odd.len() + 1, "{rejected}");
    for line in 4..=odd.len() + 2 {
        assert!(rejected.contains(&format!(",{line},")), "line {line}: {rejected}");
    }
    run(&sandbox, NOW).code(0);
    assert_eq!(relay.recipients(), ["good@example.com"]);
    assert_eq!(relay.count("RCPT"), 1, "{:?}", relay.commands());
    assert_eq!(relay.count("MAIL"), 1, "{:?}", relay.commands());
    format!("{} rejected, the good one mailed", odd.len())
}

fn suppressed(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(0, 1).through(&relay);
    sandbox.drip(&["contact", "unsubscribe", "left@example.com"]).code(0);
    sandbox.drip(&["contact", "suppress", "asked@example.com", "@rival.example"]).code(0);
    sandbox.import("email,consent", &["bounced@example.com,bounced", "gone@example.com,complained"]);
    let people = [
        "left@example.com",
        "Asked@example.com",
        "x@rival.example",
        "bounced@example.com",
        "gone@example.com",
        "new@example.com",
    ];
    let rows: Vec<String> = people.iter().map(|email| format!("{email},subscribed")).collect();
    sandbox.write("again.csv", &format!("email,consent\n{}\n", rows.join("\n")));
    for _ in 0..2 {
        let said = sandbox.drip(&["--now", "2026-03-01T00:00:00Z", "import", "again.csv"]).code(0).stderr;
        assert!(said.contains("5 contacts stay unmailed"), "{said}");
    }
    run(&sandbox, NOW).code(0);
    assert_eq!(relay.recipients(), ["new@example.com"]);
    "5 of 6 stay out".to_owned()
}
