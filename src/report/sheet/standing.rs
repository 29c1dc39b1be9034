//! Where contacts stand: the stages of a customer's life, and the scores.

use chrono::TimeDelta;

use super::{Bar, Picture, Sheet};
use crate::model::Instant;
use crate::model::plain::plain;
use crate::report::funnel::share;
use crate::report::language::Language;
use crate::report::scores::Scores;
use crate::report::stages::Stages;

/// Returns how many are in each stage, who came and went, and how long they stay.
pub fn stages(stages: &Stages, language: Language) -> Sheet {
    let say = |english, vietnamese| language.either(english, vietnamese);
    let mut sheet = Sheet::new(
        say("Stages", "Giai đoạn"),
        &[
            (say("stage", "giai đoạn"), false),
            (say("contacts", "liên hệ"), true),
            (say("share", "tỷ lệ"), true),
            (say("may be mailed", "được gửi thư"), true),
            (say("came", "đến"), true),
            (say("left", "đi"), true),
            (say("half stay", "một nửa ở lại"), true),
        ],
    );
    sheet.spare = vec![3, 4, 5];
    let all = stages.people();
    let mut bars = Vec::new();
    for row in &stages.stages {
        let part = language.percent(share(row.people, all)).unwrap_or_default();
        let name = plain(&row.name).into_owned();
        bars.push(Bar {
            name: name.clone(),
            share: share(row.people, all).unwrap_or_default(),
            between: None,
            number: language.number(row.people),
            note: String::new(),
            alert: false,
        });
        sheet.rows.push(vec![
            name,
            language.number(row.people),
            part,
            language.number(row.subscribed),
            language.number(stages.entered(&row.name)),
            language.number(stages.left(&row.name)),
            row.median_hours.map_or_else(|| "–".to_owned(), |hours| length(hours, language)),
        ]);
    }
    if stages.nowhere > 0 {
        let part = language.percent(share(stages.nowhere, all)).unwrap_or_default();
        let none = say("(none)", "(không có)").to_owned();
        let mut row = vec![none.clone(), language.number(stages.nowhere), part];
        row.resize(sheet.columns.len(), String::new());
        sheet.rows.push(row);
        bars.push(Bar {
            name: none,
            share: share(stages.nowhere, all).unwrap_or_default(),
            between: None,
            number: language.number(stages.nowhere),
            note: String::new(),
            alert: false,
        });
    }
    sheet.picture = Some(Picture::Bars(bars));
    say("Contacts by stage", "Liên hệ theo giai đoạn").clone_into(&mut sheet.caption);
    sheet.notes.push(
        say(
            "Half stay: so long after they came half have gone again.",
            "Một nửa ở lại: sau từng ấy thời gian một nửa đã rời đi.",
        )
        .to_owned(),
    );
    sheet
}

/// Returns from where to where people went, the most frequent move first.
pub fn moves(stages: &Stages, language: Language) -> Sheet {
    let say = |english, vietnamese| language.either(english, vietnamese);
    let headings = [(say("from", "từ"), false), (say("to", "đến"), false), (say("contacts", "liên hệ"), true)];
    let mut sheet = Sheet::new(say("Moves between stages", "Chuyển giai đoạn"), &headings);
    let day = |at: Instant| language.day(at.with_timezone(&stages.zone).date_naive());
    // A period ends with the moment after its last day.
    let last = stages.period.until.map(|until| day(until - TimeDelta::milliseconds(1)));
    let span = match (stages.period.since.map(day), last, language) {
        (None, None, _) => String::new(),
        (Some(since), None, Language::English) => format!(" since {since}"),
        (Some(since), None, Language::Vietnamese) => format!(" từ {since}"),
        (None, Some(last), Language::English) => format!(" up to {last}"),
        (None, Some(last), Language::Vietnamese) => format!(" đến {last}"),
        (Some(since), Some(last), Language::English) => format!(" from {since} to {last}"),
        (Some(since), Some(last), Language::Vietnamese) => format!(" từ {since} đến {last}"),
    };
    if stages.moves.is_empty() {
        let none = say("Nobody came, left or moved", "Chưa ai đến, đi hay chuyển");
        sheet.lead.push(format!("{none}{span}."));
        sheet.columns.clear();
        return sheet;
    }
    sheet.lead.push(format!("{}{span}:", say("Who came, left and moved", "Số người đến, đi và chuyển")));
    for step in &stages.moves {
        let name = |stage: &Option<String>, none: &str| plain(stage.as_deref().unwrap_or(none)).into_owned();
        let none = say("(none)", "(không có)");
        sheet.rows.push(vec![name(&step.from, none), name(&step.to, none), language.number(step.people)]);
    }
    sheet
}

fn length(hours: u64, language: Language) -> String {
    if hours < 48 {
        format!("{hours}\u{a0}{}", language.either("h", "giờ"))
    } else {
        format!("{}\u{a0}{}", language.number(hours / 24), language.either("d", "ngày"))
    }
}

/// Returns how many have which score.
pub fn scores(scores: &Scores, language: Language) -> Sheet {
    let say = |english, vietnamese| language.either(english, vietnamese);
    let heading = [(say("points", "điểm"), false), (say("contacts", "liên hệ"), true), (say("share", "tỷ lệ"), true)];
    let mut sheet = Sheet::new(say("Scores", "Điểm"), &heading);
    let all = scores.all();
    if all == 0 {
        sheet.lead.push(say("No contacts yet.", "Chưa có liên hệ nào.").to_owned());
        sheet.columns.clear();
        return sheet;
    }
    let mut bars = Vec::new();
    for (from, to, people) in scores.bands().into_iter().rev() {
        let name = if from == to { from.to_string() } else { format!("{from} {} {to}", say("to", "đến")) };
        bars.push(Bar {
            name: name.clone(),
            share: share(people, all).unwrap_or_default(),
            between: None,
            number: language.number(people),
            note: String::new(),
            alert: false,
        });
        let part = language.percent(share(people, all)).unwrap_or_default();
        sheet.rows.push(vec![name, language.number(people), part]);
    }
    sheet.picture = Some(Picture::Bars(bars));
    say("Contacts by points", "Liên hệ theo điểm").clone_into(&mut sheet.caption);
    for points in &scores.thresholds {
        let people = language.number(scores.at_least(*points));
        sheet.lead.push(match language {
            Language::English => format!("{points} points or more, where something begins: {people}."),
            Language::Vietnamese => format!("Từ {points} điểm, nơi có việc bắt đầu: {people}."),
        });
    }
    sheet
}
