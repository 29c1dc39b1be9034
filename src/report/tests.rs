mod closer;

use chrono::{TimeDelta, TimeZone, Utc};
use insta::assert_snapshot;
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::model::id::CampaignId;
use crate::model::period::Period;

const PLAIN: Style = Style { colour: false, zone: chrono_tz::Tz::Asia__Ho_Chi_Minh };

fn empty(id: &str, name: &str) -> Funnel {
    Funnel {
        campaign: CampaignId::new(id),
        name: name.to_owned(),
        has_goal: true,
        enrolled: 0,
        active: 0,
        finished: 0,
        goal: 0,
        goal_time: None,
        period: Period::default(),
        exited: 0,
        exits: Vec::new(),
        steps: Vec::new(),
        due_24h: 0,
        due_7d: 0,
        late: 0,
        currency: None,
        course: None,
        holdout: None,
    }
}

fn step(id: &str, entered: u64, sent: u64) -> StepRow {
    StepRow { id: id.to_owned(), kind: "send", entered, sent, ..StepRow::default() }
}

/// A campaign in the middle of its life: an edit behind it, a mail that could not be rendered, people at every step.
fn trial() -> Funnel {
    let due = |day, hour| Utc.with_ymd_and_hms(2026, 3, day, hour, 30, 0).single();
    Funnel {
        enrolled: 12_480,
        active: 3_120,
        finished: 6_800,
        goal: 1_560,
        goal_time: Some(GoalTime { median: TimeDelta::hours(76), p90: TimeDelta::days(12) }),
        exited: 1_000,
        exits: vec![
            ("unsubscribed".to_owned(), 710),
            ("plan\u{1b}[31m changed".to_owned(), 260),
            ("bounced".to_owned(), 30),
        ],
        steps: vec![
            StepRow { rejected: 30, ..step("cảm-ơn-đã-dùng-thử", 12_480, 12_450) },
            StepRow { goal: 600, waiting: 2_000, next_due: due(2, 2), ..step("case-study", 12_000, 10_000) },
            StepRow { kind: "set", done: 9_000, ..step("mark-warm", 9_000, 0) },
            StepRow {
                goal: 960,
                skipped: 2_100,
                skips: vec![("condition".to_owned(), 2_000), ("late".to_owned(), 100)],
                held: 3,
                unknown: 1,
                deferred: 5,
                waiting: 1_120,
                next_due: due(5, 23),
                ..step("nudge", 9_000, 5_777)
            },
            StepRow {
                kind: "test",
                variants: vec![
                    VariantRow { name: "long".to_owned(), sent: 2_800, goal: 40, ..VariantRow::default() },
                    VariantRow { name: "short".to_owned(), sent: 2_900, goal: 58, ..VariantRow::default() },
                ],
                ..step("offer", 5_777, 5_700)
            },
            StepRow { kind: "notify", sent: 812, ..step("alert", 812, 0) },
            StepRow { gone: true, ..step("old-nudge", 40, 40) },
        ],
        due_24h: 850,
        due_7d: 2_900,
        late: 12,
        ..empty("trial", "Nuôi dưỡng khách dùng thử")
    }
}

