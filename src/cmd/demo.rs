//! `drip demo`: thirty days of the starter project on a virtual clock, into the outbox. The very code
//! paths of init, import, run and report.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{TimeDelta, TimeZone, Utc};

use super::context::Context;
use super::{Failure, import, init, report, run};
use crate::cli::import::ImportArgs;
use crate::clock::Clock;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::model::Instant;
use crate::runner::Options;
use crate::store::{RunLock, Store};

const CONTACTS: &[u8] = include_bytes!("../../examples/demo/contacts.csv");
const EVENTS: &[u8] = include_bytes!("../../examples/demo/events.csv");
const DAYS: i64 = 30;

pub(super) fn demo(context: &Context, dir: Option<&Path>) -> Result<Exit, Failure> {
    let root = match dir {
        Some(dir) => empty(&context.root.join(dir))?,
        None => {
            tempfile::Builder::new().prefix("drip-demo-").tempdir().context("no temporary folder can be made")?.keep()
        }
    };
    let start = start();
    let say = |text: &str| context.output.result(text);
    say(&format!("A fresh project in {}:", root.display()));
    init::write(&root, false)?;
    let files = [("contacts.csv", CONTACTS), ("events.csv", EVENTS)].map(|(name, content)| {
        let path = root.join(name);
        std::fs::write(&path, content).map(|()| path)
    });
    let files = files.into_iter().collect::<Result<Vec<_>, _>>().context("the example files cannot be written")?;
    let day_of = |at: Instant| context.elsewhere(root.clone(), Clock::Fixed(at));
    import::import(&day_of(start), &ImportArgs { files, ..ImportArgs::default() })?;

    say(&format!("\nThirty days of `drip run`, twice a day on a virtual clock from {}:", start.format("%Y-%m-%d")));
    let loaded = day_of(start).load()?;
    let zone = loaded.project.settings.timezone;
    let mut store = Store::open(&root.join("drip.db"))?;
    let Some(_lock) = RunLock::take(&root.join("drip.db"))? else {
        return Err(Diagnostic::error("another run is under way in that folder").into());
    };
    let mut last = day_of(start);
    for run in 0..DAYS * 2 {
        // 01:00 and 13:00 UTC: each contact's zone has its daytime at one of them.
        let at = start + TimeDelta::hours(1 + 12 * run);
        last = day_of(at);
        let outcome = run::pass(&last, &loaded, &mut store, &Options::default(), None)?;
        if !outcome.moved.is_empty() {
            say(&format!(
                "  {}  {}",
                at.with_timezone(&zone).format("%a %d %b %H:%M"),
                run::sentence(&outcome.totals, "sent")
            ));
        }
    }
    say("\nThe report:");
    let funnels = report::read(&last, &loaded.project, &mut store, |_| true)?;
    context.output.result(&report::table(&last, &loaded.project, &funnels));
    context.output.result(&format!(
        "\nThe mails lie in {}, a Maildir that any mail reader opens.\nGo on there: drip -C {} report\n",
        root.join("outbox").display(),
        root.display()
    ));
    Ok(Exit::Success)
}

fn start() -> Instant {
    Utc.with_ymd_and_hms(2026, 3, 1, 0, 0, 0).single().unwrap_or_default()
}

fn empty(dir: &Path) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(dir).with_context(|| format!("`{}` cannot be made", dir.display()))?;
    let mut entries = std::fs::read_dir(dir).with_context(|| format!("`{}` cannot be read", dir.display()))?;
    if entries.next().is_some() {
        let used = Diagnostic::error(format!("`{}` is not empty", dir.display()));
        return Err(used.hint("name a folder that is empty or not there yet").into());
    }
    Ok(dir.to_owned())
}
