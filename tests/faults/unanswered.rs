//! A relay that hangs up, or falls silent: before the content the mail goes again, after it nobody knows.

use std::panic::resume_unwind;
use std::time::Duration;

use crate::case::{Case, DEBUG, Effort};
use crate::secured::{IMPLICIT, STARTTLS, over_tls, support};
use crate::support::smtp::{Script, SmtpServer, Verb, When};
use crate::trouble::Fate::{Deferred, Due, Sent, Unknown};
use crate::trouble::{NOW, Trouble, crowd, everyone_gets_theirs, in_state, tell_all};

const GROUP: &str = "A relay that hangs up or falls silent";
/// Longer than drip is told to wait.
const FOR_EVER: Duration = Duration::from_secs(60);
/// Long enough for a relay that is well on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) fn cases() -> Vec<Case> {
    let case = |id, fault, answer, needs, story| Case { id, group: GROUP, fault, answer, needs, story };
    vec![
        case(
            "F05",
            "the connection closes after the content, before the answer; or within the content",
            "`unknown`, never sent again by itself; the others go over a new connection",
            &[],
            after_the_dot,
        ),
        case(
            "F05b",
            "no content gets an answer",
            "the run stops after five in a row; who was not reached stays due; code 5",
            &[],
            never_an_answer,
        ),
        case(
            "F06",
            "the connection closes at the greeting, EHLO, MAIL, RCPT or DATA",
            "one more try over a new connection; then the mail is `deferred`, and the others go; where there is no greeting nobody is touched, code 5",
            &[],
            before_the_content,
        ),
        case(
            "F06b",
            "the connection closes at every MAIL, RCPT or DATA",
            "the run stops after five in a row, so that nobody else is tried in vain; code 5",
            &[],
            never_a_content,
        ),
        case(
            "F07",
            "the answer to a content comes when drip no longer waits for it",
            "`unknown`; the connection is closed, and the answer never falls on the next mail",
            &[DEBUG],
            too_late,
        ),
        case(
            "F19",
            "the relay says nothing at the TLS handshake, the greeting, EHLO, MAIL, RCPT, DATA, the content, RSET or QUIT, or a byte now and then, also below TLS",
            "the handshake and each answer as a whole have a time; then as if the connection had closed",
            &[DEBUG],
            silence,
        ),
    ]
}

/// Makes the first two connections fail at a verb: the first mail is tried twice, and the others show that the run
/// goes on. Where there is no mail yet, every connection fails.
fn twice(verb: Verb, fail: impl Fn(When) -> Script) -> Script {
    let on = Script::new().on(verb);
    match verb {
        Verb::Connect | Verb::Ehlo => fail(on),
        _ => fail(fail(on.connection(1)).on(verb).connection(2)),
    }
}

const NO_ANSWER: &str = "no answer to the content: the relay closed the connection";
const IN_TIME: &str = "the relay did not answer in time";
const CLOSED: &str = "the relay closed the connection";

fn after_the_dot(effort: Effort) -> String {
    let content = |mail| Script::new().on(Verb::Content).mail(mail);
    let lost = |script, fates| {
        let says = ["2 mails sent", "1 unknown", "***@example.com unknown: no answer to the content"];
        Trouble::new(script, 6, fates).says(&says)
    };
    let told = tell_all(
        effort,
        vec![
            lost(content(1).close(), [Unknown(NO_ANSWER), Sent, Sent]),
            lost(content(1).close_after(200), [Unknown("no answer to the content"), Sent, Sent]),
            lost(content(3).close(), [Sent, Sent, Unknown(NO_ANSWER)]),
        ],
    );
    format!("{told} runs: one of three mails `unknown`, the other two sent, nobody twice")
}

