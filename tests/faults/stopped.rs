//! Asked to stop: what is on its way is finished, the rest is handed back, and nothing becomes unknown.

use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use crate::case::{Case, Effort};
use crate::crowd::{NOW, everyone_due, number, received, run_until_idle, settle_accounts};
use crate::secured::{IMPLICIT, over_tls, support};
use crate::support::smtp::{Script, SmtpServer, Verb};

const GROUP: &str = "Asked to stop";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "F04",
            group: GROUP,
            fault: "SIGTERM, SIGINT or SIGHUP while mails leave",
            answer: "finishes the contents that are on their way, hands the rest back, nothing is `unknown`; code 8",
            needs: &[],
            story: while_mails_leave,
        },
        Case {
            id: "F04b",
            group: GROUP,
            fault: "SIGTERM while the relay keeps the run waiting before a content, also in the TLS handshake",
            answer: "does not wait for it; nobody is put off by that; code 8",
            needs: &[],
            story: while_the_relay_is_silent,
        },
        Case {
            id: "F04c",
            group: GROUP,
            fault: "a second SIGTERM while a content waits for its answer",
            answer: "ends at once, as `kill -9` would: that mail is `unknown`, and listed",
            needs: &[],
            story: twice,
        },
    ]
}

const PLAIN: &str = "smtp://127.0.0.1:{port}";

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn wait_until(so: impl Fn() -> bool) {
    while !so() {
        thread::sleep(Duration::from_millis(5));
    }
}

fn while_mails_leave(_: Effort) -> String {
    let mut told = Vec::new();
    for name in ["TERM", "INT", "HUP"] {
        let relay = SmtpServer::start(Script::new().on(Verb::Content).stall(Duration::from_millis(40)));
        let sandbox = everyone_due(100, &["a"], 4).through(&relay);
        let mut child = sandbox.command(&["--now", NOW, "run"]).spawn().unwrap();
        wait_until(|| relay.count("DATA") >= 20);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(8), "{name}");

        let sent = number(&sandbox, "SELECT count(*) FROM v_sends WHERE state = 'sent'");
        assert_eq!(relay.recipients().len(), sent, "{name}: each that arrived is known, and no other");
        assert!((16..100).contains(&sent), "{name}: {sent}");
        assert_eq!(sandbox.sql("SELECT DISTINCT state FROM v_sends WHERE state NOT IN ('sent', 'deferred')").len(), 0);
        assert_eq!(sandbox.sql("SELECT stopped IS NOT NULL FROM runs"), ["1"]);

        run_until_idle(&sandbox);
        let account = settle_accounts(&sandbox, &["a"], received(&relay));
        assert_eq!((account.sent, account.unknown), (100, 0), "{name}");
        told.push(format!("{sent} after SIG{name}"));
    }
    format!("of 100 mails {} had left, the others with the next run", told.join(", "))
}

fn while_the_relay_is_silent(_: Effort) -> String {
    let (for_ever, pause) = (Duration::from_secs(60), Duration::from_millis(50));
    let on = |verb| Script::new().on(verb);
    let in_the_handshake = over_tls("relay.pem", true).on(Verb::Handshake).begin_record(pause);
    let slowly = format!("250 {}", "and so on ".repeat(200));
    for (script, url, command) in [
        (on(Verb::Connect).stall(for_ever), PLAIN, None),
        (in_the_handshake, IMPLICIT, None),
        (on(Verb::Rcpt).stall(for_ever), PLAIN, Some("RCPT")),
        (on(Verb::Rcpt).drip(&slowly, pause), PLAIN, Some("RCPT")),
    ] {
        let relay = SmtpServer::start(script);
        let sandbox = everyone_due(3, &["a"], 4);
        let mut command_line = sandbox.command(&["--now", NOW, "run"]);
        command_line.env("DRIP_SMTP_URL", url.replace("{port}", &relay.port().to_string()));
        let mut child = command_line.env("SSL_CERT_FILE", support("authority.pem")).spawn().unwrap();
        // Once it is connected, signals are listened to.
        wait_until(|| command.map_or(relay.connections() > 0, |command| relay.count(command) > 0));
        signal(&child, "TERM");
        // It would be what the relay takes otherwise, or what drip gives it, and the mail put off.
        assert_eq!(child.wait().unwrap().code(), Some(8));
        assert!(relay.recipients().is_empty());
        let tried = "SELECT count(*) FROM sends WHERE retry_at IS NOT NULL OR attempts > 0";
        assert_eq!(number(&sandbox, tried), 0);
    }
    "at the greeting, in the TLS handshake and at RCPT, silent or a byte now and then: everyone is due as before"
        .to_owned()
}

fn twice(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new().on(Verb::Content).times(1).stall(Duration::from_secs(60)));
    let sandbox = everyone_due(3, &["a"], 1).through(&relay);
    let mut child = sandbox.command(&["--now", NOW, "run"]).spawn().unwrap();
    wait_until(|| relay.recipients().len() == 1);
    signal(&child, "TERM");
    // The second of two that come together would be taken for the first.
    thread::sleep(Duration::from_millis(50));
    assert!(child.try_wait().unwrap().is_none(), "the first one ended it");
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));

    let rest = SmtpServer::start(Script::new());
    let sandbox = sandbox.through(&rest);
    run_until_idle(&sandbox);
    let all = [relay.recipients(), rest.recipients()].concat();
    let account = settle_accounts(&sandbox, &["a"], all.into_iter().map(|to| ("a".to_owned(), to)).collect());
    assert_eq!((account.sent, account.unknown, account.arrived), (2, 1, 1));
    "2 of 3 mails sent, 1 `unknown`, which had arrived".to_owned()
}
