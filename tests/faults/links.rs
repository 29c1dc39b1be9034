//! Whoever makes links up, follows them for others, or asks what they tell.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use drip::mail::token::{Keys, Purpose};
use drip::model::id::SendId;

use crate::case::{Case, Effort};
use crate::support::dice::Dice;
use crate::support::server::{Server, path_of};
use crate::support::smtp::{Script, SmtpServer};
use crate::support::{Sandbox, eml};

const GROUP: &str = "The web";
const MONDAY: &str = "2026-03-02T02:00:00Z";
const TUESDAY: &str = "2026-03-03T02:00:00Z";
const SETTINGS: &str = "public_url: http://localhost\ntracking: { clicks: true, opens: true }\nfrequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 1 }\ntopics: { tips: Tips }";
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "S11",
            group: GROUP,
            fault: "a link of a mail is made to lead somewhere else",
            answer: "the address stands inside the proof, so there is no such link: 404; and what is no web address is never led to",
            needs: &[],
            story: redirects,
        },
        Case {
            id: "S12",
            group: GROUP,
            fault: "tokens are made up, altered, cut, signed with other keys, or used for another purpose or person than theirs",
            answer: "none is believed, in constant time, and all are answered alike",
            needs: &[],
            story: forgeries,
        },
        Case {
            id: "S13",
            group: GROUP,
            fault: "scanners of mail fetch every link, with GET, HEAD and as a prefetch",
            answer: "no contact, consent, passage or mail changes; only a POST does something",
            needs: &[],
            story: scanners,
        },
        Case {
            id: "S14",
            group: GROUP,
            fault: "proxies and scanners open mails and follow all links at once, as Apple, Gmail and gateways do",
            answer: "none of it counts as a person's, in conditions and in the funnel",
            needs: &[],
            story: machines,
        },
        Case {
            id: "S15",
            group: GROUP,
            fault: "another site puts a page into a frame, or posts its form",
            answer: "no page is shown in a frame, runs a script or loads anything; a form does nothing without the token of a mail",
            needs: &[],
            story: frames,
        },
        Case {
            id: "S16",
            group: GROUP,
            fault: "somebody tries out links to learn who is on the list, has left or was forgotten",
            answer: "a link that is not believed is answered alike whatever is wrong; one that is tells nothing of who it is for",
            needs: &[],
            story: questions,
        },
    ]
}

/// Two people who got a mail with links of every kind.
fn mailed(relay: &SmtpServer) -> Sandbox {
    let sandbox = Sandbox::new()
        .settings(SETTINGS)
        .file("templates/mail.md", "---\nsubject: Tea\n---\n[Tea](https://shop.example/tea) [Cups](https://shop.example/cups) [More](https://blog.example/) [Choose]({{preferences_url}})\n{{postal_address}} {{unsubscribe_url}}\n")
        .campaign("w", "trigger: { segment: 'true' }\ntopic: tips", &["id: hello, send: mail", "id: opened, delay: 1d, if: opened(\"hello\") || clicked(\"hello\"), send: mail"])
        .contacts("email", &["lan@example.com", "minh@example.com"])
        .through(relay);
    sandbox.run(MONDAY);
    assert_eq!(relay.mails().len(), 2);
    sandbox
}

/// The paths of the links of a kind in the mail of a number.
fn links(relay: &SmtpServer, mail: usize, kind: &str) -> Vec<String> {
    let mail = &relay.mails()[mail];
    if kind == "u" {
        return vec![path_of(&mail.bytes)];
    }
    let html = eml::html(&String::from_utf8_lossy(&mail.bytes));
    let before = format!("http://localhost/{kind}/");
    let after = html.split(&before).skip(1).map(|rest| rest.split('"').next().unwrap());
    after.map(|token| format!("/{kind}/{token}")).collect()
}

fn token(path: &str) -> &str {
    path.rsplit('/').next().unwrap().trim_end_matches(".gif")
}

