//! A relay that says no: not now, never, not to you, not so much, not so fast.

use crate::case::{Case, Effort};
use crate::support::sandbox::count;
use crate::support::smtp::{Script, SmtpServer, Verb, When};
use crate::trouble::Fate::{Bounced, Deferred, Due, Rejected, Sent};
use crate::trouble::{NOW, Trouble, crowd, everyone_gets_theirs, in_state, tell_all};

const GROUP: &str = "A relay that says no";

pub(crate) fn cases() -> Vec<Case> {
    let case = |id, fault, answer, story| Case { id, group: GROUP, fault, answer, needs: &[], story };
    vec![
        case(
            "F08",
            "421 at the greeting, EHLO, MAIL, RCPT, DATA or after the content",
            "the run stops, code 5; the mail it was said to is `deferred`, who was not reached goes with the next run",
            closing,
        ),
        case(
            "F09",
            "greylisting and other 4xx at MAIL, RCPT, DATA or after the content",
            "`deferred`: again after 5 minutes at the soonest, then 10, 20, …; the others go",
            not_now,
        ),
        case(
            "F10a",
            "a rate limit: 4.7.28, 452 4.5.3, 4.7.0 too many",
            "the run stops, code 5; nobody is to blame, nobody loses the mail",
            not_so_fast,
        ),
        case(
            "F11",
            "550 5.1.1 at RCPT or after the content",
            "`rejected`, the contact is `bounced` and gets nothing more",
            no_such_user,
        ),
        case(
            "F12",
            "550 5.7.x at RCPT, DATA or after the content",
            "`rejected`; the contact is not to blame, the sequence goes on; code 6",
            policy,
        ),
        case(
            "F12b",
            "every mail is refused for policy",
            "after ten in a row the campaign is paused, with the reason, until `drip campaign resume`",
            policy_for_all,
        ),
        case(
            "F12c",
            "5xx at the greeting, EHLO or MAIL; 530 at any verb",
            "the run stops, code 5, and says what to look at; nobody is to blame",
            not_you,
        ),
        case(
            "F13",
            "552 5.2.2 or 452 4.2.2: the mailbox is full, in whatever words",
            "5xx: this mail is `rejected`, the contact stays; 4xx: `deferred`; the others go",
            full,
        ),
        case(
            "F18",
            "the mail is larger than the relay takes",
            "`rejected` before its content is sent; the contact is not to blame",
            too_large,
        ),
        case(
            "F18b",
            "no SMTPUTF8 for an address outside ASCII; a domain outside ASCII",
            "such a person's mail is `rejected`, such a sender stops the run, code 5; a domain goes as its A-label",
            outside_ascii,
        ),
    ]
}

/// To An's mail, at this point.
fn to_an(verb: Verb) -> When {
    match verb {
        Verb::Rcpt => Script::new().on(verb).to("an@"),
        Verb::Connect | Verb::Ehlo => Script::new().on(verb),
        _ => Script::new().on(verb).mail(1),
    }
}

fn closing(effort: Effort) -> String {
    let said = "421 4.3.2 shutting down";
    let verbs = [Verb::Connect, Verb::Mail, Verb::Ehlo, Verb::Rcpt, Verb::Content, Verb::Data];
    let troubles = verbs.map(|verb| {
        let first = if matches!(verb, Verb::Connect | Verb::Ehlo) { Due } else { Deferred(said) };
        Trouble::new(to_an(verb).reply_and_close(said), 5, [first, Due, Due]).says(&[
            "error: the run stopped, and everyone it did not reach stays due: ",
            said,
            "hint: the next run tries again; ask the relay's operator if it lasts",
        ])
    });
    let told = tell_all(effort, troubles.into());
    let relay = Trouble::new(to_an(Verb::Rcpt).reply_and_close(said), 5, [Deferred(said), Due, Due]).tell();
    assert_eq!(relay.connections(), 1, "no second try in the same run");
    // That a limit was reached as well hides nothing.
    let relay = SmtpServer::start(to_an(Verb::Content).reply_and_close(said));
    let sandbox = crowd(5, 1).through(&relay);
    let ended = sandbox.drip(&["--now", NOW, "run", "--limit", "3"]).code(5);
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    everyone_gets_theirs(sandbox, &relay, 5);
    format!("{} runs: one connection each, nobody else tried", told + 2)
}

