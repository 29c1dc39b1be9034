//! docs/reliability.md: every case with its verdict, written by the harness itself.

use std::fs;
use std::path::PathBuf;

use crate::case::Case;

const BEGIN: &str = "<!-- What follows is written by `DRIP_FAULTS=write cargo test --test faults`. -->\n";

fn path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "docs", "reliability.md"].iter().collect()
}

/// Puts the verdicts into the document, below what people wrote; a case that was not played now keeps what it had.
pub(crate) fn write(cases: &[Case], verdicts: &[(&str, String)]) {
    let text = fs::read_to_string(path()).unwrap();
    let (prose, before) = text.split_once(BEGIN).expect("the mark below which the harness writes");
    let verdict = |case: &Case| {
        let now = verdicts.iter().find(|(id, _)| *id == case.id).map(|(_, seen)| format!("holds: {seen}"));
        now.or_else(|| earlier(before, case)).unwrap_or_else(|| "not played".to_owned())
    };
    fs::write(path(), format!("{prose}{BEGIN}{}", tables(cases, verdict))).unwrap();
}

fn earlier(written: &str, case: &Case) -> Option<String> {
    let row = written.lines().find(|line| line.starts_with(&format!("| {} | {} |", case.id, case.fault)))?;
    row.split_once(" | holds: ").map(|(_, seen)| format!("holds: {}", seen.trim_end_matches(" |")))
}

/// Finds each case in the document as it stands, with a verdict.
pub(crate) fn check(cases: &[Case]) {
    let mut ids: Vec<_> = cases.iter().map(|case| case.id).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|two| two[0] != two[1]), "an id stands twice: {ids:?}");
    let text = fs::read_to_string(path()).unwrap();
    let (_, written) = text.split_once(BEGIN).expect("the mark below which the harness writes");
    let without_verdicts = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split(" | holds: ").next().unwrap_or_default().to_owned()).collect()
    };
    let expected = tables(cases, |_| "holds: ".to_owned());
    assert_eq!(
        without_verdicts(written),
        without_verdicts(&expected),
        "docs/reliability.md is not of these cases: DRIP_FAULTS=write cargo test --test faults"
    );
    assert!(!written.contains("not played"), "a case was not played when docs/reliability.md was written");
}

fn tables(cases: &[Case], verdict: impl Fn(&Case) -> String) -> String {
    let mut text = String::new();
    let mut group = "";
    for case in cases {
        if case.group != group {
            group = case.group;
            text += &format!(
                "\n## {group}\n\n| | what goes wrong | what drip does | verdict |\n| --- | --- | --- | --- |\n"
            );
        }
        text += &format!("| {} | {} | {} | {} |\n", case.id, case.fault, case.answer, verdict(case));
    }
    text
}
