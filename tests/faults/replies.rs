//! Answers that are odd, and answers that make no sense.

use std::time::Duration;

use crate::case::{Case, Effort};
use crate::support::smtp::{Script, SmtpServer, Verb};
use crate::trouble::Fate::{Deferred, Due, Sent, Unknown};
use crate::trouble::{NOW, Trouble, crowd, tell_all};

const GROUP: &str = "A relay that talks oddly";

pub(crate) fn cases() -> Vec<Case> {
    let case = |id, fault, answer, story| Case { id, group: GROUP, fault, answer, needs: &[], story };
    vec![
        case(
            "F17",
            "answers a byte at a time, split over packets, of many lines, of 10 kB, not UTF-8, without text",
            "they are understood",
            odd,
        ),
        case(
            "F17b",
            "answers that make no sense at the greeting, EHLO, MAIL, RCPT, DATA or after the content (220, 221 and 354 there), or that do not end",
            "before the content `deferred` (at the greeting nobody is touched, code 5), after it `unknown`; no more than 64 kB are read",
            garbage,
        ),
        case(
            "F17c",
            "more answers than were asked for",
            "they fall on no other mail: the connection is given up",
            too_many,
        ),
        case(
            "S22b",
            "a relay's words that carry terminal commands, turn the reading direction, or name the recipient",
            "they are shown on one line without any of that; the address is masked but for `-v`",
            escapes,
        ),
    ]
}

fn odd(effort: Effort) -> String {
    let pause = Duration::from_millis(2);
    let content = |reply| Script::new().on(Verb::Content).reply(reply);
    let mut troubles: Vec<_> = ["251 2.1.5 forwarded", "252 2.0.0 taken, and we shall see"]
        .map(|reply| Trouble::new(content(reply), 0, [Sent; 3]).says(&["3 mails sent"]))
        .into();
    for (verb, code) in
        [(Verb::Content, "250"), (Verb::Data, "354"), (Verb::Rcpt, "250"), (Verb::Mail, "250"), (Verb::Connect, "220")]
    {
        let on = || Script::new().on(verb);
        let many = format!("{code}-{}\r\n", "y".repeat(96)).repeat(100);
        for script in [
            on().drip(&format!("{code} slowly"), pause),
            on().pieces(&[&code[..2], &code[2..], " ok", "\r", "\n"], pause),
            on().reply(&format!("{code}-first\r\n{code}-second\r\n{code} third")),
            on().reply(&format!("{many}{code} end")),
            on().reply(&format!("{code} {}", "x".repeat(10_000))),
            on().raw(&[code.as_bytes(), b" caf\xe9 \xff\xfe\r\n"].concat()),
            on().reply(code),
        ] {
            troubles.push(Trouble::new(script, 0, [Sent; 3]).says(&["3 mails sent"]));
        }
    }
    // The quick part: each way after the content, and a few at other verbs.
    troubles.truncate(effort.choose(9, troubles.len()));
    let told = tell_all(effort, troubles);
    format!("{told} runs: everyone got each mail once")
}

