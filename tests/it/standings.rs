//! Scores, stages, segments: what they say of people, when they let somebody in, and that a thousand small looks come to the
//! same as one.

#![allow(clippy::unwrap_used, reason = "a test")]

use serde_json::Value;

use crate::support::Sandbox;

const SCORE: &str = "score:
  half_life: 10d
  at_most: 100
  points:
    - { event: page_viewed, points: 5, at_most: 20 }
    - { event: page_viewed, where: event.page == \"pricing\", points: 10 }
    - { event: trial_started, points: 40, half_life: never }
    - { event: complained, points: -50 }
";

const LIFE: &str = "stages:
  prospect: 'true'
  new: did(\"purchased\")
  loyal: count(\"purchased\") >= 3
  lapsed: days_since(\"purchased\") >= 90
  inactive: days_since(\"purchased\") >= 365
";

fn shop(settings: &str) -> Sandbox {
    Sandbox::new().settings(settings)
}

fn person(shop: &Sandbox, email: &str, now: &str) -> Value {
    serde_json::from_str(&shop.drip(&["--now", now, "contact", "show", email, "--json"]).code(0).stdout).unwrap()
}

fn track(shop: &Sandbox, email: &str, at: &str, words: &[&str]) {
    let typed: Vec<&str> = ["--now", at, "track", email].into_iter().chain(words.iter().copied()).collect();
    shop.drip(&typed).code(0);
}

#[test]
fn points_come_with_events_stand_no_higher_than_allowed_and_fade() {
    let shop = shop(SCORE).contacts("email", &["lan@example.com"]);
    let score = |now: &str| person(&shop, "lan@example.com", now)["score"].as_i64().unwrap();
    track(&shop, "lan@example.com", "2026-03-01T09:00:00Z", &["page_viewed", "page=tea"]);
    assert_eq!(score("2026-03-01T08:59:59Z"), 0, "it has not happened yet");
    assert_eq!(score("2026-03-01T09:00:00Z"), 5);
    track(&shop, "lan@example.com", "2026-03-01T10:00:00Z", &["page_viewed", "page=pricing"]);
    assert_eq!(
        score("2026-03-01T10:00:00Z"),
        19,
        "the first has faded by an hour: what is begun of a point does not count"
    );
    for minute in 11..17 {
        track(&shop, "lan@example.com", &format!("2026-03-01T10:{minute}:00Z"), &["page_viewed", "page=tea"]);
    }
    assert_eq!(score("2026-03-01T10:16:00Z"), 29, "no more than 20 for looking");
    assert_eq!(score("2026-03-11T10:16:00Z"), 14, "half of it is left after ten days");
    track(&shop, "lan@example.com", "2026-03-11T10:20:00Z", &["trial_started"]);
    assert_eq!(score("2026-03-11T10:20:00Z"), 54);
    assert_eq!(score("2027-03-11T10:20:00Z"), 40, "this never fades");
    // As a complaint is noted that comes in.
    let complaint = "INSERT INTO events (contact_id, name, at) SELECT id, 'complained', unixepoch('2027-03-11T10:20:00Z') * 1000 FROM contacts";
    shop.database().execute(complaint, []).unwrap();
    assert_eq!(score("2027-03-11T10:20:00Z"), -10);
    assert_eq!(score("2027-03-21T10:20:00Z"), 15);
}

#[test]
fn a_score_is_the_same_whether_runs_came_each_hour_or_never() {
    let never = shop(SCORE).campaign("hot", "trigger: { segment: score >= 1000 }", &["id: a, send: mail"]);
    let never = never.contacts("email", &["lan@example.com"]);
    track(&never, "lan@example.com", "2026-03-01T09:00:00Z", &["page_viewed", "page=pricing"]);
    let often = never.copy();
    for hour in 10..24 {
        often.run(&format!("2026-03-01T{hour}:00:00Z"));
        often.drip(&["--now", &format!("2026-03-01T{hour}:00:00Z"), "report", "scores"]).code(0);
    }
    never.run("2026-03-01T23:00:00Z");
    let now = "2026-03-05T12:00:00Z";
    assert_eq!(person(&never, "lan@example.com", now)["score"], person(&often, "lan@example.com", now)["score"]);
    let report = |shop: &Sandbox| shop.drip(&["--now", now, "report", "scores"]).code(0).stdout;
    assert_eq!(report(&never), report(&often));
}

#[test]
fn a_campaign_begins_at_the_moment_when_a_score_reached_its_points_even_if_it_has_faded_since() {
    let shop =
        shop(SCORE).campaign("call", "trigger: { score: 60 }\nreentry: always", &["id: note, set: { hot: true }"]);
    let shop = shop.contacts("email", &["lan@example.com", "minh@example.com"]);
    shop.run("2026-03-01T00:00:00Z");
    track(&shop, "lan@example.com", "2026-03-01T09:00:00Z", &["trial_started"]);
    for minute in ["01", "02"] {
        track(&shop, "lan@example.com", &format!("2026-03-01T09:{minute}:00Z"), &["page_viewed", "page=pricing"]);
    }
    track(&shop, "minh@example.com", "2026-03-01T09:00:00Z", &["trial_started"]);
    // Nothing ran for three weeks, in which it has faded to 47.
    shop.run("2026-03-21T09:02:00Z");
    let entered = "SELECT c.email || ' ' || datetime(n.entered_at / 1000, 'unixepoch') FROM enrolments n JOIN contacts c ON c.id = n.contact_id";
    assert_eq!(shop.sql(entered), ["lan@example.com 2026-03-01 09:02:00"]);
    // It comes up again: again from that very moment, and once.
    track(&shop, "lan@example.com", "2026-03-22T09:00:00Z", &["page_viewed", "page=pricing"]);
    shop.run("2026-03-22T10:00:00Z");
    shop.run("2026-03-22T11:00:00Z");
    assert_eq!(shop.sql(entered), ["lan@example.com 2026-03-01 09:02:00", "lan@example.com 2026-03-22 09:00:00"]);
}

#[test]
fn an_event_that_is_told_late_counts_from_where_it_belongs() {
    let shop = shop(SCORE).campaign("call", "trigger: { score: 60 }", &["id: note, set: { hot: true }"]);
    let shop = shop.contacts("email", &["lan@example.com"]);
    shop.run("2026-03-01T00:00:00Z");
    track(&shop, "lan@example.com", "2026-03-01T09:00:00Z", &["trial_started"]);
    track(&shop, "lan@example.com", "2026-03-02T09:00:00Z", &["page_viewed", "page=pricing"]);
    shop.run("2026-03-02T10:00:00Z");
    assert_eq!(shop.sql("SELECT count(*) FROM enrolments"), ["0"], "54 points");
    // With this one, the look at the prices brought it up to 60.
    shop.drip(&[
        "--now",
        "2026-03-02T11:00:00Z",
        "track",
        "lan@example.com",
        "page_viewed",
        "page=tea",
        "--at",
        "2026-03-01T10:00:00Z",
    ])
    .code(0);
    shop.drip(&[
        "--now",
        "2026-03-02T11:00:00Z",
        "track",
        "lan@example.com",
        "page_viewed",
        "page=tea",
        "--at",
        "2026-03-01T10:30:00Z",
    ])
    .code(0);
    shop.run("2026-03-02T12:00:00Z");
    assert_eq!(
        shop.sql("SELECT datetime(entered_at / 1000, 'unixepoch') FROM enrolments"),
        ["2026-03-02 09:00:00"],
        "{:?}",
        person(&shop, "lan@example.com", "2026-03-02T09:00:00Z")["score"]
    );
}

#[test]
fn people_go_through_the_stages_of_a_life_as_buyers_and_each_is_an_event_that_lets_somebody_in() {
    let shop = shop(LIFE).campaign("thanks", "trigger: { stage: loyal }", &["id: vip, set: { vip: true }"]).campaign(
        "back",
        "trigger: { event: stage_entered, where: event.stage == \"lapsed\" }",
        &["id: a, set: { back: true }"],
    );
    shop.run("2025-12-01T00:00:00Z");
    shop.write("people.csv", "email\nlan@example.com\nminh@example.com\n");
    shop.drip(&["--now", "2025-12-02T00:00:00Z", "import", "people.csv"]).code(0);
    for day in ["2026-01-05", "2026-01-20", "2026-02-03"] {
        track(&shop, "lan@example.com", &format!("{day}T09:00:00Z"), &["purchased", "value=100"]);
        shop.run(&format!("{day}T10:00:00Z"));
    }
    // Cron was off from here on, and comes back after more than a year.
    shop.drip(&["--now", "2026-05-20T00:00:00Z", "run"]).code(0);
    let stages = "SELECT e.name || ' ' || datetime(e.at / 1000, 'unixepoch') || ' ' || coalesce(json_extract(e.properties, '$.from'), '-')
                  || ' ' || json_extract(e.properties, '$.stage') FROM events e JOIN contacts c ON c.id = e.contact_id
                  WHERE e.name = 'stage_entered' AND c.email = 'lan@example.com' ORDER BY e.at";
    assert_eq!(
        shop.sql(stages),
        [
            "stage_entered 2025-12-02 00:00:00 - prospect",
            "stage_entered 2026-01-05 09:00:00 prospect new",
            "stage_entered 2026-02-03 09:00:00 new loyal",
            "stage_entered 2026-05-04 09:00:00 loyal lapsed",
        ]
    );
    assert_eq!(
        shop.sql("SELECT k.name || ' ' || datetime(n.entered_at / 1000, 'unixepoch') FROM enrolments n JOIN campaigns k ON k.id = n.campaign_id ORDER BY 1"),
        ["back 2026-05-04 09:00:00", "thanks 2026-02-03 10:00:00"]
    );
    let lan = person(&shop, "lan@example.com", "2026-05-20T00:00:00Z");
    assert_eq!((lan["stage"].as_str(), lan["stage_since"].as_str()), (Some("lapsed"), Some("2026-05-04T09:00:00Z")));
    // Who buys again is where buyers are.
    track(&shop, "lan@example.com", "2026-05-21T09:00:00Z", &["purchased", "value=100"]);
    assert_eq!(person(&shop, "lan@example.com", "2026-05-21T09:00:00Z")["stage"], "loyal");
    insta::assert_snapshot!(shop.drip(&["--now", "2026-05-21T10:00:00Z", "report", "stages"]).code(0).stdout, @r"
    Stages

    stage                      contacts  share  may be mailed  came  left  half stay
    prospect  ███████▌                1   50 %              1     0     0       34 d
    new                               0    0 %              0     0     0       29 d
    loyal     ███████▌                1   50 %              1     1     1       90 d
    lapsed                            0    0 %              0     1     1       17 d
    inactive                          0    0 %              0     0     0          –

    Half stay: so long after they came half have gone again.

    Moves between stages
    Who came, left and moved since 2026-05-01:

    from    to      contacts
    lapsed  loyal          1
    loyal   lapsed         1
    ");
    insta::assert_snapshot!(shop.drip(&["--now", "2026-05-21T10:00:00Z", "report", "stages", "--since", "2025-12-01"]).code(0).stdout, @r"
    Stages

    stage                      contacts  share  may be mailed  came  left  half stay
    prospect  ███████▌                1   50 %              1     2     1       34 d
    new                               0    0 %              0     1     1       29 d
    loyal     ███████▌                1   50 %              1     2     1       90 d
    lapsed                            0    0 %              0     1     1       17 d
    inactive                          0    0 %              0     0     0          –

    Half stay: so long after they came half have gone again.

    Moves between stages
    Who came, left and moved since 2025-12-01:

    from      to        contacts
    (none)    prospect         2
    lapsed    loyal            1
    loyal     lapsed           1
    new       loyal            1
    prospect  new              1
    ");
    // What a report looked at by a time that was named is kept nowhere.
    assert_eq!(
        shop.sql("SELECT email || ' ' || stage FROM v_stages ORDER BY 1"),
        ["lan@example.com lapsed", "minh@example.com prospect"]
    );
    shop.run("2026-05-21T10:00:00Z");
    assert_eq!(
        shop.sql("SELECT email || ' ' || stage FROM v_stages ORDER BY 1"),
        ["lan@example.com loyal", "minh@example.com prospect"]
    );
}

#[test]
fn another_word_in_the_settings_keeps_nobody_out_whose_moment_came_meanwhile() {
    for (campaign, who) in [
        ("trigger: { segment: days_since(\"purchased\") >= 90 }", "lan@example.com"),
        ("trigger: { stage: lapsed }", "lan@example.com"),
        ("trigger: { segment: in_segment(\"silent\") }", "lan@example.com"),
        ("trigger: { event: stage_entered, where: event.stage == \"lapsed\" }", "lan@example.com"),
        ("trigger: { segment: 'did(\"purchased\", \"30d\")' }", "minh@example.com"),
        (
            "trigger: { event: stage_entered, where: event.stage == \"new\" && event.from == \"prospect\" }",
            "minh@example.com",
        ),
    ] {
        for edit in [
            "segments: { silent: days_since(\"purchased\") >= 90 }",
            "segments: { silent: days_since(\"purchased\") >= 90, here: contact.city == \"Huế\" }",
            "segments: { silent: days_since(\"purchased\") >= 90 }\nscore: { points: [{ event: clicked, points: 5 }] }",
        ] {
            // Lan falls silent on 29 May, Minh buys that day, and no run looks between the 28th and the change of the file.
            let before = LIFE.to_owned() + "segments: { silent: days_since(\"purchased\") >= 90 }";
            let shop = Sandbox::new().settings(&before).campaign("c", campaign, &["id: hello, send: mail"]);
            shop.run("2026-02-01T03:00:00Z");
            shop.write("people.csv", "email\nlan@example.com\nminh@example.com\n");
            shop.drip(&["--now", "2026-02-02T03:00:00Z", "import", "people.csv"]).code(0);
            track(&shop, "lan@example.com", "2026-02-28T09:00:00Z", &["purchased"]);
            shop.run("2026-03-01T03:00:00Z");
            shop.drip(&["-q", "--now", "2026-05-28T03:00:00Z", "run", "--trust-clock"]).code(0);
            track(&shop, "minh@example.com", "2026-05-29T10:00:00Z", &["purchased"]);
            let shop = shop.settings(&(LIFE.to_owned() + edit));
            shop.run("2026-06-02T03:00:00Z");
            shop.run("2026-06-02T04:00:00Z");
            let got: Vec<_> = shop.outbox().into_iter().map(|mail| mail.to).collect();
            assert!(got.contains(&who.to_owned()), "{campaign}, then {edit}: {got:?}");
        }
    }
}

#[test]
fn who_is_there_before_the_stages_takes_a_place_and_tells_nobody() {
    let shop = Sandbox::new().campaign("new", "trigger: { event: stage_entered }", &["id: a, set: { greeted: true }"]);
    let shop = shop.contacts("email", &["lan@example.com"]);
    track(&shop, "lan@example.com", "2026-01-05T09:00:00Z", &["purchased"]);
    shop.run("2026-01-06T09:00:00Z");
    let shop = shop.settings(LIFE);
    shop.run("2026-03-01T09:00:00Z");
    assert_eq!(shop.sql("SELECT count(*) FROM events WHERE name = 'stage_entered'"), ["0"]);
    assert_eq!(
        shop.sql("SELECT datetime(h.at / 1000, 'unixepoch') || ' ' || h.stage FROM stage_changes h ORDER BY h.at"),
        ["2026-01-05 09:00:00 new"],
        "its history is known all the same"
    );
    // Other conditions place everybody anew.
    shop.write("drip.yaml", &std::fs::read_to_string(shop.path("drip.yaml")).unwrap().replace(">= 90", ">= 30"));
    shop.run("2026-03-02T09:00:00Z");
    assert_eq!(
        shop.sql("SELECT email || ' ' || stage || ' ' || since FROM v_stages"),
        ["lan@example.com lapsed 2026-02-04T09:00:00Z"]
    );
    assert_eq!(shop.sql("SELECT count(*) FROM enrolments"), ["0"]);
    // Without stages nothing of them stays.
    shop.write("drip.yaml", std::fs::read_to_string(shop.path("drip.yaml")).unwrap().split("stages:").next().unwrap());
    shop.run("2026-03-03T09:00:00Z");
    assert_eq!(shop.sql("SELECT (SELECT count(*) FROM standings) + (SELECT count(*) FROM stage_changes)"), ["0"]);
}

#[test]
fn segments_are_counted_shown_and_exported_as_people_stand_now() {
    let shop = shop(
        "segments:\n  buyers: did(\"purchased\")\n  recent: did(\"purchased\", \"30d\")\n  hot: in_segment(\"recent\") && score >= 10\nscore: { points: [{ event: purchased, points: 10 }] }\n",
    );
    let shop =
        shop.contacts("email,first_name", &["lan@example.com,Lan", "minh@example.com,Minh", "hoa@example.com,Hoa"]);
    track(&shop, "lan@example.com", "2026-03-01T09:00:00Z", &["purchased"]);
    track(&shop, "minh@example.com", "2026-01-01T09:00:00Z", &["purchased"]);
    shop.drip(&["contact", "unsubscribe", "minh@example.com"]).code(0);
    insta::assert_snapshot!(shop.drip(&["--now", "2026-03-02T00:00:00Z", "segment", "list"]).code(0).stdout, @r#"
    segment  contacts  share  may be mailed  condition
    buyers   2         67 %   1              did("purchased")
    hot      1         33 %   1              in_segment("recent") && score >= 10
    recent   1         33 %   1              did("purchased", "30d")
    "#);
    let hot = |now: &str| shop.drip(&["--now", now, "segment", "show", "hot"]).code(0).stdout;
    assert!(hot("2026-03-31T09:00:00Z").contains("lan@example.com"));
    assert_eq!(hot("2026-03-31T09:00:00.001Z").trim(), "", "thirty days and not a moment longer");
    let buyers = shop.drip(&["--now", "2026-03-02T00:00:00Z", "segment", "export", "buyers"]).code(0).stdout;
    assert_eq!(
        buyers,
        "email,consent,timezone,language,tags,first_name\nlan@example.com,subscribed,,,,Lan\nminh@example.com,unsubscribed,,,,Minh\n"
    );
    shop.drip(&["segment", "export", "buyers", "buyers.jsonl"]).code(0);
    assert_eq!(std::fs::read_to_string(shop.path("buyers.jsonl")).unwrap().lines().count(), 2);
    let wrong = shop.drip(&["segment", "show", "buyer"]).code(2);
    assert!(
        wrong.stderr.contains("there is no segment `buyer`") && wrong.stderr.contains("did you mean `buyers`?"),
        "{}",
        wrong.stderr
    );
    assert_eq!(
        shop.sql("SELECT segment || ' ' || email FROM v_segments ORDER BY 1"),
        ["buyers lan@example.com", "buyers minh@example.com"]
    );
}

#[test]
fn what_leads_back_to_itself_or_is_not_there_is_told() {
    let wrong = |settings: &str, campaign: &str, told: &[&str]| {
        let shop = shop(settings).campaign("a", campaign, &["id: a, set: { a: 1 }"]);
        let ended = shop.drip(&["check"]).code(3);
        for part in told {
            assert!(ended.stderr.contains(part), "`{part}` is missing:\n{}", ended.stderr);
        }
    };
    let manual = "trigger: manual";
    wrong(
        "segments: { a: score > 1 }\nscore: { points: [{ event: e, where: in_segment(\"a\"), points: 1 }] }",
        manual,
        &["segment `a` leads back to itself", "`score` leads back to itself"],
    );
    wrong("stages: { a: stage == \"b\", b: 'true' }", manual, &["a stage leads back to the stages"]);
    wrong("stages: { a: did(\"stage_entered\") }", manual, &["which it brings about itself"]);
    wrong("", "trigger: { score: 50 }", &["nobody has a `score` here", "under `score` in drip.yaml"]);
    wrong("", "trigger: manual\nexit_when: stage == \"loyal\"", &["nobody has a `stage` here"]);
    wrong(LIFE, "trigger: { stage: loyl }", &["there is no stage `loyl`", "did you mean `loyal`?"]);
    wrong("score: { points: [{ event: e, points: 0 }] }", manual, &["points of 0 bring nothing"]);
    wrong("score: { half_life: 0d, points: [{ event: e, points: 1 }] }", manual, &["a half-life of 0"]);
    wrong("score: { points: [{ event: e, points: many }] }", manual, &["`many` is no number of points"]);
}

#[test]
fn nothing_of_a_person_who_is_forgotten_stays_among_the_stages() {
    let shop = shop(LIFE).contacts("email", &["lan@example.com"]);
    shop.drip(&["report", "stages"]).code(0);
    assert_eq!(shop.sql("SELECT count(*) FROM standings"), ["1"]);
    let record = shop.drip(&["contact", "export", "lan@example.com"]).code(0).stdout;
    assert!(record.contains("\"stages\"") && record.contains("prospect"), "{record}");
    shop.drip(&["contact", "forget", "lan@example.com", "--yes"]).code(0);
    assert_eq!(shop.sql("SELECT (SELECT count(*) FROM standings) + (SELECT count(*) FROM stage_changes)"), ["0"]);
}

#[test]
fn what_the_document_shows_is_read() {
    let shown = crate::documents::blocks(&crate::documents::document("docs/standing.md"), "yaml");
    let [score, others @ ..] = shown.as_slice() else { panic!("nothing is shown") };
    assert_eq!(others.len(), 3);
    for other in others {
        let stage = if other.contains("stages:") { "" } else { LIFE };
        shop(&format!("{score}{other}{stage}")).drip(&["check"]).code(0);
    }
}

#[test]
fn the_page_to_show_has_the_stages_and_the_scores() {
    let shop = shop(&format!("{LIFE}{SCORE}")).contacts("email", &["lan@example.com", "minh@example.com"]);
    track(&shop, "lan@example.com", "2026-03-01T09:00:00Z", &["purchased"]);
    track(&shop, "minh@example.com", "2026-03-01T09:00:00Z", &["trial_started"]);
    let page = |file: &str, words: &[&str]| {
        shop.drip(&[&["--now", "2026-03-02T00:00:00Z", "report", "--html", file], words].concat()).code(0);
        std::fs::read_to_string(shop.path(file)).unwrap()
    };
    let english = page("en.html", &[]);
    for part in [
        ">Stages<",
        "Contacts by stage",
        "prospect",
        "lapsed",
        ">Scores<",
        "36 to 40",
        "Who came, left and moved since 2026-03-01:",
    ] {
        assert!(english.contains(part), "`{part}` is not in the page");
    }
    let vietnamese = page("vi.html", &["--language", "vi"]);
    for part in [">Giai đoạn<", "Liên hệ theo điểm", "36 đến 40", "từ 01/03/2026"] {
        assert!(vietnamese.contains(part), "`{part}` is not in the page");
    }
}

#[test]
fn points_that_are_told_late_let_nobody_in_twice_for_the_same_rise() {
    let points = "score:\n  points: [{ event: clicked, points: 10 }]\n";
    let shop = shop(points)
        .campaign("w", "trigger: { score: 20 }\nreentry: always", &["id: a, send: mail"])
        .contacts("email", &["lan@example.com"]);
    shop.run("2026-03-01T10:00:00Z");
    track(&shop, "lan@example.com", "2026-03-02T01:00:00Z", &["clicked"]);
    track(&shop, "lan@example.com", "2026-03-02T03:00:00Z", &["clicked"]);
    shop.run("2026-03-02T09:00:00Z");
    assert_eq!(shop.outbox().len(), 1);
    // It had them an hour sooner, as is heard of a day later: that is no other rise.
    track(&shop, "lan@example.com", "2026-03-02T02:00:00Z", &["clicked"]);
    shop.run("2026-03-03T09:00:00Z");
    assert_eq!(shop.outbox().len(), 1, "{:?}", shop.sends());
    shop.check();
}
