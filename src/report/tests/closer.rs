//! Closer looks at a campaign, and the page.

use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Utc};
use insta::assert_snapshot;
use unicode_width::UnicodeWidthStr;

use super::{PLAIN, empty, step, trial};
use crate::model::money::Money;
use crate::model::period::Period;
use crate::model::reaction::Reaction;
use crate::report::lift::{Bought, Spent};
use crate::report::limits::{Standing, leaving};
use crate::report::sheet::{Picture, Sheet, cohorts, contents, losses, mails, markdown, revenue, terminal, times};
use crate::report::siblings::{Measure, beside};
use crate::report::{Course, Funnel, Language, Revenue, StepRow, VariantRow, html};

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 30, 2, 0, 0).single().expect("a moment")
}

/// The trial with what a closer look tells: clicks, complaints, money, and who came when.
fn busy() -> Funnel {
    let mut funnel = trial();
    for (id, clicked, complained, unsubscribed, money) in [
        ("cảm-ơn-đã-dùng-thử", 2_400, 4, 60, 812_500_000_000_i64),
        ("case-study", 2_000, 9, 55, 1_250_000_000_000),
        ("nudge", 300, 40, 90, 90_000_000_000),
        ("offer", 1_100, 0, 12, 0),
    ] {
        let row = funnel.steps.iter_mut().find(|row| row.id == id).expect("a step");
        row.reactions.add(Reaction::Clicked, clicked);
        row.reactions.add(Reaction::Complained, complained);
        row.reactions.add(Reaction::Unsubscribed, unsubscribed);
        row.revenue = Revenue {
            purchases: if money > 0 { money.unsigned_abs() / 2_500_000_000 } else { 0 },
            amount: Money(money),
        };
        row.day = Some(3);
        row.subject = Some("Còn <7> ngày".to_owned());
    }
    let (mut days, mut weeks) =
        (super::super::times::Counting::new(now()), super::super::cohorts::Counting::new(now(), PLAIN.zone));
    for n in 0..400_i64 {
        let entered = now() - TimeDelta::hours(4 * n);
        days.enter(entered);
        weeks.enter(entered);
        let took = TimeDelta::hours(n * n % 300);
        if n % 5 == 0 && entered + took <= now() {
            let by = if n % 2 == 0 { "case-study" } else { "nudge" };
            days.reach(entered, took, Some(by).filter(|_| n % 3 > 0));
            weeks.reach(entered, took);
        }
    }
    Funnel {
        currency: Some("VND".to_owned()),
        course: Some(Course { times: days.times(), cohorts: weeks.cohorts() }),
        ..funnel
    }
}

fn sheets(funnel: &Funnel, language: Language) -> Vec<Sheet> {
    let mut all = vec![losses::sheet(funnel, language)];
    all.extend(times::sheet(funnel, language));
    all.extend(cohorts::sheet(funnel, language));
    all.extend(contents::sheets(funnel, language));
    all.extend([mails::sheet(funnel, language), revenue::sheet(funnel, language)]);
    all
}

fn about(language: Language) -> html::About<'static> {
    html::About { language, sender: "Trà <Sen>", now: now(), zone: PLAIN.zone, period: Period::default() }
}

#[test]
fn a_closer_look_reads_well_and_fits() {
    let funnel = busy();
    let all: Vec<_> = sheets(&funnel, Language::English).iter().map(|sheet| terminal(sheet, 80, false)).collect();
    assert_snapshot!("closer", all.join("\n"));
    for width in [40, 60, 80, 120] {
        for sheet in sheets(&funnel, Language::Vietnamese) {
            let text = terminal(&sheet, width, false);
            assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
            let coloured = terminal(&sheet, width, true);
            assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), text);
        }
    }
    let page: Vec<_> = sheets(&funnel, Language::Vietnamese).iter().map(markdown).collect();
    assert_snapshot!("closer_markdown", page.join("\n"));
}

#[test]
fn what_has_not_begun_says_so_in_each_part() {
    let bare = Funnel { course: Some(Course::default()), ..empty("bare", "Bare") };
    let said: Vec<_> = sheets(&bare, Language::English).iter().map(|sheet| sheet.lead.join(" ")).collect();
    assert_eq!(
        said,
        [
            "No mail has left yet.",
            "Nobody has reached the goal yet.",
            "Nobody has entered yet.",
            "No mail has left yet.",
            "No purchase is credited to a mail of it yet."
        ]
    );
    assert_eq!(times::sheet(&empty("bare", "Bare"), Language::English), None, "nobody asked");
}