/// The keys of the project's links.
fn keys(sandbox: &Sandbox) -> Keys {
    let text = sandbox.sql("SELECT key FROM link_keys").remove(0);
    Keys::new(vec![(0, (0..32).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect())])
}

/// Everything that only people and runs may change.
fn state(sandbox: &Sandbox) -> Vec<String> {
    let tables = [
        "SELECT id || consent || refused || coalesce(paused_until, '') FROM contacts",
        "SELECT contact_id || consent || reason FROM consent_changes",
        "SELECT kind || value FROM suppressions",
        "SELECT id || state || coalesce(position, '') FROM enrolments",
        "SELECT id || step || state FROM sends",
    ];
    tables.iter().flat_map(|query| sandbox.sql(query)).collect()
}

fn redirects(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay);
    let server = Server::start(&sandbox);
    let click = links(&relay, 0, "c").remove(0);
    let led = server.ask("GET", &click, "");
    assert!(led.code == 302 && led.head.contains("location: https://shop.example/tea\r\n"), "{}", led.head);
    let bytes = URL_SAFE_NO_PAD.decode(token(&click)).unwrap();
    let mut tried = 0;
    for other in [
        "https://evil.example/te",
        "//evil.example/tea.html",
        "https://shop.example@evil.example",
        "javascript:alert(1)//",
    ] {
        // The address in the place of the true one, with the proof as it was.
        let at = bytes.windows(8).position(|window| window == b"https://").unwrap();
        let mut altered = bytes[..at].to_vec();
        altered.extend_from_slice(other.as_bytes());
        altered.extend_from_slice(&bytes[bytes.len() - 16..]);
        for path in [
            format!("/c/{}", URL_SAFE_NO_PAD.encode(altered)),
            format!("{click}?url={other}"),
            format!("{click}/../{other}"),
            format!("/c/{other}"),
        ] {
            let answer = server.ask("GET", &path, "");
            let leads_home = answer.code == 302 && answer.head.contains("location: https://shop.example/tea\r\n");
            assert!(leads_home || answer.code == 404 || answer.code == 400, "{path}: {}", answer.head);
            assert!(!answer.head.contains("evil") && !answer.head.contains("javascript"), "{path}: {}", answer.head);
            tried += 1;
        }
        // Even with the key nothing but a web address is led to.
        if !other.starts_with("https://") {
            let path = format!("/c/{}", keys(&sandbox).sign(&Purpose::Click(SendId(1), other.to_owned())));
            assert_eq!(server.ask("GET", &path, "").code, 404, "{other}");
            tried += 1;
        }
    }
    format!("{tried} made-up links led nowhere")
}

