//! More clicks at once than there is time for: each is answered, and each is recorded.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use drip::model::id::SendId;
use drip::model::reaction::By;
use drip::store::{Arrival, Store};

use crate::support::Sandbox;
use crate::support::eml;
use crate::support::server::Server;
use crate::support::smtp::{Script, SmtpServer};

const MONDAY: &str = "2026-03-02T02:00:00Z";
const NOON: &str = "2026-03-02T05:00:00Z";
const SETTINGS: &str = "public_url: http://localhost\ntracking: { clicks: true }\nfrequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 1 }";
const MAIL: &str = "---\nsubject: News\n---\n[Tea](https://shop.example/tea) and [cups](https://shop.example/cups)\n{{postal_address}} {{unsubscribe_url}}\n";
const PEOPLE: usize = 120;

/// So many people who have a mail with two links each, and the paths of these.
fn mailed(relay: &SmtpServer) -> (Sandbox, Vec<[String; 2]>) {
    let people: Vec<String> = (0..PEOPLE).map(|n| format!("c{n:03}@example.com")).collect();
    let sandbox = Sandbox::new()
        .settings(SETTINGS)
        .file("templates/mail.md", MAIL)
        .campaign("w", "trigger: { segment: 'true' }", &["id: hello, send: mail"])
        .campaign("keen", "trigger: { event: clicked }", &["id: thanks, send: mail"])
        .contacts("email", &people.iter().map(String::as_str).collect::<Vec<_>>())
        .through(relay);
    sandbox.run(MONDAY);
    let mails = relay.mails();
    assert_eq!(mails.len(), PEOPLE);
    let paths = mails.iter().map(|mail| links(&mail.bytes)).collect();
    (sandbox, paths)
}

/// The paths of the two links of a mail.
fn links(mail: &[u8]) -> [String; 2] {
    let html = eml::html(&String::from_utf8_lossy(mail));
    let mut links = html.split("http://localhost").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    [(); 2].map(|()| links.find(|path| path.starts_with("/c/")).unwrap())
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn events(sandbox: &Sandbox) -> Vec<String> {
    sandbox.sql("SELECT name || ' ' || count(*) FROM events GROUP BY name ORDER BY name")
}

#[test]
fn a_crowd_of_clicks_is_led_on_and_recorded_to_the_last() {
    let relay = SmtpServer::start(Script::new());
    let (sandbox, paths) = mailed(&relay);
    let server = Server::start_at(&sandbox, NOON, &[("DRIP_METRICS_KEY", "m3trics")]);
    // While another writes, everyone who comes waits together.
    let mut other = sandbox.database();
    let writing = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    std::thread::scope(|scope| {
        for [tea, _] in &paths {
            scope.spawn(|| assert_eq!(server.ask("GET", tea, "").code, 302));
        }
        // A scanner that tries every link of one mail.
        scope.spawn(|| assert_eq!(server.ask("GET", &paths[7][1], "").code, 302));
    });
    assert_eq!(events(&sandbox), [""; 0], "nobody can write yet");
    writing.commit().unwrap();
    let recorded = [format!("clicked {}", PEOPLE - 1), "clicked_by_machine 2".to_owned()];
    until("every click is an event", || events(&sandbox) == recorded);
    assert_eq!(sandbox.sql("SELECT count(*) FROM arrivals"), ["0"]);
    let numbers = || server.send("GET", "/metrics", &[("Authorization", "Bearer m3trics")], "").body;
    let of = |name: &str| format!("drip_serve_reactions_total{{event=\"{name}\"}} ");
    let count = |name: &str| {
        let body = numbers();
        let number = body.lines().find_map(|line| line.strip_prefix(&of(name)).map(str::to_owned));
        number.map_or(0, |number| number.parse::<usize>().unwrap())
    };
    until("each is counted", || count("clicked") + count("clicked_by_machine") == PEOPLE + 1);
    sandbox.check();
}

#[test]
fn a_server_that_is_killed_in_a_crowd_loses_no_click_that_it_answered() {
    let relay = SmtpServer::start(Script::new());
    let (sandbox, paths) = mailed(&relay);
    for kill_after in [1, 20, 70] {
        let mut server = Server::start_at(&sandbox, NOON, &[]);
        let (answered, next) = (Mutex::new(BTreeSet::new()), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..48 {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some([tea, _]) = paths.get(at) else { return };
                        let request = format!(
                            "GET {tea} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nUser-Agent: Mozilla/5.0 (X11) Firefox/130.0\r\n\r\n"
                        );
                        if server.try_raw(request.as_bytes()).starts_with("HTTP/1.1 302") {
                            answered.lock().unwrap().insert(at);
                        }
                    }
                });
            }
            until("some are answered", || answered.lock().unwrap().len() >= kill_after);
            let id = server.child.id().to_string();
            assert!(std::process::Command::new("kill").args(["-9", &id]).status().unwrap().success());
        });
        server.child.wait().unwrap();
        sandbox.run(NOON);
        let known = sandbox.sql(
            "SELECT DISTINCT c.email FROM events e JOIN contacts c ON c.id = e.contact_id WHERE e.name = 'clicked'",
        );
        for at in answered.into_inner().unwrap() {
            let who = &relay.mails()[at].to[0];
            assert!(known.contains(who), "{who} was led on, and nobody knows");
        }
        sandbox.check();
    }
}

