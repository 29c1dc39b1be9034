use chrono::TimeZone;
use proptest::prelude::*;

use super::*;

fn sender(name: &str) -> Mailbox {
    Mailbox { name: Some(name.to_owned()), address: Address::parse("hello@bücher.example").unwrap() }
}

fn mail(name: &str, subject: &str, text: &str, html: &str) -> Result<Vec<u8>, MessageError> {
    let from = sender("Acme, JSC");
    build(&Draft {
        from: &from,
        reply_to: Some(&sender("Hỗ trợ")),
        to: &Address::parse("lan@example.com").unwrap(),
        to_name: Some(name),
        subject,
        html,
        text,
        message_id: "abc.7@xn--bcher-kva.example",
        date: chrono::Utc.with_ymd_and_hms(2026, 3, 1, 2, 0, 0).unwrap(),
        more: &[],
        list: Some(List {
            id: "chào-mừng",
            unsubscribe: "mailto:hello@example.com?subject=unsubscribe%20abc",
            one_click: None,
        }),
        images: &[],
        attachments: &[],
    })
}

/// Returns the headers, unfolded.
fn headers(mail: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(mail).expect("UTF-8");
    let (head, _) = text.split_once("\r\n\r\n").expect("a body");
    head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n").map(str::to_owned).collect()
}

/// What holds for every mail, whatever went into it.
fn assert_sound(mail: &[u8]) {
    for line in mail.split_inclusive(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r\n").expect("CRLF");
        assert!(!line.contains(&b'\r') && !line.contains(&0), "{line:?}");
        assert!(line.len() <= 998, "a line of {}", line.len());
        assert!(line.iter().all(|byte| (b' '..=b'~').contains(byte)), "{line:?}");
    }
    let names: Vec<_> = headers(mail).iter().map(|h| h.split(':').next().unwrap().to_ascii_lowercase()).collect();
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(
        sorted,
        [
            "auto-submitted",
            "content-type",
            "date",
            "from",
            "list-id",
            "list-unsubscribe",
            "message-id",
            "mime-version",
            "precedence",
            "reply-to",
            "subject",
            "to",
            "x-auto-response-suppress"
        ],
    );
}

#[test]
fn a_mail_has_each_header_once_and_text_before_html() {
    let mail = mail("Nguyễn Thị Lan", "Chào Lan, còn 7 ngày", "Chào Lan\nTạm biệt", "<p>Chào Lan</p>").unwrap();
    assert_sound(&mail);
    let headers = headers(&mail);
    let has = |line: &str| assert!(headers.iter().any(|h| h == line), "{line} in {headers:#?}");
    has("Date: Sun, 01 Mar 2026 02:00:00 +0000");
    has("Message-ID: <abc.7@xn--bcher-kva.example>");
    has("List-Unsubscribe: <mailto:hello@example.com?subject=unsubscribe%20abc>");
    has("Auto-Submitted: auto-generated");
    has("List-ID: <ch-o-m-ng-2c6f058d.xn--bcher-kva.example>");
    assert!(headers.iter().any(|h| h.starts_with("From: ") && h.ends_with("<hello@xn--bcher-kva.example>")));
    let text = String::from_utf8(mail).unwrap();
    assert!(text.find("text/plain").unwrap() < text.find("text/html").unwrap());
}

#[test]
fn the_same_draft_gives_the_same_bytes() {
    assert_eq!(mail("Lan", "Hi", "Hello", "<p>Hello"), mail("Lan", "Hi", "Hello", "<p>Hello"));
}

#[test]
fn no_value_becomes_a_header_of_its_own() {
    for evil in [
        "x\r\nBcc: all@example.com",
        "x\nBcc: all@example.com",
        "x\rBcc: all@example.com",
        "x\u{85}Bcc: a@b.vn",
        "x\u{2028}Bcc: a@b.vn",
        "x\0y",
        "=?utf-8?Q?x=0D=0ABcc:_a@b.vn?=",
        "\"x\" <evil@example.com>, \"",
        "\r\n\r\n<html>",
        "\u{1b}[31m",
    ] {
        assert_sound(&mail(evil, evil, &format!("text {evil}"), evil).expect(evil));
    }
    let plain = mail("Lan", "=?utf-8?Q?x=0D=0A?=", "text", "html").unwrap();
    assert!(headers(&plain).contains(&"Subject: =?utf-8?q?=3D=3Futf=2D8=3FQ=3Fx=3D0D=3D0A=3F=3D?=".to_owned()));
}

#[test]
fn a_word_longer_than_a_line_is_folded() {
    for word in ["x".repeat(1200), "ế".repeat(700), format!("a {}", "=?".repeat(600))] {
        let mail = mail(&word, &word, &word, &word).unwrap();
        assert_sound(&mail);
        let longest = headers(&mail).iter().flat_map(|h| h.split(' ').map(str::len).collect::<Vec<_>>()).max();
        assert!(longest <= Some(100), "{longest:?}");
    }
}

#[test]
fn what_cannot_be_a_mail_is_refused() {
    assert_eq!(mail("Lan", " \r\n", "text", "html"), Err(MessageError::EmptySubject));
    assert_eq!(mail("Lan", "Hi", " \n", "html"), Err(MessageError::EmptyText));
    for id in ["", "a", "a@", "a b@c", "a@b\r\nBcc: x", "<a@b>"] {
        assert!(!is_message_id(id), "{id:?}");
    }
    for uri in ["https://x.example", "mailto:a b", "mailto:a>", "mailto:a\r\nX: y", "mailto:ä@x"] {
        assert!(!is_mailto(uri), "{uri:?}");
    }
}

