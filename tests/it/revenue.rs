//! Which mail a purchase is credited to, beside a slow look at every mail for every purchase, whichever order things come in.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use crate::support::Sandbox;
use crate::support::dice::Dice;
use crate::support::smtp::{Script, SmtpServer, Verb};

const ZONE: Tz = Tz::Asia__Ho_Chi_Minh;
const DAY: i64 = 86_400_000;

/// By campaign, step and variant: purchases and ten-thousandths.
type Sums = BTreeMap<(String, String, String), (i64, i64)>;

/// A mail that left, or may have.
struct Mail {
    contact: i64,
    at: i64,
    id: i64,
    entered_at: i64,
    place: (String, String, String),
}

/// Looks at every mail for every purchase.
fn slowly(sandbox: &Sandbox, event: &str, within: i64, since: i64) -> Sums {
    let database = sandbox.database();
    let mut statement = database
        .prepare(
            "SELECT n.contact_id, s.at, s.id, n.entered_at, k.name, s.step, coalesce(s.variant, '') FROM sends s
             JOIN enrolments n ON n.id = s.enrolment_id JOIN campaigns k ON k.id = n.campaign_id
             WHERE s.kind IS NULL AND s.state IN (2, 7)",
        )
        .unwrap();
    let mails: Vec<Mail> = statement
        .query_map([], |row| {
            Ok(Mail {
                contact: row.get(0)?,
                at: row.get(1)?,
                id: row.get(2)?,
                entered_at: row.get(3)?,
                place: (row.get(4)?, row.get(5)?, row.get(6)?),
            })
        })
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut statement =
        database.prepare("SELECT contact_id, at, coalesce(properties, '{}') FROM events WHERE name = ?1").unwrap();
    let purchases = statement
        .query_map([event], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?)))
        .unwrap();
    let mut sums = Sums::new();
    for purchase in purchases {
        let (contact, at, properties) = purchase.unwrap();
        let properties: Value = serde_json::from_str(&properties).unwrap();
        let before = mails.iter().filter(|mail| mail.contact == contact && mail.at < at && at - mail.at <= within);
        let Some(mail) = before.max_by_key(|mail| (mail.at, mail.id)) else { continue };
        if mail.entered_at >= since {
            let sum = sums.entry(mail.place.clone()).or_default();
            sum.0 += 1;
            // The test writes what it pays beside it, in ten-thousandths.
            sum.1 += properties["exact"].as_i64().unwrap();
        }
    }
    sums
}

/// Reads the same out of a report.
fn reported(sandbox: &Sandbox, now: &str, words: &[&str]) -> (Sums, Value) {
    let words = [&["--now", now, "report", "--format", "json"], words].concat();
    let report: Value = serde_json::from_str(&sandbox.drip(&words).code(0).stdout).unwrap();
    let exact = |revenue: &Value| {
        let text = revenue["amount"].as_str().unwrap();
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        format!("{whole}{fraction:0<4}").parse::<i64>().unwrap()
    };
    let mut sums = Sums::new();
    let mut put = |campaign: &Value, step: &Value, variant: &str, revenue: &Value, less: (i64, i64)| {
        let bought = (revenue["purchases"].as_i64().unwrap() - less.0, exact(revenue) - less.1);
        let place = (campaign.as_str().unwrap().to_owned(), step.as_str().unwrap().to_owned(), variant.to_owned());
        if bought != (0, 0) {
            sums.insert(place, bought);
        }
        bought
    };
    for campaign in report["campaigns"].as_array().unwrap() {
        let mut all = (0, 0);
        for step in campaign["steps"].as_array().unwrap() {
            let mut of_variants = (0, 0);
            for variant in step["variants"].as_array().unwrap() {
                let name = variant["variant"].as_str().unwrap();
                let bought = put(&campaign["campaign"], &step["step"], name, &variant["revenue"], (0, 0));
                of_variants = (of_variants.0 + bought.0, of_variants.1 + bought.1);
            }
            let rest = put(&campaign["campaign"], &step["step"], "", &step["revenue"], of_variants);
            all = (all.0 + of_variants.0 + rest.0, all.1 + of_variants.1 + rest.1);
        }
        let whole = &campaign["revenue"];
        assert_eq!((whole["purchases"].as_i64().unwrap(), exact(whole)), all, "a campaign is the sum of its steps");
    }
    (sums, report)
}

