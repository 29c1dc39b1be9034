//! What readers choose for themselves on the pages of `drip serve`: topics, a pause, and yes to the list.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use crate::support::Sandbox;
use crate::support::eml;
use crate::support::server::{Server, path_of};
use crate::support::smtp::{Mail, Script, SmtpServer, Verb};

pub(crate) const MONDAY: &str = "2026-03-02T02:00:00Z";
pub(crate) const TUESDAY: &str = "2026-03-03T02:00:00Z";
pub(crate) const WEDNESDAY: &str = "2026-03-04T02:00:00Z";
pub(crate) const SETTINGS: &str =
    "public_url: http://localhost\nfrequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 1 }";
pub(crate) const TOPICS: &str =
    "\ntopics:\n  tips: { en: Tea tips, vi: Mẹo pha trà }\n  offers: { en: Offers & sales, vi: Ưu đãi }";
pub(crate) const STEPS: [&str; 2] = ["id: hello, send: mail", "id: more, delay: 1d, send: mail"];

/// Two people in two campaigns, one of tips and one of offers, each of which has sent them its first mail.
pub(crate) fn mailed(relay: &SmtpServer, topics: &str, now: &str) -> Sandbox {
    let topic = |name: &str| if topics.is_empty() { String::new() } else { format!("\ntopic: {name}") };
    let sandbox = Sandbox::new()
        .settings(&format!("{SETTINGS}{topics}"))
        .file(
            "templates/mail.md",
            "---\nsubject: Hello\n---\n[Preferences]({{preferences_url}})\n{{postal_address}} {{unsubscribe_url}}\n",
        )
        .campaign("tea", &format!("name: Tea for you\ntrigger: {{ segment: 'true' }}{}", topic("tips")), &STEPS)
        .campaign("sale", &format!("name: Spring sale\ntrigger: {{ segment: 'true' }}{}", topic("offers")), &STEPS)
        .contacts("email,language", &["lan@example.com,vi", "minh@example.com,en"])
        .through(relay);
    sandbox.run(now);
    assert_eq!(relay.mails().len(), 4);
    sandbox
}

/// The path of a link that stands in a mail.
pub(crate) fn link(mail: &Mail, path: &str) -> String {
    let text = eml::read(&String::from_utf8_lossy(&mail.bytes)).text;
    let at = text.find(&format!("http://localhost/{path}/")).unwrap_or_else(|| panic!("no link in {text}"));
    let url = text[at..].split(|c: char| c.is_whitespace() || ")\">]".contains(c)).next().unwrap();
    url.strip_prefix("http://localhost").unwrap().to_owned()
}

pub(crate) fn preferences_of(relay: &SmtpServer, who: &str) -> String {
    link(relay.mails().iter().find(|mail| mail.to[0] == who).unwrap(), "p")
}

pub(crate) fn got(relay: &SmtpServer, who: &str) -> usize {
    relay.mails().iter().filter(|mail| mail.to[0] == who).count()
}

pub(crate) fn choices(sandbox: &Sandbox) -> Vec<String> {
    sandbox.sql("SELECT email || ' ' || refused || ' ' || coalesce(paused_until, '-') FROM v_contacts ORDER BY email")
}

