//! What a campaign does: those who were mailed beside those who were held out.

use super::{Bar, Picture, Sheet, columns, uncertain};
use crate::model::money::Money;
use crate::report::language::Language;
use crate::report::lift::Bought;
use crate::report::{CONFIDENCE, Funnel};

/// Returns the part; `None` where nobody is held out.
pub fn sheet(funnel: &Funnel, language: Language) -> Option<Sheet> {
    let holdout = funnel.holdout.as_ref()?;
    let say = |english, vietnamese| language.either(english, vietnamese);
    let mut sheet = Sheet::new(
        say("What the campaign does", "Chiến dịch mang lại gì"),
        &[
            (say("group", "nhóm"), false),
            (say("people", "người"), true),
            (say("goals", "đạt"), true),
            (say("rate", "tỷ lệ"), true),
            (say("between", "trong khoảng"), true),
        ],
    );
    if holdout.unripe > 0 {
        let number = language.number(holdout.unripe);
        sheet.notes.push(match language {
            Language::English => format!("{number} more have time left to reach the goal, and do not count yet."),
            Language::Vietnamese => format!("Còn {number} người vẫn trong thời hạn đạt mục tiêu nên chưa được tính."),
        });
    }
    if holdout.mailed.of + holdout.held_out.of == 0 {
        let none = say("Nobody's time to reach the goal is over yet.", "Chưa ai hết thời hạn đạt mục tiêu.");
        sheet.lead.push(none.to_owned());
        sheet.columns.clear();
        return Some(sheet);
    }
    if let Some(lift) = holdout.lift().filter(|_| holdout.has_goals()) {
        let chance = chance(lift.is_clear(), language);
        let (is_up, lift) = lift.directed();
        let [by, low, high] = [lift.by, lift.low, lift.high].map(|share| language.points(share));
        sheet.lead.push(match language {
            Language::English => {
                let more = if is_up { "more" } else { "less" };
                format!("Mailed people reach the goal {more} often by {by} points ({low} to {high}), {chance}.")
            }
            Language::Vietnamese => {
                let more = if is_up { "nhiều" } else { "ít" };
                format!("Người được gửi thư đạt mục tiêu {more} hơn {by} điểm phần trăm ({low} đến {high}), {chance}.")
            }
        });
    }
    let bought = holdout.bought.filter(Bought::is_told);
    if bought.is_some() {
        sheet.columns.extend(columns(&[
            (say("purchases", "đơn hàng"), true),
            (say("revenue", "doanh thu"), true),
            (say("a person", "mỗi người"), true),
        ]));
    }
    let percent = |share| language.percent(share).unwrap_or_default();
    let groups = [
        (say("mailed", "được gửi"), holdout.mailed, bought.map(|bought| bought.mailed)),
        (say("held out", "giữ lại"), holdout.held_out, bought.map(|bought| bought.held_out)),
    ];
    let most =
        groups.iter().filter_map(|(_, count, _)| count.interval(CONFIDENCE)).map(|(_, high)| high).fold(0.0, f64::max);
    let mut bars = Vec::new();
    for (name, count, spent) in groups {
        let between = count.interval(CONFIDENCE);
        let shown = between.map(|(low, high)| format!("{}–{}", language.points(low), percent(Some(high))));
        let mut row = vec![
            name.to_owned(),
            language.number(count.of),
            language.number(count.hits),
            percent(count.share()),
            shown.unwrap_or_default(),
        ];
        if let Some(spent) = spent {
            let currency = funnel.currency.as_deref();
            let each = spent.each.mean().map(|mean| language.money(Money::near(mean, currency), currency));
            row.extend([
                language.number(spent.all.purchases),
                language.money(spent.all.amount, currency),
                each.unwrap_or_default(),
            ]);
        }
        sheet.rows.push(row);
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

/// Says how much more a person spends who is mailed, whatever mail came before the purchase.
pub(super) fn in_money(bought: &Bought, currency: Option<&str>, language: Language) -> Option<String> {
    let money = |amount: f64| language.money(Money::near(amount, currency), currency);
    let [mailed, held_out] = [bought.mailed, bought.held_out].map(|group| group.each.mean().map(money));
    let (mailed, held_out, by) = (mailed?, held_out?, bought.by()?);
    let is_up = by >= 0.0;
    let more = match language {
        Language::English => format!("{} {}", money(by.abs()), if is_up { "more" } else { "less" }),
        Language::Vietnamese => format!("{} hơn {}", if is_up { "nhiều" } else { "ít" }, money(by.abs())),
    };
    let verdict = match bought.lift() {
        None => language
            .either(", of which too few have bought to say more", ", nhưng còn quá ít người mua để kết luận")
            .to_owned(),
        Some(lift) => {
            let lift = lift.directed().1;
            let (low, high) = (money(lift.low), money(lift.high));
            let to = language.either("to", "đến");
            format!(" ({low} {to} {high}), {}", chance(bought.is_clear(), language))
        }
    };
    Some(match language {
        Language::English => {
            format!("A mailed person spent {mailed}, one who was held out {held_out}: {more}{verdict}.")
        }
        Language::Vietnamese => {
            format!("Mỗi người được gửi thư mua {mailed}, mỗi người bị giữ lại mua {held_out}: {more}{verdict}.")
        }
    })
}

fn chance(is_clear: bool, language: Language) -> &'static str {
    if is_clear {
        language.either("which is more than chance", "không phải do ngẫu nhiên")
    } else {
        language.either("which may be chance", "có thể chỉ là ngẫu nhiên")
    }
}
