//! What customers are worth: one of them, and all of them together.

mod json;
mod table;

use std::collections::HashMap;

use chrono::NaiveDate;

pub use self::json::{cells_csv, json, of_one};
pub use self::table::{amount, table};
use crate::model::id::ContactId;
use crate::model::terms::Terms;
use crate::model::value::{Cell, Customer, ValueModel};
use crate::stats::Rhythm;

/// One customer as of a day.
#[derive(Debug, Clone, Copy)]
pub struct Worth {
    pub customer: Customer,
    pub recency: u32,
    pub cell: Option<Cell>,
    pub alive: Option<f64>,
    /// In the days that the settings look ahead.
    pub purchases: Option<f64>,
    /// At one of them.
    pub amount: Option<f64>,
    pub value: Option<f64>,
}

impl Worth {
    /// Returns what is known of a customer, and what is to be expected.
    pub fn of(customer: Customer, terms: &Terms, today: NaiveDate) -> Self {
        let ahead = terms.value.ahead;
        let purchases = terms.value.model.as_ref().and_then(|model| model.expected_purchases(&customer, today, ahead));
        Self::with(customer, terms, today, purchases)
    }

    fn with(customer: Customer, terms: &Terms, today: NaiveDate, purchases: Option<f64>) -> Self {
        let model = terms.value.model.as_ref();
        let amount = model.and_then(|model| model.expected_amount(&customer));
        Self {
            customer,
            recency: customer.recency(today),
            cell: model.and_then(|model| Some(model.fifths.as_ref()?.cell(&customer, today))),
            alive: model.and_then(|model| model.alive(&customer, today)),
            purchases,
            amount,
            value: purchases.zip(amount).map(|(purchases, amount)| purchases * amount),
        }
    }
}

/// What is expected of all customers within so many days.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    pub days: u32,
    pub purchases: f64,
    pub value: f64,
}

/// How many are in a cell of lateness and frequency, and what they paid so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct InCell {
    pub customers: u64,
    pub money: f64,
}

/// Somebody who is named.
#[derive(Debug, Clone, Copy)]
pub struct Ranked {
    pub contact: ContactId,
    pub worth: Worth,
    by: f64,
}

/// All customers as of a day.
#[derive(Debug)]
pub struct Survey {
    pub today: NaiveDate,
    pub model: Option<ValueModel>,
    pub currency: Option<String>,
    pub ahead: u32,
    pub customers: u64,
    pub purchases: u64,
    pub money: f64,
    pub first: Option<NaiveDate>,
    /// Whose one purchase says nothing about whether they stay.
    pub once: u64,
    pub expected: Vec<Expected>,
    /// How many of those who came back are customers still, by fifths of the chance from 0 to 1.
    pub alive: [u64; 5],
    /// By recency and frequency, the best last.
    pub cells: [[InCell; 5]; 5],
    /// Of whom the most is expected.
    pub best: Vec<Ranked>,
    /// Who are more likely lost than not, those first who paid the most.
    pub at_risk: Vec<Ranked>,
    named: usize,
    /// Of many customers, many are the same to the model of buying.
    known: HashMap<Rhythm, Vec<f64>>,
}

/// Below this chance somebody is named among those at risk.
const RISK: f64 = 0.5;
/// Days ahead that everybody asks for.
const USUAL: [u32; 2] = [30, 90];
/// More different ones are not kept in mind.
const KNOWN: usize = 200_000;

impl Survey {
    /// Begins with nobody.
    pub fn new(terms: &Terms, today: NaiveDate, named: usize) -> Self {
        let mut days = USUAL.to_vec();
        days.push(terms.value.ahead);
        days.sort_unstable();
        days.dedup();
        Self {
            today,
            model: terms.value.model.clone(),
            currency: terms.purchases.currency.clone(),
            ahead: terms.value.ahead,
            customers: 0,
            purchases: 0,
            money: 0.0,
            first: None,
            once: 0,
            expected: days.into_iter().map(|days| Expected { days, purchases: 0.0, value: 0.0 }).collect(),
            alive: [0; 5],
            cells: [[InCell::default(); 5]; 5],
            best: Vec::new(),
            at_risk: Vec::new(),
            named,
            known: HashMap::new(),
        }
    }

    /// Counts one more customer.
    pub fn add(&mut self, contact: ContactId, customer: Customer, terms: &Terms) {
        let expected = self.expected_of(&customer);
        let purchases = expected.as_ref().and_then(|each| {
            let at = self.expected.iter().position(|one| one.days == self.ahead)?;
            each.get(at).copied()
        });
        let worth = Worth::with(customer, terms, self.today, purchases);
        self.customers += 1;
        self.purchases += u64::from(customer.days);
        self.money += customer.total;
        self.first = Some(self.first.map_or(customer.first, |first| first.min(customer.first)));
        for (sum, number) in self.expected.iter_mut().zip(expected.into_iter().flatten()) {
            sum.purchases += number;
            sum.value += number * worth.amount.unwrap_or(0.0);
        }
        if customer.days == 1 {
            self.once += 1;
        } else if let Some(alive) = worth.alive {
            self.alive[fifth(alive)] += 1;
        }
        if let Some(cell) = worth.cell {
            let cell = &mut self.cells[usize::from(cell.recency - 1)][usize::from(cell.frequency - 1)];
            cell.customers += 1;
            cell.money += customer.total;
        }
        let by = worth.value.or(worth.purchases).unwrap_or(customer.total);
        rank(&mut self.best, Ranked { contact, worth, by }, self.named);
        if customer.days > 1 && worth.alive.is_some_and(|alive| alive < RISK) {
            rank(&mut self.at_risk, Ranked { contact, worth, by: customer.total }, self.named);
        }
    }

    /// Ends the counting.
    pub fn end(&mut self) {
        settle(&mut self.best, self.named);
        settle(&mut self.at_risk, self.named);
        self.known = HashMap::new();
    }

    fn expected_of(&mut self, customer: &Customer) -> Option<Vec<f64>> {
        let buying = self.model.as_ref()?.buying.as_ref().ok()?;
        let rhythm = customer.rhythm(self.today);
        if let Some(known) = self.known.get(&rhythm) {
            return Some(known.clone());
        }
        let each: Vec<f64> = self.expected.iter().map(|one| buying.expected(rhythm, f64::from(one.days))).collect();
        if self.known.len() < KNOWN {
            self.known.insert(rhythm, each.clone());
        }
        Some(each)
    }
}

fn fifth(chance: f64) -> usize {
    [0.2, 0.4, 0.6, 0.8].iter().filter(|edge| chance >= **edge).count()
}

fn rank(ranked: &mut Vec<Ranked>, one: Ranked, named: usize) {
    ranked.push(one);
    // Sorted now and then, not each time.
    if ranked.len() >= 2 * named + 100 {
        settle(ranked, named);
    }
}

fn settle(ranked: &mut Vec<Ranked>, named: usize) {
    ranked.sort_by(|one, other| other.by.total_cmp(&one.by).then(one.contact.0.cmp(&other.contact.0)));
    ranked.truncate(named);
}