fn never_an_answer(_: Effort) -> String {
    let (people, connections) = (60, 4);
    let relay = SmtpServer::start(Script::new().on(Verb::Content).close());
    let sandbox = crowd(people, connections).through(&relay);
    let ended = sandbox.drip(&["--now", NOW, "run"]).code(5);
    assert!(ended.stderr.contains("everyone it did not reach stays due"), "{}", ended.stderr);
    assert!(ended.stderr.contains("mail after mail without an answer"), "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: the next run goes on; `drip resolve` lists"), "{}", ended.stderr);
    let unknown = in_state(&sandbox, "unknown");
    // Five, and what the other connections had on the way by then.
    assert!((5..5 + connections).contains(&unknown), "{unknown}");
    assert_eq!((in_state(&sandbox, "sent"), in_state(&sandbox, "deferred")), (0, 0));
    let listed = sandbox.drip(&["--now", NOW, "resolve"]).code(0).stdout;
    assert_eq!(listed.lines().filter(|line| line.contains(" unknown ")).count(), unknown, "{listed}");
    everyone_gets_theirs(sandbox, &relay, people);
    format!(
        "{people} people, {connections} connections: {unknown} `unknown`, then stopped; the others got theirs later"
    )
}

fn before_the_content(effort: Effort) -> String {
    let mut troubles: Vec<_> = [Verb::Connect, Verb::Ehlo]
        .map(|verb| {
            Trouble::new(Script::new().on(verb).close(), 5, [Due, Due, Due]).says(&[
                "everyone it did not reach stays due: no SMTP dialogue with 127.0.0.1:",
                CLOSED,
                "hint: check the port: 465 speaks TLS",
            ])
        })
        .into();
    for verb in [Verb::Mail, Verb::Rcpt, Verb::Data] {
        let script = twice(verb, When::close);
        troubles.push(Trouble::new(script, 0, [Deferred(CLOSED), Sent, Sent]).says(&["2 mails sent", "1 deferred"]));
        // Relays hang up on the idle: that costs nobody anything.
        troubles.push(Trouble::new(Script::new().on(verb).mail(2).close(), 0, [Sent, Sent, Sent]));
    }
    let told = tell_all(effort, troubles);
    format!("{told} runs: nothing `unknown`, the mail that was met went after 5 minutes")
}

fn never_a_content(effort: Effort) -> String {
    let (people, connections) = (60, 2);
    let verbs = [Verb::Rcpt, Verb::Mail, Verb::Data];
    let verbs = &verbs[..effort.choose(1, 3)];
    for verb in verbs {
        let relay = SmtpServer::start(Script::new().on(*verb).close());
        let sandbox = crowd(people, connections).through(&relay);
        let ended = sandbox.drip(&["--now", NOW, "run"]).code(5);
        assert!(ended.stderr.contains("mail after mail without an answer"), "{}", ended.stderr);
        let deferred = in_state(&sandbox, "deferred");
        // Five, and what was in hand by then: 8 for each connection at most.
        assert!((5..5 + 8 * connections).contains(&deferred), "{verb:?}: {deferred}");
        assert_eq!(in_state(&sandbox, "unknown"), 0);
        assert!(relay.connections() <= 2 * (deferred + connections), "{verb:?}: {} connections", relay.connections());
        everyone_gets_theirs(sandbox, &relay, people);
    }
    format!("{people} people, {connections} connections, {} verbs: a few `deferred`, the others untouched", verbs.len())
}

fn too_late(effort: Effort) -> String {
    let late = PATIENCE * 2;
    let unknown = Unknown("no answer to the content: the relay did not answer in time");
    let script = || Script::new().on(Verb::Content).mail(1).stall(late);
    let told = tell_all(
        effort,
        vec![
            Trouble::new(script(), 6, [unknown, Sent, Sent]).patience(PATIENCE).says(&["2 mails sent", "1 unknown"]),
            // The late 250 would make Binh's mail look as if it had been taken.
            Trouble::new(script().on(Verb::Content).to("").mail(2).stall(late), 6, [unknown, unknown, Sent])
                .patience(PATIENCE)
                .says(&["1 mail sent", "2 unknown"]),
        ],
    );
    let relay = Trouble::new(
        script().on(Verb::Rcpt).to("binh@").times(1).reply("451 4.7.1 come back later"),
        6,
        [unknown, Deferred("451 4.7.1 come back later"), Sent],
    )
    .patience(PATIENCE)
    .tell();
    assert_eq!(relay.connections(), 2);
    format!("{} runs: the mail after it got its own answer, over a new connection", told + 1)
}

