//! A relay that cannot be reached; and nothing else that drip would reach for.

use std::process::Command;
use std::time::Duration;

use crate::case::{Case, DEBUG, Effort};
use crate::support::Sandbox;
use crate::support::sandbox::binary;
use crate::support::smtp::{Script, SmtpServer, Verb};
use crate::trouble::Fate::{Deferred, Due, Sent};
use crate::trouble::{NOW, Trouble, crowd};

const GROUP: &str = "A relay that cannot be reached";

pub(crate) fn cases() -> Vec<Case> {
    let case = |id, fault, answer, needs, story| Case { id, group: GROUP, fault, answer, needs, story };
    vec![
        case(
            "F20",
            "nobody listens, the network is away, or the relay's name cannot be looked up",
            "nobody is claimed, everyone stays due; code 5, and what to look at",
            &[DEBUG],
            nobody_there,
        ),
        case(
            "F20b",
            "the relay goes away in the middle of a run",
            "the run stops, code 5; the mail at hand is `deferred`, the others go with the next run",
            &[],
            gone_midway,
        ),
        case(
            "F20c",
            "the relay takes fewer connections than `connections` says",
            "the run goes on over those it got",
            &[],
            fewer_connections,
        ),
        case(
            "S27",
            "templates and data that name web addresses: pictures, style sheets, links",
            "a run connects to nothing but the SMTP host",
            &["strace"],
            nothing_else,
        ),
    ]
}

fn nobody_there(_: Effort) -> String {
    const HINT: &str = "hint: check host and port of the SMTP URL, and that this machine may connect there";
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (url, words) in [
        (format!("smtp://127.0.0.1:{free}"), ": nobody listens there"),
        // A machine without a network says so at once; with one, nothing comes back from there (RFC 6666).
        ("smtp://[100::1]:2525?tls=none".to_owned(), "cannot connect to 100::1:2525: "),
        // Reserved never to be a name (RFC 2606).
        ("smtp://relay.invalid:2525?tls=none".to_owned(), "cannot connect to relay.invalid:2525: the "),
    ] {
        Trouble::new(Script::new(), 5, [Due; 3])
            .url(&url)
            .patience(Duration::from_secs(3))
            .says(&["everyone it did not reach stays due: cannot connect to ", words, HINT])
            .tell();
    }
    "3 ways: nobody was claimed, and everyone got theirs from a relay that was there".to_owned()
}

fn gone_midway(_: Effort) -> String {
    let away = "421 4.3.2 going down";
    let script = Script::new().on(Verb::Mail).mail(2).close().on(Verb::Connect).connection(2).reply_and_close(away);
    let relay = Trouble::new(script, 5, [Sent, Deferred(away), Due]).says(&["stays due: ", away, "hint: "]).tell();
    assert_eq!(relay.connections(), 2);

    // Lost with a content on its way, while more mails are claimed than connections are left to take.
    let people = 40;
    let script = Script::new().on(Verb::Content).mail(2).close().on(Verb::Connect).connection(2).reply_and_close(away);
    let relay = SmtpServer::start(script);
    let sandbox = crowd(people, 1).through(&relay);
    let ended = sandbox.drip(&["--now", NOW, "run"]).code(5);
    assert!(ended.stderr.contains("everyone it did not reach stays due"), "{}", ended.stderr);
    assert_eq!(sandbox.sql("SELECT count(*) FROM sends WHERE state IN (0, 1)"), ["0"], "nothing stays in hand");
    let sends = sandbox.run(NOW);
    assert_eq!(sends.iter().filter(|line| line.ends_with(" sent")).count(), people - 1, "{sends:?}");
    assert_eq!(sandbox.sql("SELECT count(*) FROM sends WHERE state = 7"), ["1"]);
    "1 mail sent, 1 `deferred`, 1 untouched; of 40 people 1 `unknown`, the others got theirs later".to_owned()
}

fn fewer_connections(_: Effort) -> String {
    let no = "421 4.7.0 too many connections";
    let script = Script::new().on(Verb::Connect).connection(3).reply_and_close(no);
    let relay = SmtpServer::start(script.on(Verb::Connect).connection(4).close());
    let people = 40;
    let sandbox = crowd(people, 4).through(&relay);
    let sends = sandbox.run(NOW);
    assert!(sends.iter().all(|line| line.ends_with(" sent")), "{sends:?}");
    assert_eq!((sends.len(), relay.recipients().len()), (people, people));

    // That a limit is reached meanwhile changes nothing.
    let limit = 4;
    let script = Script::new().on(Verb::Content).stall(Duration::from_millis(50)).on(Verb::Connect).connection(3);
    let relay = SmtpServer::start(script.reply_and_close(no));
    let sandbox = crowd(people, 4).through(&relay);
    sandbox.drip(&["--now", NOW, "run", "--limit", &limit.to_string()]).code(0);
    assert_eq!((relay.recipients().len(), relay.connections()), (limit, 4));
    format!("{people} mails over 2 of 4 connections, {limit} with `--limit`; each once, code 0")
}

fn nothing_else(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = Sandbox::new()
        .settings("frequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 2 }")
        .file(
            "templates/mail.html",
            "---\nsubject: Hi {{first_name}}\n---\n<html><head><style>@import url(http://127.0.0.1:9/a.css);\n\
             p { background: url(http://127.0.0.1:9/b.png) }</style></head><body background=\"http://127.0.0.1:9/c.png\">\
             <p>{{first_name}} <img src=\"http://127.0.0.1:9/d.png\" alt=\"a\"> <a href=\"{{site}}\">here</a> \
             <a href=\"{{unsubscribe_url}}\">out</a> {{postal_address}}</p></body></html>\n",
        )
        .campaign("w", "trigger: { segment: 'true' }", &["id: a, send: mail"])
        .contacts("email,first_name,site", &["an@example.com,http://127.0.0.1:9/e,http://127.0.0.1:9/f"]);
    std::fs::remove_file(sandbox.path("templates/mail.md")).unwrap();
    let log = sandbox.path("strace.log");
    let output = Command::new("strace")
        .args(["-f", "-e", "trace=connect,sendto,sendmsg,bind", "-o"])
        .arg(&log)
        .arg(binary())
        .args(["--now", NOW, "run"])
        .env_clear()
        .env("DRIP_SMTP_URL", format!("smtp://127.0.0.1:{}", relay.port()))
        .current_dir(sandbox.path(""))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(relay.recipients(), ["an@example.com"]);
    let log = std::fs::read_to_string(log).unwrap();
    let relay = format!("sin_port=htons({}), sin_addr=inet_addr(\"127.0.0.1\")", relay.port());
    let calls: Vec<_> = log.lines().filter(|line| line.contains("sa_family") || line.contains("bind(")).collect();
    assert!(!calls.is_empty(), "{log}");
    for call in &calls {
        assert!(call.contains("connect(") && call.contains(&relay), "{call}");
    }
    format!("of all calls to the network ({}) each went to the relay", calls.len())
}
