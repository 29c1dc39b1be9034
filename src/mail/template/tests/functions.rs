//! What functions print, for whom, and what they refuse.

use super::*;

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
            let said = compiled(&files).render(&mail("a"), locale(language), &data).map(|mail| mail.subject);
            assert_eq!(said.unwrap_or_else(|error| error.to_string()), expected, "{tag} in {language}");
        }
    }
}

#[test]
fn a_value_that_does_not_fit_holds_the_mail_and_says_where() {
    let data = json!({ "text": "hôm qua", "n": 1, "items": [1], "long": vec![0; 1001] });
    for (tag, message) in [
        ("{{date text}}", "`date` cannot read `hôm qua` as a date"),
        ("{{date n style=\"long\"}}", "`date` cannot read `1` as a date"),
        ("{{date \"2026-01-01\" style=\"loud\"}}", "`loud` is no style of a date"),
        ("{{date \"2026-01-01\" format=\"%Q\"}}", "is no pattern of a date"),
        ("{{date \"2026-01-01\" format=\"%z\"}}", "asks for more than a date"),
        ("{{date_add \"2026-01-01\" \"3h\"}}", "cannot add 3h to a day"),
        ("{{date missing}}", "`missing` is missing"),
        ("{{number items}}", "`number` cannot read"),
        ("{{number n decimals=9}}", "`decimals` is a number from 0 to 6"),
        ("{{number n places=1}}", "`number` has no argument `places`"),
        ("{{money n \"dong\"}}", "`DONG` is no currency"),
        ("{{div n 0}}", "`div` divides by zero"),
        ("{{truncate text 0}}", "`truncate` needs a length"),
    ] {
        let body = format!("---\nsubject: x\n---\n{tag}\n");
        let data = data.as_object().unwrap().iter().filter(|(name, _)| *name != "long");
        let data = serde_json::Value::Object(data.map(|(name, value)| (name.clone(), value.clone())).collect());
        let error = compiled(&[("a.md", &body)]).render(&mail("a"), locale("vi"), &data).unwrap_err().to_string();
        assert!(error.starts_with("templates/a.md:4:1: ") && error.contains(message), "{tag}: {error}");
    }
    let error = compiled(&[("a.md", "---\nsubject: x\n---\ny\n")]).render(&mail("a"), locale("vi"), &data).unwrap_err();
    assert_eq!(error.message, "the list `long` has 1001 entries");
}
