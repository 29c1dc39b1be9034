//! Mail by mail: how often readers follow a link, leave and complain, what mailbox providers allow, and which mail does worse than
//! its siblings.

use serde_json::{Value, json};

use super::{Bar, Picture, Sheet, uncertain};
use crate::model::plain::plain;
use crate::report::Funnel;
use crate::report::json::rounded;
use crate::report::language::Language;
use crate::report::limits::{LIMITS, Leaving, Rate, Standing, leaving};
use crate::report::siblings::{Beside, Measure, beside};
use crate::stats::Count;

/// Returns the part.
pub fn sheet(funnel: &Funnel, language: Language) -> Sheet {
    let say = |english, vietnamese| language.either(english, vietnamese);
    let (measure, siblings) = beside(funnel);
    let by = match measure {
        Measure::Clicks => say("clicked", "nhấp"),
        Measure::Goals => say("to the goal", "đạt mục tiêu"),
    };
    let mut sheet = Sheet::new(
        say("Mail by mail", "Từng thư"),
        &[
            (say("mail", "thư"), false),
            (say("sent", "đã gửi"), true),
            (by, true),
            (say("unsubscribed", "hủy nhận"), true),
            (say("complained", "báo rác"), true),
            (say("at most", "nhiều nhất"), true),
            (say("limits", "giới hạn"), false),
        ],
    );
    sheet.spare = vec![5, 1];
    let leaving = leaving(funnel);
    if leaving.is_empty() {
        sheet.lead = vec![say("No mail has left yet.", "Chưa có thư nào được gửi.").to_owned()];
        sheet.columns.clear();
        return sheet;
    }
    sheet.lead = alarms(funnel, &leaving, language);
    sheet.lead.extend(weak(funnel, &siblings, language));
    if sheet.lead.is_empty() {
        sheet.lead.push(
            say(
                "No mail is clearly above a limit, and none is clearly behind its siblings.",
                "Không có thư nào rõ ràng vượt giới hạn hay rõ ràng kém các thư khác.",
            )
            .to_owned(),
        );
    }
    for mail in &leaving {
        let step = &funnel.steps[mail.step];
        let counted =
            |rate: Rate| format!("{} ({})", language.number(rate.count.hits), language.fine_percent(rate.share));
        let own = siblings.iter().find(|one| one.step == mail.step).and_then(|one| one.own.share());
        sheet.rows.push(vec![
            plain(&step.id).into_owned(),
            language.number(step.sent),
            own.map(|share| language.fine_percent(share)).unwrap_or_default(),
            counted(mail.unsubscribed),
            counted(mail.complained),
            language.fine_percent(mail.complained.high),
            standing(mail.standing, language),
        ]);
    }
    sheet.caption = match measure {
        Measure::Clicks => say("Clicked, of those who got it", "Đã nhấp, trong số người nhận"),
        Measure::Goals => {
            say("Reached the goal by it, of those who got it", "Đạt mục tiêu nhờ thư này, trong số người nhận")
        }
    }
    .to_owned()
        + uncertain(language);
    sheet.picture = picture(funnel, &siblings, language);
    if measure == Measure::Goals {
        sheet.notes.push(say(
            "Nobody's clicks are known: beside each mail stand the goals that came after it and before the next. One that another follows soon has less time for them, so none is called weak by them.",
            "Không biết lượt nhấp nào: cạnh mỗi thư là số lần đạt mục tiêu sau thư đó và trước thư kế tiếp. Thư có thư khác theo sát sau thì có ít thời gian hơn, nên không thư nào bị coi là kém theo số này.",
        ).to_owned());
    }
    sheet.notes.push(say(
        "Complaints: Gmail asks to stay below 0.1 % and never to reach 0.3 %, Yahoo to stay below 0.3 %. Only complaints that providers report are known here; Gmail reports none of single mails, so look at its Postmaster Tools too.",
        "Báo rác: Gmail yêu cầu dưới 0,1 % và không bao giờ đến 0,3 %, Yahoo yêu cầu dưới 0,3 %. Ở đây chỉ biết những lần báo rác mà nhà cung cấp gửi lại; Gmail không gửi cho từng thư, nên hãy xem thêm Postmaster Tools của họ.",
    ).to_owned());
    sheet
}