#[test]
fn few_mails_say_nothing_of_a_limit() {
    let of = |complained, sent| {
        let mut row = step("a", sent, sent);
        row.reactions.add(Reaction::Complained, complained);
        leaving(&Funnel { steps: vec![row], ..empty("w", "w") })[0].standing
    };
    for (complained, sent, standing) in [
        (0, 100, Standing::Open),
        (0, 10_000, Standing::Below),
        (1, 500, Standing::PerhapsAbove(0)),
        (2, 500, Standing::PerhapsAbove(1)),
        (30, 12_000, Standing::Above(0)),
        (60, 12_000, Standing::Above(1)),
        (12, 12_000, Standing::Open),
        (2, 12_000, Standing::Below),
    ] {
        assert_eq!(of(complained, sent), standing, "{complained} of {sent}");
    }
}

#[test]
fn a_mail_is_weak_only_beside_its_siblings_and_beyond_chance() {
    let (measure, siblings) = beside(&busy());
    assert_eq!(measure, Measure::Clicks);
    let weak: Vec<_> =
        siblings.iter().filter(|one| one.is_weak()).map(|one| busy().steps[one.step].id.clone()).collect();
    assert_eq!(weak, ["nudge"]);
    // One click fewer of fifty is nothing, and one mail has no siblings.
    let row = |id: &str, clicked| {
        let mut row = step(id, 50, 50);
        row.reactions.add(Reaction::Clicked, clicked);
        row
    };
    let few = Funnel { steps: vec![row("a", 9), row("b", 10)], ..empty("w", "w") };
    assert!(beside(&few).1.iter().all(|one| !one.is_weak()));
    assert!(beside(&Funnel { steps: vec![row("a", 9)], ..empty("w", "w") }).1.is_empty());
    // Where nobody's clicks are known goals are compared, and the funnel calls no mail weak for them.
    assert_eq!(beside(&trial()).0, Measure::Goals);
}

#[test]
fn the_page_says_it_in_the_language_and_lets_nothing_through() {
    let funnel =
        Funnel { name: "<script>alert(1)</script>&\u{202e}".to_owned(), exits: vec![("<b>".to_owned(), 7)], ..busy() };
    let more = Sheet { title: "Giai đoạn".to_owned(), lead: vec!["<i>".to_owned()], ..Sheet::default() };
    for (language, words) in [
        (
            Language::Vietnamese,
            ["lang=\"vi\"", "Chiến dịch email", "Cần xem", "12.480", "215.250.000\u{a0}₫", "Tính đến 30/03/2026 09:00"],
        ),
        (
            Language::English,
            [
                "lang=\"en\"",
                "E-mail campaigns",
                "Worth a look",
                "12,480",
                "215,250,000\u{a0}VND",
                "As of 2026-03-30 09:00",
            ],
        ),
    ] {
        let page = html::page(&[funnel.clone(), empty("bare", "Bare")], std::slice::from_ref(&more), &about(language));
        for word in words {
            assert!(page.contains(word), "{word}");
        }
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&amp;"), "the name is text");
        assert!(page.contains("Còn &lt;7&gt; ngày") && page.contains("Trà &lt;Sen&gt;") && page.contains("&lt;i&gt;"));
        for never in ["<script", "<b>", "<i>", "\u{202e}", "http://", "https://", "src=", "@import", "url("] {
            assert!(!page.contains(never), "{never}");
        }
        let count = |word: &str| page.matches(word).count();
        assert_eq!(count("<h1"), 1);
        assert!(count("<details") >= 4 && count("<svg") > 10 && count("role=\"img\"") >= 5);
    }
}

#[test]
fn a_long_life_stands_in_as_many_columns_as_one_tells_apart() {
    for (days, columns, last) in [(5, 5, "4"), (24, 24, "23"), (25, 13, "24"), (100, 15, "98–99"), (400, 15, "392–399")]
    {
        let mut counting = super::super::times::Counting::new(now());
        let entered = now() - TimeDelta::days(days + 1);
        counting.enter(entered);
        counting.reach(entered, TimeDelta::days(days - 1), None);
        let funnel = Funnel { course: Some(Course { times: counting.times(), ..Course::default() }), ..trial() };
        let sheet = times::sheet(&funnel, Language::English).expect("a part");
        let Some(Picture::Columns { bars, .. }) = sheet.picture else { panic!("no columns") };
        assert_eq!((bars.len(), bars.last().map(|bar| bar.name.as_str())), (columns, Some(last)), "{days} days");
        assert_eq!(bars.iter().filter(|bar| bar.number == "1").count(), 1);
    }
}

