//! The SMTP transport against a server that misbehaves in every way a relay can.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test")]

mod secured;

use std::sync::Arc;
use std::time::Duration;

use drip::mail::transport::{
    ConnectErrorKind, Envelope, NotCommitted, Outcome, Parcel, Permit, Rejection, Relay, Scope, SmtpRelay, Timeouts,
    Transport,
};
use drip::model::address::Address;
use drip::model::settings::{Login, Password, Security, Smtp};

use crate::support::sandbox::count;
use crate::support::smtp::{Script, SmtpServer, Verb};

const MAIL: &[u8] = b"Subject: Hi\r\n\r\nHello\r\n";
/// Longer than any wait of the client below.
const FOR_EVER: Duration = Duration::from_secs(30);

fn settings(relay: &SmtpServer) -> Smtp {
    Smtp {
        host: "127.0.0.1".to_owned(),
        port: relay.port(),
        security: Security::None,
        login: None,
        connections: 1,
        rates: Vec::new(),
    }
}

fn with_login(settings: Smtp) -> Smtp {
    Smtp {
        login: Some(Login { user: "acme".to_owned(), password: Password::Known("s3cret".to_owned()), is_token: false }),
        ..settings
    }
}

fn impatient() -> Timeouts {
    let short = Duration::from_millis(250);
    Timeouts { connect: Duration::from_secs(5), greeting: short, verb: short, data: short, content: short }
}

fn client(settings: Smtp) -> Box<dyn Transport> {
    SmtpRelay::new(settings).timeouts(impatient()).transport()
}

const YES: Permit = Permit::Yes { next: None };

fn parcel(to: &str, bytes: &[u8]) -> Arc<Parcel> {
    let [from, to] = ["hello@acme.example", to].map(|address| Address::parse(address).unwrap());
    Arc::new(Parcel { envelope: Envelope::new(&from, &to), bytes: bytes.to_vec() })
}

/// Delivers one mail, and checks that `commit` was asked exactly when content went out.
#[track_caller]
fn deliver(client: &mut dyn Transport, relay: &SmtpServer, address: &str) -> Outcome {
    let before = relay.content_bytes();
    let mut commits = 0;
    let outcome = client
        .deliver(&parcel(address, MAIL), &mut || {
            assert_eq!(relay.content_bytes(), before, "content before the commit");
            commits += 1;
            YES
        })
        .expect("committed");
    assert_eq!(commits, usize::from(relay.content_bytes() > before), "{outcome:?}");
    outcome
}

/// Sends one mail to a relay with this script.
#[track_caller]
fn one(script: Script) -> (Outcome, SmtpServer) {
    let relay = SmtpServer::start(script);
    let outcome = deliver(&mut *client(settings(&relay)), &relay, "lan@example.com");
    (outcome, relay)
}

fn deferred(outcome: &Outcome) -> Option<Scope> {
    match outcome {
        Outcome::Deferred { scope, .. } => Some(*scope),
        _ => None,
    }
}

fn rejected(outcome: &Outcome) -> Option<Rejection> {
    match outcome {
        Outcome::Rejected { kind, .. } => Some(*kind),
        _ => None,
    }
}

fn is_sent(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Sent { .. })
}

/// With and without PIPELINING.
fn both() -> [Script; 2] {
    [Script::new(), Script::new().without("PIPELINING")]
}

#[test]
fn several_mails_go_over_one_connection_and_refused_ones_do_not_end_it() {
    for script in both() {
        let relay = SmtpServer::start(
            script
                .on(Verb::Rcpt)
                .to("gone@")
                .reply("550 5.1.1 no such user")
                .on(Verb::Content)
                .mail(4)
                .reply("554 5.7.1 looks like spam"),
        );
        let mut client = client(settings(&relay));
        assert!(is_sent(&deliver(&mut *client, &relay, "lan@example.com")));
        assert_eq!(rejected(&deliver(&mut *client, &relay, "gone@example.com")), Some(Rejection::Address));
        assert!(is_sent(&deliver(&mut *client, &relay, "minh@example.com")));
        assert_eq!(rejected(&deliver(&mut *client, &relay, "duc@example.com")), Some(Rejection::Policy));
        assert!(is_sent(&deliver(&mut *client, &relay, "hoa@bücher.example")));
        client.close();
        assert_eq!(relay.recipients(), ["lan@example.com", "minh@example.com", "hoa@xn--bcher-kva.example"]);
        assert_eq!(relay.connections(), 1);
        assert_eq!(relay.count("QUIT"), 1);
        assert!(relay.mails().iter().all(|mail| mail.bytes == MAIL));
    }
}