fn forgeries(effort: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay);
    let true_ones: Vec<String> = ["u", "c", "o", "p"].iter().flat_map(|kind| links(&relay, 0, kind)).collect();
    let foreign = Keys::new(vec![(0, vec![7; 32])]);
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let number = effort.choose(2_000, 100_000);
    let forged: Vec<String> = (0..number)
        .map(|_| {
            let path = &true_ones[dice.roll(true_ones.len())];
            let (kind, end) = (&path[..3], if path.starts_with("/o/") { ".gif" } else { "" });
            let mut bytes = URL_SAFE_NO_PAD.decode(token(path)).unwrap();
            let length = bytes.len();
            match dice.roll(6) {
                0 => bytes[dice.roll(length)] ^= 1 << dice.roll(8),
                1 => bytes.truncate(1 + dice.roll(length - 1)),
                2 => bytes.insert(dice.roll(length), u8::try_from(dice.roll(256)).unwrap()),
                3 => {
                    // Another person's number, beneath the same proof.
                    bytes[3] = bytes[3].wrapping_add(u8::try_from(1 + dice.roll(120)).unwrap()) & 0x7f;
                    if URL_SAFE_NO_PAD.encode(&bytes) == token(path) {
                        bytes[3] ^= 1;
                    }
                }
                4 => {
                    let send = SendId(i64::try_from(1 + dice.roll(3)).unwrap());
                    let purpose = match kind {
                        "/u/" => Purpose::Unsubscribe(send),
                        "/p/" => Purpose::Preferences(send),
                        "/o/" => Purpose::Open(send),
                        _ => Purpose::Click(send, "https://evil.example/".to_owned()),
                    };
                    return format!("{kind}{}{end}", foreign.sign(&purpose));
                }
                _ => {
                    // A true one, in a place where it means something else.
                    let others = ["/u/", "/c/", "/p/", "/y/", "/o/"];
                    let other = others[dice.roll(5)];
                    let other = if other == kind { if kind == "/y/" { "/u/" } else { "/y/" } } else { other };
                    return format!("{other}{}{}", token(path), if other == "/o/" { ".gif" } else { "" });
                }
            }
            format!("{kind}{}{end}", URL_SAFE_NO_PAD.encode(bytes))
        })
        .collect();
    let server = Server::start(&sandbox);
    let before = state(&sandbox);
    let (next, answers) = (AtomicUsize::new(0), std::sync::Mutex::new(BTreeSet::new()));
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let mut stream = BufReader::new(server.connect());
                let mut asked = 0;
                while let Some(path) = forged.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // A connection does not live for ever.
                    if asked % 500 == 499 {
                        stream = BufReader::new(server.connect());
                    }
                    asked += 1;
                    let method = if path.starts_with("/c/") || path.starts_with("/o/") { "GET" } else { "POST" };
                    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
                    stream.get_mut().write_all(head.as_bytes()).unwrap();
                    let (code, body) = answer(&mut stream);
                    assert_eq!(code, 404, "{path}");
                    answers.lock().unwrap().insert((path.starts_with("/o/"), body));
                }
            });
        }
    });
    assert_eq!(state(&sandbox), before);
    assert_eq!(sandbox.sql("SELECT count(*) FROM events"), ["0"]);
    assert!(answers.into_inner().unwrap().len() <= 2, "a page for links, nothing for pictures");
    format!("{number} tokens, none believed")
}

fn answer(stream: &mut BufReader<std::net::TcpStream>) -> (u16, String) {
    let (mut code, mut length, mut line) = (0, 0, String::new());
    loop {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the server hung up");
        let text = line.trim_end().to_lowercase();
        if text.is_empty() {
            break;
        }
        if code == 0 {
            code = text.split(' ').nth(1).unwrap().parse().unwrap();
        } else if let Some(value) = text.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (code, String::from_utf8_lossy(&body).into_owned())
}

fn scanners(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay);
    let server = Server::start(&sandbox);
    let before = state(&sandbox);
    let mut fetched = 0;
    for mail in 0..2 {
        for path in ["u", "c", "o", "p"].iter().flat_map(|kind| links(&relay, mail, kind)) {
            for (method, head) in [
                ("GET", ("Accept", "*/*")),
                ("HEAD", ("Accept", "*/*")),
                ("GET", ("Purpose", "prefetch")),
                ("GET", ("Sec-Purpose", "prefetch;prerender")),
            ] {
                let answer = server.send(
                    method,
                    &path,
                    &[head, ("User-Agent", "Mozilla/5.0 (compatible; Barracuda Sentinel)")],
                    "",
                );
                assert!([200, 302].contains(&answer.code), "{method} {path}: {}", answer.code);
                fetched += 1;
            }
        }
    }
    assert_eq!(state(&sandbox), before);
    assert_eq!(sandbox.sql("SELECT count(*) FROM events WHERE name IN ('clicked', 'opened')"), ["0"]);
    sandbox.run(TUESDAY);
    assert_eq!(relay.mails().len(), 2, "nobody opened or followed anything");
    format!("{fetched} fetches changed nothing")
}

