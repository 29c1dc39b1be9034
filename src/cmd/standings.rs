//! Where contacts stand, brought up to date for a command that counts them.

use std::collections::BTreeMap;

use super::Failure;
use super::context::Context;
use crate::model::terms::Terms;
use crate::runner::standing::{Whom, refresh};
use crate::store::{StandingCount, Store};

/// How many contacts stand where.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) people: u64,
    /// By name: how many, and how many of them agreed to mail.
    pub(super) segments: BTreeMap<String, (u64, u64)>,
    /// The same by stage; `None` is no stage.
    pub(super) stages: BTreeMap<Option<String>, (u64, u64)>,
}

/// Opens the store once it is known of everybody where they stand; `None` where there is no store yet.
pub(super) fn refreshed(context: &Context, terms: &Terms) -> Result<Option<Store>, Failure> {
    if context.open_to_read()?.is_none() {
        return Ok(None);
    }
    let mut store = context.open()?;
    // Whoever stops it loses nothing: the next one goes on from there.
    refresh(&mut store, terms, context.now(), Whom::Everyone, &|| false)?;
    Ok(Some(store))
}

/// Counts the contacts as they stand now.
pub(super) fn count(context: &Context, terms: &Terms) -> Result<Counts, Failure> {
    let mut counts = Counts::default();
    let Some(mut store) = refreshed(context, terms)? else { return Ok(counts) };
    let work = store.read()?;
    let names: BTreeMap<i64, String> =
        work.segment_numbers()?.into_iter().map(|(name, number)| (number, name)).collect();
    for StandingCount { stage, segments, subscribed, people } in work.count_standings()? {
        counts.people += people;
        let add = |(all, mailed): &mut (u64, u64)| {
            *all += people;
            *mailed += if subscribed { people } else { 0 };
        };
        for name in segments.iter().filter_map(|number| names.get(number)) {
            add(counts.segments.entry(name.clone()).or_default());
        }
        add(counts.stages.entry(stage).or_default());
    }
    Ok(counts)
}
