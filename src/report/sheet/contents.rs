//! What tests of contents show: each content with its share of goals, what that may be in truth, and what may be read in it.

use super::{Bar, Picture, Sheet, uncertain};
use crate::model::plain::plain;
use crate::model::variant::Shares;
use crate::report::language::Language;
use crate::report::tested::TestRow;
use crate::report::{CONFIDENCE, Funnel, StepRow};

/// Returns a part for each step under test that anybody got.
pub fn sheets(funnel: &Funnel, language: Language) -> Vec<Sheet> {
    let is_told = |step: &&StepRow| step.variants.iter().any(|variant| variant.sent > 0);
    funnel.steps.iter().filter(is_told).map(|step| sheet(step, language)).collect()
}

fn sheet(step: &StepRow, language: Language) -> Sheet {
    let say = |english, vietnamese| language.either(english, vietnamese);
    let title = format!("{} {}", say("Test at", "Thử nghiệm ở"), plain(&step.id));
    let mut sheet = Sheet::new(
        &title,
        &[
            (say("content", "nội dung"), false),
            (say("sent", "đã gửi"), true),
            (say("goals", "đạt"), true),
            (say("rate", "tỷ lệ"), true),
            (say("between", "trong khoảng"), true),
            (say("chance to be best", "khả năng tốt nhất"), true),
        ],
    );
    sheet.lead.push(read(step, language));
    let chances = step.chances();
    let percent = |share| language.percent(share).unwrap_or_default();
    let (mut bars, mut most) = (Vec::new(), 0.0_f64);
    for (variant, chance) in step.variants.iter().zip(chances) {
        let between = variant.goals().interval(CONFIDENCE);
        let shown = between.map(|(low, high)| format!("{}–{}", language.points(low), percent(Some(high))));
        sheet.rows.push(vec![
            plain(&variant.name).into_owned(),
            language.number(variant.sent),
            language.number(variant.goal),
            percent(variant.goal_rate()),
            shown.unwrap_or_default(),
            percent(Some(chance)),
        ]);
        most = most.max(between.map_or(0.0, |(_, high)| high));
        bars.push(Bar {
            name: plain(&variant.name).into_owned(),
            share: variant.goal_rate().unwrap_or_default(),
            between,
            number: percent(variant.goal_rate()),
            note: String::new(),
            alert: false,
        });
    }
    for bar in bars.iter_mut().filter(|_| most > 0.0) {
        bar.share /= most;
        bar.between = bar.between.map(|(low, high)| (low / most, high / most));
    }
    sheet.caption = say("Reached the goal, of those who got it", "Đạt mục tiêu, trong số người nhận").to_owned()
        + uncertain(language);
    sheet.picture = Some(Picture::Bars(bars));
    if step.is_another_test() {
        sheet.notes.push(
            say(
                "It has other contents than before: who leads, and by what chance, is by the mails since then alone.",
                "Nội dung đã khác trước: nội dung nào dẫn đầu và khả năng tốt nhất chỉ tính theo các thư từ đó về sau.",
            )
            .to_owned(),
        );
    }
    sheet
}

/// Says what was decided of a test, or who gets what now; `None` where all is as the file has it.
fn decided(row: &TestRow, language: Language) -> Option<String> {
    let each = |parts: Vec<String>| parts.join(" · ");
    if let Some((name, look)) = row.won() {
        let name = plain(name);
        let counts = look.counts.iter().map(|(name, of, hits)| {
            let (name, of, hits) = (plain(name), language.number(*of), language.number(*hits));
            format!("{name} {hits}/{of}")
        });
        let counts = each(counts.collect());
        return Some(match language {
            Language::English => format!("{name} won, and gets all mails since: {counts}."),
            Language::Vietnamese => format!("{name} đã thắng và từ đó mọi thư đều dùng nội dung này: {counts}."),
        });
    }
    if row.test.shares == Shares::Fixed {
        return None;
    }
    let shares = row.test.variants.iter().zip(&row.shares);
    let shares = shares.map(|(variant, share)| {
        format!("{} {}", plain(&variant.name), language.percent(Some(*share)).unwrap_or_default())
    });
    let now =
        language.either("More is sent of what does better; now", "Nội dung nào tốt hơn được gửi nhiều hơn; hiện nay");
    Some(format!("{now}: {}.", each(shares.collect())))
}

/// Says what may be read in the numbers.
fn read(step: &StepRow, language: Language) -> String {
    if let Some(said) = step.test.as_ref().and_then(|row| decided(row, language)) {
        return said;
    }
    let Some(verdict) = step.verdict() else {
        return language.either("Nothing can be read in it yet.", "Chưa thể kết luận gì.").to_owned();
    };
    let name = plain(&step.variants[verdict.leader].name);
    let [by, low, high] = [verdict.difference, verdict.low, verdict.high].map(|share| language.points(share));
    match (language, verdict.is_clear) {
        (Language::English, true) => {
            format!("{name} leads by {by} points ({low} to {high}), which is more than chance.")
        }
        (Language::English, false) => format!("{name} leads by {by} points ({low} to {high}), which may be chance."),
        (Language::Vietnamese, true) => {
            format!("{name} dẫn trước {by} điểm phần trăm ({low} đến {high}), không phải do ngẫu nhiên.")
        }
        (Language::Vietnamese, false) => {
            format!("{name} dẫn trước {by} điểm phần trăm ({low} đến {high}), có thể chỉ là ngẫu nhiên.")
        }
    }
}
