//! A web page tells that somebody looks at it who came by a link of a mail; as a browser asks, over a socket.

#![allow(clippy::unwrap_used, reason = "a test")]

use serde_json::json;

use crate::support::Sandbox;
use crate::support::server::{Answer, Server, path_of};
use crate::support::smtp::{Mail, Script, SmtpServer};

const MONDAY: &str = "2026-03-02T02:00:00Z";
const LATER: &str = "2026-03-02T02:30:00Z";
const SHOP: &str = "https://shop.example";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0";

fn mailed(relay: &SmtpServer) -> Sandbox {
    let sandbox = Sandbox::new()
        .settings("public_url: http://localhost\ntracking: { clicks: true, pages: [https://shop.example] }\nfrequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 1 }")
        .file(
            "templates/tea.md",
            "---\nsubject: Tea\n---\n[Oolong](https://shop.example/o?a=1#top) and [news](https://news.example/n). {{postal_address}} [Leave]({{unsubscribe_url}})\n",
        )
        .campaign("w", "trigger: { segment: 'true' }", &["id: hello, send: tea"])
        .campaign("v", "trigger: { event: page_viewed, where: 'event.url.contains(\"/o\")' }", &["id: thanks, send: mail"])
        .contacts("email", &["lan@example.com", "minh@example.com"])
        .through(relay);
    sandbox.run(MONDAY);
    sandbox
}

fn links(mail: &Mail) -> Vec<String> {
    let text = String::from_utf8(mail.bytes.clone()).unwrap().replace("=\r\n", "").replace("=3D", "=");
    text.split("http://localhost/c/").skip(1).map(|rest| format!("/c/{}", rest.split('"').next().unwrap())).collect()
}

fn leads_to(answer: &Answer) -> String {
    let location = answer.head.lines().find_map(|line| line.strip_prefix("location: "));
    location.unwrap().to_owned()
}

fn views(sandbox: &Sandbox) -> Vec<String> {
    sandbox.sql(
        "SELECT email || ' ' || event || ' ' || json_extract(properties, '$.url') || ' ' || json_extract(properties, '$.title') ||
         ' ' || json_extract(properties, '$.campaign') || '/' || json_extract(properties, '$.step')
         FROM v_events WHERE event LIKE 'page%' ORDER BY at",
    )
}

/// The token that a link hands to its page: answers are read in lower case, so it is asked for anew.
fn token(server: &Server, link: &str) -> String {
    let text = server.raw(
        format!("GET {link} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {FIREFOX}\r\nConnection: close\r\n\r\n")
            .as_bytes(),
    );
    let location = text.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    location.split("drip=").nth(1).unwrap_or_else(|| panic!("{location}")).split(['&', '#']).next().unwrap().to_owned()
}

fn view(server: &Server, origin: &str, body: &str) -> Answer {
    let head = [("Origin", origin), ("User-Agent", FIREFOX), ("Content-Type", "text/plain;charset=UTF-8")];
    server.send("POST", "/viewed", &head, body)
}

