//! Where people are lost from one mail to the next.

use serde_json::{Value, json};

use super::{Bar, Picture, Sheet};
use crate::model::plain::plain;
use crate::report::funnel::share;
use crate::report::json::rounded;
use crate::report::language::Language;
use crate::report::{Funnel, StepRow};

/// What lies between a mail and the one before it.
struct Loss<'a> {
    step: &'a StepRow,
    /// The share of those who got the mail before and not this one.
    lost: Option<f64>,
    /// The mail before it.
    before: Option<&'a StepRow>,
    /// How many wait for it, or for a step between the two.
    waiting: u64,
}

/// Returns the part.
pub fn sheet(funnel: &Funnel, language: Language) -> Sheet {
    let say = |english, vietnamese| language.either(english, vietnamese);
    let mut sheet = Sheet::new(
        say("From mail to mail", "Từ thư này sang thư sau"),
        &[
            (say("mail", "thư"), false),
            (say("sent", "đã gửi"), true),
            (say("of all", "trên tất cả"), true),
            (say("fewer than before", "giảm so với trước"), true),
            (say("goal meanwhile", "đạt trong lúc đó"), true),
            (say("still waiting", "còn chờ"), true),
        ],
    );
    sheet.spare = vec![4, 5];
    let losses = losses(funnel);
    if losses.iter().all(|loss| loss.step.sent == 0) {
        sheet.lead = vec![say("No mail has left yet.", "Chưa có thư nào được gửi.").to_owned()];
        sheet.columns.clear();
        return sheet;
    }
    if let Some((before, step, lost)) = worst(&losses)
        && let Some(lost) = language.percent(Some(lost))
    {
        let (from, to) = (plain(&before.id), plain(&step.id));
        sheet.lead = vec![match language {
            Language::English => {
                format!("Most leave between {from} and {to} without the goal: {lost} of those who came to {from}.")
            }
            Language::Vietnamese => {
                format!("Rời đi nhiều nhất mà chưa đạt mục tiêu: giữa {from} và {to}, {lost} số người đến {from}.")
            }
        }];
    }
    let percent = |share| language.percent(share).unwrap_or_default();
    for Loss { step, lost, before, .. } in &losses {
        let goals = before.map(|before| language.number(before.goal)).unwrap_or_default();
        sheet.rows.push(vec![
            plain(&step.id).into_owned(),
            language.number(step.sent),
            percent(funnel.cumulative(step)),
            percent(lost.filter(|lost| *lost > 0.0)),
            goals,
            language.number(step.waiting),
        ]);
    }
    sheet.caption.push_str(say(
        "Mails sent, and of all who entered; below, how many fewer than the mail before",
        "Số thư đã gửi, và trên tất cả người vào; bên dưới: giảm so với thư trước",
    ));
    let bars = losses.iter().map(|Loss { step, lost, .. }| Bar {
        name: plain(&step.id).into_owned(),
        share: share(step.sent, funnel.enrolled).unwrap_or_default().min(1.0),
        between: None,
        number: format!("{}  {}", language.number(step.sent), percent(funnel.cumulative(step))),
        note: lost.filter(|lost| *lost > 0.0).map(|lost| format!("−{}", percent(Some(lost)))).unwrap_or_default(),
        alert: false,
    });
    sheet.picture = Some(Picture::Bars(bars.collect()));
    sheet.notes = vec![say(
        "Fewer got a mail than the one before it because they reached the goal, wait for it yet, left, or were passed over.",
        "Số người nhận thư sau ít hơn thư trước vì họ đã đạt mục tiêu, còn chờ, đã rời đi hoặc bị bỏ qua.",
    ).to_owned()];
    sheet
}

/// Returns the rows for programs, one a mail.
pub fn rows(funnel: &Funnel) -> Vec<Value> {
    let each = losses(funnel).into_iter().map(|Loss { step, lost, before, .. }| {
        json!({
            "step": step.id, "sent": step.sent, "cumulative_rate": rounded(funnel.cumulative(step)), "drop_off": rounded(lost),
            "goal_before": before.map(|before| before.goal), "waiting": step.waiting,
        })
    });
    each.collect()
}

fn losses(funnel: &Funnel) -> Vec<Loss<'_>> {
    let (mut before, mut waiting) = (None, 0);
    let mut found = Vec::new();
    for (index, step) in funnel.steps.iter().enumerate() {
        waiting += step.waiting;
        if step.is_mail() && !step.gone {
            found.push(Loss { step, lost: funnel.drop_off(index), before, waiting });
            (before, waiting) = (Some(step), 0);
        }
    }
    found
}

/// Returns the mails between which the largest share of people go who got past the first, passed over or not, and neither reached
/// the goal nor wait for the second, nor got past it.
fn worst<'a>(losses: &[Loss<'a>]) -> Option<(&'a StepRow, &'a StepRow, f64)> {
    let passed = |step: &StepRow| step.sent + step.skipped + step.rejected + step.unknown;
    let each = losses.iter().filter_map(|Loss { step, before, waiting, .. }| {
        let before = (*before)?;
        // Whoever waits for the step, or on the way to it, has not left.
        let there = passed(step) + step.held + step.deferred + waiting;
        let lost = passed(before).saturating_sub(before.goal + there);
        Some((before, *step, share(lost, passed(before)).filter(|lost| *lost > 0.0)?))
    });
    each.max_by(|(.., one), (.., other)| one.total_cmp(other))
}
