//! Killed anywhere: nobody gets a step twice, nobody none, and what is not known is listed.

use std::time::Duration;

use crate::case::{Case, Effort};
use crate::support::Sandbox;
use crate::support::sandbox::count;
use crate::support::smtp::{Script, SmtpServer};

const CONNECTIONS: usize = 8;

const GROUP: &str = "Killed";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "F01b",
            group: GROUP,
            fault: "`kill -9` at random moments of a large run",
            answer: "nobody gets a mail twice, nobody none; at most one mail a connection is `unknown`, and listed",
            needs: &[],
            story: again_and_again,
        },
        Case {
            id: "F03b",
            group: GROUP,
            fault: "`kill -9` at random moments of a large import",
            answer: "all of it is in, or nothing",
            needs: &[],
            story: import,
        },
        Case {
            id: "F28",
            group: GROUP,
            fault: "fifty runs at once",
            answer: "one sends; the others say so and end with code 0",
            needs: &[],
            story: fifty_at_once,
        },
    ]
}

/// A project in which everyone is due for one mail.
fn everyone_due(mails: usize, relay: &SmtpServer) -> Sandbox {
    let rows: Vec<String> = (0..mails).map(|n| format!("c{n:05}@example.com,Lan {n}")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    Sandbox::new()
        .settings(&format!("frequency_cap: none\nsmtp: {{ url: \"smtp://localhost\", connections: {CONNECTIONS} }}"))
        .campaign("w", "trigger: { segment: 'true' }", &["id: a, send: mail"])
        .contacts("email,first_name", &rows)
        .through(relay)
}

fn number(sandbox: &Sandbox, query: &str) -> usize {
    sandbox.sql(query)[0].parse().unwrap()
}

fn again_and_again(effort: Effort) -> String {
    let (kills, mails) = effort.choose((12, 300), (100, 5000));
    let relay = SmtpServer::start(Script::new());
    let sandbox = everyone_due(mails, &relay);
    // Pseudo-random moments that are the same each time (a linear congruential generator).
    let mut seed = 20_260_301_u64;
    let out = |sandbox: &Sandbox| {
        number(sandbox, "SELECT count(*) FROM v_sends WHERE state IN ('sent', 'unknown', 'sending')")
    };
    let in_the_air =
        |sandbox: &Sandbox| number(sandbox, "SELECT count(*) FROM v_sends WHERE state IN ('sending', 'unknown')");
    let (mut killed, mut midway, mut most_unknown) = (0, 0, 0);
    let mut longest = Duration::from_millis(60);
    for _ in 0..kills {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (before, unknown_before) = (out(&sandbox), in_the_air(&sandbox));
        let span = u64::try_from(longest.as_micros()).unwrap();
        let mut child = sandbox.command(&["-q", "--now", "2026-03-02T02:00:00Z", "run"]).spawn().unwrap();
        std::thread::sleep(Duration::from_micros((seed >> 33) % span));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        sandbox.check();
        // At most one mail for each connection is in the air when a run dies.
        most_unknown = most_unknown.max(in_the_air(&sandbox) - unknown_before);
        let sent = out(&sandbox) - before;
        midway += usize::from(sent > 0);
        // So that the kills spread over the whole of the run, however fast the machine is.
        if before + sent == mails {
            break;
        } else if sent == 0 {
            longest = (longest * 5 / 4).min(Duration::from_secs(2));
        } else if sent > mails / kills {
            longest = longest * 2 / 3;
        }
    }
    while number(&sandbox, "SELECT count(*) FROM v_sends WHERE state IN ('sent', 'unknown')") < mails {
        let ended = sandbox.drip(&["-q", "--now", "2026-03-02T02:00:00Z", "run"]);
        assert!([0, 6].contains(&ended.code), "{}", ended.stderr);
    }
    sandbox.drip(&["-q", "--now", "2026-03-02T02:00:00Z", "run"]);

    let received = count(relay.recipients());
    let twice: Vec<_> = received.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "got it twice: {twice:?}");
    let unknown = sandbox.sql("SELECT email FROM v_sends WHERE state = 'unknown'");
    let none = sandbox.sql("SELECT email FROM v_sends WHERE state = 'sent'");
    let lost: Vec<_> = none.iter().filter(|email| !received.contains_key(*email)).collect();
    assert!(lost.is_empty(), "said to be sent, and never received: {lost:?}");
    assert_eq!(number(&sandbox, "SELECT count(*) FROM v_sends"), mails);
    assert!(midway > 0, "no kill hit a run that was sending");
    assert!(most_unknown <= CONNECTIONS, "{most_unknown} unknown after one kill");
    let arrived = unknown.iter().filter(|email| received.contains_key(*email)).count();
    format!(
        "{mails} mails, {killed} kills, {midway} of them after mails had left: {} received, none twice; {} unknown ({arrived} of them arrived), at most {most_unknown} a kill",
        received.len(),
        unknown.len()
    )
}

fn fifty_at_once(_: Effort) -> String {
    let mails = 200;
    let relay = SmtpServer::start(Script::new());
    let sandbox = everyone_due(mails, &relay);
    let runs: Vec<_> =
        (0..50).map(|_| sandbox.command(&["--now", "2026-03-02T02:00:00Z", "run"]).spawn().unwrap()).collect();
    let mut senders = 0;
    for run in runs {
        let output = run.wait_with_output().unwrap();
        let (said, trouble) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(output.status.success(), "{said}{trouble}");
        senders += usize::from(said.contains("200 mails sent"));
        assert!(
            said.contains("200 mails sent") || said.contains("Nothing was due") || trouble.contains("Another run"),
            "{said}{trouble}"
        );
    }
    assert_eq!(senders, 1);
    assert_eq!(relay.recipients().len(), mails);
    assert!(count(relay.recipients()).values().all(|times| *times == 1));
    format!("{mails} mails, each once")
}

fn import(_: Effort) -> String {
    let rows: Vec<String> = (0..20_000).map(|n| format!("c{n:05}@example.com,Lan {n}")).collect();
    let sandbox = Sandbox::new().campaign("w", "trigger: manual", &["id: a, send: mail"]);
    sandbox.write("big.csv", &format!("email,first_name\n{}\n", rows.join("\n")));
    for millis in [5, 40, 90, 160] {
        let mut child = sandbox.command(&["import", "big.csv"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        child.kill().unwrap();
        child.wait().unwrap();
        if sandbox.path("drip.db").exists()
            && !sandbox.sql("SELECT name FROM sqlite_schema WHERE name = 'contacts'").is_empty()
        {
            let there = number(&sandbox, "SELECT count(*) FROM contacts");
            assert!(there == 0 || there == rows.len(), "{there} of {}", rows.len());
        }
    }
    sandbox.drip(&["import", "big.csv"]).code(0);
    assert_eq!(number(&sandbox, "SELECT count(*) FROM contacts"), rows.len());
    format!("{} rows, killed 4 times", rows.len())
}
