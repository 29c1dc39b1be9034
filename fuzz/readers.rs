//! What must hold of the readers whatever bytes they are given. `fuzz/run` makes the bytes up, and so does a short test.

use chrono_tz::Tz;
use drip::import::{DateOrder, Options, Row, open};
use drip::inbound::{Action, Kind, Permanence, read};
use drip::mail::token::{Keys, Purpose};
use drip::mail::verp;
use drip::model::address::Address;
use drip::model::id::SendId;

/// An incoming mail: it is read to its end, twice alike, and what a person writes is no report.
pub(crate) fn inbound(bytes: &[u8]) {
    let reading = read(bytes);
    assert_eq!(reading, read(bytes), "it is read the same way twice");
    if let Kind::Report(recipients) = &reading.kind {
        assert!(recipients.len() <= 100, "{} recipients", recipients.len());
        for recipient in recipients {
            let failed = recipient.action == Action::Failed;
            assert!(failed || recipient.permanence == Permanence::Soft, "what did not fail is not dead: {recipient:?}");
            assert!(recipient.reply_code.is_none_or(|code| (400..600).contains(&code)), "{recipient:?}");
        }
    }
    let head = "From: Ann <ann@firm.example>\r\nTo: hello@acme.example\r\nSubject: Re: Your trial\r\n\
                In-Reply-To: <t.1@acme.example>\r\nContent-Type: text/plain\r\n\r\nHello, I got this:\r\n";
    let kind = read(&[head.as_bytes(), bytes].concat()).kind;
    let silences = matches!(kind, Kind::Report(_) | Kind::Complaint { .. });
    assert!(!silences, "a person's answer silences nobody, whatever it quotes: {kind:?}");
}

/// The token of a link and the address of a bounce: only what drip wrote is believed, and it is believed as it was written.
pub(crate) fn token(bytes: &[u8]) {
    let keys = Keys::new(vec![(0, vec![7; 32]), (1, vec![9; 32])]);
    let text = String::from_utf8_lossy(bytes);
    if let Some(purpose) = keys.read(&text) {
        let old = Keys::new(vec![(0, vec![7; 32])]);
        assert!(keys.sign(&purpose) == text || old.sign(&purpose) == text, "drip did not write {text}");
    }
    let number = bytes.iter().take(8).fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
    let url: String = text.chars().take(2000).collect();
    for purpose in [
        Purpose::Click(SendId(number), url),
        Purpose::Unsubscribe(SendId(number)),
        Purpose::Open(SendId(number)),
        Purpose::Confirm(SendId(number)),
        Purpose::Preferences(SendId(number)),
        Purpose::Visit(SendId(number)),
        Purpose::Report(SendId(number)),
    ] {
        let token = keys.sign(&purpose);
        assert_eq!(keys.read(&token), Some(purpose));
        assert!(Keys::is_form(&token), "{token}");
        // One letter more, less or another.
        let place = bytes.first().map_or(0, |byte| usize::from(*byte)) % token.len();
        let other = if &token[place..=place] == "A" { "B" } else { "A" };
        for bent in [
            format!("{}{other}{}", &token[..place], &token[place + 1..]),
            format!("{}{}", &token[..place], &token[place + 1..]),
            format!("{}{other}{}", &token[..place], &token[place..]),
        ] {
            assert_eq!(keys.read(&bent), None, "{bent} is not {token}");
        }
    }
    let base = Address::parse("bounces@acme.example").expect("an address");
    let made = verp::address(&base, "secret", SendId(number));
    assert_eq!(verp::send_of("secret", made.as_str()), Some(SendId(number)));
    assert_eq!(verp::send_of("secret", &text), None, "nobody makes up a proof");
}

/// A file of people or events: each row is understood or refused, and its line is one of the file.
pub(crate) fn csv(bytes: &[u8]) {
    let Some((&first, file)) = bytes.split_first() else { return };
    let order = [None, Some(DateOrder::Mdy), Some(DateOrder::Ymd), Some(DateOrder::Dmy)][usize::from(first % 4)];
    let mut options = Options::new(Tz::Asia__Ho_Chi_Minh, "vi");
    options.dates = order;
    // UTF-16 and a lone CR have line ends of another form; no line has less than one byte.
    let most = file.len() as u64 + 2;
    for name in ["people.csv", "people.jsonl"] {
        let Ok(import) = open(file, name, &options) else { continue };
        let mut rows = 0_u64;
        for row in import {
            rows += 1;
            let line = match row {
                Ok(Row::Contact(contact)) => contact.line,
                Ok(Row::Event(event)) => event.line,
                Err(rejected) => rejected.line,
            };
            assert!((1..=most).contains(&line), "line {line} of {most}");
        }
        assert!(rows <= most, "{rows} rows in {most} bytes");
    }
}
