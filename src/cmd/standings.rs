//! Where contacts stand, brought up to date for a command that counts them.

use std::collections::BTreeMap;

use anyhow::Context as _;
use tempfile::TempDir;

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

/// A store that knows of everybody where they stand.
pub(super) struct Refreshed {
    pub(super) store: Store,
    /// Where it is a copy.
    _folder: Option<TempDir>,
}

/// Opens the store once it is known of everybody where they stand; `None` where there is no store yet.
///
/// At a time that `--now` names it is a copy: what would be in a month, or was a month ago, is no one's business but the asker's.
pub(super) fn refreshed(context: &Context, terms: &Terms) -> Result<Option<Refreshed>, Failure> {
    let Some(read) = context.open_to_read()? else { return Ok(None) };
    let (mut store, folder) = if context.is_played() {
        let folder = tempfile::Builder::new().prefix("drip-").tempdir().context("no temporary folder can be made")?;
        let mut copy = read.copy_to(&folder.path().join("drip.db"))?;
        let work = copy.begin()?;
        work.forget_standings_after(context.now())?;
        work.commit()?;
        (copy, Some(folder))
    } else {
        drop(read);
        (context.open()?, None)
    };
    // Whoever stops it loses nothing: the next one goes on from there.
    refresh(&mut store, terms, context.now(), Whom::Everyone, &|| false)?;
    Ok(Some(Refreshed { store, _folder: folder }))
}

/// Counts the contacts as they stand now.
pub(super) fn count(store: &mut Store) -> Result<Counts, Failure> {
    let mut counts = Counts::default();
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
