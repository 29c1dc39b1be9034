//! Where people stand, looked at a hundred times on the way or once at the end, beside a slow oracle.
//!
//! The oracle knows a person's events and walks the minutes. It takes nothing from drip: no condition, no edge, no cache.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use drip::model::address::Address;
use drip::model::condition::Condition;
use drip::model::contact::Consent;
use drip::model::delay::Span;
use drip::model::id::ContactId;
use drip::model::score::{Points, Score};
use drip::model::stage::Stage;
use drip::model::terms::Terms;
use drip::runner::standing::{Whom, refresh};
use drip::store::{ContactUpdate, NewEvent, Store};
use serde_json::{Map, Value, json};

use crate::support::dice::Dice;

const MINUTE: i64 = 60_000;
const DAY: i64 = 1440 * MINUTE;
const HALF_LIFE: i64 = 5 * DAY;
/// Where the play begins, and how long it lasts, in minutes.
const START: i64 = 1_772_000_000_000 / MINUTE * MINUTE;
const MINUTES: usize = 70 * 1440;
const PEOPLE: usize = 60;

const RECOUNT: &str = "(SELECT stage, (until - at) / 3600000 AS hours, count(*) AS number FROM stage_changes
    WHERE stage IS NOT NULL AND until IS NOT NULL GROUP BY 1, 2)";

type Instant = DateTime<Utc>;

fn at(millis: i64) -> Instant {
    DateTime::from_timestamp_millis(millis).unwrap()
}

fn terms() -> Terms {
    let condition = |text: &str| Condition::parse(text).unwrap();
    let rule = |event: &str, points: f64, at_most: Option<f64>, half_life: Option<Span>, text: Option<&str>| Points {
        event: event.to_owned(),
        condition: text.map(condition),
        points,
        at_most,
        half_life,
    };
    let days = |days| Some(Span { days, seconds: 0 });
    Terms {
        segments: BTreeMap::from([
            ("hot".to_owned(), condition("score >= 20")),
            ("quiet".to_owned(), condition("!did('viewed', '10d')")),
            ("vip".to_owned(), condition("contact.plan == 'pro' && stage != 'lapsed'")),
        ]),
        score: Some(Score {
            rules: vec![
                rule("viewed", 5.0, Some(12.0), days(5), None),
                rule("viewed", 9.0, None, days(5), Some("event.page == 'pricing'")),
                rule("complained", -15.0, None, days(10), None),
                rule("purchased", 4.0, None, None, None),
            ],
            at_most: Some(60.0),
        }),
        stages: [
            ("prospect", "true"),
            ("warm", "score >= 12"),
            ("buyer", "did('purchased')"),
            ("lapsed", "days_since('purchased') >= 14 && score < 10"),
        ]
        .map(|(name, text)| Stage { name: name.to_owned(), condition: condition(text) })
        .to_vec(),
        ..Terms::default()
    }
}

/// Something that a person does: when, what, on which page.
#[derive(Debug, Clone, PartialEq)]
struct Deed {
    at: i64,
    name: &'static str,
    page: &'static str,
}

fn score(deeds: &[Deed], now: i64) -> f64 {
    let (mut views, mut prices, mut complaints, mut purchases) = (0.0_f64, 0.0, 0.0, 0.0);
    let mut last = [now; 3];
    #[expect(clippy::cast_precision_loss, reason = "a few months")]
    let faded = |since: i64, until: i64, half_life: i64| 0.5_f64.powf((until - since) as f64 / half_life as f64);
    for deed in deeds.iter().filter(|deed| deed.at <= now) {
        match deed.name {
            "viewed" => {
                if views > 0.0 {
                    views *= faded(last[0], deed.at, HALF_LIFE);
                }
                views = (views + 5.0).min(12.0);
                last[0] = deed.at;
                if deed.page == "pricing" {
                    if prices > 0.0 {
                        prices *= faded(last[1], deed.at, HALF_LIFE);
                    }
                    prices += 9.0;
                    last[1] = deed.at;
                }
            }
            "complained" => {
                if complaints < 0.0 {
                    complaints *= faded(last[2], deed.at, 2 * HALF_LIFE);
                }
                complaints -= 15.0;
                last[2] = deed.at;
            }
            _ => purchases += 4.0,
        }
    }
    let sum = views * faded(last[0], now, HALF_LIFE)
        + prices * faded(last[1], now, HALF_LIFE)
        + complaints * faded(last[2], now, 2 * HALF_LIFE)
        + purchases;
    // Whole points, and a hair for what powers cannot say exactly.
    (sum.min(60.0).abs() + 1e-9).floor().copysign(sum)
}