#[test]
fn whoever_drops_a_topic_gets_nothing_more_of_it_and_everything_else() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay, TOPICS, MONDAY);
    let server = Server::start(&sandbox);
    let path = preferences_of(&relay, "lan@example.com");
    let page = server.ask("GET", &path, "");
    assert_eq!(page.code, 200);
    for word in ["<html lang=\"vi\">", "Mẹo pha trà", "Ưu đãi", "name=\"pause\"", "Hủy đăng ký tất cả"] {
        assert!(page.body.contains(word), "{word}: {}", page.body);
    }
    assert_eq!(page.body.matches(" checked").count(), 2, "both topics, and no pause: {}", page.body);
    assert_eq!(choices(&sandbox), ["lan@example.com [] -", "minh@example.com [] -"], "a look changes nothing");

    let saved = server.ask("POST", &path, "shown=tips&shown=offers&wanted=tips");
    assert_eq!(saved.code, 200);
    assert!(saved.body.contains("role=\"status\""), "{}", saved.body);
    assert_eq!(saved.body.matches(" checked").count(), 1);
    assert_eq!(choices(&sandbox), ["lan@example.com [\"offers\"] -", "minh@example.com [] -"]);
    sandbox.run(TUESDAY);
    assert_eq!((got(&relay, "lan@example.com"), got(&relay, "minh@example.com")), (3, 4));
    assert_eq!(
        sandbox.sql("SELECT email || ' ' || campaign || ' ' || reason FROM v_enrolments WHERE state = 'exited'"),
        ["lan@example.com sale refused"]
    );
    // A campaign that comes later is of the topic as well.
    sandbox.edit("summer", "trigger: { tag: summer }\ntopic: offers", &STEPS);
    sandbox.run(TUESDAY);
    sandbox.import("email,tags", &["lan@example.com,summer", "minh@example.com,summer"]);
    sandbox.run(WEDNESDAY);
    assert_eq!((got(&relay, "lan@example.com"), got(&relay, "minh@example.com")), (3, 5));
    let said = sandbox.drip(&["contact", "show", "lan@example.com"]).code(0).stdout;
    assert!(said.contains("refused      offers") && said.contains("wants nothing of offers"), "{said}");

    server.ask("POST", &path, "shown=tips&shown=offers&wanted=tips&wanted=offers");
    assert_eq!(choices(&sandbox)[0], "lan@example.com [] -");
    sandbox.drip(&["enrol", "summer", "lan@example.com", "--now", WEDNESDAY]).code(0);
    sandbox.run(WEDNESDAY);
    assert_eq!(got(&relay, "lan@example.com"), 4);
    sandbox.check();
}

#[test]
fn a_topic_that_is_dropped_between_the_claim_and_the_content_stops_the_mail() {
    let slow = Script::new().on(Verb::Content).mail(5).stall(Duration::from_secs(2));
    let relay = SmtpServer::start(slow);
    let sandbox = mailed(&relay, TOPICS, MONDAY);
    let server = Server::start(&sandbox);
    // While the first mail of the day is under way, and the others are claimed, the second person drops both topics.
    let path = preferences_of(&relay, "minh@example.com");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while relay.count("DATA") < 5 {
                std::thread::sleep(Duration::from_millis(5));
            }
            assert_eq!(server.ask("POST", &path, "shown=tips&shown=offers").code, 200);
        });
        sandbox.run(TUESDAY);
    });
    assert_eq!((got(&relay, "lan@example.com"), got(&relay, "minh@example.com")), (4, 2));
    sandbox.check();
}

#[test]
fn a_pause_of_thirty_days_holds_all_mail_and_then_it_goes_on() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay, TOPICS, MONDAY);
    let server = Server::start(&sandbox);
    let path = preferences_of(&relay, "minh@example.com");
    let page = server.ask("POST", &path, "shown=tips&shown=offers&wanted=tips&wanted=offers&pause=30");
    assert!(page.body.contains("No mail until"), "{}", page.body);
    assert_eq!(page.body.matches(" checked").count(), 3);
    // The pause is by the clock of the server, whose day is the one on which this test runs.
    let until = sandbox.sql("SELECT paused_until FROM v_contacts WHERE email = 'minh@example.com'").remove(0);
    let again = server.ask("POST", &path, "shown=tips&shown=offers&wanted=tips&pause=30");
    assert_eq!(again.code, 200);
    assert_eq!(choices(&sandbox)[1], format!("minh@example.com [\"offers\"] {until}"), "a pause is not begun anew");
    sandbox.run(TUESDAY);
    assert_eq!((got(&relay, "lan@example.com"), got(&relay, "minh@example.com")), (4, 2));
    let over =
        sandbox.sql("SELECT strftime('%Y-%m-%dT%H:%M:%SZ', max(paused_until) / 1000 + 1, 'unixepoch') FROM contacts");
    sandbox.run(&over[0]);
    assert_eq!(got(&relay, "minh@example.com"), 3, "what he still wants goes on after {until}");
    sandbox.check();
}