#[test]
fn a_page_tells_who_looks_at_it_and_a_campaign_begins() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay);
    let mails = relay.mails();
    let (oolong, news) = (links(&mails[0])[0].clone(), links(&mails[0])[1].clone());
    let server = Server::start_at(&sandbox, LATER, &[("DRIP_METRICS_KEY", "m3trics")]);
    let led = leads_to(&server.ask("GET", &oolong, ""));
    assert!(led.starts_with("https://shop.example/o?a=1&drip=") && led.ends_with("#top"), "{led}");
    assert_eq!(leads_to(&server.ask("GET", &news, "")), "https://news.example/n", "no other site is handed anything");
    for machine in ["curl/8.5.0", ""] {
        let led = leads_to(&server.send("GET", &oolong, &[("User-Agent", machine)], ""));
        assert_eq!(led, "https://shop.example/o?a=1#top", "nor a machine: {machine}");
    }
    let token = token(&server, &oolong);
    // The browser asks first, where the body is said to be JSON.
    let asks = [
        ("Origin", SHOP),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type"),
    ];
    let allowed = server.send("OPTIONS", "/viewed", &asks, "");
    assert_eq!(allowed.code, 204);
    for line in [
        "access-control-allow-origin: https://shop.example\r\n",
        "access-control-allow-methods: post\r\n",
        "access-control-allow-headers: content-type\r\n",
        "vary: origin\r\n",
    ] {
        assert!(format!("{}\r\n", allowed.head).contains(line), "{line}: {}", allowed.head);
    }
    assert!(!allowed.head.contains("credentials"), "{}", allowed.head);
    let told = |url: &str| {
        json!({ "token": token, "event": "page_viewed", "url": url, "title": "  Trà\nô long  " }).to_string()
    };
    let page = format!("https://shop.example/o?a=1&drip={token}#top");
    let answer = view(&server, SHOP, &told(&page));
    assert!(
        answer.code == 204 && answer.head.contains("access-control-allow-origin: https://shop.example"),
        "{}",
        answer.head
    );
    let once = ["lan@example.com page_viewed https://shop.example/o?a=1 Trà ô long w/hello"];
    assert_eq!(views(&sandbox), once);
    // Loaded anew it is the same view; another page is another.
    assert_eq!(view(&server, SHOP, &told(&page)).code, 204);
    assert_eq!(views(&sandbox), once);
    assert_eq!(view(&server, SHOP, &told("https://shop.example/cart")).code, 204);
    assert_eq!(views(&sandbox).len(), 2);
    let numbers = server.send("GET", "/metrics", &[("Authorization", "Bearer m3trics")], "").body;
    for line in ["drip_serve_page_views_total{end=\"recorded\"} 2\n", "drip_serve_page_views_total{end=\"known\"} 1\n"]
    {
        assert!(numbers.contains(line), "{line}: {numbers}");
    }
    let run = sandbox.drip(&["--now", "2026-03-02T02:31:00Z", "run"]);
    assert!(run.stderr.contains("1 mail sent") || run.stdout.contains("1 mail sent"), "{} {}", run.stdout, run.stderr);
    assert_eq!(relay.recipients().last().unwrap(), "lan@example.com");
    drop(server);
    // A minute later the same page is looked at again.
    let server = Server::start_at(&sandbox, "2026-03-02T02:32:00Z", &[]);
    assert_eq!(view(&server, SHOP, &told(&page)).code, 204);
    assert_eq!(views(&sandbox).len(), 3);
}

