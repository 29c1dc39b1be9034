//! A clock that lies, and a machine that was off.

use crate::case::{Case, Effort};
use crate::people::{due, nobody_twice, received, run};
use crate::support::Sandbox;
use crate::support::smtp::{Script, SmtpServer};

const GROUP: &str = "A hostile machine";
/// In hours.
const YEAR: i64 = 365 * 24;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "F30",
            group: GROUP,
            fault: "the clock jumps back: an hour, a day, a year",
            answer: "a warning that says by how much; nobody gets anything twice, and nobody anything too soon once it is right again",
            needs: &[],
            story: back,
        },
        Case {
            id: "F31",
            group: GROUP,
            fault: "the clock jumps forward by a year",
            answer: "code 6, and nothing is sent until `--trust-clock`; even then everyone gets one mail, and the rest keeps its spacing",
            needs: &[],
            story: forward,
        },
        Case {
            id: "F33",
            group: GROUP,
            fault: "the machine is off for three weeks",
            answer: "what is overdue by more than `late` allows is skipped, with its reason; of the rest everyone gets one mail, and the next ones keep their spacing",
            needs: &[],
            story: off,
        },
    ]
}

/// Has the clock jump: to drip it is the same whether its clock goes forward, or every time it has noted goes back.
fn jump(sandbox: &Sandbox, hours: i64) {
    let database = sandbox.database();
    let columns = "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c
                   WHERE m.type = 'table' AND (c.name = 'at' OR substr(c.name, -3) = '_at')";
    let mut statement = database.prepare(columns).unwrap();
    let columns = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let columns: Vec<(String, String)> = columns.map(Result::unwrap).collect();
    assert!(columns.len() >= 14, "{columns:?}");
    for (table, column) in columns {
        database.execute(&format!("UPDATE {table} SET {column} = {column} - ?1"), [hours * 3_600_000]).unwrap();
    }
    database.execute("UPDATE outflow SET minute = minute - ?1", [hours * 60]).unwrap();
}

/// Three people of a project who have had `hello` just now, by a clock that is right.
fn greeted(relay: &SmtpServer) -> Sandbox {
    let sandbox = due(3, 1).through(relay);
    sandbox.drip(&["-q", "run"]).code(0);
    assert_eq!(relay.recipients().len(), 3);
    sandbox
}

fn back(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = greeted(&relay);
    for hours in [1, 24, YEAR] {
        jump(&sandbox, -hours);
        for _ in 0..2 {
            let ended = sandbox.drip(&["run"]).code(0);
            assert!(ended.stderr.contains("a clock that went back"), "{hours} hours: {}", ended.stderr);
        }
        assert_eq!(relay.recipients().len(), 3, "{hours} hours");
        nobody_twice(&sandbox, &relay);
        // And it is right again.
        jump(&sandbox, hours);
        assert!(!sandbox.drip(&["run"]).code(0).stderr.contains("went back"), "{hours} hours");
    }
    assert_eq!(relay.recipients().len(), 3);
    jump(&sandbox, 23);
    sandbox.drip(&["-q", "run"]).code(0);
    assert_eq!(relay.recipients().len(), 3, "not too soon");
    jump(&sandbox, 2);
    sandbox.drip(&["-q", "run"]).code(0);
    assert_eq!(received(&relay).keys().filter(|mail| mail.starts_with("more")).count(), 3);
    nobody_twice(&sandbox, &relay);
    "an hour, a day and a year: warned of, none twice".to_owned()
}

fn forward(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(3, 1).through(&relay);
    sandbox.edit(
        "w",
        "trigger: { segment: 'true' }\nhours: \"00:00-24:00\"\ndays: mon-sun",
        &[
            "id: hello, send: mail, subject: hello",
            "id: more, delay: 1d, send: mail, subject: more",
            "id: last, delay: 3d, send: mail, subject: last",
        ],
    );
    sandbox.drip(&["-q", "run"]).code(0);
    jump(&sandbox, YEAR);
    let refused = sandbox.drip(&["run"]).code(6).stderr;
    assert!(
        refused.contains("365 d") && refused.contains("if the clock is right: `drip run --trust-clock`"),
        "{refused}"
    );
    assert_eq!(relay.recipients().len(), 3);
    sandbox.drip(&["-q", "run", "--trust-clock"]).code(0);
    sandbox.drip(&["-q", "run"]).code(0);
    let steps = |step: &str| received(&relay).keys().filter(|mail| mail.starts_with(step)).count();
    assert_eq!((steps("more"), steps("last")), (3, 0), "one mail each");
    jump(&sandbox, 2 * 24);
    sandbox.drip(&["-q", "run"]).code(0);
    assert_eq!(steps("last"), 0, "two days after it");
    jump(&sandbox, 25);
    sandbox.drip(&["-q", "run"]).code(0);
    assert_eq!(steps("last"), 3);
    nobody_twice(&sandbox, &relay);
    "refused; with --trust-clock one mail each, the next three days after it".to_owned()
}

fn off(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(3, 1).through(&relay);
    sandbox.edit(
        "w",
        "trigger: { segment: 'true' }",
        &[
            "id: hello, send: mail, subject: hello",
            "id: offer, delay: 1d, late: skip after 3d, send: mail, subject: offer",
            "id: more, delay: 1d, send: mail, subject: more",
            "id: last, delay: 2d, send: mail, subject: last",
        ],
    );
    run(&sandbox, "2026-03-02T02:00:00Z").code(0);
    let mut mails = Vec::new();
    for now in [
        "2026-03-23T02:00:00Z",
        "2026-03-23T03:00:00Z",
        "2026-03-24T02:00:00Z",
        "2026-03-25T01:59:00Z",
        "2026-03-26T02:00:00Z",
    ] {
        run(&sandbox, now).code(0);
        mails.push(relay.recipients().len());
    }
    nobody_twice(&sandbox, &relay);
    assert_eq!(
        sandbox.sql("SELECT DISTINCT state || ' ' || reason FROM v_sends WHERE step = 'offer'"),
        ["skipped late"]
    );
    assert_eq!(mails, [3, 3, 6, 6, 9], "no burst: {:?}", received(&relay));
    "3 mails skipped as late, 6 sent, days apart".to_owned()
}
