//! `drip serve` as mail programs, readers and scanners meet it: over a socket, with the mails that a run sent.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::Write;
use std::net::TcpStream;

use crate::support::Sandbox;
use crate::support::server::{Server, header, path_of};
use crate::support::smtp::{Script, SmtpServer};

const MONDAY: &str = "2026-03-02T02:00:00Z";
const TUESDAY: &str = "2026-03-03T02:00:00Z";
const SETTINGS: &str =
    "public_url: http://localhost\nfrequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 1 }";

/// Two people, and what the relay got for each: the path of the link to unsubscribe by.
fn mailed(relay: &SmtpServer) -> (Sandbox, Vec<String>) {
    let sandbox = Sandbox::new()
        .settings(SETTINGS)
        .campaign("w", "trigger: { segment: 'true' }", &["id: hello, send: mail", "id: more, delay: 1d, send: mail"])
        .contacts("email,language", &["lan@example.com,vi", "minh@example.com,en"])
        .through(relay);
    sandbox.run(MONDAY);
    let paths = relay.mails().iter().map(|mail| path_of(&mail.bytes)).collect();
    (sandbox, paths)
}

fn consents(sandbox: &Sandbox) -> Vec<String> {
    sandbox.sql("SELECT email || ' ' || consent FROM contacts ORDER BY email")
}

/// The number of rows of every table, and the sum of the consents.
fn whole(sandbox: &Sandbox) -> Vec<String> {
    let tables = sandbox.sql("SELECT name FROM sqlite_schema WHERE type = 'table'");
    let counts = tables.iter().map(|table| format!("SELECT count(*) FROM {table}"));
    let mut all: Vec<String> = counts.flat_map(|query| sandbox.sql(&query)).collect();
    all.extend(consents(sandbox));
    all
}

