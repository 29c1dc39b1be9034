//! What purchases brought by campaign, step and content: each is credited to the last mail before it.

use serde_json::{Value, json};

use super::holdout::in_money;
use super::{Bar, Picture, Sheet};
use crate::model::money::Money;
use crate::model::plain::plain;
use crate::report::Funnel;
use crate::report::funnel::Revenue;
use crate::report::language::Language;
use crate::report::lift::Bought;

/// Returns the part.
pub fn sheet(funnel: &Funnel, language: Language) -> Sheet {
    let say = |english, vietnamese| language.either(english, vietnamese);
    let mut sheet = Sheet::new(
        say("Revenue", "Doanh thu"),
        &[
            (say("mail", "thư"), false),
            (say("sent", "đã gửi"), true),
            (say("purchases", "đơn hàng"), true),
            (say("revenue", "doanh thu"), true),
            (say("a mail", "mỗi thư"), true),
        ],
    );
    sheet.spare = vec![4, 1];
    let (all, currency) = (funnel.revenue(), funnel.currency.as_deref());
    let money = |amount| language.money(amount, currency);
    let bought = funnel.holdout.and_then(|holdout| holdout.bought).filter(Bought::is_told);
    let beside = bought.and_then(|bought| in_money(&bought, currency, language));
    if all == Revenue::default() {
        let none = say(
            "No purchase is credited to a mail of it yet.",
            "Chưa có đơn hàng nào được ghi cho thư của chiến dịch này.",
        );
        sheet.lead = std::iter::once(none.to_owned()).chain(beside).collect();
        sheet.columns.clear();
        return sheet;
    }
    sheet.lead = std::iter::once(lead(all, currency, language)).chain(beside).collect();
    let row = |name: String, sent: u64, revenue: Revenue| {
        let each = revenue.amount.shared(sent, currency).map(money).unwrap_or_default();
        vec![name, language.number(sent), language.number(revenue.purchases), money(revenue.amount), each]
    };
    let mails =
        || funnel.steps.iter().filter(|step| step.sent > 0 && step.is_mail() || step.revenue != Revenue::default());
    for step in mails() {
        sheet.rows.push(row(plain(&step.id).into_owned(), step.sent, step.revenue));
        for variant in &step.variants {
            let name = format!("{} · {}", plain(&step.id), plain(&variant.name));
            sheet.rows.push(row(name, variant.sent, variant.revenue));
        }
    }
    let most = mails().map(|step| step.revenue.amount).max().unwrap_or_default();
    let bars = mails().map(|step| Bar {
        name: plain(&step.id).into_owned(),
        share: part(step.revenue.amount, most),
        between: None,
        number: money(step.revenue.amount),
        note: String::new(),
        alert: false,
    });
    sheet.picture = Some(Picture::Bars(bars.collect()));
    sheet.notes = vec![say(
        "Each purchase is credited to the last mail that the contact got before it, where that is not too long ago. Whether it would have come without the mail, a hold-out tells.",
        "Mỗi đơn hàng được ghi cho thư cuối cùng mà khách nhận trước đó, nếu thư chưa quá lâu. Nếu không có thư thì khách có mua hay không, chỉ nhóm đối chứng mới cho biết.",
    ).to_owned()];
    sheet
}

fn lead(all: Revenue, currency: Option<&str>, language: Language) -> String {
    let number = language.number(all.purchases);
    match (language, all.is_told()) {
        (Language::English, told) => {
            let purchases = if all.purchases == 1 { "1 purchase".to_owned() } else { format!("{number} purchases") };
            if told {
                format!("{} from {purchases}.", language.money(all.amount, currency))
            } else {
                format!("{purchases} and no amount: `purchases` of drip.yaml names the property that holds it.")
            }
        }
        (Language::Vietnamese, true) => format!("{} từ {number} đơn hàng.", language.money(all.amount, currency)),
        (Language::Vietnamese, false) => {
            format!(
                "{number} đơn hàng mà không có số tiền: `purchases` trong drip.yaml ghi tên thuộc tính chứa số tiền."
            )
        }
    }
}

/// Returns the rows for programs: each step, then each of its contents.
pub fn rows(funnel: &Funnel) -> Vec<Value> {
    let row = |step: &str, variant: Option<&str>, sent: u64, revenue: Revenue| {
        json!({
            "step": step, "variant": variant, "sent": sent, "purchases": revenue.purchases,
            "revenue": revenue.amount.to_string(), "currency": funnel.currency,
        })
    };
    let each = funnel.steps.iter().flat_map(|step| {
        let variants =
            step.variants.iter().map(|variant| row(&step.id, Some(&variant.name), variant.sent, variant.revenue));
        std::iter::once(row(&step.id, None, step.sent, step.revenue)).chain(variants)
    });
    each.collect()
}

/// Returns what purchases brought for programs; amounts are exact, and so they are texts.
pub fn json(revenue: Revenue, currency: Option<&str>) -> Value {
    json!({ "purchases": revenue.purchases, "amount": revenue.amount.to_string(), "currency": currency })
}

#[expect(clippy::cast_precision_loss, reason = "the length of a bar")]
fn part(amount: Money, most: Money) -> f64 {
    if most.0 > 0 { (amount.0.max(0) as f64 / most.0 as f64).min(1.0) } else { 0.0 }
}