fn silence(effort: Effort) -> String {
    let mut troubles = Vec::new();
    let slowly = |text: &str| format!("{text} {}", "and so on ".repeat(40));
    for (verb, answer) in [
        (Verb::Connect, "220 hm"),
        (Verb::Ehlo, "250 hm"),
        (Verb::Mail, "250 hm"),
        (Verb::Rcpt, "250 hm"),
        (Verb::Data, "354 hm"),
    ] {
        let pause = Duration::from_millis(10);
        let ways = [twice(verb, |when| when.stall(FOR_EVER)), twice(verb, |when| when.drip(&slowly(answer), pause))];
        for script in ways.into_iter().take(if verb == Verb::Rcpt { 2 } else { effort.choose(1, 2) }) {
            troubles.push(match verb {
                Verb::Connect | Verb::Ehlo => Trouble::new(script, 5, [Due, Due, Due]).says(&[IN_TIME, "stays due"]),
                _ => Trouble::new(script, 0, [Deferred(IN_TIME), Sent, Sent]).says(&["2 mails sent", "1 deferred"]),
            });
        }
    }
    let content = || Script::new().on(Verb::Content).mail(1);
    for script in [content().stall(FOR_EVER), content().drip(&slowly("250 ok"), Duration::from_millis(10))] {
        troubles.push(Trouble::new(script, 6, [Unknown(IN_TIME), Sent, Sent]).says(&["2 mails sent", "1 unknown"]));
    }
    let refused = Script::new().on(Verb::Rcpt).to("an@").reply("451 4.7.1 later");
    let after = Trouble::new(refused.on(Verb::Rset).stall(FOR_EVER), 0, [Deferred("451 4.7.1 later"), Sent, Sent]);
    troubles.push(after);
    troubles.push(Trouble::new(Script::new().on(Verb::Quit).stall(FOR_EVER), 0, [Sent, Sent, Sent]));
    troubles.extend(silence_of_tls());
    // Side by side, because all that they do is wait.
    let mut lanes: [Vec<Trouble>; 5] = Default::default();
    for (at, trouble) in troubles.into_iter().enumerate() {
        lanes[at % 5].push(trouble.patience(PATIENCE));
    }
    let told: usize = std::thread::scope(|scope| {
        let lanes = lanes.map(|lane| scope.spawn(move || tell_all(effort, lane)));
        lanes.into_iter().map(|lane| lane.join().unwrap_or_else(|panic| resume_unwind(panic))).sum()
    });
    format!("{told} runs: nothing waited for ever, before the content `deferred`, after it `unknown`")
}

/// Where rustls does the reading: in the handshake, and for the rest of a record that has begun.
fn silence_of_tls() -> Vec<Trouble> {
    let pause = Duration::from_millis(50);
    let told = |trouble: Trouble, url| trouble.url(url).variable("SSL_CERT_FILE", &support("authority.pem"));
    let handshake = |implicit| over_tls("relay.pem", implicit).on(Verb::Handshake);
    let met = |script| Trouble::new(script, 5, [Due; 3]).says(&["no safe connection to ", IN_TIME, "stays due"]);
    let content = over_tls("relay.pem", true).on(Verb::Content).mail(1).begin_record(pause);
    vec![
        told(met(handshake(true).begin_record(pause)), IMPLICIT),
        told(met(handshake(false).begin_record(pause)), STARTTLS),
        told(met(handshake(true).stall(FOR_EVER)), IMPLICIT),
        told(Trouble::new(content, 6, [Unknown(IN_TIME), Sent, Sent]).says(&["2 mails sent", "1 unknown"]), IMPLICIT),
    ]
}
