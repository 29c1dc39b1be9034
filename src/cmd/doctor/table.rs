//! A report as people read it.

use anstyle::{AnsiColor, Style};

use crate::doctor::{Finding, Group, Report, Verdict};
use crate::ui::columns::columns;
use crate::ui::words::{count, list};

/// Returns the report as a table in groups; what to do stands below each finding.
pub(super) fn text(report: &Report, colours: bool) -> String {
    let mut rows: Vec<[String; 3]> = Vec::new();
    let mut verdicts: Vec<Option<Verdict>> = Vec::new();
    for finding in &report.0 {
        let Finding { check, verdict, found, advice, .. } = finding;
        rows.push([verdict.as_str().to_owned(), (*check).to_owned(), found.clone()]);
        verdicts.push(Some(*verdict));
        if let Some(advice) = advice {
            rows.push([String::new(), String::new(), format!("→ {advice}")]);
            verdicts.push(None);
        }
    }
    let table = columns(&rows);
    let mut lines = table.lines().zip(verdicts).peekable();
    let mut out = String::new();
    for group in Group::ALL {
        let rows: usize = report
            .0
            .iter()
            .filter(|finding| finding.group == group)
            .map(|finding| 1 + usize::from(finding.advice.is_some()))
            .sum();
        if rows > 0 {
            out += &format!("{}\n", group.as_str());
        }
        for (line, verdict) in lines.by_ref().take(rows) {
            out += &format!(
                "  {}\n",
                verdict.filter(|_| colours).map_or_else(|| line.to_owned(), |verdict| painted(line, verdict))
            );
        }
    }
    out + &summary(report)
}

fn painted(line: &str, verdict: Verdict) -> String {
    let style: Style = match verdict {
        Verdict::Fine => AnsiColor::Green.on_default(),
        Verdict::Warning => AnsiColor::Yellow.on_default().bold(),
        Verdict::Wrong => AnsiColor::Red.on_default().bold(),
        Verdict::NotMade => Style::new().dimmed(),
    };
    let word = verdict.as_str();
    line.strip_prefix(word).map_or_else(|| line.to_owned(), |rest| format!("{style}{word}{style:#}{rest}"))
}

fn summary(report: &Report) -> String {
    let of = |verdict| report.count(verdict);
    let mut parts = vec![format!("{} ok", of(Verdict::Fine))];
    for (number, words) in [
        (of(Verdict::Warning), count(of(Verdict::Warning) as u64, "warning")),
        (of(Verdict::Wrong), format!("{} wrong", of(Verdict::Wrong))),
        (of(Verdict::NotMade), format!("{} not made", of(Verdict::NotMade))),
    ] {
        if number > 0 {
            parts.push(words);
        }
    }
    format!("{}: {}.\n", count(report.0.len() as u64, "check"), list(&parts))
}
