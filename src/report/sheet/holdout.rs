//! What a campaign does: those who were mailed beside those who were held out.

use super::{Bar, Picture, Sheet, uncertain};
use crate::report::language::Language;
use crate::report::{CONFIDENCE, Funnel};

/// Returns the part; `None` where nobody is held out.
pub fn sheet(funnel: &Funnel, language: Language) -> Option<Sheet> {
    let holdout = funnel.holdout.as_ref()?;
    let say = |english, vietnamese| language.either(english, vietnamese);
    let mut sheet = Sheet::new(
        say("What the campaign does", "Chiến dịch mang lại gì"),
        &[
            (say("group", "nhóm"), false),
            (say("entered", "vào"), true),
            (say("goals", "đạt"), true),
            (say("rate", "tỷ lệ"), true),
            (say("between", "trong khoảng"), true),
        ],
    );
    if let Some((by, (low, high))) = holdout.lift().filter(|_| holdout.mailed.hits + holdout.held_out.hits > 0) {
        let [by, low, high] = [by, low, high].map(|share| language.points(share));
        let chance = if holdout.is_clear() {
            say("which is more than chance", "không phải do ngẫu nhiên")
        } else {
            say("which may be chance", "có thể chỉ là ngẫu nhiên")
        };
        sheet.lead.push(match language {
            Language::English => {
                format!("Mailed people reach the goal more often by {by} points ({low} to {high}), {chance}.")
            }
            Language::Vietnamese => {
                format!("Người được gửi thư đạt mục tiêu nhiều hơn {by} điểm phần trăm ({low} đến {high}), {chance}.")
            }
        });
    }
    let percent = |share| language.percent(share).unwrap_or_default();
    let groups = [(say("mailed", "được gửi"), holdout.mailed), (say("held out", "giữ lại"), holdout.held_out)];
    let most =
        groups.iter().filter_map(|(_, count)| count.interval(CONFIDENCE)).map(|(_, high)| high).fold(0.0, f64::max);
    let mut bars = Vec::new();
    for (name, count) in groups {
        let between = count.interval(CONFIDENCE);
        let shown = between.map(|(low, high)| format!("{}–{}", language.points(low), percent(Some(high))));
        sheet.rows.push(vec![
            name.to_owned(),
            language.number(count.of),
            language.number(count.hits),
            percent(count.share()),
            shown.unwrap_or_default(),
        ]);
        let part = |share: f64| if most > 0.0 { share / most } else { 0.0 };
        bars.push(Bar {
            name: name.to_owned(),
            share: part(count.share().unwrap_or_default()),
            between: between.map(|(low, high)| (part(low), part(high))),
            number: percent(count.share()),
            note: String::new(),
            alert: false,
        });
    }
    sheet.caption =
        say("Reached the goal, of each group", "Đạt mục tiêu, trong mỗi nhóm").to_owned() + uncertain(language);
    sheet.picture = Some(Picture::Bars(bars));
    Some(sheet)
}