#[test]
fn before_the_content_every_trouble_leaves_the_mail_to_be_sent_again() {
    for verb in [Verb::Mail, Verb::Rcpt, Verb::Data] {
        for script in both() {
            let context = format!("{verb:?} {script:?}");
            let (outcome, relay) = one(script.clone().on(verb).reply("451 4.3.5 later"));
            assert!(deferred(&outcome).is_some(), "{context}: {outcome:?}");
            assert!(relay.mails().is_empty());
            let (outcome, _relay) = one(script.clone().on(verb).reply_and_close("421 4.3.2 shutting down"));
            assert_eq!(deferred(&outcome), Some(Scope::Relay), "{context}: {outcome:?}");
            let (outcome, relay) = one(script.clone().on(verb).close());
            assert_eq!(deferred(&outcome), Some(Scope::Connection), "{context}: {outcome:?}");
            assert!(relay.mails().is_empty());
            let (outcome, relay) = one(script.clone().on(verb).stall(FOR_EVER));
            assert_eq!(deferred(&outcome), Some(Scope::Connection), "{context}: {outcome:?}");
            assert!(relay.mails().is_empty());
            let (outcome, _relay) = one(script.clone().on(verb).raw(b"\xff\xfe hm\r\n"));
            assert_eq!(deferred(&outcome), Some(Scope::Connection), "{context}: {outcome:?}");
            let (outcome, relay) = one(script.on(verb).reply("550 5.7.1 no"));
            assert!(relay.mails().is_empty());
            match verb {
                // The sender is the same for every mail: no contact is to blame.
                Verb::Mail => assert_eq!(deferred(&outcome), Some(Scope::Relay), "{context}"),
                _ => assert_eq!(rejected(&outcome), Some(Rejection::Policy), "{context}"),
            }
        }
    }
}

#[test]
fn a_relay_that_cannot_be_talked_to_defers_everything_and_says_why() {
    for script in [
        Script::new().on(Verb::Connect).reply_and_close("554 5.7.1 not you"),
        Script::new().on(Verb::Connect).reply_and_close("421 4.7.0 too busy"),
        Script::new().on(Verb::Connect).close(),
        Script::new().on(Verb::Connect).stall(FOR_EVER),
        Script::new().on(Verb::Ehlo).reply("550 no"),
        Script::new().on(Verb::Ehlo).close(),
    ] {
        let relay = SmtpServer::start(script);
        let mut client = client(settings(&relay));
        let error = client.connect().unwrap_err();
        assert!(matches!(error.kind, ConnectErrorKind::Greeting | ConnectErrorKind::Unreachable), "{error:?}");
        assert!(error.message.contains(&relay.port().to_string()) && !error.hint.is_empty(), "{error:?}");
        assert_eq!(deferred(&deliver(&mut *client, &relay, "lan@example.com")), Some(Scope::Relay));
        assert_eq!(relay.count("MAIL"), 0);
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let relay = SmtpServer::start(Script::new());
    let error = client(Smtp { port, ..settings(&relay) }).connect().unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::Unreachable);
}