/// Counts the weeks of entry by a look at every passage.
fn weeks(sandbox: &Sandbox, campaign: &str, now: DateTime<Utc>) -> Vec<Value> {
    let text = format!(
        "SELECT n.entered_at || ' ' || CASE n.state WHEN 'goal' THEN n.ended_at ELSE -1 END FROM enrolments n
         JOIN campaigns k ON k.id = n.campaign_id WHERE k.name = '{campaign}'"
    );
    let mut found: BTreeMap<chrono::NaiveDate, Vec<(i64, Option<i64>)>> = BTreeMap::new();
    for line in sandbox.sql(&text) {
        let (entered, ended) = line.split_once(' ').unwrap();
        let (entered, ended): (i64, i64) = (entered.parse().unwrap(), ended.parse().unwrap());
        let day = DateTime::from_timestamp_millis(entered).unwrap().with_timezone(&ZONE).date_naive();
        let monday = day - Days::new(day.weekday().num_days_from_monday().into());
        found.entry(monday).or_default().push((entered, (ended >= 0).then_some(ended)));
    }
    let each = found.into_iter().map(|(monday, people)| {
        let end = ZONE.from_local_datetime(&(monday + Days::new(7)).and_hms_opt(0, 0, 0).unwrap()).unwrap();
        let after = |weeks: i64| {
            let reached =
                people.iter().filter(|(entered, ended)| ended.is_some_and(|at| at - entered <= 7 * weeks * DAY));
            let count = reached.count();
            (end + TimeDelta::weeks(weeks) <= now).then_some(count)
        };
        let so_far = people.iter().filter(|(_, ended)| ended.is_some()).count();
        serde_json::json!([monday.to_string(), people.len(), after(1), after(2), after(4), after(8), so_far])
    });
    each.collect()
}

fn reported_weeks(report: &Value, campaign: &str) -> Vec<Value> {
    let campaigns = report["campaigns"].as_array().unwrap();
    let campaign = campaigns.iter().find(|one| one["campaign"] == campaign).unwrap();
    let row = |week: &Value| {
        let of = |key: &str| week[key].clone();
        serde_json::json!([
            of("week"),
            of("entered"),
            of("goal_1w"),
            of("goal_2w"),
            of("goal_4w"),
            of("goal_8w"),
            of("goal")
        ])
    };
    campaign["cohorts"].as_array().unwrap().iter().map(row).collect()
}

const PEOPLE: usize = 14;
const STEPS: [&str; 4] = [
    "id: a, send: mail",
    "id: t, delay: 2d, test: { x: { send: mail }, y: { send: mail } }",
    "id: n, notify: sales@acme.example, delay: 1d",
    "id: b, send: mail, delay: 9d",
];
const RENAMED: [&str; 4] = [
    "id: a1, was: [a], send: mail",
    "id: t, delay: 2d, test: { x: { send: mail }, y: { send: mail } }",
    "id: n, notify: sales@acme.example, delay: 1d",
    "id: b, send: mail, delay: 9d",
];
const HEAD: &str = "trigger: { event: go }\nreentry: always\ngoal: { event: purchased, within: 60d }";

/// A project in which many things happen in an order that dice choose.
struct Story {
    sandbox: Sandbox,
    dice: Dice,
    now: DateTime<Utc>,
    purchases: i64,
}

impl Story {
    fn words(&self) -> String {
        self.now.to_rfc3339()
    }

    /// A moment up to so many days before now, or after it.
    fn moment(&mut self, before: usize, after: usize) -> String {
        let minutes = i64::try_from(self.dice.roll((before + after) * 1440)).unwrap();
        let days = TimeDelta::days(i64::try_from(before).unwrap());
        (self.now - days + TimeDelta::minutes(minutes)).to_rfc3339()
    }

    fn who(&mut self) -> String {
        format!("c{}@example.com", self.dice.roll(PEOPLE))
    }

    /// Somebody buys, as a number or as a text with up to four digits behind the point, or gets something back.
    fn buy(&mut self, event: &str) {
        let lines: Vec<String> = (0..=self.dice.roll(4)).map(|_| self.purchase(event)).collect();
        self.sandbox.write("orders.jsonl", &lines.concat());
        self.sandbox.drip(&["--now", &self.words(), "import", "orders.jsonl"]).code(0);
    }

    fn purchase(&mut self, event: &str) -> String {
        let exact = i64::try_from(self.dice.roll(40_000_000)).unwrap() - 2_000_000;
        let amount =
            format!("{}{}.{:04}", if exact < 0 { "-" } else { "" }, exact.abs() / 10_000, exact.abs() % 10_000);
        let value = if self.dice.roll(3) == 0 { format!("\"{amount}\"") } else { amount };
        // A unique number, so that two of one moment are two.
        self.purchases += 1;
        let (who, at, order) = (self.who(), self.moment(12, 6), self.purchases);
        format!(
            "{{\"email\":\"{who}\",\"event\":\"{event}\",\"time\":\"{at}\",\"properties\":{{\"value\":{value},\"exact\":{exact},\"order\":{order}}}}}\n"
        )
    }