fn stage(deeds: &[Deed], now: i64) -> &'static str {
    let score = score(deeds, now);
    let bought = deeds.iter().filter(|deed| deed.at <= now && deed.name == "purchased").map(|deed| deed.at).max();
    match bought {
        Some(last) if (now - last) / DAY >= 14 && score < 10.0 => "lapsed",
        Some(_) => "buyer",
        None if score >= 12.0 => "warm",
        None => "prospect",
    }
}

fn segments(deeds: &[Deed], plan: &str, now: i64) -> Vec<&'static str> {
    let quiet = !deeds.iter().any(|deed| deed.name == "viewed" && deed.at <= now && deed.at >= now - 10 * DAY);
    let all =
        [("hot", score(deeds, now) >= 20.0), ("quiet", quiet), ("vip", plan == "pro" && stage(deeds, now) != "lapsed")];
    all.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect()
}

struct World {
    folder: tempfile::TempDir,
    store: Store,
    terms: Terms,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("drip.db")).unwrap();
        let terms = terms();
        // So that whoever comes from now on is new.
        refresh(&mut store, &terms, at(START), Whom::Everyone, &|| false).unwrap();
        Self { folder, store, terms }
    }

    fn person(&mut self, number: usize, plan: &str, now: i64) -> ContactId {
        let address = Address::parse(&format!("p{number}@example.com")).unwrap();
        let attributes: Map<String, Value> = json!({ "plan": plan }).as_object().unwrap().clone();
        let work = self.store.begin().unwrap();
        let update = ContactUpdate {
            address: &address,
            consent: Some(Consent::Subscribed),
            tags: &[],
            timezone: None,
            language: None,
            attributes: &attributes,
        };
        work.put_contact(&update, at(now)).unwrap();
        let id = work.contact_id(&address).unwrap().unwrap();
        work.commit().unwrap();
        id
    }

    fn add(&mut self, contact: ContactId, deed: &Deed) {
        let properties: Map<String, Value> = json!({ "page": deed.page }).as_object().unwrap().clone();
        let work = self.store.begin().unwrap();
        let event = NewEvent { contact, name: deed.name, at: at(deed.at), properties: &properties };
        work.add_event(&event, None).unwrap();
        work.commit().unwrap();
    }

    fn look(&mut self, now: i64) {
        refresh(&mut self.store, &self.terms, at(now), Whom::Everyone, &|| false).unwrap();
        assert!(self.store.read().unwrap().to_look_at(at(now), false, 9).unwrap().is_empty(), "somebody is left over");
    }

    /// Returns a person's moves: when, from where, to where.
    fn moves(&self, contact: ContactId) -> Vec<(i64, Option<String>, Option<String>)> {
        let connection = rusqlite::Connection::open(self.folder.path().join("drip.db")).unwrap();
        let text = "SELECT at, was, stage FROM stage_changes WHERE contact_id = ?1 ORDER BY at";
        let mut statement = connection.prepare(text).unwrap();
        let rows = statement.query_map([contact.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    }

    /// Returns stays that are over, each a stage, its hours, and how many.
    fn stays(&self, what: &str) -> Vec<(String, i64, i64)> {
        let connection = rusqlite::Connection::open(self.folder.path().join("drip.db")).unwrap();
        let mut statement =
            connection.prepare(&format!("SELECT stage, hours, number FROM {what} ORDER BY 1, 2")).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    }

    /// Returns a person's stage and segments.
    fn place(&self, contact: ContactId) -> (String, Vec<String>) {
        let connection = rusqlite::Connection::open(self.folder.path().join("drip.db")).unwrap();
        let text = "SELECT stage FROM standings WHERE contact_id = ?1";
        let stage = connection.query_row(text, [contact.0], |row| row.get(0)).unwrap();
        let text = "SELECT segment FROM v_segments v JOIN contacts c USING (email) WHERE c.id = ?1 ORDER BY 1";
        let mut statement = connection.prepare(text).unwrap();
        let rows = statement.query_map([contact.0], |row| row.get(0)).unwrap();
        (stage, rows.collect::<rusqlite::Result<_>>().unwrap())
    }
}

fn minute(dice: &mut Dice) -> i64 {
    START + i64::try_from(dice.roll(MINUTES)).unwrap() * MINUTE
}

fn deeds(dice: &mut Dice) -> Vec<Deed> {
    let number = dice.roll(14);
    let mut deeds: Vec<Deed> = (0..number)
        .map(|_| Deed {
            at: minute(dice),
            name: ["viewed", "viewed", "viewed", "purchased", "complained"][dice.roll(5)],
            page: ["tea", "pricing"][dice.roll(2)],
        })
        .collect();
    deeds.sort_by_key(|deed| deed.at);
    // The same deed twice at one moment is one.
    deeds.dedup_by_key(|deed| (deed.at, deed.name));
    deeds
}

#[test]
fn many_small_looks_come_to_the_same_as_one_and_to_what_the_minutes_say() {
    let mut dice = Dice(20_261_128);
    let (mut often, mut once) = (World::new(), World::new());
    let everyone: Vec<Vec<Deed>> = (0..PEOPLE).map(|_| deeds(&mut dice)).collect();
    let ids: Vec<[ContactId; 2]> =
        (0..PEOPLE).map(|n| [&mut often, &mut once].map(|world| world.person(n, "free", START))).collect();
    let mut looks: Vec<i64> = (0..40).map(|_| minute(&mut dice) + i64::try_from(dice.roll(60_000)).unwrap()).collect();
    let end = START + i64::try_from(MINUTES).unwrap() * MINUTE;
    looks.push(end);
    looks.sort_unstable();
    let mut from = i64::MIN;
    for look in looks {
        for (deeds, [id, _]) in everyone.iter().zip(&ids) {
            deeds.iter().filter(|deed| deed.at > from && deed.at <= look).for_each(|deed| often.add(*id, deed));
        }
        often.look(look);
        from = look;
    }
    for (deeds, [_, id]) in everyone.iter().zip(&ids) {
        for deed in deeds {
            once.add(*id, deed);
        }
    }
    once.look(end);
    let mut moved = 0;
    for (number, (deeds, [id, other])) in everyone.iter().zip(&ids).enumerate() {
        let moves = often.moves(*id);
        assert_eq!(moves, once.moves(*other), "person {number}: {deeds:?}");
        moved += moves.len();
        let mut next = moves.iter().peekable();
        let mut now = None;
        for minute in 0..=i64::try_from(MINUTES).unwrap() {
            let minute = START + minute * MINUTE;
            while let Some((at, was, entered)) = next.next_if(|(at, ..)| *at <= minute) {
                assert_eq!(
                    (was.as_deref(), entered.as_deref()),
                    (now, Some(stage(deeds, *at))),
                    "person {number} at {at}"
                );
                if *at > START {
                    assert_eq!(now, Some(stage(deeds, at - 1)), "person {number} came at {at}, not before");
                }
                now = entered.as_deref();
            }
            assert_eq!(now, Some(stage(deeds, minute)), "person {number} at {minute}: {deeds:?}");
        }
        let segments = segments(deeds, "free", end);
        assert_eq!(often.place(*id), once.place(*other));
        assert_eq!(often.place(*id), (stage(deeds, end).to_owned(), segments.into_iter().map(str::to_owned).collect()));
    }
    assert!(moved > 3 * PEOPLE, "{moved} moves are no test");
    assert_eq!(often.stays("stage_stays WHERE number <> 0"), often.stays(RECOUNT));
    // Other conditions, and everybody's life anew.
    often.terms.stages[3].condition = Condition::parse("days_since('purchased') >= 20").unwrap();
    often.look(end);
    assert_eq!(often.stays("stage_stays WHERE number <> 0"), often.stays(RECOUNT));
}

#[test]
fn what_is_told_late_or_changes_about_a_person_is_right_from_the_next_look_on() {
    let mut dice = Dice(20_261_129);
    let mut world = World::new();
    let mut plans = vec!["free"; PEOPLE];
    let mut known: Vec<Vec<Deed>> = vec![Vec::new(); PEOPLE];
    let ids: Vec<ContactId> = (0..PEOPLE).map(|number| world.person(number, "free", START)).collect();
    let mut now = START;
    for _ in 0..40 {
        now += i64::try_from(dice.roll(3 * 1440)).unwrap() * MINUTE + i64::try_from(dice.roll(60_000)).unwrap();
        for _ in 0..20 {
            let number = dice.roll(PEOPLE);
            match dice.roll(4) {
                0 => {
                    plans[number] = ["free", "pro"][dice.roll(2)];
                    world.person(number, plans[number], now);
                }
                _ => {
                    // Now and then it lies back, or is yet to come.
                    let at =
                        now + TimeDelta::minutes(i64::try_from(dice.roll(10_000)).unwrap() - 8_000).num_milliseconds();
                    let name = ["viewed", "viewed", "purchased", "complained"][dice.roll(4)];
                    let deed = Deed { at, name, page: ["tea", "pricing"][dice.roll(2)] };
                    if !known[number].iter().any(|other| (other.at, other.name) == (at, name)) {
                        world.add(ids[number], &deed);
                        known[number].push(deed);
                        known[number].sort_by_key(|deed| deed.at);
                    }
                }
            }
        }
        world.look(now);
        for (number, id) in ids.iter().enumerate() {
            let segments = segments(&known[number], plans[number], now).into_iter().map(str::to_owned).collect();
            let place = (stage(&known[number], now).to_owned(), segments);
            assert_eq!(world.place(*id), place, "person {number} at {now}: {:?}", known[number]);
        }
    }
}
