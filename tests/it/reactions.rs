//! What came of mails, as the funnel counts it: people apart from machines, each thing once for a mail.

#![allow(clippy::unwrap_used, reason = "a test")]

use serde_json::json;

use crate::support::Sandbox;
use crate::support::eml;
use crate::support::server::{Server, path_of};
use crate::support::smtp::{Script, SmtpServer};

const MONDAY: &str = "2026-03-02T02:00:00Z";
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0";
const SETTINGS: &str = "public_url: http://localhost\ntracking: { clicks: true, opens: true }\nfrequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 1 }";

/// The paths of the first link and of the picture in a mail.
fn paths(mail: &[u8]) -> (String, String) {
    let html = eml::html(&String::from_utf8_lossy(mail));
    let of = |kind: &str| {
        let at = html.find(&format!("http://localhost/{kind}/")).unwrap_or_else(|| panic!("no /{kind}/ in {html}"));
        html[at..].split('"').next().unwrap().strip_prefix("http://localhost").unwrap().to_owned()
    };
    (of("c"), of("o"))
}

#[test]
fn the_funnel_tells_what_people_did_and_what_machines_did() {
    let relay = SmtpServer::start(Script::new());
    let people = ["a@example.com", "b@example.com", "c@example.com", "d@example.com"];
    let sandbox = Sandbox::new()
        .settings(SETTINGS)
        .file(
            "templates/news.md",
            "---\nsubject: News\n---\n[Shop](https://shop.example/tea)\n{{postal_address}} {{unsubscribe_url}}\n",
        )
        .campaign("w", "trigger: { segment: 'true' }", &["id: hello, test: { x: { send: news }, y: { send: news } }"])
        .contacts("email", &people)
        .through(&relay);
    sandbox.run(MONDAY);
    let mails = relay.mails();
    assert_eq!(mails.len(), 4);
    let server = Server::start(&sandbox);
    let (click, open) = paths(&mails[0].bytes);
    for _ in 0..3 {
        assert_eq!(server.ask_as(BROWSER, "GET", &click, "").code, 302);
        assert_eq!(server.ask_as(BROWSER, "GET", &open, "").code, 200);
    }
    let (click, open) = paths(&mails[1].bytes);
    server.ask_as("python-requests/2.31", "GET", &click, "");
    server.ask_as("Mozilla/5.0 (Windows NT 5.1) GoogleImageProxy", "GET", &open, "");
    assert_eq!(server.ask("POST", &path_of(&mails[2].bytes), "").code, 200);

    let step = || {
        let report: serde_json::Value =
            serde_json::from_str(&sandbox.drip(&["report", "--format", "json"]).code(0).stdout).unwrap();
        report["campaigns"][0]["steps"][0].clone()
    };
    let all = json!({ "opened": 1, "opened_by_proxy": 1, "clicked": 1, "clicked_by_machine": 1, "unsubscribed": 1 });
    assert_eq!(step()["reactions"], all);
    let variants = step()["variants"].as_array().unwrap().clone();
    let clicks: u64 = variants.iter().filter_map(|one| one["reactions"]["clicked"].as_u64()).sum();
    assert_eq!(clicks, 1, "{variants:?}");
    let since: serde_json::Value =
        serde_json::from_str(&sandbox.drip(&["report", "--since", "2026-03-01", "--format", "json"]).code(0).stdout)
            .unwrap();
    assert_eq!(
        since["campaigns"][0]["steps"][0]["reactions"], all,
        "counted from the ledger, and not from the tallies"
    );
    insta::assert_snapshot!("reactions", sandbox.drip(&["report"]).code(0).stdout);
    insta::assert_snapshot!("reactions_markdown", sandbox.drip(&["report", "--format", "markdown"]).code(0).stdout);

    // A scanner tries all links of a mail: what looked like a person's click was none.
    sandbox.check();
    sandbox.edit(
        "w",
        "trigger: { segment: 'true' }",
        &["id: hi, was: [hello], test: { x: { send: news }, y: { send: news } }"],
    );
    sandbox.run(MONDAY);
    assert_eq!(step()["reactions"], all, "a step that is called otherwise keeps them");
    sandbox.check();
    let first = &mails[0].to[0];
    sandbox.drip(&["contact", "forget", first, "--yes"]).code(0);
    assert_eq!(step()["reactions"], json!({ "opened_by_proxy": 1, "clicked_by_machine": 1, "unsubscribed": 1 }));
    sandbox.check();
}

#[test]
fn a_scanner_that_tries_every_link_takes_its_clicks_back_from_the_funnel() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = Sandbox::new()
        .settings(SETTINGS)
        .file("templates/news.md", "---\nsubject: News\n---\n[Shop](https://shop.example/tea) [Blog](https://blog.example/)\n{{postal_address}} {{unsubscribe_url}}\n")
        .campaign("w", "trigger: { segment: 'true' }", &["id: hello, send: news"])
        .contacts("email", &["a@example.com"])
        .through(&relay);
    sandbox.run(MONDAY);
    let html = eml::html(&String::from_utf8_lossy(&relay.mails()[0].bytes));
    let links: Vec<&str> =
        html.split("http://localhost/c/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let server = Server::start(&sandbox);
    server.ask_as(BROWSER, "GET", &format!("/c/{}", links[0]), "");
    assert_eq!(sandbox.sql("SELECT what FROM reactions"), ["clicked"]);
    server.ask_as(BROWSER, "GET", &format!("/c/{}", links[1]), "");
    assert_eq!(sandbox.sql("SELECT what FROM reactions"), ["clicked_by_machine"]);
    sandbox.check();
}
