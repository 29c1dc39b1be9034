//! Which mail of a test a contact gets: the same one whenever it is asked, without a row that says so.
//!
//! What looks like chance is a hash of campaign, step and address: the same after a restore or on another machine, and
//! independent from one test to the next. Where contents differ by factors, each factor has a hash of its own.

use sha2::{Digest, Sha256};

use crate::model::campaign::{Campaign, Step};
use crate::model::contact::Contact;
use crate::model::trial::{Choice, Tried};
use crate::model::variant::{Metric, Test, Thompson, Variant};
use crate::stats::{self, Count};

/// Returns the variant that is `begun` already, or else the one that the contact's share falls on.
pub(super) fn choose<'a>(
    test: &'a Test,
    begun: Option<&str>,
    choice: Option<&Choice>,
    campaign: &Campaign,
    step: &Step,
    contact: &Contact,
) -> Option<&'a Variant> {
    let named = |name: &str| test.variants.iter().find(|variant| variant.name == name);
    if let Some(variant) = begun.and_then(named) {
        return Some(variant);
    }
    let at = |what: &str| share(campaign.id.as_str(), what, contact.address.key());
    match choice {
        Some(Choice::Winner(winner)) if let Some(variant) = named(winner) => return Some(variant),
        Some(Choice::Shares(shares)) if shares.len() == test.variants.len() => {
            return fallen_on(&test.variants, shares, at(step.id.as_str()));
        }
        _ => {}
    }
    if !test.factors.is_empty() {
        let level = |factor: &crate::model::variant::Factor| {
            let levels = factor.levels.len().max(1) as u64;
            usize::try_from(at(&format!("{}\n{}", step.id, factor.name)) % levels).unwrap_or_default()
        };
        return test.variants.get(test.place(test.factors.iter().map(level)));
    }
    let total: u64 = test.variants.iter().map(|variant| u64::from(variant.share)).sum();
    let mut at = at(step.id.as_str()).checked_rem(total)?;
    test.variants.iter().find(|variant| {
        let inside = at < u64::from(variant.share);
        at = at.saturating_sub(variant.share.into());
        inside
    })
}

/// Returns the variant on whose part of the way from 0 to 1 a hash falls.
#[expect(clippy::cast_precision_loss, reason = "a place on the way from 0 to 1")]
fn fallen_on<'a>(variants: &'a [Variant], shares: &[f64], hash: u64) -> Option<&'a Variant> {
    let mut left = hash as f64 / u64::MAX as f64;
    let found = variants.iter().zip(shares).find(|(_, share)| {
        left -= **share;
        left < 0.0
    });
    // Rounding may leave a hair at the end.
    found.map(|(variant, _)| variant).or(variants.last())
}

/// Returns the share of each content under Thompson sampling, by what was tried so far.
///
/// To draw a share for each content from what is known of it, and to send the one whose share came out highest, is to send
/// each as often as it is the best: the chances of that are the shares, and a hash does the drawing.
pub fn shares(test: &Test, rule: Thompson, tried: &[Tried]) -> Vec<f64> {
    let floor = f64::from(rule.floor) / 100.0;
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let rest = (1.0 - floor * test.variants.len() as f64).max(0.0);
    stats::best(&counts(test, rule.by, tried)).into_iter().map(|chance| floor + rest * chance).collect()
}

/// Returns how many got each content of a test, in the order of the file, and how many of them did what counts.
pub fn counts(test: &Test, by: Metric, tried: &[Tried]) -> Vec<Count> {
    let of = |variant: &Variant| {
        let none = Tried::default();
        let found = tried.iter().find(|tried| tried.variant == variant.name).unwrap_or(&none);
        let hits = match by {
            Metric::Goal => found.goals,
            Metric::Click => found.clicks,
        };
        // Somebody may reach a goal by a mail that a copy which was put back does not know.
        Count { hits: hits.min(found.sent), of: found.sent }
    };
    test.variants.iter().map(of).collect()
}

/// Returns a number that looks like chance and is always the same for a contact and a thing.
pub(super) fn share(campaign: &str, what: &str, contact: &str) -> u64 {
    let digest = Sha256::digest(format!("{campaign}\n{what}\n{contact}"));
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