#[test]
fn after_the_dot_only_a_definite_answer_counts() {
    let content = || Script::new().on(Verb::Content);
    assert!(is_sent(&one(content().reply("250 2.0.0 queued as 1")).0));
    assert!(is_sent(&one(content().reply("250-first\r\n250 second")).0));
    assert!(is_sent(&one(content().reply("250")).0));
    assert!(is_sent(&one(content().raw(b"250 caf\xe9\r\n")).0));
    assert!(is_sent(&one(content().drip("250 2.0.0 slowly", Duration::from_millis(2))).0));
    let long = "250-".to_owned() + &"y".repeat(96) + "\r\n";
    let (outcome, _relay) = one(content().reply(&(long.repeat(100) + "250 end")));
    assert!(matches!(&outcome, Outcome::Sent { reply } if reply.len() < 500), "{outcome:?}");

    assert_eq!(deferred(&one(content().reply("451 4.3.0 later")).0), Some(Scope::Mail));
    assert_eq!(deferred(&one(content().reply_and_close("421 4.7.28 rate")).0), Some(Scope::Rate));
    assert_eq!(rejected(&one(content().reply("550 5.7.1 spam")).0), Some(Rejection::Policy));
    assert_eq!(rejected(&one(content().reply("550 5.1.1 no such user")).0), Some(Rejection::Address));
    assert_eq!(rejected(&one(content().reply_and_close("552 5.2.2 full")).0), Some(Rejection::Mailbox));

    for script in [
        content().close(),
        content().stall(FOR_EVER),
        content().raw(b"25"),
        content().raw(b"garbage\r\n"),
        content().reply("354 more?"),
        content().raw(b"250-one\r\n550 two\r\n"),
        // A byte now and then must not stretch the wait for ever.
        content().drip(&"250 slow".repeat(100), Duration::from_millis(20)),
        content().raw(&b"250-x\r\n".repeat(100_000)),
        content().raw(&b"2".repeat(100_000)),
    ] {
        let (outcome, _relay) = one(script.clone());
        assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    }
}

#[test]
fn a_late_answer_never_falls_on_the_next_mail() {
    let late = Duration::from_millis(600);
    let relay = SmtpServer::start(
        Script::new().on(Verb::Content).mail(1).stall(late).on(Verb::Rcpt).mail(2).reply("550 5.1.1 no"),
    );
    let mut client = client(settings(&relay));
    assert!(matches!(deliver(&mut *client, &relay, "lan@example.com"), Outcome::Unknown { .. }));
    assert_eq!(rejected(&deliver(&mut *client, &relay, "minh@example.com")), Some(Rejection::Address));
    assert_eq!(relay.connections(), 2);

    // What stands in line after the first mail would answer the whole of the second.
    let ahead = b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n";
    let script = Script::new().on(Verb::Content).mail(1).raw(ahead).on(Verb::Rcpt).to("gone@").reply("550 5.1.1 no");
    let relay = SmtpServer::start(script);
    let mut client = self::client(settings(&relay));
    assert!(is_sent(&deliver(&mut *client, &relay, "lan@example.com")));
    assert_eq!(rejected(&deliver(&mut *client, &relay, "gone@example.com")), Some(Rejection::Address));
    assert_eq!(relay.connections(), 2, "the first connection was out of step");

    let (outcome, relay) = one(Script::new().on(Verb::Data).raw(b"354 go\r\n250 queued already\r\n"));
    assert_eq!(deferred(&outcome), Some(Scope::Connection), "{outcome:?}");
    assert_eq!(relay.content_bytes(), 0);
}

#[test]
fn a_connection_closed_while_idle_is_opened_again_once() {
    let relay = SmtpServer::start(Script::new().on(Verb::Mail).mail(2).close());
    let mut client = client(settings(&relay));
    assert!(is_sent(&deliver(&mut *client, &relay, "lan@example.com")));
    assert!(is_sent(&deliver(&mut *client, &relay, "minh@example.com")));
    assert_eq!(relay.connections(), 2);
    assert_eq!(relay.mails().len(), 2);
}

/// Delivers mails one after the other, each named as the next while the one before it leaves.
fn in_a_row(client: &mut dyn Transport, addresses: &[&str]) -> Vec<Outcome> {
    let mails: Vec<_> = addresses.iter().map(|address| parcel(address, MAIL)).collect();
    let after = |at: usize| Permit::Yes { next: mails.get(at + 1).cloned() };
    mails.iter().enumerate().map(|(at, mail)| client.deliver(mail, &mut || after(at)).unwrap()).collect()
}