fn garbage(effort: Effort) -> String {
    const NONSENSE: &str = "the relay's answer makes no sense";
    let nonsense: [&[u8]; 6] = [
        b"hello there\r\n",
        b"\xff\xfe\x00 hm\r\n",
        b"250-one\r\n550 two\r\n",
        b"999 ok\r\n",
        &b"250-and so on\r\n".repeat(100_000),
        &b"2".repeat(100_000),
    ];
    let mut troubles = Vec::new();
    for (at, bytes) in nonsense.iter().enumerate() {
        for (number, verb) in
            [Verb::Content, Verb::Rcpt, Verb::Connect, Verb::Mail, Verb::Data, Verb::Ehlo].into_iter().enumerate()
        {
            // The quick part: each verb and each kind of nonsense, but not each with each.
            if effort == Effort::Quick && at != number {
                continue;
            }
            let script = match verb {
                Verb::Connect | Verb::Ehlo => Script::new().on(verb).raw(bytes),
                Verb::Content => Script::new().on(verb).mail(1).raw(bytes),
                // What happens before the content is tried once more over a new connection.
                _ => Script::new().on(verb).connection(1).raw(bytes).on(verb).connection(2).raw(bytes),
            };
            troubles.push(match verb {
                Verb::Connect | Verb::Ehlo => {
                    Trouble::new(script, 5, [Due; 3]).says(&["stays due: ", NONSENSE, "hint: "])
                }
                Verb::Content => {
                    Trouble::new(script, 6, [Unknown(NONSENSE), Sent, Sent]).says(&["1 unknown", NONSENSE])
                }
                _ => Trouble::new(script, 0, [Deferred(NONSENSE), Sent, Sent]).says(&["2 mails sent", "1 deferred"]),
            });
        }
    }
    // These make sense elsewhere: none of them says that the mail was taken.
    for said in ["220 hello", "221 2.0.0 shutting down, message discarded", "354 go on"] {
        let script = Script::new().on(Verb::Content).mail(1).reply(said);
        let trouble = Trouble::new(script, 6, [Unknown(said), Sent, Sent]);
        troubles.push(trouble.says(&["1 unknown", "the relay answered the content with ", said]));
    }
    let told = tell_all(effort, troubles);
    format!("{told} runs: nobody twice, nobody lost")
}

fn too_many(effort: Effort) -> String {
    // Everything that the next mail would wait for, and Binh's recipient is refused in truth.
    let ahead = b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n";
    let refused = "451 4.7.1 come back later";
    let early = b"354 go\r\n250 queued already\r\n";
    let told = tell_all(
        effort,
        vec![
            Trouble::new(
                Script::new().on(Verb::Content).mail(1).raw(ahead).on(Verb::Rcpt).to("binh@").reply(refused),
                0,
                [Sent, Deferred(refused), Sent],
            ),
            Trouble::new(
                Script::new().on(Verb::Data).connection(1).raw(early).on(Verb::Data).connection(2).raw(early),
                0,
                [Deferred("it says more than it was asked"), Sent, Sent],
            ),
        ],
    );
    format!("{told} runs: each mail got its own answer, and no content left for an answer that was there before")
}

fn escapes(_: Effort) -> String {
    let said = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}<C000@example.com>\u{9b}31m\tno\rsuch\u{2028}user";
    let mut shown = 0;
    for (verb, reply) in [
        (Verb::Rcpt, format!("550 5.1.1 {said}")),
        (Verb::Content, format!("550 5.7.1 {said}")),
        (Verb::Rcpt, format!("450 4.7.28 {said}")),
        // There is no recipient yet whom it could name.
        (Verb::Connect, format!("554 {}", said.replace("<C000@example.com>", ""))),
        (Verb::Content, format!("hm {said}")),
    ] {
        let relay = SmtpServer::start(Script::new().on(verb).reply(&reply));
        let sandbox = crowd(12, 1).through(&relay);
        for words in [
            &["run"][..],
            &["--log-format", "json", "run"],
            &["status"],
            &["resolve"],
            &["report"],
            &["campaign", "show", "w"],
            &["contact", "show", "c000@example.com"],
            &["-v", "run"],
        ] {
            let ended = sandbox.drip(&[&["--now", NOW], words].concat());
            for text in [&ended.stdout, &ended.stderr] {
                let bad = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{2028}' | '\u{9b}');
                assert!(!text.contains(bad), "{words:?}: {text:?}");
                shown += text.lines().filter(|line| line.contains("owned")).count();
            }
            let in_the_log = !ended.stderr.to_lowercase().contains("c000@example.com");
            assert!(in_the_log || words[0] == "-v", "{words:?}: {}", ended.stderr);
        }
    }
    assert!(shown > 10, "it was shown: {shown}");
    format!("shown {shown} times, as plain words")
}
