//! The project's files, its database, and the disk they lie on.

use std::time::Duration;

use super::super::context::Context;
use super::super::failure::store_diagnostic;
use super::super::{Failure, check, guard};
use super::{entries, of_failure};
use crate::doctor::{Finding, Group, modes};
use crate::error::{Diagnostic, Diagnostics};
use crate::model::settings::Settings;
use crate::store::{Examined, Store, StoreError, noted_beside};
use crate::ui::words::{count, number};

/// How long the database is read.
const READING: Duration = Duration::from_secs(10);
const DATABASE: &str = "database";

/// Says what `drip check` would.
pub(super) fn project(context: &Context) -> Finding {
    const CHECK: &str = "files";
    let loaded = match context.load_quietly() {
        Ok(loaded) => loaded,
        Err(Failure::Project(Diagnostics(problems))) => {
            let first = problems.first().map(Diagnostic::to_string).unwrap_or_default();
            let what = match problems.len() {
                0 | 1 => first,
                several => format!("{} are wrong, the first is {first}", count(several as u64, "thing")),
            };
            return Finding::wrong(Group::Project, CHECK, what).advice("`drip check` shows where and why");
        }
        Err(failure) => return of_failure(Group::Project, CHECK, failure),
    };
    let project = &loaded.project;
    let warnings = project.warnings.len() + check::warnings(context, &loaded).len();
    let steps: usize = project.campaigns.iter().map(|campaign| campaign.steps.len()).sum();
    let found = format!(
        "{} with {} and {}",
        count(project.campaigns.len() as u64, "campaign"),
        count(steps as u64, "step"),
        count(project.templates.len() as u64, "template")
    );
    match warnings {
        0 => Finding::fine(Group::Project, CHECK, found),
        several => Finding::warning(Group::Project, CHECK, format!("{found}; {}", count(several as u64, "warning")))
            .advice("`drip check` shows them"),
    }
}

/// Reads the database; the store comes back where all is as it should be.
pub(super) fn database(context: &Context) -> (Vec<Finding>, Option<Store>) {
    let (finding, store) = state(context);
    (std::iter::once(finding).chain(room(context)).collect(), store)
}

fn state(context: &Context) -> (Finding, Option<Store>) {
    let path = context.database();
    let wrong = |error: &StoreError| {
        let Diagnostic { message, causes, hints, .. } = store_diagnostic(error);
        let message = causes.into_iter().fold(message, |message, cause| format!("{message}: {cause}"));
        let finding = Finding::wrong(Group::Project, DATABASE, message);
        hints.into_iter().take(1).fold(finding, Finding::advice)
    };
    let examined = match context.check_log().map(|()| Store::examine(&path, READING)) {
        Ok(Ok(Some(examined))) => examined,
        Ok(Ok(None)) => {
            let finding =
                Finding::not_made(Group::Project, DATABASE, "nothing has run here yet, so there is no drip.db");
            return (finding.advice("`drip import` or `drip run` makes it"), None);
        }
        Ok(Err(error)) => return (wrong(&error), None),
        Err(failure) => return (of_failure(Group::Project, DATABASE, failure), None),
    };
    let Examined { schema, known, is_read, size } = examined;
    let megabytes = number(size.div_ceil(1 << 20));
    if schema < known {
        let found = format!("drip.db is in form {schema}, and this drip writes form {known}");
        let finding = Finding::warning(Group::Project, DATABASE, found);
        return (finding.advice("the next command brings it there, and keeps a copy of it as it is"), None);
    }
    let mut store = match context.open_to_read() {
        Ok(Some(store)) => store,
        Ok(None) => return (Finding::not_made(Group::Project, DATABASE, "it is gone meanwhile"), None),
        Err(failure) => return (of_failure(Group::Project, DATABASE, failure), None),
    };
    let noted = noted_beside(&path);
    let distrusted = store.read().and_then(|work| guard::distrust(&work, noted.as_ref(), context.now()));
    let finding = match distrusted {
        Err(error) => return (wrong(&error), None),
        Ok(Some((why, _))) => Finding::wrong(Group::Project, DATABASE, format!("{why}, so no run sends"))
            .advice("once no other copy sends any more: `drip run --adopt`"),
        Ok(None) if !is_read => {
            let found = format!("{megabytes} MB are too many to be read whole in {} s", READING.as_secs());
            Finding::not_made(Group::Project, DATABASE, found).advice("`drip backup FILE` reads all of it")
        }
        Ok(None) => Finding::fine(Group::Project, DATABASE, format!("{megabytes} MB, read whole and sound")),
    };
    (finding, Some(store))
}

/// Says whether the disk has room for runs, and for a copy of the database, which a backup and a new form need.
fn room(context: &Context) -> Option<Finding> {
    const CHECK: &str = "disk";
    let path = context.database();
    if let Err(error) = Store::check_room(&path) {
        return Some(
            Finding::wrong(Group::Project, CHECK, error.to_string())
                .advice("free some space: no run begins before that"),
        );
    }
    let free = Store::free_room(&path)? / 1024;
    let size = path.metadata().map_or(0, |data| data.len() >> 20);
    Some(if free < size + 64 {
        let found = format!("{} MB are free, too few for a copy of drip.db", number(free));
        Finding::warning(Group::Project, CHECK, found).advice("free some space: `drip backup` and a newer drip need it")
    } else {
        Finding::fine(Group::Project, CHECK, format!("{} MB are free", number(free)))
    })
}

/// Says who may read and write what.
pub(super) fn modes(context: &Context, settings: Option<&Settings>) -> Vec<Finding> {
    modes::judge(&entries::of(context, settings), rustix::process::geteuid().as_raw())
}
