//! What happens while a run is under way: other commands write, files are edited, people leave.

use std::process::Child;
use std::time::Duration;

use crate::case::{Case, Effort};
use crate::people::{NEXT_DAY, NOW, due, everyone_once, nobody_twice, number, received, run};
use crate::support::Sandbox;
use crate::support::http::HttpServer;
use crate::support::smtp::{Script, SmtpServer, Verb};

const GROUP: &str = "A hostile machine";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "F29",
            group: GROUP,
            fault: "`import`, `track`, `contact set`, `report` and `backup` while a run sends",
            answer: "nothing that was written is lost, and each report and copy shows one moment",
            needs: &[],
            story: written_meanwhile,
        },
        Case {
            id: "F35",
            group: GROUP,
            fault: "a campaign is edited while a run sends: steps renamed, removed, added, delays changed",
            answer: "the run goes on with the files it has read; the next one follows the edit, and nobody gets a step twice",
            needs: &[],
            story: edited_meanwhile,
        },
        Case {
            id: "F37",
            group: GROUP,
            fault: "somebody unsubscribes between the claim and the content",
            answer: "consent is looked at again when the relay waits for the content: it does not leave",
            needs: &[],
            story: unsubscribed_meanwhile,
        },
        Case {
            id: "F37b",
            group: GROUP,
            fault: "people unsubscribe while a run waits for the web address that it is to call about them",
            answer: "consent is looked at again before each call: nobody who said no is called about",
            needs: &[],
            story: unsubscribed_before_a_call,
        },
    ]
}

/// A relay that takes its time with each content, and a run that has begun to send through it.
fn under_way(people: usize, pause: u64) -> (SmtpServer, Sandbox, Child) {
    let relay = SmtpServer::start(Script::new().on(Verb::Content).stall(Duration::from_millis(pause)));
    let sandbox = due(people, 1).through(&relay);
    let mut child = sandbox.command(&["-q", "--now", NOW, "run"]).spawn().unwrap();
    while relay.mails().is_empty() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    (relay, sandbox, child)
}

fn written_meanwhile(effort: Effort) -> String {
    let people = effort.choose(40, 600);
    let (relay, sandbox, mut child) = under_way(people, 15);
    // So large that a copy is not made in a moment.
    let filler = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 4000)
                  INSERT INTO meta SELECT 'filler-' || n, randomblob(4000) FROM n";
    sandbox.database().execute(filler, []).unwrap();
    let (mut rounds, mut reports) = (0, 0);
    let now = ["--now", NOW];
    let said = |words: &[&str]| sandbox.drip(&[&now, words].concat()).code(0).stdout;
    while child.try_wait().unwrap().is_none() {
        let person = format!("c{:04}@example.com", rounds % people);
        sandbox.write("more.csv", &format!("email,city\n{person},Huế {rounds}\nnew{rounds}@other.example,Vinh\n"));
        said(&["-q", "import", "more.csv"]);
        said(&["-q", "track", &person, "bought", &format!("order={rounds}")]);
        said(&["-q", "contact", "set", &person, &format!("seen={rounds}")]);
        said(&["-q", "backup", "copy.db", "--force"]);
        let copy = rusqlite::Connection::open(sandbox.path("copy.db")).unwrap();
        let of = |query: &str| copy.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap();
        // Of one moment: what is counted is there.
        assert_eq!(
            of("SELECT coalesce(sum(number), 0) FROM tallies WHERE kind = 'send' AND state = 2"),
            of("SELECT count(*) FROM sends WHERE state = 2")
        );
        assert_eq!(copy.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
        let report: serde_json::Value = serde_json::from_str(&said(&["--json", "report", "w"])).unwrap();
        let step = &report["campaigns"][0]["steps"][0];
        let of = |name: &str| step[name].as_u64().unwrap_or_default();
        let accounted: u64 =
            ["sent", "waiting", "deferred", "held", "skipped", "rejected", "unknown"].map(of).iter().sum();
        assert_eq!(of("entered"), accounted, "a report of two moments: {step}");
        reports += 1;
        rounds += 1;
    }
    assert!(rounds >= effort.choose(1, 5), "{rounds} rounds: the run was over at once, or a copy took until its end");
    assert!(child.wait().unwrap().success());
    for round in 0..rounds {
        let person = format!("c{:04}@example.com", round % people);
        let events =
            sandbox.sql(&format!("SELECT json_extract(properties, '$.order') FROM v_events WHERE email = '{person}'"));
        assert!(events.contains(&round.to_string()), "the event of round {round} is lost");
        let last = (round..rounds).step_by(people).next_back().unwrap();
        let kept = sandbox.sql(&format!(
            "SELECT json_extract(attributes, '$.city') || json_extract(attributes, '$.seen') || json_extract(attributes, '$.first_name')
             FROM v_contacts WHERE email = '{person}'"
        ));
        assert_eq!(kept, [format!("Huế {last}{last}Lan {}", round % people)]);
    }
    assert_eq!(number(&sandbox, "SELECT count(*) FROM v_contacts"), people + rounds);
    run(&sandbox, NOW).code(0);
    everyone_once(&sandbox, &relay, people + rounds);
    format!("{people} mails, {rounds} rounds of five commands meanwhile, {reports} reports that add up")
}

