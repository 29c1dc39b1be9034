//! Asking DNS about every domain that the project sends from and hears back at.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::super::context::Context;
use super::super::outgoing::signer_of;
use super::jobs::{Came, Job, LATE};
use super::{PATIENCE, of_failure};
use crate::dns::{Dns, Resolver};
use crate::doctor::dmarc::Identities;
use crate::doctor::place::Place;
use crate::doctor::spf::Sender;
use crate::doctor::{Finding, Group, dkim, dmarc, mailbox, reverse, spf};
use crate::model::address::Address;
use crate::model::settings::{Mailbox, Settings};

/// Returns the same for each check of DNS: why none was made.
pub(super) fn not_made(why: &str) -> Vec<Finding> {
    ["spf", "dkim", "dmarc", "mx", "reverse dns"].map(|check| Finding::not_made(Group::Dns, check, why)).to_vec()
}

/// What is asked of DNS, and what is made of the answers.
type Question = Box<dyn FnOnce(&dyn Dns) -> Vec<Finding> + Send>;

/// Returns everything to ask, in the order in which it is shown.
pub(super) fn jobs(context: &Context, settings: &Settings, server: Option<SocketAddr>) -> Vec<Job> {
    let dns: Arc<dyn Dns> = match Resolver::new(server, PATIENCE) {
        Ok(resolver) => Arc::new(resolver),
        Err(why) => return vec![Job::done(not_made(&format!("there is no name server to ask: {why}")))],
    };
    let job = |check: &'static str, work: Question| {
        let dns = Arc::clone(&dns);
        Job::new(vec![Finding::not_made(Group::Dns, check, LATE)], move || Came::from(work(&*dns)))
    };
    let host = settings.smtp.as_ref().map(|smtp| smtp.host.clone());
    let mut jobs = Vec::new();
    for sender in senders(settings) {
        let host = host.clone();
        jobs.push(job("spf", Box::new(move |dns| spf::judge(dns, &sender, &Place::of(host.as_deref(), dns)))));
    }
    let (_, from) = parts(&settings.from.address);
    jobs.push(match (&settings.dkim, signer_of(context, settings)) {
        (Some(dkim), Ok(Some(signer))) => {
            let (dkim, key) = (dkim.clone(), signer.public_key());
            job("dkim", Box::new(move |dns| vec![dkim::judge(dns, &dkim, &key)]))
        }
        (_, Err(failure)) => Job::done(vec![of_failure(Group::Dns, "dkim", failure)]),
        (_, Ok(_)) => Job::done(vec![dkim::unsigned(&from)]),
    });
    for domain in domains(settings) {
        let envelope = settings.bounce_address.as_ref().map_or_else(|| domain.clone(), |address| parts(address).1);
        let identities = Identities { envelope, signature: settings.dkim.as_ref().map(|dkim| dkim.domain.clone()) };
        jobs.push(job("dmarc", Box::new(move |dns| vec![dmarc::judge(dns, &domain, &identities)])));
    }
    for (domain, what) in mailboxes(settings) {
        jobs.push(job("mx", Box::new(move |dns| vec![mailbox::judge(dns, &domain, &what)])));
    }
    jobs.push(job("reverse dns", Box::new(move |dns| vec![reverse::judge(dns, &Place::of(host.as_deref(), dns))])));
    jobs
}

fn mailboxes_from(settings: &Settings) -> impl Iterator<Item = &Mailbox> {
    std::iter::once(&settings.from).chain(settings.senders.values().map(|sender| &sender.from))
}

/// Returns who stands on envelopes, one for each domain.
fn senders(settings: &Settings) -> Vec<Sender> {
    let addresses: Vec<&Address> = match &settings.bounce_address {
        Some(address) => vec![address],
        None => mailboxes_from(settings).map(|mailbox| &mailbox.address).collect(),
    };
    let mut senders: Vec<Sender> = Vec::new();
    for (local, domain) in addresses.into_iter().map(parts) {
        if senders.iter().all(|known| known.domain != domain) {
            senders.push(Sender { local, domain });
        }
    }
    senders
}

/// Returns the domains that readers see.
fn domains(settings: &Settings) -> Vec<String> {
    let mut domains = Vec::new();
    for (_, domain) in mailboxes_from(settings).map(|mailbox| parts(&mailbox.address)) {
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    domains
}

/// Returns what comes back to which domain, in words.
fn mailboxes(settings: &Settings) -> Vec<(String, String)> {
    let mut coming: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut add = |address: &Address, what| {
        let known = coming.entry(parts(address).1).or_default();
        if !known.contains(&what) {
            known.push(what);
        }
    };
    match &settings.bounce_address {
        Some(address) => add(address, "bounces"),
        None => mailboxes_from(settings).for_each(|mailbox| add(&mailbox.address, "bounces")),
    }
    add(&settings.reply_to.as_ref().unwrap_or(&settings.from).address, "answers");
    for sender in settings.senders.values() {
        add(&sender.reply_to.as_ref().unwrap_or(&settings.from).address, "answers");
    }
    coming.into_iter().map(|(domain, what)| (domain, what.join(" and "))).collect()
}

/// Returns what stands before and behind the `@`, the domain in ASCII.
fn parts(address: &Address) -> (String, String) {
    let written = address.for_smtp();
    let (local, domain) = written.rsplit_once('@').unwrap_or(("", &written));
    (local.to_owned(), domain.to_lowercase())
}