#[test]
fn a_mail_that_is_announced_with_the_content_before_it_fares_as_any_other() {
    let (lan, minh, hoa) = ("lan@example.com", "minh@example.com", "hoa@example.com");
    let all = |script: Script| {
        let relay = SmtpServer::start(script);
        let outcomes = in_a_row(&mut *client(settings(&relay)), &[lan, minh, hoa]);
        (outcomes, relay)
    };
    for script in both() {
        let (outcomes, relay) = all(script.clone());
        assert!(outcomes.iter().all(is_sent), "{outcomes:?}");
        assert_eq!(relay.recipients(), [lan, minh, hoa]);
        assert_eq!((relay.connections(), relay.count("MAIL")), (1, 3));

        let (outcomes, relay) = all(script.clone().on(Verb::Rcpt).to("minh@").reply("550 5.1.1 no such user"));
        assert_eq!(rejected(&outcomes[1]), Some(Rejection::Address), "{outcomes:?}");
        assert_eq!(relay.recipients(), [lan, hoa]);
        assert_eq!(relay.connections(), 1);

        let (outcomes, relay) = all(script.clone().on(Verb::Content).mail(1).reply("451 4.3.0 later"));
        assert_eq!(deferred(&outcomes[0]), Some(Scope::Mail), "{outcomes:?}");
        assert_eq!(relay.recipients(), [minh, hoa]);

        // What the first content met says nothing of the mail behind it.
        for trouble in [
            script.clone().on(Verb::Content).mail(1).close(),
            script.clone().on(Verb::Content).mail(1).stall(FOR_EVER),
            script.clone().on(Verb::Content).mail(1).reply_and_close("421 4.3.2 shutting down"),
            script.clone().on(Verb::Mail).mail(2).close(),
            script.clone().on(Verb::Rcpt).mail(2).stall(FOR_EVER),
            script.clone().on(Verb::Data).mail(2).raw(b"hm\r\n"),
        ] {
            let (outcomes, relay) = all(trouble);
            assert!(is_sent(&outcomes[1]) && is_sent(&outcomes[2]), "{outcomes:?}");
            let to = relay.recipients();
            assert_eq!(to[to.len() - 2..], [minh, hoa]);
            assert!(to.len() <= 3 && relay.connections() == 2, "{to:?}");
        }
    }
    // Two answers for one content: the second is not taken for the next mail's.
    let (outcomes, relay) = all(Script::new().on(Verb::Content).mail(1).raw(b"250 ok\r\n250 ok\r\n"));
    assert!(outcomes.iter().all(is_sent), "{outcomes:?}");
    assert_eq!(count(relay.recipients()).into_values().max(), Some(1));
}

#[test]
fn an_announced_mail_that_does_not_leave_leaves_no_trace() {
    let relay = SmtpServer::start(Script::new());
    let mut client = client(settings(&relay));
    let (first, next) = (parcel("lan@example.com", MAIL), parcel("minh@example.com", MAIL));
    let announce = || Permit::Yes { next: Some(Arc::clone(&next)) };
    assert!(is_sent(&client.deliver(&first, &mut || announce()).unwrap()));
    assert_eq!(client.deliver(&next, &mut || Permit::No), Err(NotCommitted));
    assert!(is_sent(&client.deliver(&first, &mut || announce()).unwrap()));
    // Something else comes first: the connection that waits for that content is given up.
    assert!(is_sent(&client.deliver(&parcel("hoa@example.com", MAIL), &mut || announce()).unwrap()));
    client.close();
    assert_eq!(relay.recipients(), ["lan@example.com", "lan@example.com", "hoa@example.com"]);
    assert_eq!(relay.count("QUIT"), 0, "it would be the content of the mail that was announced");
}

#[test]
fn a_refused_recipient_with_an_open_content_gets_no_mail() {
    let script = Script::new().on(Verb::Rcpt).to("gone@").reply("550 5.1.1 no").on(Verb::Data).mail(1).reply("354 go");
    let relay = SmtpServer::start(script);
    let mut client = client(settings(&relay));
    assert_eq!(rejected(&deliver(&mut *client, &relay, "gone@example.com")), Some(Rejection::Address));
    assert!(is_sent(&deliver(&mut *client, &relay, "lan@example.com")));
    assert_eq!(relay.connections(), 2);
    assert_eq!(relay.recipients(), ["lan@example.com"]);
}

