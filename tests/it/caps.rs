//! Two campaigns that want the same people, ninety days, a thousand contacts: who gets what when,
//! against an oracle that knows nothing but minutes.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use drip::mail::template::Templates;
use drip::mail::token::Keys;
use drip::mail::transport::{ConnectError, NotCommitted, Outcome, Parcel, Permit, Relay, Transport};
use drip::model::address::Address;
use drip::project::{self, Overrides};
use drip::runner::{self, Options, Parts};
use drip::store::{ContactUpdate, NewEvent, Store};
use drip::webhook::Nobody;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::support::Sandbox;

/// Zones that never change their clocks, and their minutes ahead of UTC: the oracle needs no table.
const ZONES: [(&str, i64); 4] =
    [("Asia/Ho_Chi_Minh", 420), ("Asia/Kolkata", 330), ("UTC", 0), ("America/Phoenix", -420)];
const START: &str = "2027-01-04T00:00:00Z";
const DAY: i64 = 1440;
const RUNS_EVERY: i64 = 97;
const LAST: i64 = 90 * DAY;
/// Nothing runs from the 20th day for three days.
const OUTAGE: std::ops::Range<i64> = 20 * DAY..23 * DAY;
/// Tết, and a day of every year, as days since the start, which is a Monday.
const QUIET: [std::ops::RangeInclusive<i64>; 2] = [32..=37, 57..=57];

/// `tips` is worth more than `news`.
const TIPS: [(&str, i64); 4] = [("t1", 0), ("t2", 2), ("t3", 3), ("t4", 7)];
const NEWS: [(&str, i64); 5] = [("n1", 0), ("n2", 1), ("n3", 1), ("n4", 2), ("n5", 14)];

/// One person: a zone, and the minutes at which they enter the campaigns.
#[derive(Debug, Clone, Copy)]
struct Person {
    zone: usize,
    tips: Option<i64>,
    news: Option<i64>,
}

