//! A relay that says "not now": it is asked again with patience, less is sent where it gets too much, and in the end a
//! mail is given up.

use crate::case::{Case, Effort};
use crate::support::Sandbox;
use crate::support::sandbox::count;
use crate::support::smtp::{Script, SmtpServer, Verb};

const GROUP: &str = "A relay that asks for patience";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "F09b",
            group: GROUP,
            fault: "a relay that puts a mail off for ever (4xx)",
            answer: "asked again after 5 minutes, then 10, 20 and so on, each up to a quarter later; `rejected` after \
                     `give_up`, and the sequence goes on",
            needs: &[],
            story: given_up,
        },
        Case {
            id: "F10",
            group: GROUP,
            fault: "a relay that gets too much (`4.7.28`, `4.5.3`, \"too many\"), said of a mail, at the greeting or at the login",
            answer: "the run stops with code 5 and blames nobody; for 10 minutes runs leave the relay alone and end with \
                     code 0; then mail goes over one connection at first",
            needs: &[],
            story: too_much,
        },
    ]
}

fn people(number: usize, settings: &str, steps: &[&str], relay: &SmtpServer) -> Sandbox {
    let rows: Vec<String> = (0..number).map(|n| format!("c{n:03}@example.com")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    Sandbox::new()
        .settings(settings)
        .campaign("w", "trigger: { segment: 'true' }", steps)
        .contacts("email", &rows)
        .through(relay)
}

fn given_up(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new().on(Verb::Rcpt).to("c0").reply("451 4.7.1 greylisted, come back"));
    let sandbox = people(
        40,
        "frequency_cap: none\ngive_up: after 3 attempts",
        &["id: a, send: mail", "id: b, delay: 1d, send: mail"],
        &relay,
    );
    let waits = |since: &str| -> Vec<i64> {
        let query = format!("SELECT retry_at - strftime('%s', '{since}') * 1000 FROM sends WHERE retry_at IS NOT NULL");
        sandbox.sql(&query).iter().map(|text| text.parse().unwrap()).collect()
    };
    let minute = 60_000;
    for (now, longer) in [("2026-03-02T02:00:00Z", 1), ("2026-03-02T02:07:00Z", 2)] {
        sandbox.drip(&["--now", now, "run"]).code(0);
        // By themselves no earlier than that.
        sandbox.drip(&["--now", &now.replace(":00Z", ":59Z"), "run"]).code(0);
        let waits = waits(now);
        assert_eq!(waits.len(), 40);
        let (least, most) = (5 * minute * longer, 5 * minute * longer * 5 / 4);
        assert!(waits.iter().all(|wait| (least..most).contains(wait)), "{waits:?}");
        assert!(count(waits).len() > 20, "what was put off together comes back apart");
    }
    let ended = sandbox.drip(&["--now", "2026-03-02T02:20:00Z", "run"]).code(6);
    assert!(ended.stdout.contains("40 rejected"), "{}", ended.stdout);
    assert_eq!(relay.count("RCPT"), 3 * 40);
    let reason = "rejected given up after 3 attempts: 451 4.7.1 greylisted, come back";
    assert_eq!(sandbox.sql("SELECT DISTINCT state || ' ' || reason FROM v_sends"), [reason]);
    assert_eq!(sandbox.sql("SELECT DISTINCT consent FROM contacts"), ["subscribed"], "no contact is to blame");
    assert_eq!(sandbox.sql("SELECT DISTINCT position FROM v_enrolments"), ["b"]);

    // By the days instead.
    let relay = SmtpServer::start(Script::new().on(Verb::Rcpt).reply("451 4.7.1 greylisted, come back"));
    let sandbox = people(1, "frequency_cap: none\ngive_up: after 2d", &["id: a, send: mail"], &relay);
    for (now, state) in [("2026-03-02", "deferred"), ("2026-03-03", "deferred"), ("2026-03-04", "rejected")] {
        sandbox.drip(&["--now", &format!("{now}T02:00:00Z"), "run"]);
        assert_eq!(sandbox.sql("SELECT state FROM v_sends"), [state], "{now}");
    }
    // From the first attempt, not from the day on which it was due: a mail that was held for long is tried as any other.
    let sandbox =
        people(1, "frequency_cap: none\ngive_up: after 2d", &["id: a, send: mail, subject: \"{{city}}\""], &relay);
    for (now, state) in
        [("2026-03-02", "held"), ("2026-03-06", "deferred"), ("2026-03-07", "deferred"), ("2026-03-08", "rejected")]
    {
        sandbox.drip(&["--now", &format!("{now}T02:00:00Z"), "run"]);
        assert_eq!(sandbox.sql("SELECT state FROM v_sends"), [state], "{now}");
        sandbox.drip(&["contact", "set", "c000@example.com", "city=Vinh"]).code(0);
    }
    "40 mails asked for 3 times, each at a moment of its own, and given up".to_owned()
}

