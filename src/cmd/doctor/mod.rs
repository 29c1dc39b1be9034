//! `drip doctor`: looks whether mail can leave, arrive and come back. Changes nothing.
//!
//! What asks others, who may be slow or silent, goes on side by side and in threads of its own, and is waited for no longer
//! than [`PATIENCE`].

mod callers;
mod entries;
mod files;
mod jobs;
mod machine;
mod names;
mod relay;
mod table;
mod web;

use std::time::Duration;

use super::Failure;
use super::context::Context;
use crate::cli::doctor::{DoctorArgs, DoctorFormat};
use crate::doctor::clock::Elsewhere;
use crate::doctor::{Finding, Group, Report};
use crate::exit::Exit;
use crate::mail::token::Keys;
use crate::model::settings::Settings;
use crate::store::Store;

use jobs::Job;

/// How long everything that asks others may take together.
const PATIENCE: Duration = Duration::from_secs(30);
const OFFLINE: &str = "--offline";

pub(super) fn doctor(context: &Context, arguments: &DoctorArgs) -> Result<Exit, Failure> {
    context.need_settings()?;
    let mut findings = vec![files::project(context)];
    let (database, mut store) = files::database(context);
    findings.extend(database);
    let keys = store.as_mut().and_then(keys);
    let settings = context.settings().ok();
    findings.extend(files::modes(context, settings.as_ref()));
    let jobs = match &settings {
        Some(settings) if !arguments.offline => ask(context, settings, arguments, keys.as_ref()),
        Some(settings) => vec![Job::done(unasked(settings, OFFLINE))],
        None => vec![Job::done(unread("drip.yaml cannot be read"))],
    };
    let mut elsewhere: Option<Elsewhere> = None;
    for came in jobs::all(jobs, PATIENCE) {
        findings.extend(came.findings);
        elsewhere = elsewhere.or(came.elsewhere);
    }
    findings.extend(machine::look(context, store.as_mut(), elsewhere));
    // Side by side they come in any order within a group that has one of its own.
    findings.sort_by_key(|finding| finding.group);
    let report = Report(findings);
    let wants_json = context.output.options().json || arguments.format == DoctorFormat::Json;
    context.output.result(&if wants_json {
        format!("{:#}\n", report.json())
    } else {
        table::text(&report, context.output.colours_results())
    });
    Ok(if report.is_well() { Exit::Success } else { Exit::Attention })
}

/// Returns the keys of links; a database that cannot be read was told of before.
fn keys(store: &mut Store) -> Option<Keys> {
    Some(Keys::new(store.read().ok()?.link_keys().ok()?))
}

/// Returns everything that is asked of others.
fn ask(context: &Context, settings: &Settings, arguments: &DoctorArgs, keys: Option<&Keys>) -> Vec<Job> {
    let mut jobs = vec![relay::job(context, settings)];
    jobs.extend(names::jobs(context, settings, arguments.resolver));
    jobs.push(web::job(context, settings, keys));
    jobs
}

/// Returns the checks that are not made because nobody is asked.
fn unasked(settings: &Settings, why: &str) -> Vec<Finding> {
    let relay = match settings.smtp {
        Some(_) => crate::doctor::relay::not_made(why),
        None => vec![crate::doctor::relay::missing()],
    };
    let web = match settings.web {
        Some(_) => crate::doctor::web::not_made(why),
        None => vec![crate::doctor::web::missing()],
    };
    [relay, names::not_made(why), web].concat()
}

/// Returns the same where not even the settings are known.
fn unread(why: &str) -> Vec<Finding> {
    let relay = crate::doctor::relay::not_made(why);
    [relay, names::not_made(why), crate::doctor::web::not_made(why)].concat()
}

/// Makes a finding of a failure: what it says first, and what it says one can do.
fn of_failure(group: Group, check: &'static str, failure: Failure) -> Finding {
    let (message, hint) = failure.told();
    let finding = Finding::wrong(group, check, message);
    hint.into_iter().fold(finding, Finding::advice)
}