fn edited_meanwhile(_: Effort) -> String {
    let people = 20;
    let (relay, sandbox, mut child) = under_way(people, 15);
    let head = "trigger: { segment: 'true' }\nhours: \"00:00-24:00\"\ndays: mon-sun";
    sandbox.edit(
        "w",
        head,
        &[
            "id: before, send: mail, subject: before",
            "id: greeting, was: [hello], send: mail, subject: hello",
            "id: between, delay: 2d, send: mail, subject: between",
        ],
    );
    assert!(child.wait().unwrap().success());
    assert!(received(&relay).keys().all(|mail| mail.starts_with("hello")), "the files of its beginning");
    run(&sandbox, NOW).code(0);
    nobody_twice_by_subject(&relay);
    assert_eq!(relay.recipients().len(), people, "what was inserted behind everyone is for those to come");
    for now in [NEXT_DAY, "2026-03-04T02:00:00Z", "2026-03-05T02:00:00Z"] {
        run(&sandbox, now).code(0);
        sandbox.check();
    }
    nobody_twice_by_subject(&relay);
    let mails = received(&relay);
    let of = |step: &str| mails.keys().filter(|mail| mail.starts_with(step)).count();
    assert_eq!((of("hello"), of("before"), of("more"), of("between")), (people, 0, 0, people));
    format!("{people} people: each step once")
}

fn nobody_twice_by_subject(relay: &SmtpServer) {
    let twice: Vec<_> = received(relay).into_iter().filter(|(_, times)| *times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

fn unsubscribed_meanwhile(_: Effort) -> String {
    let people = 3;
    // The first mail waits at its recipient until somebody has said no; the others are claimed by then.
    let script = Script::new().without("PIPELINING").on(Verb::Rcpt).times(1).stall(Duration::from_secs(2));
    let relay = SmtpServer::start(script);
    let sandbox = due(people, 1).through(&relay);
    let mut child = sandbox.command(&["-q", "--now", NOW, "run"]).spawn().unwrap();
    while relay.count("RCPT") == 0 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    sandbox.drip(&["contact", "unsubscribe", "c0000@example.com"]).code(0);
    sandbox.drip(&["contact", "suppress", "c0001@example.com"]).code(0);
    assert!(child.wait().unwrap().success());
    run(&sandbox, NOW).code(0);
    nobody_twice(&sandbox, &relay);
    assert_eq!(relay.recipients(), ["c0002@example.com"]);
    assert_eq!(number(&sandbox, "SELECT count(*) FROM v_enrolments WHERE state = 'exited'"), 2);
    "two people who said no at the last moment got nothing".to_owned()
}

fn unsubscribed_before_a_call(_: Effort) -> String {
    let (people, connections) = (8, 2);
    let who: Vec<String> = (0..people).map(|n| format!("c{n:04}@example.com")).collect();
    let relay = SmtpServer::start(Script::new());
    // Each connection waits for its first call until it has waited enough.
    let server = HttpServer::start(&["hold"; 2]);
    let call = format!("id: crm, webhook: {{ url: \"{}\", timeout: 3s }}", server.url("/crm"));
    let sandbox = Sandbox::new()
        .settings(&format!("smtp: {{ url: \"smtp://localhost\", connections: {connections} }}"))
        .campaign("c", "trigger: { segment: 'true' }", &[&call])
        .contacts("email", &who.iter().map(String::as_str).collect::<Vec<_>>())
        .through(&relay);
    let mut child = sandbox.command(&["-q", "--now", NOW, "run"]).spawn().unwrap();
    while server.calls().len() < connections {
        assert!(child.try_wait().unwrap().is_none(), "nobody was called");
        std::thread::sleep(Duration::from_millis(2));
    }
    for address in &who {
        sandbox.drip(&["contact", "unsubscribe", address]).code(0);
    }
    assert!(child.wait().unwrap().success());
    run(&sandbox, "2026-03-02T04:00:00Z").code(0);
    assert_eq!(server.calls().len(), connections);
    sandbox.check();
    format!("{people} people were claimed and said no: none but the {connections} under way was called about")
}