fn machines(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay);
    let server = Server::start(&sandbox);
    // A gateway with a browser's name tries the links of a mail one after the other; Apple and Gmail fetch the pictures.
    for path in links(&relay, 0, "c") {
        assert_eq!(server.ask_as(BROWSER, "GET", &path, "").code, 302);
    }
    for (mail, agent) in [
        (0, "Mozilla/5.0"),
        (1, "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"),
    ] {
        assert_eq!(server.ask_as(agent, "GET", &links(&relay, mail, "o")[0], "").code, 200);
    }
    let names = sandbox.sql("SELECT DISTINCT name FROM events ORDER BY 1");
    assert_eq!(names, ["clicked_by_machine", "opened_by_machine", "opened_by_proxy"]);
    sandbox.run(TUESDAY);
    assert_eq!(relay.mails().len(), 2, "`opened` and `clicked` hold for people alone");
    let report = sandbox.drip(&["report", "--format", "json"]).code(0).stdout;
    assert!(report.contains("\"clicked_by_machine\": 1") && !report.contains("\"clicked\":"), "{report}");
    format!("told apart: {}", names.join(", "))
}

fn frames(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay);
    let server = Server::start(&sandbox);
    let elsewhere = [
        ("Origin", "https://evil.example"),
        ("Referer", "https://evil.example/"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let before = state(&sandbox);
    for path in ["/u/", "/p/", "/y/", "/u/x", "/p/x"] {
        assert_eq!(server.send("POST", path, &elsewhere, "List-Unsubscribe=One-Click&shown=tips").code, 404);
    }
    assert_eq!(state(&sandbox), before);
    let mut looked_at = 0;
    for path in
        ["u", "p"].iter().flat_map(|kind| links(&relay, 0, kind)).chain(["/u/x".to_owned(), "/nowhere".to_owned()])
    {
        let page = server.ask("GET", &path, "");
        for header in [
            "content-security-policy: default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert!(page.head.contains(header), "{path} has no {header}: {}", page.head);
        }
        assert!(!page.head.contains("access-control") && !page.head.contains("set-cookie"), "{}", page.head);
        assert!(!page.body.contains("<script") && !page.body.contains("http"), "{}", page.body);
        looked_at += 1;
    }
    format!("{looked_at} pages, none of which another site can use")
}

fn questions(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay);
    let server = Server::start(&sandbox);
    let (lan, minh) = (links(&relay, 0, "u").remove(0), links(&relay, 1, "u").remove(0));
    let plain = |answer: crate::support::server::Answer| {
        let head: Vec<String> =
            answer.head.lines().filter(|line| !line.starts_with("date:")).map(str::to_owned).collect();
        (head, answer.body)
    };
    let wrong: BTreeSet<_> = [
        "/u/x",
        "/u/AQEAAQ",
        &format!("{}{}", &lan[..lan.len() - 1], if lan.ends_with('A') { 'Q' } else { 'A' }),
        &format!("/u/{}", "A".repeat(60)),
        &format!("/u/{}", token(&links(&relay, 0, "p")[0])),
    ]
    .iter()
    .map(|path| plain(server.ask("POST", path, "")))
    .collect();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    // Somebody on the list, who has left, who never was, who was forgotten: the confirmation is the same.
    let mut told = BTreeSet::new();
    told.insert(plain(server.ask("POST", &lan, "")));
    told.insert(plain(server.ask("POST", &lan, "")));
    let nobody = format!("/u/{}", keys(&sandbox).sign(&Purpose::Unsubscribe(SendId(1_000_000))));
    told.insert(plain(server.ask("POST", &nobody, "")));
    sandbox.drip(&["contact", "forget", "minh@example.com", "--yes"]).code(0);
    told.insert(plain(server.ask("POST", &minh, "")));
    assert_eq!(told.len(), 1, "{told:?}");
    let (_, page) = told.pop_first().unwrap();
    assert!(!page.contains("example.com"), "{page}");
    "one answer to what is wrong, one to what is right".to_owned()
}
