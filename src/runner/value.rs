//! The model of what customers are worth: made when it is old, and followed when it is new.
//!
//! It is made after a run, when its mail has left and its lock is free again: reading every purchase of a million people takes
//! a while. The next run takes it up, and looks at each customer once for every campaign that lets people in by it, after its
//! own mail has left as well.

use chrono::TimeDelta;

use super::Run;
use super::register::BATCH;
use super::watch::form;
use crate::model::campaign::Campaign;
use crate::model::condition::Condition;
use crate::model::id::ContactId;
use crate::model::terms::Terms;
use crate::model::value::{Customer, Fifths, ValueModel};
use crate::model::{Instant, wall};
use crate::stats::{Crowd, Spending, Spent};
use crate::store::{Purchase, Store, StoreError, Watch, Work};

/// For so long a model that somebody began is waited for.
const PATIENCE: TimeDelta = TimeDelta::hours(1);

/// Says whether anything in the files takes the model.
pub fn takes_model(terms: &Terms, campaigns: &[Campaign]) -> bool {
    let conditions = campaigns.iter().flat_map(Campaign::conditions).chain(terms.conditions());
    terms.value.is_asked || conditions.into_iter().any(|condition: &Condition| terms.takes_model(condition))
}

/// Says whether the kept model, or that there is none, is as it should be no longer.
pub fn is_stale(terms: &Terms, now: Instant) -> bool {
    match (&terms.value.model, terms.value.refit) {
        (None, _) => true,
        // Of a time to come, as `--now` may have it: it knows what nobody can know yet.
        (Some(model), _) if model.fitted_at > now => true,
        (Some(_), None) => false,
        (Some(model), Some(days)) => {
            // Where too few had bought, there may be enough of them tomorrow.
            let days = if model.buying.is_ok() { days } else { 1 };
            now - model.fitted_at >= TimeDelta::days(i64::from(days))
        }
    }
}

/// Makes the model of all purchases up to now and keeps it; `None` where somebody else is at it, or `is_enough` said so.
pub fn refit(
    store: &mut Store,
    terms: &Terms,
    now: Instant,
    is_enough: &dyn Fn() -> bool,
) -> Result<Option<ValueModel>, StoreError> {
    let work = store.begin()?;
    let is_ours = work.begin_value_model(now, PATIENCE)?;
    work.commit()?;
    if !is_ours {
        return Ok(None);
    }
    let mut customers = Vec::new();
    each_customer(&store.read()?, terms, now, |_, customer| {
        customers.push(customer);
        Ok::<_, StoreError>(!is_enough())
    })?;
    if is_enough() {
        return Ok(None);
    }
    let model = fit(&customers, terms, now);
    let work = store.begin()?;
    work.set_value_model(&model, &terms.purchases_are())?;
    work.commit()?;
    Ok(Some(model))
}

/// Hands out every customer with what they bought, until `each` says that it is enough.
pub fn each_customer<E: From<StoreError>>(
    work: &Work<'_>,
    terms: &Terms,
    now: Instant,
    mut each: impl FnMut(ContactId, Customer) -> Result<bool, E>,
) -> Result<(), E> {
    let mut at_hand: Option<(ContactId, Customer)> = None;
    work.purchases(&terms.purchases, now, |Purchase { contact, at, amount }| {
        let day = wall::wall(at, terms.value.zone).date();
        match &mut at_hand {
            Some((same, customer)) if *same == contact => customer.add(day, amount),
            other => {
                if let Some((id, customer)) = other.replace((contact, Customer::new(day, amount))) {
                    return each(id, customer);
                }
            }
        }
        Ok::<_, E>(true)
    })?;
    match at_hand {
        Some((id, customer)) => each(id, customer).map(drop),
        None => Ok(()),
    }
}

/// Returns the model of these customers as of a time.
pub fn fit(customers: &[Customer], terms: &Terms, now: Instant) -> ValueModel {
    let today = wall::wall(now, terms.value.zone).date();
    let mut crowd = Crowd::default();
    for customer in customers {
        crowd.add(customer.rhythm(today));
    }
    let paid: Vec<Spent> = customers.iter().map(|one| one.repeats).filter(|spent| spent.purchases > 0).collect();
    ValueModel {
        fitted_at: now,
        as_of: today,
        customers: customers.len() as u64,
        returned: customers.iter().filter(|one| one.days > 1).count() as u64,
        purchases: customers.iter().map(|one| u64::from(one.days)).sum(),
        buying: crowd.fit().map_err(|why| why.to_string()),
        correlation: correlation(&paid),
        spending: Spending::fit(paid).map_err(|why| why.to_string()),
        fifths: Fifths::of(customers, today),
    }
}

/// Returns how far what people spend at a purchase goes with how often they buy (Pearson).
fn correlation(paid: &[Spent]) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "people")]
    let number = paid.len() as f64;
    let pairs = || paid.iter().map(|one| (f64::from(one.purchases), one.total / f64::from(one.purchases)));
    let mean = pairs().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x / number, sum.1 + y / number));
    let (xx, xy, yy) = pairs().fold((0.0, 0.0, 0.0), |(xx, xy, yy), (x, y)| {
        let (x, y) = (x - mean.0, y - mean.1);
        (xx + x * x, xy + x * y, yy + y * y)
    });
    Some(xy / (xx * yy).sqrt()).filter(|r| r.is_finite())
}

impl Run<'_> {
    /// Looks at each customer where the model is another one than when a campaign's watches were set; returns whether
    /// anybody came in.
    pub(super) fn follow_model(&mut self, store: &mut Store) -> Result<bool, StoreError> {
        let before = self.totals.enrolled;
        for index in 0..self.known.len() {
            if !self.known[index].campaign.has_timed_trigger() {
                continue;
            }
            let (_, form) = form(self.known[index].campaign, self.rules);
            let mut after = ContactId(0);
            while self.known[index].stored.watched.as_ref() != Some(&form) {
                let work = store.begin()?;
                let batch = work.customers_after(&self.rules.terms.purchases, after, BATCH)?;
                if self.is_interrupted() {
                    return Ok(self.totals.enrolled > before);
                }
                for id in &batch {
                    let watch = work.watch(self.known[index].row, *id)?;
                    let fired = watch.and_then(|watch| watch.fired);
                    self.look(&work, index, &Watch { contact: *id, at: None, fired })?;
                }
                match batch.last() {
                    Some(last) => after = *last,
                    None => {
                        work.set_watched(self.known[index].row, &form)?;
                        self.known[index].stored.watched = Some(form.clone());
                    }
                }
                work.commit()?;
            }
        }
        Ok(self.totals.enrolled > before)
    }
}