#[test]
fn a_week_begins_on_its_monday_where_the_project_is() {
    let mut counting = super::super::cohorts::Counting::new(now(), PLAIN.zone);
    let at = |day, hour| Utc.with_ymd_and_hms(2026, 3, day, hour, 0, 0).single().expect("a moment");
    // Half past midnight of Monday in Viet Nam is Sunday in London.
    for entered in [at(1, 16), at(1, 17), at(8, 16), at(8, 17)] {
        counting.enter(entered);
        counting.reach(entered, TimeDelta::weeks(1));
    }
    let weeks: Vec<_> =
        counting.cohorts().iter().map(|week| (week.monday, week.entered, week.goals, week.goal)).collect();
    let monday = |month, day| NaiveDate::from_ymd_opt(2026, month, day).expect("a day");
    assert_eq!(
        weeks,
        [
            (monday(2, 23), 1, [Some(1), Some(1), Some(1), None], 1),
            (monday(3, 2), 2, [Some(2), Some(2), None, None], 2),
            (monday(3, 9), 1, [Some(1), Some(1), None, None], 1)
        ]
    );
}

#[test]
fn amounts_are_exact_and_each_content_has_its_own() {
    let variant = |name: &str, amount| VariantRow {
        name: name.to_owned(),
        sent: 3,
        revenue: Revenue { purchases: 1, amount: Money(amount) },
        ..VariantRow::default()
    };
    let row = StepRow {
        kind: "test",
        revenue: Revenue { purchases: 2, amount: Money(1_000_001) },
        variants: vec![variant("a", 1), variant("b", 1_000_000)],
        ..step("offer", 6, 6)
    };
    let funnel = Funnel { steps: vec![row], currency: Some("EUR".to_owned()), ..empty("w", "w") };
    let sheet = revenue::sheet(&funnel, Language::English);
    assert_eq!(sheet.lead, ["100.0001\u{a0}EUR from 2 purchases."]);
    assert_eq!(sheet.rows[1], ["offer · a", "3", "1", "0.0001\u{a0}EUR", "0.00\u{a0}EUR"]);
    assert_eq!(sheet.rows[2], ["offer · b", "3", "1", "100.00\u{a0}EUR", "33.33\u{a0}EUR"]);
}

#[test]
fn no_mail_is_weak_by_goals() {
    let mut funnel = trial();
    funnel.steps.retain(|step| step.is_mail() && !step.gone);
    for row in &mut funnel.steps {
        (row.reactions, row.sent, row.goal) = (StepRow::default().reactions, 1_000, 100);
    }
    // It was the last mail for a day where the others were for a week, or nothing could come after it.
    funnel.steps[0].goal = 1;
    let (measure, siblings) = beside(&funnel);
    assert_eq!(measure, Measure::Goals);
    assert!(siblings[0].high < 0.0 && !siblings[0].is_weak());
}

#[test]
fn a_campaign_that_does_nothing_is_seldom_said_to_bring_money() {
    // Numerical Recipes' quick generator is even enough for this.
    let mut seed = 7_u32;
    let mut chance = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(seed >> 8) / f64::from(1 << 24)
    };
    for (mailed, held_out, share) in [(107, 13, 0.15), (900, 100, 0.1), (1_800, 200, 0.1), (500, 500, 0.3)] {
        let mut wrong = 0;
        for _ in 0..400 {
            let mut group = |people: u64| {
                let mut spent = Spent::default();
                for _ in 0..people {
                    if chance() < share {
                        // A few spend a hundred times what most do.
                        spent.add(1, Money::near(10.0 * 100_f64.powf(chance() * chance()), None));
                    }
                }
                spent.fill(people);
                spent
            };
            wrong += u32::from(Bought { mailed: group(mailed), held_out: group(held_out) }.is_clear());
        }
        assert!(wrong <= 20, "{wrong} of 400 with {mailed} and {held_out}");
    }
}