    fn act(&mut self) {
        let now = self.words();
        match self.dice.roll(12) {
            0..=4 => self.buy("purchased"),
            5 => self.buy("renewed"),
            6 | 7 => {
                let (who, at) = (self.who(), self.moment(1, 0));
                self.sandbox.drip(&["--now", &now, "track", &who, "go", "--at", &at]).code(0);
            }
            8..=10 => {
                self.now += TimeDelta::hours(6 * i64::try_from(1 + self.dice.roll(12)).unwrap());
                self.sandbox.drip(&["--now", &self.words(), "run"]);
            }
            _ => {
                let how = ["--sent", "--again", "--skip"][self.dice.roll(3)];
                self.sandbox.drip(&["--now", &now, "resolve", "--state", "unknown", how, "--all"]);
            }
        }
    }

    fn agree(&self, event: &str, within: i64) -> Value {
        let now = self.words();
        let (sums, report) = reported(&self.sandbox, &now, &[]);
        assert_eq!(sums, slowly(&self.sandbox, event, within, i64::MIN), "at {now}");
        let since = self.now - TimeDelta::days(10);
        let (sums, _) = reported(&self.sandbox, &now, &["--since", &since.to_rfc3339()]);
        assert_eq!(sums, slowly(&self.sandbox, event, within, since.timestamp_millis()), "at {now}, of ten days");
        self.sandbox.check_file();
        report
    }
}

#[test]
fn each_purchase_is_credited_once_whatever_comes_first() {
    for seed in 1..=2 {
        let relay =
            SmtpServer::start(Script::new().on(Verb::Content).mail(5).close().on(Verb::Content).mail(11).close());
        let rows: Vec<String> = (0..PEOPLE).map(|n| format!("c{n}@example.com")).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let smtp = "frequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 1 }";
        let sandbox = Sandbox::new()
            .settings(smtp)
            .campaign("w", HEAD, &STEPS)
            .campaign("v", "trigger: { event: renewed }\nreentry: always", &["id: a, send: mail, delay: 1d"])
            .contacts("email", &rows)
            .through(&relay);
        let now = Utc.with_ymd_and_hms(2026, 3, 2, 2, 0, 0).unwrap();
        let mut story = Story { sandbox, dice: Dice(seed * 7_919 + 20_260_302), now, purchases: 0 };
        // Everybody enters, so that something leaves.
        for n in 0..PEOPLE {
            let at = story.moment(1, 0);
            story
                .sandbox
                .drip(&["--now", &story.words(), "track", &format!("c{n}@example.com"), "go", "--at", &at])
                .code(0);
        }
        story.sandbox.drip(&["--now", &story.words(), "run"]);
        for _ in 0..6 {
            (0..8).for_each(|_| story.act());
            story.agree("purchased", 7 * DAY);
        }
        let report = story.agree("purchased", 7 * DAY);
        for campaign in ["w", "v"] {
            assert_eq!(reported_weeks(&report, campaign), weeks(&story.sandbox, campaign, story.now), "{campaign}");
        }
        let all = slowly(&story.sandbox, "purchased", 7 * DAY, i64::MIN);
        assert!(
            all.values().map(|(purchases, _)| purchases).sum::<i64>() > 5,
            "the story has something to credit: {all:?}"
        );

        // As in the middle of a run, or where one was cut off: what is kept knows nothing of the mails that left.
        story.sandbox.database().execute_batch("DELETE FROM credits; UPDATE purchase_terms SET since = 0").unwrap();
        story.agree("purchased", 7 * DAY);
        story.sandbox.drip(&["--now", &story.words(), "run"]);
        story.agree("purchased", 7 * DAY);
        let due = slowly(&story.sandbox, "purchased", 7 * DAY, i64::MIN);
        let kept = story.sandbox.sql("SELECT count(*) FROM credits");
        let due: i64 = due.values().map(|(purchases, _)| purchases).sum();
        assert_eq!(kept, [due.to_string()], "the next run keeps what is due");

        // The settings say something else, and the report knows it at once.
        let settings = format!("{smtp}\npurchases: {{ event: purchased, within: 36h, currency: VND }}");
        let sandbox = std::mem::replace(&mut story.sandbox, Sandbox::new());
        story.sandbox = sandbox.settings(&settings).through(&relay);
        story.agree("purchased", 3 * DAY / 2);
        // Cut off on the way, it goes on from there.
        let half = "INSERT INTO meta SELECT 'credited_up_to', max(id) / 2 FROM events;
            DELETE FROM credits WHERE event_id > (SELECT max(id) / 2 FROM events)";
        story.sandbox.database().execute_batch(half).unwrap();
        story.agree("purchased", 3 * DAY / 2);
        assert_eq!(story.sandbox.sql("SELECT count(*) FROM meta WHERE key = 'credited_up_to'"), ["0"]);
        story.sandbox.edit("w", HEAD, &RENAMED);
        story.sandbox.drip(&["--now", &story.words(), "run"]);
        story.agree("purchased", 3 * DAY / 2);
        let settings = format!("{smtp}\npurchases: {{ event: renewed, within: 3d }}");
        let sandbox = std::mem::replace(&mut story.sandbox, Sandbox::new());
        story.sandbox = sandbox.settings(&settings).through(&relay);
        story.agree("renewed", 3 * DAY);
        (0..4).for_each(|_| story.act());
        story.agree("renewed", 3 * DAY);

        // Whoever is forgotten takes it with them.
        let who: Vec<String> = (0..PEOPLE / 2).map(|n| format!("c{n}@example.com")).collect();
        let words: Vec<&str> =
            ["contact", "forget", "--yes"].into_iter().chain(who.iter().map(String::as_str)).collect();
        story.sandbox.drip(&words).code(0);
        story.agree("renewed", 3 * DAY);
    }
}