#[test]
fn without_a_commit_no_content_leaves() {
    for script in both() {
        let relay = SmtpServer::start(script);
        let mut client = client(settings(&relay));
        assert_eq!(client.deliver(&parcel("lan@example.com", MAIL), &mut || Permit::No), Err(NotCommitted));
        assert!(is_sent(&deliver(&mut *client, &relay, "minh@example.com")));
        assert_eq!(relay.recipients(), ["minh@example.com"]);
        assert_eq!(relay.content_bytes(), MAIL.len() + 3);
        assert_eq!(relay.connections(), 2);
    }
}

#[test]
fn lines_that_begin_with_dots_arrive_as_they_were() {
    let relay = SmtpServer::start(Script::new());
    let mut client = client(settings(&relay));
    let mails: [&[u8]; 4] = [
        b"Subject: a\r\n\r\n.\r\n..\r\n...x\r\n.\r\n",
        b"Subject: a\r\n\r\nend\r\n.\r\n\r\n",
        b".Subject: a\r\n\r\n.",
        b"Subject: a\r\n\r\nx\r\n.\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nhi\r\n.\r\n",
    ];
    for mail in mails {
        assert!(is_sent(&client.deliver(&parcel("lan@example.com", mail), &mut || YES).unwrap()));
    }
    let arrived: Vec<_> = relay.mails().into_iter().map(|mail| mail.bytes).collect();
    assert_eq!(arrived[..2], [mails[0].to_vec(), mails[1].to_vec()]);
    assert_eq!(arrived[2], [mails[2], b"\r\n"].concat());
    assert_eq!(arrived[3], mails[3]);
    assert_eq!(relay.count("MAIL"), 4);
}

#[test]
fn a_body_that_some_servers_take_for_two_mails_is_not_sent() {
    let relay = SmtpServer::start(Script::new());
    let mut client = client(settings(&relay));
    let long = [b"Subject: a\r\n\r\n".as_slice(), &b"x".repeat(999), b"\r\n"].concat();
    let bodies: [&[u8]; 8] =
        [b"a\n.\nb\r\n", b"a\r.\rb\r\n", b"a\n.\r\nb\r\n", b"a\r\n.\rb\r\n", b"a\n", b"a\r", b"a\0b\r\n", &long];
    for body in bodies {
        let outcome = client.deliver(&parcel("lan@example.com", body), &mut || panic!("committed")).unwrap();
        assert_eq!(rejected(&outcome), Some(Rejection::Policy), "{body:?}");
    }
    assert_eq!(relay.connections(), 0);
}

#[test]
fn what_the_relay_cannot_carry_is_refused_before_the_content() {
    let relay = SmtpServer::start(Script::new().without("SIZE").offering("SIZE 10").without("SMTPUTF8"));
    let mut client = client(settings(&relay));
    assert_eq!(rejected(&deliver(&mut *client, &relay, "lan@example.com")), Some(Rejection::Policy));
    assert_eq!(rejected(&deliver(&mut *client, &relay, "đức@example.com")), Some(Rejection::Mailbox));
    assert_eq!(relay.count("MAIL"), 0);

    let relay = SmtpServer::start(Script::new());
    let mut client = self::client(settings(&relay));
    assert!(is_sent(&deliver(&mut *client, &relay, "đức@example.com")));
    assert_eq!(relay.mails()[0].from, format!("<hello@acme.example> SIZE={} SMTPUTF8", MAIL.len()));
}

#[test]
#[ignore = "a measurement, not a test: cargo test --test it throughput -- --ignored --nocapture"]
fn throughput_of_one_connection() {
    for (name, script) in [("pipelined", both()[0].clone()), ("not pipelined", both()[1].clone())] {
        let relay = SmtpServer::start(script);
        let mut client = client(settings(&relay));
        let mail = [b"Subject: Hi\r\n\r\n".as_slice(), &b"Hello, this is one line of a mail.\r\n".repeat(250)].concat();
        let start = std::time::Instant::now();
        for _ in 0..2000 {
            assert!(is_sent(&client.deliver(&parcel("lan@example.com", &mail), &mut || YES).unwrap()));
        }
        eprintln!("{name}: {:.0} mails a second of {} bytes", 2000.0 / start.elapsed().as_secs_f64(), mail.len());
    }
}