/// Returns the rows for programs, one a mail.
pub fn rows(funnel: &Funnel) -> Vec<Value> {
    let (measure, siblings) = beside(funnel);
    let each = leaving(funnel).into_iter().map(|mail| {
        let step = &funnel.steps[mail.step];
        let sibling = siblings.iter().find(|one| one.step == mail.step);
        let of = |value: fn(&Beside) -> f64| rounded(sibling.map(value));
        let fine = |share: f64| (share * 1e6).round() / 1e6;
        json!({
            "step": step.id, "subject": step.subject, "sent": step.sent,
            "unsubscribed": mail.unsubscribed.count.hits, "unsubscribed_rate": fine(mail.unsubscribed.share),
            "unsubscribed_low": fine(mail.unsubscribed.low), "unsubscribed_high": fine(mail.unsubscribed.high),
            "complained": mail.complained.count.hits, "complained_rate": fine(mail.complained.share),
            "complained_low": fine(mail.complained.low), "complained_high": fine(mail.complained.high),
            "complaints": mail.standing.as_str(), "limit": mail.standing.limit(),
            "compared_by": sibling.map(|_| measure.as_str()), "rate": rounded(sibling.and_then(|one| one.own.share())),
            "siblings_rate": rounded(sibling.and_then(|one| one.others.share())),
            "difference": of(|one| one.difference), "difference_low": of(|one| one.low), "difference_high": of(|one| one.high),
            "is_weak": sibling.is_some_and(Beside::is_weak),
        })
    });
    each.collect()
}

/// Says which mails are complained of too often, by more than chance.
pub fn alarms(funnel: &Funnel, leaving: &[Leaving], language: Language) -> Vec<String> {
    let each = leaving.iter().filter_map(|mail| {
        let Standing::Above(at) = mail.standing else { return None };
        let (id, rate, limit) = (plain(&funnel.steps[mail.step].id), mail.complained, limit(at, language));
        let (share, low, high) =
            (language.fine_percent(rate.share), language.fine_percent(rate.low), language.fine_percent(rate.high));
        Some(match language {
            Language::English => {
                format!(
                    "{share} of those who got {id} complained ({low} to {high}), which is above the limit of {limit}."
                )
            }
            Language::Vietnamese => {
                format!("{share} người nhận {id} báo rác ({low} đến {high}), vượt giới hạn {limit}.")
            }
        })
    });
    each.collect()
}

/// Says which mails do worse than their siblings by more than chance.
pub fn weak(funnel: &Funnel, siblings: &[Beside], language: Language) -> Vec<String> {
    let share = |count: Count| count.share().map(|share| language.fine_percent(share)).unwrap_or_default();
    let each = siblings.iter().filter(|one| one.is_weak()).map(|one| {
        let step = &funnel.steps[one.step];
        let subject = step.subject.as_deref().map(|subject| format!(" “{}”", plain(subject))).unwrap_or_default();
        let id = format!("{}{subject}", plain(&step.id));
        let (own, others) = (share(one.own), share(one.others));
        let (low, high) = (language.points(-one.high), language.points(-one.low));
        match language {
            Language::English => format!(
                "{id} does worse than its siblings: {own} of those who got it followed a link, {others} of theirs; {low} to {high} points fewer, which is more than chance."
            ),
            Language::Vietnamese => format!(
                "{id} kém các thư khác: {own} người nhận nhấp vào liên kết, các thư kia {others}; thấp hơn {low} đến {high} điểm phần trăm, không phải do ngẫu nhiên."
            ),
        }
    });
    each.collect()
}

fn standing(standing: Standing, language: Language) -> String {
    let limit = |at| limit(at, language);
    match (standing, language) {
        (Standing::Below, Language::English) => "below".to_owned(),
        (Standing::Below, Language::Vietnamese) => "dưới giới hạn".to_owned(),
        (Standing::Open, Language::English) => "too few to tell".to_owned(),
        (Standing::Open, Language::Vietnamese) => "còn quá ít để kết luận".to_owned(),
        (Standing::PerhapsAbove(at), Language::English) => format!("perhaps above {}", limit(at)),
        (Standing::PerhapsAbove(at), Language::Vietnamese) => format!("có thể vượt {}", limit(at)),
        (Standing::Above(at), Language::English) => format!("above {}", limit(at)),
        (Standing::Above(at), Language::Vietnamese) => format!("vượt {}", limit(at)),
    }
}

fn limit(at: usize, language: Language) -> String {
    language.percent(Some(LIMITS[at])).unwrap_or_default()
}

/// Draws the shares by which mails are compared, with what they may be in truth.
fn picture(funnel: &Funnel, siblings: &[Beside], language: Language) -> Option<Picture> {
    let confidence = crate::stats::of_comparisons(crate::report::CONFIDENCE, siblings.len());
    let bounds: Vec<_> = siblings.iter().map(|one| one.own.interval(confidence)).collect::<Option<_>>()?;
    let most = bounds.iter().map(|(_, high)| *high).fold(0.0, f64::max);
    if siblings.is_empty() || siblings.iter().all(|one| one.own.hits == 0) {
        return None;
    }
    let bars = siblings.iter().zip(bounds).map(|(one, (low, high))| {
        let share = one.own.share().unwrap_or_default();
        Bar {
            name: plain(&funnel.steps[one.step].id).into_owned(),
            share: share / most,
            between: Some((low / most, high / most)),
            number: language.fine_percent(share),
            note: String::new(),
            alert: one.is_weak(),
        }
    });
    Some(Picture::Bars(bars.collect()))
}
