//! What customers are worth, for people.

use comfy_table::{CellAlignment, Table, presets};

use super::json::{has_buying, has_spending};
use super::{Ranked, Survey};
use crate::model::plain::{grouped, plain};
use crate::model::value::ValueModel;

/// The longest bar, in columns.
const BAR: u64 = 30;
/// From here on how often people buy and what they spend go together.
const TOGETHER: f64 = 0.3;

/// Returns an amount of money as people read it, with its currency.
pub fn amount(value: f64, currency: Option<&str>) -> String {
    // Of thousands nobody wants the cents, and a dong has none.
    let text = if value.abs() >= 1000.0 || currency == Some("VND") {
        let sign = if value < 0.0 { "-" } else { "" };
        format!("{sign}{}", grouped(whole(value.abs())))
    } else {
        format!("{value:.2}")
    };
    match currency {
        Some(currency) => format!("{text} {currency}"),
        None => text,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rounded number that is not negative")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// Returns all customers together as text; `name` knows who a contact is.
pub fn table(survey: &Survey, name: impl Fn(&Ranked) -> String) -> String {
    let money = |value: f64| amount(value, survey.currency.as_deref());
    let Some(first) = survey.first else {
        return "Nobody has bought anything yet. `purchases` in drip.yaml says which events are purchases.\n"
            .to_owned();
    };
    let mut text = format!(
        "{} customers bought on {} days since {first}, for {}; {} of them on one day only.\n",
        grouped(survey.customers),
        grouped(survey.purchases),
        money(survey.money),
        grouped(survey.once),
    );
    let Some(model) = &survey.model else { return text };
    text += &format!("\n{}", in_words(model, &money));
    if has_buying(survey) {
        text += "\nExpected of all of them together:\n";
        for one in &survey.expected {
            let value = if has_spending(survey) { format!(", {}", money(one.value)) } else { String::new() };
            text += &format!("  within {:>3} days  {} purchases{value}\n", one.days, grouped(whole(one.purchases)));
        }
        text += "\nChance that who bought on several days is still a customer:\n";
        let most = survey.alive.iter().max().copied().unwrap_or(0).max(1);
        for (number, fifth) in survey.alive.iter().zip(["0-20", "20-40", "40-60", "60-80", "80-100"]) {
            let bar = "█".repeat(usize::try_from((number * BAR).div_ceil(most)).unwrap_or(0));
            text += format!("  {fifth:>6} %  {:>9}  {bar}", grouped(*number)).trim_end();
            text += "\n";
        }
    }
    if model.fifths.is_some() {
        text +=
            "\nCustomers, and what they paid so far, by fifths: how lately they bought (5 is latest), and how often.\n";
        text += &cells(survey, &money);
    }
    if has_buying(survey) {
        let heading = format!("The most is expected of, within {} days:", survey.ahead);
        text += &people(&heading, &survey.best, survey, &name);
        text += &people("More likely lost than not, of those who paid the most:", &survey.at_risk, survey, &name);
    }
    text
}

fn in_words(model: &ValueModel, money: &dyn Fn(f64) -> String) -> String {
    let mut text = format!(
        "Model of {}, made of {} customers, of whom {} came back:\n",
        model.as_of,
        grouped(model.customers),
        grouped(model.returned),
    );
    match &model.buying {
        Ok(found) => {
            text += &format!(
                "  A customer buys {:.1} times a year on average, and after {:.0} % of purchases turns away for ever.\n  \
                 (r {:.3}, alpha {:.2} days, a {:.3}, b {:.3})\n",
                found.r / found.alpha * 365.25,
                100.0 * found.a / (found.a + found.b),
                found.r,
                found.alpha,
                found.a,
                found.b,
            );
        }
        Err(why) => text += &format!("  How often people buy cannot be fitted, because {why}.\n"),
    }
    match &model.spending {
        Ok(found) => {
            text += &format!(
                "  At a purchase people spend {} on average.\n  (p {:.3}, q {:.3}, v {:.2})\n",
                money(found.average()),
                found.p,
                found.q,
                found.v,
            );
        }
        Err(why) => text += &format!("  What people spend cannot be fitted, because {why}.\n"),
    }
    if let Some(found) = model.correlation.filter(|found| model.spending.is_ok() && found.abs() >= TOGETHER) {
        let more = if found > 0.0 { "more" } else { "less" };
        text += &format!(
            "  Who buys oftener spends {more} at a time (correlation {found:.2}), which the model takes for unrelated:\n  \
             believe what is expected in money the less.\n"
        );
    }
    text
}

/// Returns the table of cells: how many, and below it what they paid.
fn cells(survey: &Survey, money: &dyn Fn(f64) -> String) -> String {
    let mut table = plain_table(["lately", "", "often 1", "2", "3", "4", "5"]);
    for (recency, row) in survey.cells.iter().enumerate().rev() {
        let shown = |number: u64, text: String| if number == 0 { "·".to_owned() } else { text };
        let customers = row.iter().map(|cell| shown(cell.customers, grouped(cell.customers)));
        let paid = row.iter().map(|cell| shown(cell.customers, money(cell.money)));
        table.add_row([(recency + 1).to_string(), "customers".to_owned()].into_iter().chain(customers));
        table.add_row([String::new(), "paid".to_owned()].into_iter().chain(paid));
    }
    drawn(&table)
}

fn people(heading: &str, ranked: &[Ranked], survey: &Survey, name: &dyn Fn(&Ranked) -> String) -> String {
    if ranked.is_empty() {
        return String::new();
    }
    let money = |value: Option<f64>| value.map_or_else(String::new, |value| amount(value, survey.currency.as_deref()));
    let mut table = plain_table(["contact", "days", "last, days ago", "paid", "rfm", "alive", "purchases", "value"]);
    for one in ranked {
        let worth = &one.worth;
        table.add_row([
            plain(&name(one)).into_owned(),
            worth.customer.days.to_string(),
            worth.recency.to_string(),
            money(Some(worth.customer.total)),
            worth.cell.map(|cell| cell.to_string()).unwrap_or_default(),
            worth.alive.map(|alive| format!("{:.0} %", 100.0 * alive)).unwrap_or_default(),
            worth.purchases.map(|number| format!("{number:.2}")).unwrap_or_default(),
            money(worth.value),
        ]);
    }
    format!("\n{heading}\n{}", drawn(&table))
}

fn plain_table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn drawn(table: &Table) -> String {
    table.to_string().lines().fold(String::new(), |text, line| text + " " + line.trim_end() + "\n")
}
