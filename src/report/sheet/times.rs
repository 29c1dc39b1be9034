//! Time to the goal: on which day people reach it, and what each mail adds.

use serde_json::{Value, json};

use super::{Bar, Picture, Sheet};
use crate::model::plain::plain;
use crate::report::json::rounded;
use crate::report::language::Language;
use crate::report::times::{After, Times};
use crate::report::{Course, Funnel};

/// More columns than these nobody tells apart: days are taken together.
const COLUMNS: usize = 24;
/// How many days may stand in one column.
const TOGETHER: [usize; 6] = [1, 2, 7, 14, 28, 91];

/// Returns the part; `None` where nobody asked for it.
pub fn sheet(funnel: &Funnel, language: Language) -> Option<Sheet> {
    let times = &funnel.course.as_ref()?.times;
    let say = |english, vietnamese| language.either(english, vietnamese);
    let mut sheet = Sheet::new(
        say("Time to the goal", "Thời gian đến mục tiêu"),
        &[
            (say("last mail before the goal", "thư cuối trước mục tiêu"), false),
            (say("due on day", "gửi vào ngày"), true),
            (say("goals", "đạt"), true),
            (say("adds of 100", "thêm trên 100"), true),
            (say("came before it", "đã đạt trước đó"), true),
        ],
    );
    sheet.spare = vec![1, 4];
    if times.days.is_empty() {
        sheet.lead = vec![say("Nobody has reached the goal yet.", "Chưa ai đạt mục tiêu.").to_owned()];
        sheet.columns.clear();
        return Some(sheet);
    }
    sheet.lead = lead(times, language);
    sheet.lead.extend(last_step(funnel, times, language));
    let (axis, number) =
        (say("days after the entry", "số ngày sau khi vào").to_owned(), say("goals", "đạt").to_owned());
    sheet.picture = Some(Picture::Columns { bars: columns(times, language), name: axis, number });
    for (place, step) in ordered(funnel, times) {
        let name = name(step.step.as_deref(), language);
        let day = funnel.steps.iter().find(|row| Some(&row.id) == step.step.as_ref()).and_then(|row| row.day);
        let before = times.before_all(&place);
        sheet.rows.push(vec![
            name,
            day.map(|day| language.number(day.into())).unwrap_or_default(),
            language.number(step.goals),
            language.points(step.adds),
            language.percent(before).unwrap_or_default(),
        ]);
    }
    sheet.notes = vec![say(
        "Day 0 is the first 24 hours after the entry. Shares are of all who enter, whoever came lately counted for the days that are over for them. A goal stands behind the mail that was the last before it; whether it would have come without it, a hold-out tells.",
        "Ngày 0 là 24 giờ đầu sau khi vào. Tỷ lệ tính trên tất cả người vào; người mới vào chỉ được tính cho những ngày đã qua của họ. Mỗi lần đạt mục tiêu được ghi cho thư cuối cùng trước đó; nếu không có thư thì có đạt hay không, chỉ nhóm đối chứng mới cho biết.",
    ).to_owned()];
    Some(sheet)
}

/// Returns the days for programs, one row each.
pub fn rows(funnel: &Funnel) -> Vec<Value> {
    let Some(Course { times, .. }) = &funnel.course else { return Vec::new() };
    let each = times.days.iter().enumerate();
    each.map(
        |(day, row)| json!({ "day": day, "goals": row.goals, "people": row.people, "reached": rounded(row.reached) }),
    )
    .collect()
}

/// Returns all of it for programs.
pub fn json(funnel: &Funnel) -> Value {
    let Some(Course { times, .. }) = &funnel.course else { return Value::Null };
    let steps: Vec<_> = ordered(funnel, times)
        .into_iter()
        .map(|(place, step)| {
            json!({
                "step": step.step, "goals": step.goals, "adds": rounded(Some(step.adds)),
                "came_before": rounded(times.before_all(&place)),
            })
        })
        .collect();
    json!({
        "reached": rounded(times.reached()), "half_by_day": times.day_of(0.5), "most_by_day": times.day_of(0.9),
        "days": rows(funnel), "after": steps,
    })
}