#[test]
fn a_founder_reads_the_funnel_at_eighty_columns() {
    assert_snapshot!(table(&[trial()], 80, PLAIN), @r#"
    Nuôi dưỡng khách dùng thử (trial)
    12,480 entered: 3,120 under way, 6,800 finished, 1,560 reached the goal (13 %),
                    1,000 left

    step                      entered    sent   rate  of all  skipped  goal  waiting
    cảm-ơn-đã-dùn…  ███████▉   12,480  12,450  >99 %   >99 %        ·     ·        ·
    case-study      ██████▍    12,000  10,000   83 %    80 %        ·   600    2,000
    mark-warm (se…  █████▊      9,000          100 %    72 %        ·     ·        ·
    nudge           ███▋        9,000   5,777   64 %    46 %    2,100   960    1,120
    offer (test)    ███▋        5,777   5,700   99 %    46 %        ·     ·        ·
    alert (notify)  ▌             812          100 %   6.5 %        ·     ·        ·
    old-nudge †     ▏              40      40  100 %   0.3 %        ·     ·        ·
    † no longer in the file

    Waiting  2,000 for case-study, next 2026-03-02 09:30
             1,120 for nudge, next 2026-03-06 06:30
    Due      850 in 24 hours, 2,900 in 7 days
    Late     12 should have gone before now
    Goal     half of those who reached it within 3.2 d, 90 % within 12 d
    Test     offer long: 2,800 sent, 40 to the goal (1.4 %),
             offer short: 2,900 sent, 58 to the goal (2.0 %),
             offer short leads, the best with 95 %, by 0.6 points (-0.1 to 1.3),
             which may be chance
    Left     710 unsubscribed, 260 plan [31m changed, 30 bounced
    Skipped  2,000 condition at nudge, 100 late at nudge
    Refused  30 at cảm-ơn-đã-dùng-thử
    Retry    5 at nudge
    Stuck    3 held at nudge, 1 unknown at nudge
    "#);
}

#[test]
fn what_has_not_begun_reads_well() {
    let welcome = Funnel { steps: vec![step("hello", 0, 0), step("tips", 0, 0)], ..empty("welcome", "welcome") };
    let one = Funnel {
        enrolled: 1,
        active: 1,
        steps: vec![StepRow { waiting: 1, ..step("hello", 0, 0) }],
        ..empty("one", "")
    };
    assert_snapshot!(table(&[], 80, PLAIN), @"No campaigns yet. Each file `campaigns/NAME.yaml` is one.");
    assert_snapshot!(table(&[welcome, empty("bare", "Bare"), one], 80, PLAIN), @r#"
    welcome
    Nobody has entered yet.
    Steps: hello, tips

    Bare (bare)
    Nobody has entered yet.

    one
    1 entered: 1 under way

    step   entered  sent  rate  of all  waiting
    hello        ·     ·           0 %        1

    Waiting  1 for hello
    Due      0 in 24 hours, 0 in 7 days
    "#);
}

#[test]
fn every_line_fits_and_the_numbers_stand_under_each_other() {
    let narrow = table(&[trial()], 60, PLAIN);
    assert_snapshot!(narrow, @r#"
    Nuôi dưỡng khách dùng thử (trial)
    12,480 entered: 3,120 under way, 6,800 finished,
                    1,560 reached the goal (13 %), 1,000 left

    step                             sent  of all  goal  waiting
    cảm-ơn-đã-dùng-thử  ████████▉  12,450   >99 %     ·        ·
    case-study          ███████▏   10,000    80 %   600    2,000
    mark-warm (set)     ██████▍              72 %     ·        ·
    nudge               ████▏       5,777    46 %   960    1,120
    offer (test)        ████        5,700    46 %     ·        ·
    alert (notify)      ▌                   6.5 %     ·        ·
    old-nudge †         ▏              40   0.3 %     ·        ·
    † no longer in the file

    Waiting  2,000 for case-study, next 2026-03-02 09:30
             1,120 for nudge, next 2026-03-06 06:30
    Due      850 in 24 hours, 2,900 in 7 days
    Late     12 should have gone before now
    Goal     half of those who reached it within 3.2 d,
             90 % within 12 d
    Test     offer long: 2,800 sent, 40 to the goal (1.4 %),
             offer short: 2,900 sent, 58 to the goal (2.0 %),
             offer short leads, the best with 95 %,
             by 0.6 points (-0.1 to 1.3), which may be chance
    Left     710 unsubscribed, 260 plan [31m changed,
             30 bounced
    Skipped  2,000 condition at nudge, 100 late at nudge
    Refused  30 at cảm-ơn-đã-dùng-thử
    Retry    5 at nudge
    Stuck    3 held at nudge, 1 unknown at nudge
    "#);
    for width in [40, 60, 72, 80, 100, 200] {
        let text = table(&[trial()], width, PLAIN);
        assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
    }
}

#[test]
fn colour_is_all_that_colour_changes() {
    let coloured = table(&[trial()], 80, Style { colour: true, ..PLAIN });
    assert!(coloured.contains("\u{1b}["));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), table(&[trial()], 80, PLAIN));
}

#[test]
fn rates_are_of_the_step_of_all_and_of_the_mail_before() {
    let funnel = trial();
    let percent = |share: Option<f64>| share.map(|share| format!("{:.1}", share * 100.0));
    assert_eq!(percent(funnel.steps[1].rate()).as_deref(), Some("83.3"));
    assert_eq!(percent(funnel.cumulative(&funnel.steps[1])).as_deref(), Some("80.1"));
    assert_eq!(percent(funnel.goal_rate()).as_deref(), Some("12.5"));
    let drops: Vec<_> = (0..6).map(|index| percent(funnel.drop_off(index))).collect();
    assert_eq!(drops, [None, Some("19.7".to_owned()), None, Some("42.2".to_owned()), Some("1.3".to_owned()), None]);
    assert_eq!(empty("a", "a").goal_rate(), None);
}

#[test]
fn programs_get_every_number() {
    let funnel = Funnel { steps: trial().steps.drain(3..4).collect(), ..trial() };
    assert_snapshot!(serde_json::to_string_pretty(&json(&[funnel])).expect("JSON"));
}

#[test]
fn a_spreadsheet_runs_no_formula() {
    let hostile = Funnel { name: "=HYPERLINK(\"http://x\")".to_owned(), ..trial() };
    assert_snapshot!(csv(&[hostile]), @r#"
    campaign,name,step,kind,gone,entered,sent,skipped,held,deferred,rejected,unknown,done,goal,waiting,next_due,step_rate,cumulative_rate,skips,opened,opened_by_proxy,opened_by_machine,clicked,clicked_by_machine,replied,auto_replied,bounced,bounced_for_now,complained,unsubscribed,purchases,revenue,currency
    trial,"'=HYPERLINK(""http://x"")",cảm-ơn-đã-dùng-thử,send,false,12480,12450,0,0,0,30,0,0,0,0,,0.9976,0.9976,,0,0,0,0,0,0,0,0,0,0,0,0,0,
    trial,"'=HYPERLINK(""http://x"")",case-study,send,false,12000,10000,0,0,0,0,0,0,600,2000,2026-03-02T02:30:00Z,0.8333,0.8013,,0,0,0,0,0,0,0,0,0,0,0,0,0,
    trial,"'=HYPERLINK(""http://x"")",mark-warm,set,false,9000,0,0,0,0,0,0,9000,0,0,,1,0.7212,,0,0,0,0,0,0,0,0,0,0,0,0,0,
    trial,"'=HYPERLINK(""http://x"")",nudge,send,false,9000,5777,2100,3,5,0,1,0,960,1120,2026-03-05T23:30:00Z,0.6419,0.4629,"2,000 condition, 100 late",0,0,0,0,0,0,0,0,0,0,0,0,0,
    trial,"'=HYPERLINK(""http://x"")",offer,test,false,5777,5700,0,0,0,0,0,0,0,0,,0.9867,0.4567,,0,0,0,0,0,0,0,0,0,0,0,0,0,
    trial,"'=HYPERLINK(""http://x"")",alert,notify,false,812,812,0,0,0,0,0,0,0,0,,1,0.0651,,0,0,0,0,0,0,0,0,0,0,0,0,0,
    trial,"'=HYPERLINK(""http://x"")",old-nudge,send,true,40,40,0,0,0,0,0,0,0,0,,1,0.0032,,0,0,0,0,0,0,0,0,0,0,0,0,0,
    "#);
}

#[test]
fn a_page_elsewhere_shows_the_same() {
    let since = Utc.with_ymd_and_hms(2026, 2, 1, 0, 0, 0).single();
    let period = Period { since, until: None };
    let hostile = StepRow { gone: true, ..step("a|b <script>", 1, 1) };
    let funnel = Funnel { period, steps: [trial().steps, vec![hostile]].concat(), ..trial() };
    assert_snapshot!(markdown(&[funnel, empty("bare", "Bare")], PLAIN.zone));
}

#[test]
fn campaigns_stand_side_by_side() {
    let other = Funnel { enrolled: 40, finished: 38, goal: 2, ..empty("win-back", "Win back") };
    let both = [trial(), other, empty("bare", "Bare")];
    for width in [60, 80, 120] {
        let text = compare::table(&both, width, PLAIN);
        assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
    }
    let views = [
        compare::table(&both, 80, PLAIN),
        compare::markdown(&both, PLAIN.zone),
        compare::csv(&both),
        serde_json::to_string_pretty(&compare::json(&both[1..])).expect("JSON"),
    ];
    assert_snapshot!(views.join("\n"));
}

#[test]
fn times_to_the_goal_are_times_that_somebody_had() {
    let of = |times: &[i64]| {
        let at = |rank| Ok::<_, ()>(times.get(usize::try_from(rank).unwrap()).copied());
        let time = GoalTime::of(times.len() as u64, at).unwrap();
        time.map(|time| (time.median.num_milliseconds(), time.p90.num_milliseconds()))
    };
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[7]), Some((7, 7)));
    assert_eq!(of(&[1, 2, 3, 4]), Some((2, 4)));
    assert_eq!(of(&(1..=100).collect::<Vec<_>>()), Some((50, 90)));
    for (seconds, shown) in
        [(59, "0 min"), (3_599, "59 min"), (5_400, "1.5 h"), (172_799, "48 h"), (172_800, "2 d"), (273_600, "3.2 d")]
    {
        assert_eq!(notes::length(TimeDelta::seconds(seconds)), shown);
    }
}