#[test]
fn without_topics_readers_choose_among_the_campaigns_they_are_in() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay, "", MONDAY);
    let server = Server::start(&sandbox);
    let path = preferences_of(&relay, "minh@example.com");
    let page = server.ask("GET", &path, "").body;
    assert!(
        page.contains("Tea for you") && page.contains("Spring sale") && page.contains("<html lang=\"en\">"),
        "{page}"
    );
    server.ask("POST", &path, "shown=campaign/tea&shown=campaign/sale&wanted=campaign/sale");
    sandbox.run(TUESDAY);
    assert_eq!((got(&relay, "lan@example.com"), got(&relay, "minh@example.com")), (4, 3));
    // What was not on the page cannot be refused by it, and nothing strange gets in.
    server.ask("POST", &path, "shown=campaign/none&shown=%22%5D&wanted=campaign/sale");
    assert_eq!(choices(&sandbox)[1], "minh@example.com [\"campaign/tea\"] -");
}

#[test]
fn the_page_of_preferences_is_nobody_elses_and_leads_out() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay, TOPICS, MONDAY);
    let server = Server::start(&sandbox);
    let first = relay.mails().remove(0);
    let (choose, leave) = (link(&first, "p"), path_of(&first.bytes));
    for (path, token) in [("u", &choose), ("y", &choose), ("c", &choose), ("p", &leave), ("y", &leave)] {
        let token = token.rsplit('/').next().unwrap();
        for method in ["GET", "POST"] {
            let code = server.ask(method, &format!("/{path}/{token}"), "shown=tips").code;
            assert!([404, 405].contains(&code), "{method} /{path}: {code}");
        }
    }
    // The page that asks whether to leave offers the other way, and this one the way out.
    let page = server.ask("GET", &leave, "").body;
    let other = page.split("href=\"..").nth(1).unwrap().split('"').next().unwrap();
    let page = server.ask("GET", other, "");
    assert_eq!(page.code, 200);
    let out = page.body.split("action=\"..").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(server.ask("POST", out, "").code, 200);
    let who = &first.to[0];
    assert_eq!(sandbox.sql(&format!("SELECT consent FROM contacts WHERE email = '{who}'")), ["unsubscribed"]);
    assert!(!server.ask("GET", &choose, "").body.contains("checkbox"), "there is nothing left to choose");
    server.ask("POST", &choose, "shown=tips&shown=offers");
    assert_eq!(sandbox.sql(&format!("SELECT refused FROM contacts WHERE email = '{who}'")), ["[]"]);
}

#[test]
fn what_readers_refused_outlives_a_copy_that_is_put_back() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay, TOPICS, MONDAY);
    sandbox.drip(&["backup", "before.db"]).code(0);
    let server = Server::start(&sandbox);
    server.ask("POST", &preferences_of(&relay, "lan@example.com"), "shown=tips&shown=offers&wanted=offers&pause=30");
    assert_eq!(server.stop(), 0);
    let before = choices(&sandbox);
    sandbox.drip(&["restore", "before.db"]).code(0);
    assert_eq!(choices(&sandbox), before);
    let said = sandbox.drip(&["contact", "show", "lan@example.com"]).code(0).stdout;
    assert!(said.contains("choices known before a copy was put back"), "{said}");
}

/// People who signed up, and a campaign that asks them whether they did.
pub(crate) fn asked(relay: &SmtpServer) -> Sandbox {
    let sandbox = Sandbox::new()
        .settings(&format!("{SETTINGS}\nhours: \"09:00-10:00\"").replace("frequency_cap: none\n", ""))
        .file(
            "templates/ask.md",
            "---\nsubject: Did you sign up?\n---\n[Yes]({{confirm_url}})\n{{postal_address}} {{unsubscribe_url}}\n",
        )
        .campaign("confirm", "trigger: pending", &["id: ask, send: ask", "id: remind, delay: 2d, send: ask"])
        .campaign("welcome", "trigger: { tag: signed_up }", &["id: hello, send: mail"])
        .through(relay);
    sandbox.import(
        "email,consent,tags",
        &["lan@example.com,pending,signed_up", "minh@example.com,pending,signed_up", "old@example.com,subscribed,"],
    );
    sandbox
}

