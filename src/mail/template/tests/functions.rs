//! What functions print, for whom, and what they refuse.

use super::*;

#[test]
fn a_wrong_call_is_found_before_any_mail() {
    let body = "{{date due style=\"lng\"}} {{money total \"dong\"}} {{date_add due \"7x\"}} {{truncate title}} {{upper name x=1}}\n\
                {{default (number n decimals=\"two\") 1}} {{#if (div 1 0)}}x{{/if}} {{url \"acme.example\"}} {{plural n}} {{eq a}} {{date due as=1}}";
    insta::assert_snapshot!(complaints(&[("a.md", &format!("---\nsubject: S\n---\n{body}"))]), @r#"
    templates/a.md:4:1: `lng` is no style of a date
      hint: write long, short, weekday, time, datetime or iso
    templates/a.md:4:26: `DONG` is no currency
      hint: write its code, as `{{money price "VND"}}`
    templates/a.md:4:49: `7x` is not a duration
      hint: write `30m`, `36h`, `2d` or `1w`
    templates/a.md:4:71: `truncate` takes 2 values, and here is 1
      hint: `drip help templates` shows how each function is called
    templates/a.md:4:90: `upper` has no argument `x`
      hint: it takes values alone
    templates/a.md:5:1: `decimals` is a number from 0 to 6
      hint: look at the values it is given
    templates/a.md:5:41: `div` divides by zero
      hint: look at the values it is given
    templates/a.md:5:67: `acme.example` is no address of the web
      hint: begin it with `https://`
    templates/a.md:5:90: `plural` takes 2 or 3 values, and here is 1
      hint: `drip help templates` shows how each function is called
    templates/a.md:5:103: `eq` takes 2 values, and here is 1
      hint: `drip help templates` shows how each function is called
    templates/a.md:5:112: `date` has no argument `as`
      hint: it has `style=` and `format=`
    "#);
}

/// Each function by what it prints for a Vietnamese and an English reader.
#[test]
fn functions_write_for_their_reader() {
    let data = json!({
        "born": "1990-03-05", "at": "2026-03-05T18:30:00Z", "price": 1_250_000, "low": -12.5, "share": 0.256, "one": 1, "many": 1200,
        "text": "lan nguyễn", "items": ["trà", "chén"], "q": "trà & bánh",
    });
    for (tag, vietnamese, english) in [
        ("{{date born}}", "5 tháng 3, 1990", "5 March 1990"),
        ("{{date born style=\"short\"}}", "05/03/1990", "5 Mar 1990"),
        ("{{date born style=\"weekday\"}}", "thứ Hai, 5 tháng 3", "Monday, 5 March"),
        // Past midnight in Viet Nam.
        ("{{date at style=\"datetime\"}}", "01:30, 6 tháng 3, 2026", "01:30, 6 March 2026"),
        ("{{date born format=\"%d.%m.\"}}", "05.03.", "05.03."),
        ("{{date (date_add born \"2w\")}}", "19 tháng 3, 1990", "19 March 1990"),
        ("{{date (date_add born \"-5d\")}}", "28 tháng 2, 1990", "28 February 1990"),
        ("{{number price}}", "1.250.000", "1,250,000"),
        ("{{number low decimals=1}}", "-12,5", "-12.5"),
        ("{{money price \"VND\"}}", "1.250.000\u{a0}₫", "₫1,250,000"),
        ("{{money low \"usd\"}}", "-12,50\u{a0}$", "-$12.50"),
        ("{{percent share}}", "26%", "26%"),
        ("{{plural one \"a cup\" \"{} cups\"}}", "1 cups", "a cup"),
        ("{{plural many \"a cup\" \"{} cups\"}}", "1.200 cups", "1,200 cups"),
        (
            "{{url \"https://x.vn/a#b\" q=q n=one}}",
            "https://x.vn/a?n=1&q=tr%C3%A0%20%26%20b%C3%A1nh#b",
            "https://x.vn/a?n=1&q=tr%C3%A0%20%26%20b%C3%A1nh#b",
        ),
        (
            "{{capitalize text}} / {{title text}} / {{upper text}}",
            "Lan nguyễn / Lan Nguyễn / LAN NGUYỄN",
            "Lan nguyễn / Lan Nguyễn / LAN NGUYỄN",
        ),
        ("{{join items \" và \"}}", "trà và chén", "trà và chén"),
        ("{{truncate \"một ấm trà ngon\" 10}}", "một ấm…", "một ấm…"),
        (
            "{{concat text \"!\"}} {{replace text \"lan\" \"Mai\"}} {{trim \" x \"}}",
            "lan nguyễn! Mai nguyễn x",
            "lan nguyễn! Mai nguyễn x",
        ),
        (
            "{{add one 2}} {{sub 1 3}} {{mul low 2}} {{div many 7}} {{round share decimals=1}}",
            "3 -2 -25 171.42857142857142 0.3",
            "3 -2 -25 171.42857142857142 0.3",
        ),
        ("{{date (default unborn born)}}", "5 tháng 3, 1990", "5 March 1990"),
    ] {
        for (language, expected) in [("vi", vietnamese), ("en", english)] {
            let files = [
                ("a.vi.md", format!("---\nsubject: '{tag}'\n---\nx\n")),
                ("a.en.md", format!("---\nsubject: '{tag}'\n---\nx\n")),
            ];
            let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
            let said = compiled(&files).render(&mail("a"), locale(language), data.clone()).map(|mail| mail.subject);
            assert_eq!(said.unwrap_or_else(|error| error.to_string()), expected, "{tag} in {language}");
        }
    }
}

#[test]
fn a_value_that_does_not_fit_holds_the_mail_and_says_where() {
    let data = json!({ "text": "hôm qua", "n": 1, "items": [1], "long": vec![0; 1001], "loud": "loud", "q": "%Q", "z": "%z",
        "short": "3h", "nine": 9, "dong": "dong", "zero": 0 });
    for (tag, message) in [
        ("{{date text}}", "`date` cannot read `hôm qua` as a date"),
        ("{{date n style=\"long\"}}", "`date` cannot read `1` as a date"),
        ("{{date \"2026-01-01\" style=loud}}", "`loud` is no style of a date"),
        ("{{date \"2026-01-01\" format=q}}", "is no pattern of a date"),
        ("{{date \"2026-01-01\" format=z}}", "asks for more than a date"),
        ("{{date_add \"2026-01-01\" short}}", "cannot add 3h to a day"),
        ("{{date missing}}", "`missing` is missing"),
        ("{{number items}}", "`number` cannot read"),
        ("{{number n decimals=nine}}", "`decimals` is a number from 0 to 6"),
        ("{{money n dong}}", "`DONG` is no currency"),
        ("{{div n zero}}", "`div` divides by zero"),
        ("{{truncate text zero}}", "`truncate` needs a length"),
    ] {
        let body = format!("---\nsubject: x\n---\n{tag}\n");
        let data = data.as_object().unwrap().iter().filter(|(name, _)| *name != "long");
        let data = serde_json::Value::Object(data.map(|(name, value)| (name.clone(), value.clone())).collect());
        let error =
            compiled(&[("a.md", &body)]).render(&mail("a"), locale("vi"), data.clone()).unwrap_err().to_string();
        assert!(error.starts_with("templates/a.md:4:1: ") && error.contains(message), "{tag}: {error}");
    }
    let error =
        compiled(&[("a.md", "---\nsubject: x\n---\ny\n")]).render(&mail("a"), locale("vi"), data.clone()).unwrap_err();
    assert_eq!(error.message, "the list `long` has 1001 entries");
}

#[test]
fn no_data_makes_a_mail_take_long() {
    let rows: Vec<Value> = (0..1000).map(|n| json!({ "n": n, "none": null })).collect();
    let data = json!({ "l": rows, "text": "x".repeat(1_000_000), "deep": { "big": vec![0; 1000] } });
    for body in [
        "{{#each l}}{{#if (upper @root.text)}}{{/if}}{{/each}}",
        "{{#each l}}{{#each @root.l}}{{#if (join @root.deep.big)}}{{/if}}{{/each}}{{/each}}",
    ] {
        let templates = compiled(&[("a.md", &format!("---\nsubject: S\n---\n{body}"))]);
        let error = templates.render(&mail("a"), locale("vi"), data.clone()).err().map(|error| error.message);
        assert_eq!(error.as_deref(), Some("the mail takes too much work"), "{body}");
    }
}