#[test]
fn nobody_makes_up_a_view_and_a_token_of_a_page_is_good_for_nothing_else() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay);
    let mails = relay.mails();
    let (oolong, leave) = (links(&mails[0])[0].clone(), path_of(&mails[0].bytes));
    let server = Server::start_at(&sandbox, LATER, &[]);
    let token = token(&server, &oolong);
    let told = |token: &str, event: &str, url: &str| {
        json!({ "token": token, "event": event, "url": url, "title": "t" }).to_string()
    };
    let page = "https://shop.example/o";
    let forged = format!("{}{}", &token[..token.len() - 1], if token.ends_with('A') { "B" } else { "A" });
    let before = sandbox.sql("SELECT count(*) FROM events");
    for (origin, body, code, why) in [
        (SHOP, told(&forged, "page_viewed", page), 404, "a forged token"),
        (SHOP, told("", "page_viewed", page), 404, "no token"),
        (SHOP, told(leave.strip_prefix("/u/").unwrap(), "page_viewed", page), 404, "a token of another kind"),
        (SHOP, told(oolong.strip_prefix("/c/").unwrap(), "page_viewed", page), 404, "that of the link itself"),
        (SHOP, told(&token, "purchased", page), 400, "another event"),
        (SHOP, told(&token, "page_viewed", "https://evil.example/o"), 400, "a page of another site"),
        (SHOP, "{".to_owned(), 400, "no JSON"),
        (SHOP, told(&token, "page_viewed", &format!("{page}?{}", "x".repeat(9000))), 413, "too large"),
        ("https://evil.example", told(&token, "page_viewed", page), 403, "from another site"),
        ("http://shop.example", told(&token, "page_viewed", page), 403, "without TLS"),
        ("null", told(&token, "page_viewed", page), 403, "from nowhere"),
        ("", told(&token, "page_viewed", page), 403, "by no browser"),
    ] {
        let answer = view(&server, origin, &body);
        assert_eq!(answer.code, code, "{why}");
        assert_eq!(answer.head.contains("access-control-allow-origin"), code != 403, "{why}: {}", answer.head);
    }
    let refused = server.send(
        "OPTIONS",
        "/viewed",
        &[("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST")],
        "",
    );
    assert!(refused.code == 403 && !refused.head.contains("access-control"), "{}", refused.head);
    // Whoever has the token of a page can neither unsubscribe nor follow a link with it.
    for path in ["/u/", "/c/"] {
        assert_eq!(server.ask("GET", &format!("{path}{token}"), "").code, 404);
        assert_eq!(server.ask("POST", &format!("/u/{token}"), "List-Unsubscribe=One-Click").code, 404);
    }
    assert_eq!(server.ask("GET", &format!("/o/{token}.gif"), "").code, 404);
    assert_eq!(sandbox.sql("SELECT count(*) FROM events"), before);
    assert_eq!(sandbox.sql("SELECT count(*) FROM contacts WHERE consent = 'subscribed'"), ["2"]);
    // A program that calls itself one is another event, and one contact fills no disk.
    let machine = [("Origin", SHOP), ("User-Agent", "HeadlessChrome/130.0")];
    assert_eq!(server.send("POST", "/viewed", &machine, &told(&token, "page_viewed", page)).code, 204);
    assert_eq!(views(&sandbox), ["lan@example.com page_viewed_by_machine https://shop.example/o t w/hello"]);
    let codes: Vec<u16> =
        (0..125).map(|n| view(&server, SHOP, &told(&token, "page_viewed", &format!("{page}/{n}"))).code).collect();
    assert_eq!(codes.iter().filter(|code| **code == 204).count(), 120);
    assert!(codes[120..].iter().all(|code| *code == 429), "{codes:?}");
    // Whoever said no is not noted, also with a token of before.
    sandbox.drip(&["contact", "set", "lan@example.com", "tracking=no"]).code(0);
    let count = views(&sandbox).len();
    drop(server);
    let server = Server::start_at(&sandbox, "2026-03-02T08:30:00Z", &[]);
    assert_eq!(view(&server, SHOP, &told(&token, "page_viewed", page)).code, 204);
    assert_eq!(views(&sandbox).len(), count);
}

#[test]
fn the_script_is_small_and_needs_nothing_of_a_page_that_its_policy_could_forbid() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay);
    let server = Server::start(&sandbox);
    let script = server.ask("GET", "/viewed.js", "");
    assert_eq!(script.code, 200);
    for line in [
        "content-type: text/javascript; charset=utf-8",
        "cache-control: public, max-age=3600",
        "x-content-type-options: nosniff",
    ] {
        assert!(script.head.contains(line), "{line}: {}", script.head);
    }
    assert!(script.body.len() < 3000, "{}", script.body.len());
    for forbidden in
        ["eval(", "new Function", "innerHTML", "document.write", "document.cookie", "localStorage", ".style"]
    {
        assert!(!script.body.contains(forbidden), "{forbidden}");
    }
    for needed in ["globalPrivacyControl", "doNotTrack", "credentials: \"omit\""] {
        assert!(script.body.contains(needed), "{needed}");
    }
}

#[test]
fn sites_are_named_by_their_origin_and_need_clicks() {
    for (line, said) in [
        ("tracking: { clicks: true, pages: [https://shop.example/tea] }", "is no web site; write it without a path"),
        ("tracking: { clicks: true, pages: [http://shop.example] }", "is no web site"),
        ("tracking: { clicks: true, pages: ['*'] }", "is no web site"),
        ("tracking: { pages: [https://shop.example] }", "`pages` needs `clicks`"),
    ] {
        let sandbox = Sandbox::new().settings(&format!("public_url: https://mail.acme.example\n{line}")).campaign(
            "w",
            "trigger: manual",
            &["id: hello, send: mail"],
        );
        let told = sandbox.drip(&["check"]).code(3).stderr;
        assert!(told.contains(said), "{line}: {told}");
    }
}
