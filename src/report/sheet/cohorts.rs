//! Those who entered in each week, and how many of them have reached the goal since.

use serde_json::{Value, json};

use super::{Picture, Sheet};
use crate::report::cohorts::{Cohort, WEEKS};
use crate::report::funnel::share;
use crate::report::json::rounded;
use crate::report::language::Language;
use crate::report::{Course, Funnel};

/// So many weeks stand in what people read, half a year; programs get them all.
const SHOWN: usize = 26;

/// Returns the part; `None` where nobody asked for it.
pub fn sheet(funnel: &Funnel, language: Language) -> Option<Sheet> {
    let cohorts = &funnel.course.as_ref()?.cohorts;
    let say = |english, vietnamese| language.either(english, vietnamese);
    let mut sheet = Sheet::new(
        say("Weeks of entry", "Theo tuần vào"),
        &[(say("week of", "tuần từ"), false), (say("entered", "vào"), true)],
    );
    sheet.spare = vec![2, 5, 6];
    if cohorts.is_empty() {
        sheet.lead = vec![say("Nobody has entered yet.", "Chưa có ai vào.").to_owned()];
        sheet.columns.clear();
        return Some(sheet);
    }
    let heading = |weeks: u8| match (language, weeks) {
        (Language::English, 1) => "1 week".to_owned(),
        (Language::English, weeks) => format!("{weeks} weeks"),
        (Language::Vietnamese, weeks) => format!("{weeks} tuần"),
    };
    let headings = WEEKS.map(heading).into_iter().chain([say("so far", "đến nay").to_owned()]);
    sheet.columns.extend(headings.map(|heading| super::Column { heading, is_number: true }));
    let shown = &cohorts[cohorts.len().saturating_sub(SHOWN)..];
    let cell = |goals: Option<u64>, entered: u64| {
        let rate = goals.and_then(|goals| language.percent(share(goals, entered)));
        goals.zip(rate).map(|(goals, rate)| format!("{} ({rate})", language.number(goals))).unwrap_or_default()
    };
    let goals = |week: &Cohort| week.goals.into_iter().chain([Some(week.goal)]).collect::<Vec<_>>();
    for week in shown {
        let mut row = vec![language.day(week.monday), language.number(week.entered)];
        row.extend(goals(week).into_iter().map(|goals| cell(goals, week.entered)));
        sheet.rows.push(row);
    }
    let shares = |week: &Cohort| goals(week).into_iter().map(|goals| share(goals?, week.entered)).collect();
    sheet.picture = Some(Picture::Fields { first: 2, shares: shown.iter().map(shares).collect() });
    sheet.notes.push(say(
        "Who had reached the goal so long after they entered; empty where the last of a week has not had so long.",
        "Số người đã đạt mục tiêu sau từng ấy thời gian kể từ khi vào; để trống nếu người vào cuối tuần đó chưa đủ thời gian.",
    ).to_owned());
    if shown.len() < cohorts.len() {
        sheet.notes.push(match language {
            Language::English => format!("The last {SHOWN} of {} weeks.", cohorts.len()),
            Language::Vietnamese => format!("{SHOWN} tuần gần nhất trong {} tuần.", cohorts.len()),
        });
    }
    Some(sheet)
}

/// Returns every week for programs, one row each.
pub fn rows(funnel: &Funnel) -> Vec<Value> {
    let Some(Course { cohorts, .. }) = &funnel.course else { return Vec::new() };
    let each = cohorts.iter().map(|week| {
        let mut row = json!({ "week": week.monday.to_string(), "entered": week.entered });
        for (weeks, goals) in WEEKS.into_iter().zip(week.goals) {
            row[format!("goal_{weeks}w")] = goals.into();
            row[format!("goal_rate_{weeks}w")] = rounded(goals.and_then(|goals| share(goals, week.entered))).into();
        }
        row["goal"] = week.goal.into();
        row["goal_rate"] = rounded(share(week.goal, week.entered)).into();
        row
    });
    each.collect()
}