fn too_much(_: Effort) -> String {
    let connections = 4;
    let replies = [
        "450 4.7.28 Our system has detected an unusual rate of mail",
        "452 4.5.3 too many recipients",
        "421 4.7.0 Too many messages, slow down",
    ];
    for (verb, reply) in [Verb::Rcpt, Verb::Rcpt, Verb::Content].into_iter().zip(replies) {
        let relay = SmtpServer::start(Script::new().on(verb).mail(12).times(1).reply(reply));
        let settings =
            format!("frequency_cap: none\nsmtp: {{ url: \"smtp://localhost\", connections: {connections} }}");
        let sandbox = people(120, &settings, &["id: a, send: mail"], &relay);
        let ended = sandbox.drip(&["--now", "2026-03-02T02:00:00Z", "run"]).code(5);
        assert!(ended.stderr.contains("the relay gets too much") && ended.stderr.contains(reply), "{}", ended.stderr);
        let before = relay.recipients().len();
        assert!(before < 40, "{before} mails went on after it");
        assert_eq!(sandbox.sql("SELECT DISTINCT state FROM v_sends WHERE state NOT IN ('sent', 'deferred')").len(), 0);
        assert_eq!(sandbox.sql("SELECT DISTINCT consent FROM contacts"), ["subscribed"]);

        let knocks = relay.connections();
        let ended = sandbox.drip(&["--now", "2026-03-02T02:09:00Z", "run"]).code(0);
        assert!(ended.stderr.contains("left alone for 60 s more; everyone else stays due"), "{}", ended.stderr);
        assert_eq!(relay.connections(), knocks);

        sandbox.drip(&["--now", "2026-03-02T02:11:00Z", "run"]).code(0);
        let mails = relay.mails();
        let first: Vec<usize> = mails[before..before + 20].iter().map(|mail| mail.connection).collect();
        assert_eq!(count(first).len(), 1, "{reply}: one connection at first");
        let all: Vec<usize> = mails[before..].iter().map(|mail| mail.connection).collect();
        assert_eq!(count(all).len(), connections, "{reply}: and all of them in the end");
        let received = count(relay.recipients());
        assert_eq!((received.len(), received.values().max()), (120, Some(&1)), "{reply}");
        assert!(sandbox.sql("SELECT value FROM meta WHERE key = 'rest_until'").is_empty(), "it is forgotten");
        sandbox.check();
    }
    let refused = too_much_before_any_mail();
    format!("3 replies, 120 mails each: nobody twice, nobody blamed; {refused} replies before any mail: nobody touched")
}

/// The same words at the greeting, at the login, and to a connection that was to take the place of a lost one.
fn too_much_before_any_mail() -> usize {
    let attempts = "454 4.7.0 Too many login attempts, please try again later.";
    let closing = |reply: &str| Script::new().on(Verb::Connect).times(1).reply_and_close(reply);
    let lost = Script::new().on(Verb::Content).mail(2).close().on(Verb::Connect).connection(2);
    let ways = [
        (closing("421 4.7.28 unusual rate of connections"), "421 4.7.28", 0),
        (closing("450 4.7.0 too many connections from your address"), "450 4.7.0", 0),
        (Script::new().offering("AUTH PLAIN").on(Verb::Auth).times(1).reply(attempts), attempts, 0),
        (lost.reply_and_close("421 4.7.0 too many connections"), "421 4.7.0", 1),
    ];
    let told = ways.len();
    for (script, says, before) in ways {
        let relay = SmtpServer::start(script);
        let settings = "frequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 1 }";
        let sandbox = people(6, settings, &["id: a, send: mail"], &relay);
        let login = if says == attempts { "acme:s3cret@" } else { "" };
        let url = format!("smtp://{login}127.0.0.1:{}", relay.port());
        let run = |now: &str| sandbox.drip_with(&[("DRIP_SMTP_URL", &url)], &["--now", now, "run"]);
        let said = run("2026-03-02T02:00:00Z").code(5).stderr;
        for words in ["everyone it did not reach stays due: the relay gets too much: ", says, "for 10 minutes"] {
            assert!(said.contains(words), "{says}: {said}");
        }
        assert_eq!(sandbox.sql("SELECT count(*) FROM v_sends WHERE state = 'sent'"), [before.to_string()], "{says}");
        let knocks = relay.connections();
        let said = run("2026-03-02T02:09:00Z").code(0).stderr;
        assert!(said.contains("left alone for 60 s more"), "{says}: {said}");
        assert_eq!(relay.connections(), knocks, "{says}");
        run("2026-03-02T02:11:00Z").code(0);
        run("2026-03-02T02:31:00Z").code(0);
        let received = count(relay.recipients());
        assert_eq!((received.len(), received.values().max()), (6, Some(&1)), "{says}");
        assert_eq!(sandbox.sql("SELECT DISTINCT consent FROM contacts"), ["subscribed"], "{says}");
        sandbox.check();
    }
    told
}
