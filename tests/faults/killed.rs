//! Killed anywhere: nobody gets a step twice, nobody none, and what is not known is listed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::case::{Case, Effort};
use crate::crowd::{NOW, RUN, everyone_due, number, received, run_until_idle, settle_accounts, step_of};
use crate::strace::{everywhere, kill_at};
use crate::support::Sandbox;
use crate::support::sandbox::count;
use crate::support::smtp::{Script, SmtpServer, Verb};

const CONNECTIONS: usize = 8;

pub(crate) const GROUP: &str = "Killed";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "F01",
            group: GROUP,
            fault: "`kill -9` at every system call of a run",
            answer: "the next runs go on: everyone gets each step once; at most one mail a connection is `unknown`, and listed",
            needs: &["strace"],
            story: at_every_call,
        },
        Case {
            id: "F01b",
            group: GROUP,
            fault: "`kill -9` at random moments of a large run",
            answer: "nobody gets a mail twice, nobody none; at most one mail a connection is `unknown`, and listed",
            needs: &[],
            story: again_and_again,
        },
        Case {
            id: "F02",
            group: GROUP,
            fault: "`kill -9` at every system call of the run that recovers from a kill",
            answer: "the same: what the first kill made `unknown` stays so, and is never sent again",
            needs: &["strace"],
            story: while_it_recovers,
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

fn at_every_call(effort: Effort) -> String {
    let project = everyone_due(3, &["a", "b"], 1);
    let rehearsal = SmtpServer::start(Script::new());
    let (unknown, arrived) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let kills = everywhere(effort, 12, &project.copy().through(&rehearsal), &RUN, |moment| {
        let relay = SmtpServer::start(Script::new());
        let sandbox = project.copy().through(&relay);
        let killed = kill_at(&sandbox, &RUN, moment);
        run_until_idle(&sandbox);
        let account = settle_accounts(&sandbox, &["a", "b"], received(&relay));
        assert!(account.unknown <= usize::from(killed), "{moment:?}: {} unknown", account.unknown);
        unknown.fetch_add(account.unknown, Ordering::SeqCst);
        arrived.fetch_add(account.arrived, Ordering::SeqCst);
        killed
    });
    let (unknown, arrived) = (unknown.into_inner(), arrived.into_inner());
    if effort != Effort::Quick {
        assert!(arrived > 0, "no kill came between a content and the answer to it");
        assert!(unknown > arrived, "no kill came between the commit of `sending` and the content");
    }
    format!("{kills} kills, none twice, none lost; {unknown} `unknown`, {arrived} of which had arrived")
}

fn again_and_again(effort: Effort) -> String {
    let (kills, mails) = effort.choose((12, 300), (1000, 20_000));
    let relay = SmtpServer::start(Script::new());
    let sandbox = everyone_due(mails, &["a"], CONNECTIONS).through(&relay);
    // Pseudo-random moments that are the same each time (a linear congruential generator).
    let mut seed = 20_260_301_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    // By the index, word for word: the ledger is long, and this is asked often.
    let in_the_air = |sandbox: &Sandbox| {
        number(sandbox, "SELECT count(*) FROM sends WHERE state IN (0, 1, 3, 5, 7) AND state IN (1, 7)")
    };
    let (mut killed, mut midway, mut most_unknown) = (0, 0, 0);
    for kill in 0..kills {
        let (before, unknown_before) = (relay.content_bytes(), in_the_air(&sandbox));
        let mut child = sandbox.command(&RUN).spawn().unwrap();
        // After so many bytes of mail on average that the crowd lasts for all the kills; a mail has about 1500.
        let bytes = random(3 * 1500 * mails / kills / 2);
        while relay.content_bytes() < before + bytes && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_micros(200));
        }
        thread::sleep(Duration::from_micros(random(1000) as u64));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        if kill % effort.choose(1, 100) == 0 {
            sandbox.check();
        }
        // At most one mail for each connection is in the air when a run dies.
        most_unknown = most_unknown.max(in_the_air(&sandbox) - unknown_before);
        midway += usize::from(relay.content_bytes() > before);
    }
    run_until_idle(&sandbox);
    let account = settle_accounts(&sandbox, &["a"], received(&relay));
    assert!(killed >= effort.choose(1, kills * 9 / 10), "{killed} kills, and everything was sent");
    assert!(midway > kills / 4, "{midway} kills hit a run that was sending");
    assert!(most_unknown <= CONNECTIONS, "{most_unknown} unknown after one kill");
    format!(
        "{mails} mails, {killed} kills, {midway} of them after mails had left: {} sent, none twice; {} `unknown` ({} of them had arrived), at most {most_unknown} a kill",
        account.sent, account.unknown, account.arrived
    )
}

fn while_it_recovers(effort: Effort) -> String {
    // Killed while the relay is about to answer the second content.
    let first = SmtpServer::start(Script::new().on(Verb::Content).mail(2).stall(Duration::from_secs(600)));
    let project = everyone_due(3, &["a", "b"], 1).through(&first);
    let mut child = project.command(&RUN).spawn().unwrap();
    while first.mails().len() < 2 {
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before: Vec<_> = first.mails();
    drop(first);

    let rehearsal = SmtpServer::start(Script::new());
    let most = Mutex::new(0);
    let kills = everywhere(effort, 12, &project.copy().through(&rehearsal), &RUN, |moment| {
        let relay = SmtpServer::start(Script::new());
        let sandbox = project.copy().through(&relay);
        let killed = kill_at(&sandbox, &RUN, moment);
        run_until_idle(&sandbox);
        let mut all = received(&relay);
        all.extend(before.iter().map(|mail| (step_of(&mail.bytes), mail.to[0].clone())));
        let account = settle_accounts(&sandbox, &["a", "b"], all);
        assert!((1..=1 + usize::from(killed)).contains(&account.unknown), "{moment:?}: {} unknown", account.unknown);
        let mut most = most.lock().unwrap();
        *most = account.unknown.max(*most);
        killed
    });
    format!(
        "{kills} kills; at most {} `unknown`, one from the first kill and one from the second",
        most.into_inner().unwrap()
    )
}

fn fifty_at_once(_: Effort) -> String {
    let mails = 200;
    let relay = SmtpServer::start(Script::new());
    let sandbox = everyone_due(mails, &["a"], CONNECTIONS).through(&relay);
    let runs: Vec<_> = (0..50).map(|_| sandbox.command(&["--now", NOW, "run"]).spawn().unwrap()).collect();
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