/// One who got two mails of two campaigns and buys: the later one has it, exactly once, and money is exact.
#[test]
fn the_last_mail_before_a_purchase_has_it() {
    let sandbox = Sandbox::new()
        .settings("frequency_cap: none\npurchases: { event: paid, amount: total, within: 2d, currency: EUR }")
        .campaign("one", "trigger: { event: go }", &["id: a, send: mail"])
        .campaign("two", "trigger: { event: more }", &["id: a, send: mail"])
        .contacts("email", &["lan@example.com", "minh@example.com"]);
    let track = |who: &str, event: &str, at: &str, words: &[&str]| {
        let words = [&["--now", at, "track", who, event, "--at", at], words].concat();
        sandbox.drip(&words).code(0);
    };
    let (lan, minh) = ("lan@example.com", "minh@example.com");
    track(lan, "go", "2026-03-02T02:00:00Z", &[]);
    sandbox.run("2026-03-02T02:00:00Z");
    // At the very moment of the mail nobody has read it.
    track(lan, "paid", "2026-03-02T02:00:00Z", &["total=1000"]);
    for n in 1..=10 {
        track(lan, "paid", &format!("2026-03-02T03:{n:02}:00Z"), &["total=0.1"]);
    }
    track(lan, "more", "2026-03-03T02:00:00Z", &[]);
    sandbox.run("2026-03-03T02:00:00Z");
    track(lan, "paid", "2026-03-05T02:00:00Z", &["total=20.05"]);
    track(lan, "paid", "2026-03-05T02:00:01Z", &["total=5"]);
    // Known only now, and due to the first mail.
    track(lan, "paid", "2026-03-02T20:00:00Z", &["total=3"]);
    track(minh, "paid", "2026-03-03T02:00:00Z", &["total=7"]);
    track(lan, "paid", "2026-03-04T02:00:00Z", &["total=much"]);
    let revenue = |format: &[&str]| sandbox.drip(&[&["report", "--revenue"], format].concat()).code(0).stdout;
    insta::assert_snapshot!(revenue(&["--format", "csv"]), @r"
    campaign,step,variant,sent,purchases,revenue,currency
    one,a,,1,11,4,EUR
    two,a,,1,2,20.05,EUR
    ");
    insta::assert_snapshot!(revenue(&[]), @r"
    one: Revenue
    4.00 EUR from 11 purchases.

    mail                            sent  purchases   revenue    a mail
    a     ████████████████████████     1         11  4.00 EUR  4.00 EUR

    Each purchase is credited to the last mail that the contact got before it, where
    that is not too long ago. Whether it would have come without the mail, a
    hold-out tells.

    two: Revenue
    20.05 EUR from 2 purchases.

    mail                            sent  purchases    revenue     a mail
    a     ████████████████████████     1          2  20.05 EUR  20.05 EUR

    Each purchase is credited to the last mail that the contact got before it, where
    that is not too long ago. Whether it would have come without the mail, a
    hold-out tells.
    ");
    insta::assert_snapshot!(sandbox.sql("SELECT campaign || ' ' || bought_at || ' ' || amount FROM v_revenue WHERE amount > 1").join("\n"), @r"
    two 2026-03-05T02:00:00Z 20.05
    one 2026-03-02T20:00:00Z 3.0
    ");
}