#[test]
fn one_click_unsubscribes_and_the_next_run_sends_nothing() {
    let relay = SmtpServer::start(Script::new());
    let (sandbox, paths) = mailed(&relay);
    let mail = &relay.mails()[0].bytes;
    assert_eq!(header(mail, "list-unsubscribe-post"), "List-Unsubscribe=One-Click");
    assert!(header(mail, "list-unsubscribe").contains("<mailto:"), "{}", header(mail, "list-unsubscribe"));
    assert!(!paths[0].contains("lan") && !paths[0].contains('@'), "{}", paths[0]);
    let server = Server::start(&sandbox);
    // As often as it comes, and without a redirect.
    for _ in 0..2 {
        let answer = server.ask("POST", &paths[0], "List-Unsubscribe=One-Click");
        assert_eq!(answer.code, 200, "{}", answer.body);
    }
    assert_eq!(consents(&sandbox), ["lan@example.com unsubscribed", "minh@example.com subscribed"]);
    assert_eq!(
        sandbox.sql("SELECT reason FROM consent_changes WHERE consent = 'unsubscribed'"),
        ["unsubscribed by the link in a mail"]
    );
    sandbox.run(TUESDAY);
    assert_eq!(relay.recipients()[2..], ["minh@example.com"]);
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_scanner_that_follows_the_link_changes_nothing_and_a_reader_presses_a_button() {
    let relay = SmtpServer::start(Script::new());
    let (sandbox, paths) = mailed(&relay);
    let server = Server::start(&sandbox);
    let before = whole(&sandbox);
    let page = server.ask("GET", &paths[0], "");
    assert_eq!((page.code, server.ask("HEAD", &paths[0], "").code), (200, 200));
    assert_eq!(whole(&sandbox), before);
    // In the reader's language, without scripts, and nothing for other sites.
    assert!(page.body.contains("<html lang=\"vi\">") && page.body.contains("Hủy đăng ký"), "{}", page.body);
    assert!(page.body.contains("<form method=\"post\">") && !page.body.contains("<script"), "{}", page.body);
    for header in [
        "content-security-policy: default-src 'none'",
        "frame-ancestors 'none'",
        "referrer-policy: no-referrer",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
        "x-robots-tag: noindex",
    ] {
        assert!(page.head.contains(header), "{header}: {}", page.head);
    }
    assert!(!page.body.contains("example.com"), "whose it is stands nowhere: {}", page.body);
    assert!(server.ask("GET", &paths[1], "").body.contains("<html lang=\"en\">"));
    let done = server.ask("POST", &paths[1], "");
    assert!(done.code == 200 && done.body.contains("You are unsubscribed"), "{}", done.body);
    assert_eq!(consents(&sandbox), ["lan@example.com subscribed", "minh@example.com unsubscribed"]);
}

#[test]
fn no_link_that_drip_did_not_write_does_anything() {
    let relay = SmtpServer::start(Script::new());
    let (sandbox, paths) = mailed(&relay);
    let server = Server::start(&sandbox);
    let before = whole(&sandbox);
    let token = paths[0].strip_prefix("/u/").unwrap();
    let mut answers = std::collections::BTreeSet::new();
    for at in 0..token.len() {
        let mut forged: Vec<char> = token.chars().collect();
        forged[at] = if forged[at] == 'A' { 'B' } else { 'A' };
        let forged: String = forged.into_iter().collect();
        let answer = server.ask("POST", &format!("/u/{forged}"), "List-Unsubscribe=One-Click");
        assert_eq!(answer.code, 404, "{forged}");
        answers.insert(answer.body);
    }
    for path in ["/u/", "/u/x", "/u/%00", "/u/..%2f..%2fetc", "/", "/u", "/admin", &format!("/u/{}", "A".repeat(7000))]
    {
        assert_eq!(server.ask("GET", path, "").code, 404, "{path}");
    }
    assert_eq!(answers.len(), 1, "the same answer whatever is wrong");
    assert_eq!(server.ask("DELETE", &paths[0], "").code, 405);
    assert_eq!(whole(&sandbox), before);
    // Whoever was forgotten hears what everyone hears.
    sandbox.drip(&["contact", "forget", "--yes", "lan@example.com"]).code(0);
    assert_eq!(server.ask("POST", &paths[0], "").code, 200);
}

#[test]
fn links_outlive_a_change_of_key() {
    let relay = SmtpServer::start(Script::new());
    let (sandbox, paths) = mailed(&relay);
    let server = Server::start(&sandbox);
    sandbox.drip(&["key", "rotate"]).code(0);
    let keys = sandbox.drip(&["key", "list"]).code(0).stdout;
    assert!(keys.lines().count() == 2 && keys.trim_end().ends_with("signs"), "{keys}");
    sandbox.run(TUESDAY);
    let newer = path_of(&relay.mails()[2].bytes);
    assert_ne!(newer, paths[0]);
    // The server began before the new key was made.
    assert_eq!(server.ask("POST", &newer, "").code, 200);
    assert_eq!(server.ask("POST", &paths[1], "").code, 200);
    assert_eq!(consents(&sandbox), ["lan@example.com unsubscribed", "minh@example.com unsubscribed"]);
}

#[test]
fn what_is_too_large_or_no_request_is_refused_and_others_are_served() {
    let relay = SmtpServer::start(Script::new());
    let (sandbox, paths) = mailed(&relay);
    let server = Server::start(&sandbox);
    // Hundreds that say nothing, or a byte now and then, hold nobody up.
    let idle: Vec<TcpStream> = (0..300)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(b"GET /hea").unwrap();
            stream
        })
        .collect();
    assert_eq!(server.ask("POST", &paths[0], &"x".repeat(100_000)).code, 413);
    assert!(server.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n").starts_with("HTTP/1.1 400"));
    let long = format!("GET /health HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(100_000));
    assert!(server.raw(long.as_bytes()).starts_with("HTTP/1.1 431"));
    assert_eq!(server.ask("GET", "/health", "").code, 200);
    assert_eq!(consents(&sandbox)[0], "lan@example.com subscribed");
    drop(idle);
    assert_eq!(server.stop(), 0);
}

#[test]
fn an_unsubscription_is_on_the_disk_before_it_is_confirmed() {
    let relay = SmtpServer::start(Script::new());
    let rows: Vec<String> = (0..40).map(|n| format!("c{n:02}@example.com")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let sandbox = Sandbox::new()
        .settings(SETTINGS)
        .campaign("w", "trigger: { segment: 'true' }", &["id: hello, send: mail"])
        .contacts("email", &rows)
        .through(&relay);
    sandbox.run(MONDAY);
    let mails = relay.mails();
    let mut server = Server::start(&sandbox);
    for mail in &mails[..20] {
        assert_eq!(server.ask("POST", &path_of(&mail.bytes), "List-Unsubscribe=One-Click").code, 200);
    }
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert_eq!(sandbox.sql("SELECT count(*) FROM contacts WHERE consent = 'unsubscribed'"), ["20"]);
    // And while a run sends, neither fails the other.
    let server = Server::start(&sandbox);
    let late: Vec<String> = (0..300).map(|n| format!("late{n}@example.com")).collect();
    sandbox.import("email", &late.iter().map(String::as_str).collect::<Vec<_>>());
    let mut run = sandbox.command(&["-q", "--now", MONDAY, "run"]).spawn().unwrap();
    for mail in &mails[20..] {
        assert_eq!(server.ask("POST", &path_of(&mail.bytes), "List-Unsubscribe=One-Click").code, 200);
    }
    assert!(run.wait().unwrap().success());
    assert_eq!(sandbox.sql("SELECT count(*) FROM contacts WHERE consent = 'unsubscribed'"), ["40"]);
    sandbox.check();
}

#[test]
fn a_project_without_a_public_address_is_told_what_to_write() {
    let sandbox = Sandbox::new().campaign("w", "trigger: { segment: 'true' }", &["id: hello, send: mail"]);
    let said = sandbox.drip(&["serve"]).code(2).stderr;
    assert!(said.contains("public_url: https://"), "{said}");
}

#[test]
fn events_are_taken_from_whoever_has_the_key_and_once() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = Sandbox::new()
        .settings(SETTINGS)
        .campaign("w", "trigger: { event: purchased }", &["id: thanks, send: mail"])
        .contacts("email", &["lan@example.com", "minh@example.com"])
        .through(&relay);
    sandbox.run(MONDAY);
    let server = Server::start_with(&sandbox, &[("DRIP_EVENTS_KEY", "k3y")]);
    let post = |more: &str, body: &str| {
        let length = body.len();
        let text = server.raw(
            format!("POST /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n{body}")
                .as_bytes(),
        );
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse::<u16>().unwrap(), body.trim().to_owned())
    };
    let key = "Authorization: Bearer k3y\r\n";
    let one = r#"{"email": "Lan@Example.com", "event": "purchased", "at": "2026-03-02T08:59:00+07:00", "properties": {"value": 250000}}"#;
    for wrong in ["", "Authorization: Bearer k3\r\n", "Authorization: Basic k3y\r\n", "Authorization: Bearer\r\n"] {
        assert_eq!(post(wrong, one).0, 401, "{wrong}");
    }
    assert_eq!(post(key, one), (200, r#"{"recorded":1,"known":0,"unknown":[]}"#.to_owned()));
    assert_eq!(post(key, one), (200, r#"{"recorded":0,"known":1,"unknown":[]}"#.to_owned()));
    let lines = "{\"email\": \"minh@example.com\", \"event\": \"purchased\"}\n\n{\"email\": \"nobody@example.com\", \"event\": \"purchased\"}\n";
    let once = format!("{key}Idempotency-Key: order-7\r\n");
    let first = post(&once, lines);
    assert_eq!(first.1, r#"{"recorded":1,"known":0,"unknown":[{"line":3,"error":"there is no such contact"}]}"#);
    assert_eq!(post(&once, lines), first, "the time it is told again is another, and it is the same request");
    assert_eq!(post(&once, one).0, 409);
    let events = || sandbox.sql("SELECT email || ' ' || event || ' ' || properties FROM v_events ORDER BY email");
    let all = ["lan@example.com purchased {\"value\":250000}", "minh@example.com purchased {}"];
    assert_eq!(events(), all);
    // What is wrong is told by its line, and takes the whole request with it.
    for (body, line, what) in [
        ("{\"email\": \"lan@example.com\", \"event\": \"a\"}\n{\"email\": \"lan\", \"event\": \"a\"}", 2, "`email`"),
        ("{\"email\": \"lan@example.com\", \"event\": \"a b\"}", 1, "not an event name"),
        ("{\"email\": \"lan@example.com\", \"event\": \"a\", \"at\": \"yesterday\"}", 1, "`yesterday` is no time"),
        ("{\"email\": \"lan@example.com\", \"event\": \"a\", \"consent\": \"subscribed\"}", 1, "consent"),
        ("email,event\n", 1, "expected value"),
        ("", 1, "there is no event"),
    ] {
        let (code, answer) = post(key, body);
        assert!(
            code == 400 && answer.contains(&format!("\"line\":{line}")) && answer.contains(what),
            "{body}: {answer}"
        );
    }
    assert_eq!(events(), all);
    sandbox.run("2026-03-02T02:10:00Z");
    assert_eq!(relay.recipients()[0], "lan@example.com");
    // Without a key nobody may.
    let closed = Server::start(&sandbox);
    assert_eq!(closed.ask("POST", "/events", one).code, 404);
}

#[test]
fn clicks_and_opens_are_told_apart_by_who_made_them() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = Sandbox::new()
        .settings(&SETTINGS.replace("http://localhost", "http://localhost\ntracking: { clicks: true, opens: true }"))
        .file(
            "templates/_layouts/main.html",
            "<html><body>{{body}}<p>{{postal_address}} <a href=\"{{unsubscribe_url}}\">Leave</a></p></body></html>",
        )
        .file(
            "templates/tea.md",
            "---\nsubject: Tea\n---\n[Oolong](https://shop.example/o?a=1&b=2#top) and [green](https://shop.example/g) or [call](tel:+841234).\n",
        )
        .campaign(
            "w",
            "trigger: { segment: 'true' }",
            &["id: hello, send: tea", "id: more, delay: 1d, send: mail, if: clicked(\"hello\")"],
        )
        .contacts("email,tracking", &["lan@example.com,", "minh@example.com,", "quiet@example.com,no"])
        .through(&relay);
    sandbox.run(MONDAY);
    let html = |who: &str| {
        let mail = relay.mails().into_iter().find(|mail| mail.to[0].starts_with(who)).unwrap();
        let text = String::from_utf8(mail.bytes).unwrap().replace("\r\n", "\n").replace("=\n", "").replace("=3D", "=");
        text.split("text/html").nth(1).unwrap().to_owned()
    };
    let paths = |who: &str, start: &str| -> Vec<String> {
        let html = html(who);
        let before = format!("http://localhost{start}");
        let parts = html.split(&before).skip(1);
        parts.map(|rest| format!("{start}{}", rest.split(['"', '\'']).next().unwrap())).collect()
    };
    let quiet = html("quiet");
    assert!(quiet.contains("https://shop.example/g") && !quiet.contains("/c/") && !quiet.contains("/o/"), "{quiet}");
    let lan = html("lan");
    assert!(
        !lan.contains("shop.example") && lan.contains("tel:+841234") && lan.contains("http://localhost/u/"),
        "{lan}"
    );
    let clear = relay.mails().iter().all(|mail| String::from_utf8_lossy(&mail.bytes).contains("shop.example"));
    assert!(clear, "the text part stays as it is");
    let (clicks, opens) = (paths("lan", "/c/"), paths("lan", "/o/"));
    assert_eq!((clicks.len(), opens.len()), (2, 1));

    let server = Server::start(&sandbox);
    let events = || {
        sandbox
            .sql("SELECT email || ' ' || event || ' ' || json_extract(properties, '$.step') FROM v_events ORDER BY at")
    };
    for method in ["HEAD", "GET"] {
        let led = server.ask(method, &clicks[0], "");
        assert_eq!(led.code, 302);
        assert!(led.head.contains("location: https://shop.example/o?a=1&b=2#top\r\n"), "{}", led.head);
    }
    assert_eq!(events(), ["lan@example.com clicked hello"], "by the GET alone");
    // No link of drip's leads anywhere else.
    let token = clicks[0].strip_prefix("/c/").unwrap();
    let other = if token.ends_with('A') { 'B' } else { 'A' };
    for forged in [
        format!("/c/{}{other}", &token[..token.len() - 1]),
        format!("/c/{token}x"),
        format!("/u/{token}"),
        format!("/c/{}", opens[0].strip_prefix("/o/").unwrap()),
    ] {
        let answer = server.ask("GET", &forged, "");
        assert!(answer.code == 404 && !answer.head.contains("location"), "{forged}: {}", answer.head);
    }
    for (agent, what) in [
        (
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
            "opened_by_proxy",
        ),
        ("Mozilla/5.0", "opened_by_machine"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148", "opened"),
        ("", "opened_by_machine"),
    ] {
        let answer = server.ask_as(agent, "GET", &opens[0], "");
        assert!(answer.code == 200 && answer.body.starts_with("GIF89a"), "{agent}");
        assert!(events().last().unwrap().contains(&format!(" {what} ")), "{agent}: {:?}", events());
    }
    // A scanner tries every link at once, whatever it calls itself.
    for path in paths("minh", "/c/") {
        server.ask("GET", &path, "");
    }
    let minh: Vec<_> = events().into_iter().filter(|event| event.starts_with("minh")).collect();
    assert_eq!(minh, ["minh@example.com clicked_by_machine hello"; 2]);
    // And it counts: only who clicked as a person gets the next mail.
    sandbox.run("2026-12-03T02:00:00Z");
    assert_eq!(relay.recipients()[3..], ["lan@example.com"]);
}
