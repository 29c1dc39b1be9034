//! A run that chooses the winner of a test, killed at every system call: it has chosen or it has not, and whoever comes
//! next gets what the run would have sent.

use std::collections::BTreeMap;

use crate::case::{Case, Effort};
use crate::crowd::{NOW, number};
use crate::killed::GROUP;
use crate::strace::{everywhere, kill_at};
use crate::support::Sandbox;

/// Moments in the quick part.
const FEW: usize = 6;
const NEXT: &str = "2026-03-03T04:00:00Z";

pub(crate) fn cases() -> Vec<Case> {
    vec![Case {
        id: "F03f",
        group: GROUP,
        fault: "`kill -9` at every system call of a run that chooses the winner of a test",
        answer: "it is chosen once and by the same numbers, or by the next run; everyone who comes gets the winner, each once",
        needs: &["strace"],
        story: choosing,
    }]
}

/// Thirty people had one of two contents yesterday, and all bought who had the second; four more came today.
fn undecided() -> Sandbox {
    let people = |from: usize, to: usize| (from..to).map(|n| format!("c{n}@example.com")).collect::<Vec<_>>();
    let sandbox = Sandbox::new().campaign(
        "w",
        "trigger: { segment: 'true' }\ngoal: { event: purchased, within: 30d }",
        &["id: a, test: { x: { send: mail }, y: { send: mail } }, winner: { by: goal, after: 1d, at_least: 5 }"],
    );
    sandbox.import("email", &people(0, 30).iter().map(String::as_str).collect::<Vec<_>>());
    sandbox.drip(&["--now", NOW, "run"]).code(0);
    let bought = sandbox.sql("SELECT email || ',purchased,2026-03-02T12:00:00Z' FROM v_sends WHERE variant = 'y'");
    sandbox.import("email,event,time", &bought.iter().map(String::as_str).collect::<Vec<_>>());
    sandbox.import("email", &people(30, 34).iter().map(String::as_str).collect::<Vec<_>>());
    sandbox
}

/// Who got which content, with what is said of it where it is not known whether they did.
fn got(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let rows = sandbox.sql("SELECT email || ' ' || variant FROM v_sends WHERE state IN ('sent', 'unknown') ORDER BY 1");
    let pairs = rows.iter().filter_map(|row| row.split_once(' '));
    let got: BTreeMap<String, String> = pairs.map(|(who, what)| (who.to_owned(), what.to_owned())).collect();
    assert_eq!(got.len(), rows.len(), "somebody has two: {rows:?}");
    got
}

fn choosing(effort: Effort) -> String {
    let project = undecided();
    let words = ["-q", "--now", NEXT, "run"];
    let whole = project.copy();
    whole.drip(&words).code(0);
    let expected = got(&whole);
    assert_eq!(expected.len(), 34);
    let look = "SELECT number || ' ' || winner || ' ' || counts FROM looks";
    let chosen = whole.sql(look);
    assert!(chosen.len() == 1 && chosen[0].starts_with("0 y "), "{chosen:?}");
    let kills = everywhere(effort, FEW, &project.copy(), &words, |moment| {
        let sandbox = project.copy();
        let killed = kill_at(&sandbox, &words, moment);
        assert!(number(&sandbox.copy(), "SELECT count(*) FROM looks") <= 1, "{moment:?}");
        for _ in 0..2 {
            sandbox.drip(&words);
        }
        assert_eq!(sandbox.sql(look), chosen, "{moment:?}");
        assert_eq!(got(&sandbox), expected, "{moment:?}");
        assert!(number(&sandbox, "SELECT count(*) FROM v_sends WHERE state = 'unknown'") <= 1, "{moment:?}");
        sandbox.check_file();
        killed
    });
    format!("{kills} kills: chosen once, and the same for everyone")
}