/// Returns the steps of which mails have left in the order of the file, each with the places of those before it.
fn ordered<'a>(funnel: &Funnel, times: &'a Times) -> Vec<(Vec<usize>, &'a After)> {
    let has_left = |step: &After| funnel.steps.iter().any(|row| Some(&row.id) == step.step.as_ref() && row.sent > 0);
    let place = |step: &After| {
        let id = step.step.as_ref();
        id.map(|id| funnel.steps.iter().position(|row| row.id == *id).map_or(usize::MAX, |at| at + 1))
            .unwrap_or_default()
    };
    let mut order: Vec<usize> =
        (0..times.steps.len()).filter(|at| times.steps[*at].goals > 0 || has_left(&times.steps[*at])).collect();
    order.sort_by_key(|at| place(&times.steps[*at]));
    order.iter().enumerate().map(|(rank, at)| (order[..rank].to_vec(), &times.steps[*at])).collect()
}

fn lead(times: &Times, language: Language) -> Vec<String> {
    let (Some(reached), Some(half), Some(most)) = (times.reached(), times.day_of(0.5), times.day_of(0.9)) else {
        return vec![
            language
                .either("Nobody has been inside for a whole day yet.", "Chưa ai ở trong chiến dịch trọn một ngày.")
                .to_owned(),
        ];
    };
    let (last, hundred) =
        (times.days.iter().rposition(|day| day.reached.is_some()).unwrap_or_default(), language.points(reached));
    vec![match language {
        Language::English => format!(
            "Of 100 who enter, {hundred} reach the goal within {}: half of these by day {half}, nine in ten by day {most}.",
            days(last + 1)
        ),
        Language::Vietnamese => format!(
            "Trong 100 người vào, {hundred} người đạt mục tiêu trong {} ngày: một nửa trước hết ngày {half}, chín phần mười trước hết ngày {most}.",
            last + 1
        ),
    }]
}

fn days(number: usize) -> String {
    if number == 1 { "a day".to_owned() } else { format!("{number} days") }
}

/// Says what the last mail of the campaign adds over what had come before it.
fn last_step(funnel: &Funnel, times: &Times, language: Language) -> Option<String> {
    let (at, row) = funnel.steps.iter().enumerate().rfind(|(_, row)| row.is_mail() && !row.gone && row.sent > 0)?;
    let ordered = ordered(funnel, times);
    // Before the first mail there is nothing to add to.
    if at == 0 || ordered.len() < 2 {
        return None;
    }
    let own = ordered.iter().find(|(_, step)| step.step.as_deref() == Some(row.id.as_str()));
    let adds = own.map_or(0.0, |(_, step)| step.adds);
    let all: f64 = times.steps.iter().map(|step| step.adds).sum();
    let before = (all > 0.0).then(|| (all - adds) / all);
    let (id, adds, before) = (plain(&row.id), language.points(adds), language.percent(before)?);
    Some(match language {
        Language::English => {
            let day = row.day.map(|day| format!(", on day {day},")).unwrap_or_default();
            format!("The last mail, {id}{day} adds {adds}: {before} of the conversions come without waiting for it.")
        }
        Language::Vietnamese => {
            let day = row.day.map(|day| format!(", gửi vào ngày {day},")).unwrap_or_default();
            format!("Thư cuối, {id}{day} thêm {adds}: {before} số lần đạt mục tiêu đến mà không cần đợi nó.")
        }
    })
}

pub(super) fn name(step: Option<&str>, language: Language) -> String {
    step.map_or_else(
        || language.either("(before any mail)", "(trước mọi thư)").to_owned(),
        |step| plain(step).into_owned(),
    )
}

/// Returns a column for each day, or for some days together where they are many.
fn columns(times: &Times, language: Language) -> Vec<Bar> {
    let together = TOGETHER.into_iter().find(|days| times.days.len().div_ceil(*days) <= COLUMNS).unwrap_or(365);
    let stretches: Vec<u64> = times.days.chunks(together).map(|days| days.iter().map(|day| day.goals).sum()).collect();
    let most = stretches.iter().copied().max().unwrap_or(1);
    let each = stretches.iter().enumerate().map(|(at, goals)| {
        let (from, to) = (at * together, (at * together + together - 1).min(times.days.len() - 1));
        Bar {
            name: if from == to { format!("{from}") } else { format!("{from}–{to}") },
            share: super::super::funnel::share(*goals, most).unwrap_or_default(),
            between: None,
            number: language.number(*goals),
            note: String::new(),
            alert: false,
        }
    });
    each.collect()
}