type Log = BTreeMap<(usize, &'static str), i64>;

fn person() -> impl Strategy<Value = Person> {
    let entry = || proptest::option::weighted(0.9, 0..60 * DAY);
    (0..ZONES.len(), entry(), entry()).prop_map(|(zone, tips, news)| Person { zone, tips, news })
}

fn runs() -> impl Iterator<Item = i64> {
    (0..=LAST / RUNS_EVERY).map(|run| run * RUNS_EVERY).filter(|minute| !OUTAGE.contains(minute))
}

/// Says whether mail may go at a minute of local time: 08:00 to 20:00, Monday to Saturday, no holiday.
fn is_open(local: i64) -> bool {
    let (day, minute) = (local.div_euclid(DAY), local.rem_euclid(DAY));
    (480..1200).contains(&minute) && day.rem_euclid(7) != 6 && !QUIET.iter().any(|quiet| quiet.contains(&day))
}

/// What should happen, a person at a time, a run at a time.
fn oracle(people: &[Person]) -> Log {
    let mut log = Log::new();
    for (index, person) in people.iter().enumerate() {
        let offset = ZONES[person.zone].1;
        let mut mails: Vec<i64> = Vec::new();
        let mut states = [(&TIPS[..], person.tips, 0), (&NEWS[..], person.news, 0)];
        for now in runs() {
            for (steps, origin, next) in &mut states {
                let Some(since) = *origin else { continue };
                let Some((step, delay)) = steps.get(*next) else { continue };
                let local_day = |minute: i64| (minute + offset).div_euclid(DAY);
                let within = |days: i64| mails.iter().filter(|mail| local_day(**mail) > local_day(now) - days).count();
                if now < since + delay * DAY || !is_open(now + offset) || within(1) >= 1 || within(7) >= 3 {
                    continue;
                }
                log.insert((index, step), now);
                mails.push(now);
                (*origin, *next) = (Some(now), *next + 1);
            }
        }
    }
    log
}

/// A relay that notes who got what when.
#[derive(Clone, Default)]
struct Notes {
    now: Arc<Mutex<i64>>,
    mails: Arc<Mutex<Vec<(String, String, i64)>>>,
}

impl Relay for Notes {
    fn transport(&self) -> Box<dyn Transport> {
        Box::new(self.clone())
    }

    fn describe(&self) -> String {
        "notes".to_owned()
    }

    fn connections(&self) -> usize {
        1
    }
}

impl Transport for Notes {
    fn connect(&mut self) -> Result<(), ConnectError> {
        Ok(())
    }

    fn deliver(&mut self, mail: &Arc<Parcel>, commit: &mut dyn FnMut() -> Permit) -> Result<Outcome, NotCommitted> {
        assert_ne!(commit(), Permit::No);
        let to = &mail.envelope;
        let mail = String::from_utf8_lossy(&mail.bytes);
        let subject = mail.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().to_owned();
        self.mails.lock().unwrap().push((to.to().to_owned(), subject, *self.now.lock().unwrap()));
        Ok(Outcome::Sent { reply: String::new() })
    }

    fn close(&mut self) {}
}

fn words(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

/// What drip does.
fn played(people: &[Person]) -> Log {
    let steps = |steps: &[(&str, i64)]| -> Vec<String> {
        steps.iter().map(|(id, delay)| format!("id: {id}, delay: {delay}d, send: mail, subject: {id}")).collect()
    };
    let (tips, news) = (steps(&TIPS), steps(&NEWS));
    let sandbox = Sandbox::new()
        .settings("hours: \"08:00-20:00\"\ndays: mon-sat\nfrequency_cap: 1 per day, 3 per week\nquiet_dates: [2027-02-05..2027-02-10, 03-02]")
        .campaign("tips", "trigger: { event: tips }\npriority: 5", &words(&tips))
        .campaign("news", "trigger: { event: news }", &words(&news));
    let project = project::load(&sandbox.path(""), &Overrides::default()).unwrap();
    let templates = Templates::compile(&project.templates, &project.assets, "en").unwrap();
    let start: DateTime<Utc> = START.parse().unwrap();
    let at = |minute: i64| start + TimeDelta::minutes(minute);
    let mut store = Store::open(&sandbox.path("drip.db")).unwrap();
    runner::register(&mut store, &project.settings, &project.campaigns, start).unwrap();
    let work = store.begin().unwrap();
    let nothing = serde_json::Map::new();
    for (index, person) in people.iter().enumerate() {
        let address = Address::parse(&format!("p{index}@example.com")).unwrap();
        let update = ContactUpdate {
            address: &address,
            consent: None,
            tags: &[],
            timezone: Some(ZONES[person.zone].0),
            language: None,
            attributes: &nothing,
        };
        work.put_contact(&update, start).unwrap();
        let contact = work.contact_id(&address).unwrap().unwrap();
        for (name, minute) in [("tips", person.tips), ("news", person.news)] {
            let Some(minute) = minute else { continue };
            work.add_event(&NewEvent { contact, name, at: at(minute), properties: &nothing }, None).unwrap();
        }
    }
    work.commit().unwrap();
    let notes = Notes::default();
    for now in runs() {
        *notes.now.lock().unwrap() = now;
        let clock = move || at(now);
        let parts = Parts {
            settings: &project.settings,
            campaigns: &project.campaigns,
            templates: &templates,
            relay: &notes,
            caller: &Nobody,
            variable: &|_| None,
            keys: &Keys::new(vec![(0, vec![0; 32])]),
            secret: "",
            signer: None,
            clock: &clock,
            boot: None,
            interrupted: &AtomicBool::new(false),
        };
        runner::run(&mut store, &parts, &Options::default(), &mut |_| {}).unwrap();
    }
    let ids = TIPS.iter().chain(&NEWS).map(|(id, _)| *id).collect::<Vec<_>>();
    let mails = notes.mails.lock().unwrap();
    let log: Log = mails
        .iter()
        .map(|(to, subject, now)| {
            let index = to.strip_prefix('p').unwrap().split('@').next().unwrap().parse().unwrap();
            ((index, *ids.iter().find(|id| **id == subject).unwrap()), *now)
        })
        .collect();
    assert_eq!(log.len(), mails.len(), "nobody got a step twice");
    log
}

/// Asserts what was promised, mail by mail, without the oracle.
fn check(people: &[Person], log: &Log) {
    let mut days: BTreeMap<(usize, i64), usize> = BTreeMap::new();
    for ((index, _), now) in log {
        let local = now + ZONES[people[*index].zone].1;
        assert!(is_open(local));
        *days.entry((*index, local.div_euclid(DAY))).or_default() += 1;
    }
    assert!(days.values().all(|mails| *mails == 1), "one a day");
    for (index, day) in days.keys() {
        let week = days.range((*index, *day)..(*index, day + 7)).count();
        assert!(week <= 3, "three in seven days");
    }
}

#[test]
fn a_thousand_people_get_what_two_campaigns_promise_within_the_caps() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let people: Vec<_> = (0..1000).map(|_| person().new_tree(&mut runner).unwrap().current()).collect();
    let (played, expected) = (played(&people), oracle(&people));
    check(&people, &played);
    let different: Vec<_> = expected.iter().filter(|(key, now)| played.get(key) != Some(now)).take(5).collect();
    assert!(
        different.is_empty() && played.len() == expected.len(),
        "{different:?}, {} of {}",
        played.len(),
        expected.len()
    );
    // Nothing is lost: whoever entered early enough has had everything.
    let early = |entry: Option<i64>| entry.is_some_and(|minute| minute < 20 * DAY);
    for (index, person) in people.iter().enumerate() {
        for (steps, entry) in [(&TIPS[..], person.tips), (&NEWS[..], person.news)] {
            let all = steps.iter().all(|(step, _)| played.contains_key(&(index, step)));
            assert!(all || !early(entry), "person {index} lacks a step");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]
    #[test]
    fn any_few_people_get_what_the_oracle_says(people in proptest::collection::vec(person(), 1..12)) {
        prop_assert_eq!(played(&people), oracle(&people));
    }
}