#[test]
fn a_message_id_holds_only_what_may_stand_in_one() {
    let id = message_id("a\r\nb<c>-_9", "secret", SendId(12), "x.example");
    assert!(id.starts_with("abc-_9.12.x") && id.ends_with("@x.example"), "{id}");
    assert_ne!(id, message_id("a\r\nb<c>-_9", "another", SendId(12), "x.example"));
    assert!(is_message_id(&message_id("", "", SendId(3), "x.example")));
}

#[test]
fn an_address_to_unsubscribe_at_is_a_uri_whatever_it_holds() {
    for (address, uri) in [
        ("a+b@x.example", "mailto:a%2Bb@x.example?subject=unsubscribe%20t%26bcc%3Dx"),
        ("đ@bücher.example", "mailto:%C4%91@xn--bcher-kva.example?subject=unsubscribe%20t%26bcc%3Dx"),
    ] {
        let found = mailto(&Address::parse(address).unwrap(), "t&bcc=x");
        assert_eq!(found, uri);
        assert!(is_mailto(&found));
    }
}

#[test]
fn a_local_part_outside_ascii_stays_readable_for_smtputf8() {
    let from = sender("Acme");
    let to = Address::parse("đức@bücher.example").unwrap();
    let draft = Draft {
        from: &from,
        reply_to: None,
        to: &to,
        to_name: Some("Đức"),
        subject: "Hi",
        html: "x",
        text: "x",
        message_id: "a@b.example",
        date: chrono::DateTime::UNIX_EPOCH,
        more: &[],
        list: Some(List { id: "c", unsubscribe: "mailto:a@b.example", one_click: None }),
        images: &[],
        attachments: &[],
    };
    let mail = String::from_utf8(build(&draft).unwrap()).unwrap();
    assert!(mail.contains("<đức@xn--bcher-kva.example>"), "{mail}");
}

#[test]
fn pictures_stand_with_the_html_and_attachments_around_all() {
    let picture = Enclosure {
        name: "trà.png".to_owned(),
        media_type: "image/png",
        content_id: "0af@drip".to_owned(),
        bytes: vec![0x89, b'P', b'N', b'G'].into(),
    };
    let menu = Enclosure {
        name: "Bảng giá\r\nBcc: x@y.example\".pdf".to_owned(),
        media_type: "application/pdf",
        content_id: String::new(),
        bytes: vec![b'%'; 500].into(),
    };
    let from = sender("Acme");
    let draft = Draft {
        from: &from,
        reply_to: Some(&from),
        to: &Address::parse("lan@example.com").unwrap(),
        to_name: None,
        subject: "Hi",
        html: "<img src=\"cid:0af@drip\">",
        text: "x",
        message_id: "a@b.example",
        date: chrono::DateTime::UNIX_EPOCH,
        more: &[],
        list: Some(List { id: "c", unsubscribe: "mailto:a@b.example", one_click: None }),
        images: &[picture],
        attachments: &[menu],
    };
    let bytes = build(&draft).unwrap();
    assert_eq!(bytes, build(&draft).unwrap());
    assert_sound(&bytes);
    let mail = String::from_utf8(bytes).unwrap().replace("\r\n", "\n");
    let outline: Vec<&str> = mail
        .lines()
        .filter(|line| {
            ["Content-Type", "Content-ID", "Content-Disposition", " filename", "--="]
                .iter()
                .any(|s| line.starts_with(s))
        })
        .collect();
    insta::assert_snapshot!(outline.join("\n"), @r#"
    Content-Type: multipart/mixed; boundary="=_712cbae9cb6720075a8df686849f2c6b"
    --=_712cbae9cb6720075a8df686849f2c6b
    Content-Type: multipart/alternative;
    --=_ebb18a030bf15174f5714e24d63af1a8
    Content-Type: text/plain; charset=utf-8
    --=_ebb18a030bf15174f5714e24d63af1a8
    Content-Type: multipart/related; type="text/html";
    --=_e590963f179015005f7e0348050359a2
    Content-Type: text/html; charset=utf-8
    --=_e590963f179015005f7e0348050359a2
    Content-Type: image/png
    Content-ID: <0af@drip>
    Content-Disposition: inline;
     filename*0*=utf-8''tr%C3%A0.png
    --=_e590963f179015005f7e0348050359a2--
    --=_ebb18a030bf15174f5714e24d63af1a8--
    --=_712cbae9cb6720075a8df686849f2c6b
    Content-Type: application/pdf
    Content-Disposition: attachment;
     filename*0*=utf-8''B%E1%BA%A3ng%20gi%C3%A1%20Bcc%3A%20x%40y.;
     filename*1*=example_.pdf
    --=_712cbae9cb6720075a8df686849f2c6b--
    "#);
}

proptest! {
    #[test]
    fn any_text_makes_a_sound_mail(name in any::<String>(), subject in any::<String>(), text in any::<String>()) {
        if let Ok(mail) = mail(&name, &format!("s{subject}"), &format!("t{text}"), &text) {
            assert_sound(&mail);
        }
    }
}
