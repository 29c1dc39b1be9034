//! Where contacts stand: the stages of a customer's life, and the scores.

use super::{Bar, Picture, Sheet};
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
    sheet.picture = Some(Picture::Bars(bars));
    say("Contacts by stage", "Liên hệ theo giai đoạn").clone_into(&mut sheet.caption);
    let moves = stages.moves.iter().filter(|step| step.from.is_some() && step.to.is_some()).take(3).map(|step| {
        let name = |stage: &Option<String>| plain(stage.as_deref().unwrap_or_default()).into_owned();
        format!("{} → {}: {}", name(&step.from), name(&step.to), language.number(step.people))
    });
    let moves: Vec<String> = moves.collect();
    if !moves.is_empty() {
        let most = say("The most frequent moves", "Chuyển nhiều nhất");
        sheet.lead.push(format!("{most}: {}.", moves.join("; ")));
    }
    if let Some(since) = stages.period.since {
        let day = language.day(since.with_timezone(&stages.zone).date_naive());
        sheet.notes.push(match language {
            Language::English => {
                format!("Who came and left since {day}. Half stay: so long after they came half have gone again.")
            }
            Language::Vietnamese => {
                format!("Số người đến và đi từ {day}. Một nửa ở lại: sau từng ấy thời gian một nửa đã rời đi.")
            }
        });
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