fn not_now(effort: Effort) -> String {
    let later = |verb, said: &'static str| {
        let trouble = Trouble::new(to_an(verb).reply(said), 0, [Deferred(said), Sent, Sent]);
        trouble.says(&["2 mails sent", "1 deferred"])
    };
    let told = tell_all(
        effort,
        vec![
            later(Verb::Rcpt, "451 4.7.1 greylisted, come back later"),
            later(Verb::Rcpt, "450 mailbox busy"),
            later(Verb::Content, "451 4.3.0 queue file write error"),
            later(Verb::Data, "451 4.3.0 later"),
            later(Verb::Mail, "451 4.7.1 later"),
        ],
    );
    // Again and again: the wait doubles.
    let relay = SmtpServer::start(Script::new().on(Verb::Rcpt).reply("451 4.7.1 greylisted"));
    let sandbox = crowd(1, 1).through(&relay);
    let tried_at = |now: &str| {
        let before = relay.count("RCPT");
        sandbox.drip(&["--now", now, "run"]).code(0);
        relay.count("RCPT") > before
    };
    for (now, tried) in [
        ("2026-03-02T02:00:00Z", true),
        ("2026-03-02T02:04:59Z", false),
        ("2026-03-02T02:07:00Z", true),
        ("2026-03-02T02:16:59Z", false),
        ("2026-03-02T02:20:00Z", true),
        ("2026-03-02T02:39:59Z", false),
        ("2026-03-02T02:46:00Z", true),
    ] {
        assert_eq!(tried_at(now), tried, "{now}");
    }
    let said = sandbox.drip(&["--now", "2026-03-02T10:00:00Z", "-v", "run"]).code(0).stderr;
    assert!(said.contains("w a: c000@example.com deferred until 2026-03-02 1"), "{said}");
    assert!(said.contains("451 4.7.1 greylisted"), "{said}");
    everyone_gets_theirs(sandbox, &relay, 1);
    format!("{told} runs; tried again after 5, 10 and 20 minutes, and sent in the end")
}

fn not_so_fast(effort: Effort) -> String {
    let limits = [
        (Verb::Rcpt, "452 4.5.3 too many recipients"),
        (Verb::Content, "421 4.7.28 unusual rate of mail"),
        (Verb::Rcpt, "450 4.7.0 Too many mails to <c001@example.com>"),
        (Verb::Mail, "450 4.7.1 slow down"),
        (Verb::Data, "454 4.7.0 throttled"),
    ];
    let people = 20;
    let limits = &limits[..effort.choose(3, limits.len())];
    for (verb, said) in limits {
        let relay = SmtpServer::start(Script::new().on(*verb).mail(4).reply(said));
        let sandbox = crowd(people, 1).through(&relay);
        let ended = sandbox.drip(&["--now", NOW, "run"]).code(5);
        // Whom it was said to is nobody's business who reads the log.
        let shown = said.replace("c001@", "c***@");
        for words in ["everyone it did not reach stays due", &shown] {
            assert!(ended.stderr.contains(words), "{said}: {}", ended.stderr);
        }
        assert_eq!((in_state(&sandbox, "sent"), in_state(&sandbox, "deferred")), (3, 1), "{said}");
        assert_eq!((in_state(&sandbox, "rejected"), in_state(&sandbox, "unknown")), (0, 0), "{said}");
        assert_eq!(sandbox.sql("SELECT DISTINCT consent FROM v_contacts"), ["subscribed"]);
        everyone_gets_theirs(sandbox, &relay, people);
    }
    format!(
        "{} ways to say it: 3 of {people} sent, 1 `deferred`, 16 untouched; everyone got theirs later",
        limits.len()
    )
}

fn no_such_user(effort: Effort) -> String {
    let gone = |verb, said: &'static str| {
        Trouble::new(to_an(verb).reply(said), 6, [Bounced(said), Sent, Sent]).says(&[
            "2 mails sent",
            "1 rejected",
            "warning: w a: a***@example.com rejected: ",
            said,
        ])
    };
    let told = tell_all(
        effort,
        vec![
            gone(Verb::Rcpt, "550 5.1.1 no such user"),
            gone(Verb::Content, "550 5.1.1 no such user"),
            gone(Verb::Rcpt, "550 User unknown"),
        ],
    );
    format!("{told} runs: the contact is `bounced`, and the second mail went to the others alone")
}

fn policy(effort: Effort) -> String {
    let no = |verb, said: &'static str| {
        Trouble::new(to_an(verb).reply(said), 6, [Rejected(said), Sent, Sent]).says(&[
            "2 mails sent",
            "1 rejected",
            "a***@example.com rejected: ",
            said,
        ])
    };
    let told = tell_all(
        effort,
        vec![
            no(Verb::Content, "554 5.7.1 looks like spam"),
            no(Verb::Rcpt, "550 5.7.1 blocked by policy"),
            no(Verb::Rcpt, "550 5.7.26 unauthenticated"),
            no(Verb::Data, "554 5.7.0 no"),
        ],
    );
    format!("{told} runs: nobody is `bounced`, and everyone got the second mail")
}

