//! `drip value`: what customers are worth, and the model that says so.

use std::collections::HashMap;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::context::Context;
use super::{Failure, interrupt};
use crate::cli::value::{ValueArgs, ValueFormat};
use crate::exit::Exit;
use crate::model::period::Period;
use crate::model::wall;
use crate::project::Project;
use crate::report::value::{self, Ranked, Survey, Worth};
use crate::runner;
use crate::store::{Store, StoreError};

pub(super) fn value(context: &Context, arguments: &ValueArgs) -> Result<Exit, Failure> {
    let mut project = context.project()?;
    let now = context.now();
    let mut store = open(context, &mut project, arguments.refit)?;
    let terms = &project.settings.terms;
    let work = store.read()?;
    let mut survey = Survey::new(terms, wall::wall(now, terms.value.zone).date(), arguments.top);
    runner::value::each_customer(&work, terms, now, |contact, customer| {
        survey.add(contact, customer, terms);
        Ok::<_, StoreError>(true)
    })?;
    survey.end();
    let mut names = HashMap::new();
    for one in survey.best.iter().chain(&survey.at_risk) {
        names.insert(one.contact, work.contact_of(one.contact)?.address.as_str().to_owned());
    }
    let name = |one: &Ranked| names.get(&one.contact).cloned().unwrap_or_default();
    let format = if context.output.options().json { ValueFormat::Json } else { arguments.format };
    context.output.result(&match format {
        ValueFormat::Table => value::table(&survey, name),
        ValueFormat::Json => format!("{:#}\n", value::json(&survey, name)),
        ValueFormat::Csv => value::cells_csv(&survey),
    });
    Ok(Exit::Success)
}

/// The columns of an export.
pub(super) const COLUMNS: [&str; 12] = [
    "email",
    "consent",
    "first_purchase",
    "last_purchase",
    "recency",
    "frequency",
    "monetary",
    "rfm",
    "p_alive",
    "expected_purchases",
    "expected_amount",
    "expected_value",
];

/// Hands out each customer whose last purchase was on a day of a period as the values of those columns.
pub(super) fn rows(
    context: &Context,
    project: &mut Project,
    period: Period,
    mut each: impl FnMut(Vec<Value>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let now = context.now();
    let mut store = open(context, project, false)?;
    let terms = &project.settings.terms;
    let zone = terms.value.zone;
    let today = wall::wall(now, zone).date();
    let work = store.read()?;
    runner::value::each_customer(&work, terms, now, |contact, customer| {
        let last = wall::start_of_day(customer.last, zone);
        let is_meant = period.since.is_none_or(|since| last >= since) && period.until.is_none_or(|until| last < until);
        if is_meant {
            let mut numbers = value::of_one(&Worth::of(customer, terms, today));
            let contact = work.contact_of(contact)?;
            numbers["email"] = contact.address.as_str().into();
            numbers["consent"] = contact.effective_consent().as_str().into();
            each(COLUMNS.iter().map(|column| numbers[column].take()).collect())?;
        }
        Ok::<_, Failure>(true)
    })
}

/// Opens the store, with a model that is not too old.
fn open(context: &Context, project: &mut Project, anew: bool) -> Result<Store, Failure> {
    let mut store = context.store(project)?;
    let terms = &project.settings.terms;
    let is_missing = terms.value.model.as_ref().is_some_and(|model| model.buying.is_err());
    if anew || is_missing || runner::value::is_stale(terms, context.now()) {
        refit(context, project, &mut store)?;
    }
    Ok(store)
}

/// Makes the model anew, unless somebody else is at it.
fn refit(context: &Context, project: &mut Project, store: &mut Store) -> Result<(), Failure> {
    let terms = &mut project.settings.terms;
    match runner::value::refit(store, terms, context.now(), &|| false)? {
        Some(model) => terms.value.model = Some(model),
        None => context.output.warn("another drip is making the model at the moment; this is the one before it"),
    }
    Ok(())
}

/// Makes the model anew after a run where something in the files takes it and it is old.
pub(super) fn learn(context: &Context, project: &Project, store: &mut Store) -> Result<(), Failure> {
    let (terms, now) = (&project.settings.terms, context.now());
    if !runner::value::takes_model(terms, &project.campaigns) || !runner::value::is_stale(terms, now) {
        return Ok(());
    }
    let interrupted = interrupt::listen().context("signals cannot be listened to")?;
    let is_enough = || interrupted.load(std::sync::atomic::Ordering::Acquire);
    if let Some(model) = runner::value::refit(store, terms, now, &is_enough)? {
        let said = format!("What customers are worth was learnt anew, of {} of them.", model.customers);
        if context.output.options().verbose {
            context.output.status(&said);
        }
        context.output.log(&said, vec![("event", json!("value")), ("customers", json!(model.customers))]);
    }
    Ok(())
}
