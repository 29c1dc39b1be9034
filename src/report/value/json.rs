//! What customers are worth, for programs.

use serde_json::{Value, json};

use super::{Ranked, Survey, Worth};
use crate::model::value::ValueModel;

/// Returns one customer's numbers.
pub fn of_one(worth: &Worth) -> Value {
    json!({
        "first_purchase": worth.customer.first.to_string(), "last_purchase": worth.customer.last.to_string(),
        "recency": worth.recency, "frequency": worth.customer.days, "monetary": worth.customer.total,
        "rfm": worth.cell.map(|cell| cell.to_string()), "p_alive": worth.alive,
        "expected_purchases": worth.purchases, "expected_amount": worth.amount, "expected_value": worth.value,
    })
}

/// Returns all customers together; `name` knows who a contact is.
pub fn json(survey: &Survey, name: impl Fn(&Ranked) -> String) -> Value {
    let people = |ranked: &[Ranked]| -> Vec<Value> {
        ranked
            .iter()
            .map(|one| {
                let mut row = of_one(&one.worth);
                row["email"] = name(one).into();
                row
            })
            .collect()
    };
    json!({
        "today": survey.today.to_string(), "currency": survey.currency, "ahead": survey.ahead,
        "customers": survey.customers, "purchases": survey.purchases, "monetary": survey.money,
        "bought_once": survey.once, "model": survey.model.as_ref().map(model),
        "expected": survey.expected.iter().map(|one| json!({
            "days": one.days,
            "purchases": has_buying(survey).then_some(one.purchases),
            "value": has_spending(survey).then_some(one.value),
        })).collect::<Vec<_>>(),
        "p_alive": has_buying(survey).then(|| survey.alive.iter().zip([0.0, 0.2, 0.4, 0.6, 0.8]).map(|(number, from)| {
            json!({ "from": from, "customers": number })
        }).collect::<Vec<_>>()),
        "cells": cells(survey).map(|(recency, frequency, cell)| json!({
            "recency": recency, "frequency": frequency, "customers": cell.customers, "monetary": cell.money,
        })).collect::<Vec<_>>(),
        "best": people(&survey.best), "at_risk": people(&survey.at_risk),
    })
}

/// Returns the table of cells as CSV, a cell a row.
pub fn cells_csv(survey: &Survey) -> String {
    let rows = cells(survey)
        .map(|(recency, frequency, cell)| format!("{recency},{frequency},{},{}\n", cell.customers, cell.money));
    format!("recency,frequency,customers,monetary\n{}", rows.collect::<String>())
}

fn cells(survey: &Survey) -> impl Iterator<Item = (usize, usize, super::InCell)> {
    let has_cells = survey.model.as_ref().is_some_and(|model| model.fifths.is_some());
    let rows = survey.cells.iter().enumerate().rev().take(if has_cells { 5 } else { 0 });
    rows.flat_map(|(recency, row)| {
        row.iter().enumerate().map(move |(frequency, cell)| (recency + 1, frequency + 1, *cell))
    })
}

pub(super) fn has_buying(survey: &Survey) -> bool {
    survey.model.as_ref().is_some_and(|model| model.buying.is_ok())
}

pub(super) fn has_spending(survey: &Survey) -> bool {
    has_buying(survey) && survey.model.as_ref().is_some_and(|model| model.spending.is_ok())
}

fn model(model: &ValueModel) -> Value {
    let ValueModel { fitted_at, as_of, customers, returned, purchases, correlation, .. } = model;
    let buying = match &model.buying {
        Ok(found) => json!({ "r": found.r, "alpha": found.alpha, "a": found.a, "b": found.b }),
        Err(why) => json!({ "missing": why }),
    };
    let spending = match &model.spending {
        Ok(found) => json!({ "p": found.p, "q": found.q, "v": found.v }),
        Err(why) => json!({ "missing": why }),
    };
    json!({
        "fitted_at": fitted_at.format("%Y-%m-%dT%H:%M:%SZ").to_string(), "as_of": as_of.to_string(),
        "customers": customers, "came_back": returned, "purchases": purchases, "buying": buying, "spending": spending,
        "correlation": correlation,
        "fifths": model.fifths.as_ref().map(|fifths| json!({
            "recency": fifths.recency, "frequency": fifths.frequency, "monetary": fifths.monetary,
        })),
    })
}