#[test]
fn who_signs_up_is_asked_first_and_mailed_once_they_confirm() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = asked(&relay);
    // At seven in the evening, when no other mail goes.
    sandbox.run("2026-03-02T12:00:00Z");
    let asked: Vec<String> = relay.mails().iter().map(|mail| mail.to[0].clone()).collect();
    assert_eq!(asked, ["lan@example.com", "minh@example.com"]);
    let server = Server::start(&sandbox);
    let path = link(&relay.mails()[0], "y");
    let page = server.ask("GET", &path, "");
    assert!(page.code == 200 && page.body.contains("<form method=\"post\">"), "{}", page.body);
    assert_eq!(server.ask("HEAD", &path, "").code, 200);
    assert_eq!(sandbox.sql("SELECT DISTINCT consent FROM contacts WHERE email <> 'old@example.com'"), ["pending"]);
    for _ in 0..2 {
        let page = server.ask("POST", &path, "");
        assert!(page.code == 200 && page.body.contains("Thank you"), "{}", page.body);
    }
    let consents = "SELECT email || ' ' || consent FROM contacts ORDER BY email";
    assert_eq!(
        sandbox.sql(consents),
        ["lan@example.com subscribed", "minh@example.com pending", "old@example.com subscribed"]
    );
    assert_eq!(sandbox.sql("SELECT email || ' ' || event FROM v_events"), ["lan@example.com confirmed"]);
    // The server's clock is the true one, and the event is of its day.
    let tomorrow = sandbox.sql("SELECT strftime('%Y-%m-%dT02:30:00Z', 'now', '+2 days')").remove(0);
    sandbox.run(&tomorrow);
    let mails = |who: &str| {
        relay
            .mails()
            .iter()
            .filter(|mail| mail.to[0] == who)
            .map(|mail| eml::read(&String::from_utf8_lossy(&mail.bytes)).subject)
            .collect::<Vec<_>>()
    };
    // The question does not count for the frequency cap.
    assert_eq!(mails("lan@example.com"), ["Did you sign up?", "Chào bạn"]);
    assert_eq!(mails("minh@example.com"), ["Did you sign up?", "Did you sign up?"], "nobody confirms by silence");
    assert_eq!(
        sandbox.sql("SELECT campaign || ' ' || email || ' ' || state FROM v_enrolments ORDER BY 1"),
        [
            "confirm lan@example.com goal",
            "confirm minh@example.com finished",
            "welcome lan@example.com finished",
            "welcome minh@example.com active"
        ]
    );
    sandbox.check();
}

#[test]
fn a_link_to_confirm_takes_no_opt_out_back() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = asked(&relay);
    sandbox.run("2026-03-02T12:00:00Z");
    let server = Server::start(&sandbox);
    let first = relay.mails().remove(0);
    assert_eq!(server.ask("POST", &path_of(&first.bytes), "").code, 200);
    let page = server.ask("POST", &link(&first, "y"), "");
    assert!(page.code == 200 && !page.body.contains("Thank you"), "{}", page.body);
    assert_eq!(sandbox.sql("SELECT consent FROM contacts WHERE email = 'lan@example.com'"), ["unsubscribed"]);
    assert!(sandbox.sql("SELECT event FROM v_events").is_empty());
    sandbox.run("2026-03-05T12:00:00Z");
    assert_eq!(got(&relay, "lan@example.com"), 1);
}

#[test]
fn who_has_confirmed_is_not_asked_again() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = asked(&relay);
    let said = sandbox.drip(&["enrol", "confirm", "old@example.com"]).code(4).stderr;
    assert!(said.contains("confirmed already"), "{said}");
    // Confirmed on paper, between the question and the reminder.
    sandbox.run("2026-03-02T12:00:00Z");
    sandbox.import("email,consent", &["lan@example.com,subscribed"]);
    sandbox.run("2026-03-05T02:30:00Z");
    assert_eq!(
        sandbox.sql("SELECT email || ' ' || state || ' ' || reason FROM v_enrolments WHERE state = 'exited'"),
        ["lan@example.com exited confirmed"]
    );
}