fn policy_for_all(_: Effort) -> String {
    let said = "550 5.7.1 <c000@example.com> spam";
    let relay = SmtpServer::start(Script::new().on(Verb::Content).reply(said));
    let sandbox = crowd(30, 1).through(&relay);
    let ended = sandbox.drip(&["--now", NOW, "run"]).code(6);
    for words in [
        "campaign w is paused (10 mails in a row were refused, the last with: 550 5.7.1 <c***@example.com> spam)",
        "go on with `drip campaign resume w`",
    ] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    let rejected = in_state(&sandbox, "rejected");
    // Ten, and what was announced behind the tenth.
    assert!((10..=11).contains(&rejected), "{rejected}");
    assert_eq!(sandbox.sql("SELECT DISTINCT consent FROM v_contacts"), ["subscribed"]);
    let shown = sandbox.drip(&["--now", NOW, "status"]).code(6).stdout;
    assert!(shown.contains("10 mails in a row were refused"), "{shown}");

    let before = relay.count("DATA");
    sandbox.drip(&["--now", "2026-03-02T02:30:00Z", "run"]).code(0);
    assert_eq!(relay.count("DATA"), before, "a paused campaign sends nothing");
    sandbox.drip(&["campaign", "resume", "w"]).code(0);
    everyone_gets_theirs(sandbox, &relay, 30);
    format!("30 people: {rejected} `rejected`, then paused; resumed with a relay that is well, the others got theirs")
}

fn not_you(effort: Effort) -> String {
    const HINT: &str = "hint: check `from` in drip.yaml and the login of the SMTP URL";
    let greeted = |verb, said: &'static str| {
        Trouble::new(to_an(verb).reply_and_close(said), 5, [Due, Due, Due]).says(&[
            "takes no mail now: ",
            said,
            "hint: the next run tries again",
        ])
    };
    let refused = |verb, said: &'static str| {
        Trouble::new(to_an(verb).reply(said), 5, [Deferred(said), Due, Due]).says(&["stays due: ", said, HINT])
    };
    let told = tell_all(
        effort,
        vec![
            greeted(Verb::Connect, "554 5.7.1 not you"),
            greeted(Verb::Ehlo, "550 no"),
            refused(Verb::Mail, "550 5.7.1 sender not allowed"),
            refused(Verb::Mail, "530 5.7.0 authentication required"),
            refused(Verb::Rcpt, "530 5.7.0 must issue STARTTLS first"),
        ],
    );
    format!("{told} runs: at most one mail `deferred`, nobody rejected")
}

fn full(effort: Effort) -> String {
    let never = |verb, said: &'static str| {
        Trouble::new(to_an(verb).reply(said), 6, [Rejected(said), Sent, Sent]).says(&["1 rejected", said])
    };
    let later = |said: &'static str| {
        Trouble::new(to_an(Verb::Rcpt).reply(said), 0, [Deferred(said), Sent, Sent]).says(&["1 deferred"])
    };
    let told = tell_all(
        effort,
        vec![
            never(Verb::Rcpt, "552 5.2.2 mailbox full"),
            later("452 4.2.2 mailbox full"),
            later("452 4.2.2 mailbox full, too many messages"),
            never(Verb::Content, "552 5.2.2 mailbox full"),
        ],
    );
    format!("{told} runs: the second mail went to everyone")
}

fn too_large(effort: Effort) -> String {
    const LIMIT: &str = "the relay takes 100 at most";
    let small = Script::new().without("SIZE").offering("SIZE 100");
    let before = Trouble::new(small, 6, [Rejected(LIMIT); 3]).says(&["3 rejected", "not sent: the mail has ", LIMIT]);
    let relay = before.tell();
    assert_eq!((relay.count("MAIL"), relay.content_bytes()), (0, 0));
    let at = |verb, said: &'static str| {
        Trouble::new(to_an(verb).reply(said), 6, [Rejected(said), Sent, Sent]).says(&["1 rejected", said])
    };
    let told = tell_all(
        effort,
        vec![
            at(Verb::Mail, "552 5.3.4 message size exceeds fixed limit"),
            at(Verb::Content, "552 5.3.4 message too big"),
        ],
    );
    format!("{} runs: announced, no byte of it left; said by the relay, that mail alone", told + 1)
}

fn outside_ascii(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new().without("SMTPUTF8"));
    let sandbox = crowd(1, 1).contacts("email", &["đức@example.com", "hoa@bücher.example"]).through(&relay);
    let ended = sandbox.drip(&["--now", NOW, "run"]).code(6);
    let words =
        "w a: đ***@example.com rejected: not sent: the relay cannot carry an address outside ASCII (no SMTPUTF8)";
    assert!(ended.stderr.contains(words), "{}", ended.stderr);
    assert_eq!(sandbox.sql("SELECT consent FROM v_contacts WHERE email LIKE 'đ%'"), ["subscribed"]);
    assert_eq!(count(relay.recipients()), count(["c000@example.com", "hoa@xn--bcher-kva.example"].map(str::to_owned)));

    // The project's own address: nobody else is to blame for that.
    let stop = "not sent: the relay cannot carry a sender outside ASCII (no SMTPUTF8)";
    let trouble = Trouble::new(Script::new().without("SMTPUTF8"), 5, [Deferred(stop), Due, Due])
        .settings("bounce_address: trả-về@acme.example")
        .says(&["stays due", stop, "hint: check `from` and `bounce_address` in drip.yaml"]);
    let ill = trouble.tell();
    assert!(ill.mails().is_empty());
    "such a person's mail `rejected`, the other two arrived; with such a sender nothing was lost".to_owned()
}