#[test]
fn a_run_decides_by_what_a_server_had_no_time_to_record() {
    let relay = SmtpServer::start(Script::new());
    let (sandbox, _) = mailed(&relay);
    // As a server leaves it that was killed.
    sandbox.database().execute_batch(
        "INSERT INTO arrivals (send_id, url, by, at)
         SELECT s.id, 'https://shop.example/tea', 'person', 1772427600000 FROM sends s JOIN enrolments n ON n.id = s.enrolment_id
         JOIN contacts c ON c.id = n.contact_id WHERE c.email IN ('c001@example.com', 'c002@example.com', 'c003@example.com');
         INSERT INTO arrivals (send_id, by, at) VALUES (999999, 'machine', 1772427600000);",
    ).unwrap();
    sandbox.drip(&["contact", "forget", "c002@example.com", "--yes"]).code(0);
    assert_eq!(sandbox.sql("SELECT count(*) FROM arrivals"), ["3"], "nothing is kept of who was forgotten");
    sandbox.run(NOON);
    let mut thanked = relay.recipients().split_off(PEOPLE);
    thanked.sort();
    assert_eq!(thanked, ["c001@example.com", "c003@example.com"]);
    assert_eq!(sandbox.sql("SELECT count(*) FROM arrivals"), ["0"]);
    assert_eq!(events(&sandbox), ["clicked 2"]);
    sandbox.check();
}

#[test]
fn a_click_that_may_be_the_only_proof_of_its_mail_is_never_put_by() {
    let relay = SmtpServer::start(Script::new());
    let (sandbox, _) = mailed(&relay);
    let ids = sandbox.sql("SELECT id FROM sends ORDER BY id LIMIT 4");
    // On its way, of unknown fate, to be sent again; and one that the relay took.
    for (id, row) in ids.iter().zip(["state = 1", "state = 7", "state = 3, reason = 'to be sent again'"]) {
        sandbox.database().execute_batch(&format!("UPDATE sends SET {row} WHERE id = {id}")).unwrap();
    }
    let mut store = Store::open(&sandbox.path("drip.db")).unwrap();
    let work = store.begin().unwrap();
    for id in &ids {
        let (send, url) = (SendId(id.parse().unwrap()), Some("https://shop.example/tea".to_owned()));
        let at = chrono::DateTime::parse_from_rfc3339(NOON).unwrap().to_utc();
        work.put_by_or_record(&Arrival { send, url, by: By::Person, at }).unwrap();
    }
    work.commit().unwrap();
    let told = sandbox.sql("SELECT state || ' ' || coalesce(reason, '') FROM sends ORDER BY id LIMIT 4");
    let proved = "proved by what came back";
    assert_eq!(told, [format!("1 {proved}"), format!("2 {proved}"), format!("2 {proved}"), "2 ".to_owned()]);
    assert_eq!(sandbox.sql("SELECT send_id FROM arrivals"), ids[3..]);
}
