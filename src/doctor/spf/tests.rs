//! Records as people publish them, and what comes of them.

#![allow(clippy::unwrap_used, reason = "a test")]

use super::super::Verdict;
use super::super::zone::Zone;
use super::*;

fn outside(address: &str) -> Place {
    Place::Outside { host: "relay.example".to_owned(), addresses: vec![address.parse().unwrap()] }
}

fn sender() -> Sender {
    Sender { local: "bounces+1".to_owned(), domain: "acme.example".to_owned() }
}

#[track_caller]
fn case(records: &[(&str, &str)], verdicts: &[Verdict], said: &str) {
    let zone = Zone::new(records);
    let findings = judge(&zone, &sender(), &outside("192.0.2.7"));
    let found: Vec<_> = findings.iter().map(|finding| finding.verdict).collect();
    assert_eq!(found, verdicts, "{findings:?}");
    assert!(findings.iter().any(|finding| finding.found.contains(said)), "{said}: {findings:?}");
}

use Verdict::{Fine, NotMade, Warning, Wrong};

#[test]
fn a_record_is_judged_by_what_receivers_make_of_it() {
    let acme = "acme.example";
    case(&[], &[Wrong], "has no SPF record");
    case(&[(acme, "TXT google-site-verification=x")], &[Wrong], "has no SPF record");
    case(&[(acme, "TXT v=spf10 +all")], &[Wrong], "has no SPF record");
    case(&[(acme, "TXT v=spf1 ip4:192.0.2.0/24 -all")], &[Fine, Fine], "lets relay.example send");
    case(&[(acme, "TXT V=SPF1 IP4:192.0.2.7 ~ALL")], &[Fine, Fine], "in 0 of 10");
    case(&[(acme, "TXT v=spf1 ip4:198.51.100.0/24 -all")], &[Fine, Warning], "does not let relay.example (192.0.2.7)");
    case(&[(acme, "TXT v=spf1 ip4:192.0.2.7")], &[Warning, Fine], "says nothing of other senders");
    case(&[(acme, "TXT v=spf1 ip4:192.0.2.7 ?all")], &[Warning, Fine], "says nothing of other senders");
    case(&[(acme, "TXT v=spf1 +all")], &[Wrong], "lets everyone send");
    case(&[(acme, "TXT v=spf1 all")], &[Wrong], "lets everyone send");
    case(&[(acme, "TXT v=spf1 ip4:0.0.0.0/0 -all")], &[Wrong], "lets everyone send");
    case(&[(acme, "TXT v=spf1 ip6:::/0 -all")], &[Wrong], "lets everyone send");
    // Everyone of a kind who is kept out is nobody let in.
    case(&[(acme, "TXT v=spf1 ip4:192.0.2.7 -ip4:0.0.0.0/0 -all")], &[Fine, Fine], "says who sends for it");
    case(&[(acme, "TXT v=spf1 ip4:192.0.2.7 ~ip6:::/0 ~all")], &[Fine, Fine], "says who sends for it");
    case(&[(acme, "TXT v=spf1 ptr -all")], &[Warning, Warning], "uses `ptr`");
    case(&[(acme, "TXT v=spf1 -all"), (acme, "TXT v=spf1 ~all")], &[Wrong], "has 2 SPF records");
    case(&[(acme, "fail")], &[NotMade], "fail");
    for wrong in ["ipv4:192.0.2.7", "ip4:192.0.2", "ip4:192.0.2.0/33", "include", "include:", "all:x", "a:/24x", "mx//"]
    {
        case(&[(acme, &format!("TXT v=spf1 {wrong} -all"))], &[Wrong], &format!("`{wrong}` is no term of SPF"));
    }
    // Unknown modifiers are passed over, known ones are not doubled.
    case(&[(acme, "TXT v=spf1 x=y exp=e.example ip4:192.0.2.7 -all")], &[Fine, Fine], "lets relay.example");
    case(&[(acme, "TXT v=spf1 redirect=a redirect=b")], &[Wrong], "is no term");
    case(&[(acme, "TXT v=spf1 redirect=%é.example")], &[Wrong], "`redirect=%é.example` is no term of SPF");
    case(&[(acme, "TXT v=spf1 a:%é.example -all")], &[Wrong], "is no term of SPF");
}

#[test]
fn includes_redirects_and_names_are_followed() {
    let acme = "acme.example";
    let esp = ("_spf.esp.example", "TXT v=spf1 include:_n.esp.example ?all");
    let nets = ("_n.esp.example", "TXT v=spf1 ip4:192.0.2.0/28 ~all");
    case(&[(acme, "TXT v=spf1 include:_spf.esp.example -all"), esp, nets], &[Fine, Fine], "in 2 of 10");
    case(&[(acme, "TXT v=spf1 redirect=_spf.esp.example"), esp, nets], &[Warning, Fine], "says nothing of other");
    case(&[(acme, "TXT v=spf1 include:gone.example -all")], &[Wrong], "`include:gone.example` leads to no SPF record");
    case(&[(acme, "TXT v=spf1 redirect=gone.example")], &[Wrong], "`redirect=gone.example` leads to no SPF record");
    // Beside `all` a redirect counts for nothing.
    case(&[(acme, "TXT v=spf1 ip4:192.0.2.7 -all redirect=gone.example")], &[Fine, Fine], "in 0 of 10");
    // An include of everyone is everyone, and one of nobody changes nothing.
    case(
        &[(acme, "TXT v=spf1 include:e.example -all"), ("e.example", "TXT v=spf1 +all")],
        &[Wrong],
        "record of `e.example` lets everyone",
    );
    case(
        &[(acme, "TXT v=spf1 ip4:192.0.2.7 -include:e.example ~all"), ("e.example", "TXT v=spf1 ip4:0.0.0.0/0")],
        &[Fine, Fine],
        "says who sends for it",
    );
    case(
        &[(acme, "TXT v=spf1 -include:n.example ip4:192.0.2.7 ~all"), ("n.example", "TXT v=spf1 -all")],
        &[Fine, Fine],
        "in 1 of",
    );
    case(&[(acme, "TXT v=spf1 a -all"), (acme, "A 192.0.2.7")], &[Fine, Fine], "in 1 of");
    case(&[(acme, "TXT v=spf1 a:m.example/24 -all"), ("m.example", "A 192.0.2.200")], &[Fine, Fine], "in 1 of");
    case(&[(acme, "TXT v=spf1 a:m.example/25 -all"), ("m.example", "A 192.0.2.200")], &[Fine, Warning], "does not let");
    case(
        &[(acme, "TXT v=spf1 mx/24//64 -all"), (acme, "MX m.example"), ("m.example", "A 192.0.2.200")],
        &[Fine, Fine],
        "in 1 of",
    );
    case(
        &[
            (acme, "TXT v=spf1 exists:%{ir}.%{v}.%{l1r+-}.x.%{d2} -all"),
            ("7.2.0.192.in-addr.bounces.x.acme.example", "A 127.0.0.2"),
        ],
        &[Fine, Fine],
        "in 1 of",
    );
    case(&[(acme, "TXT v=spf1 a:%{x} -all")], &[Wrong], "holds no valid macro");
    case(
        &[(acme, "TXT v=spf1 ptr:r.example -all"), ("192.0.2.7", "PTR m.r.example"), ("m.r.example", "A 192.0.2.7")],
        &[Warning, Fine],
        "uses `ptr`",
    );
    case(
        &[(acme, "TXT v=spf1 include:f.example -all"), ("f.example", "fail")],
        &[NotMade],
        "the name servers of `f.example` fail",
    );
}

#[test]
fn more_than_ten_questions_and_more_than_two_empty_answers_are_too_many() {
    let acme = "acme.example";
    let many = |count: usize| {
        let includes: Vec<String> = (0..count).map(|number| format!("include:i{number}.example")).collect();
        let mut records = vec![(acme.to_owned(), format!("TXT v=spf1 {} -all", includes.join(" ")))];
        records.extend(
            (0..count).map(|number| (format!("i{number}.example"), "TXT v=spf1 ip4:192.0.2.7 -all".to_owned())),
        );
        records
    };
    for (count, verdicts, said) in
        [(10, vec![Fine, Fine], "in 10 of 10"), (11, vec![Wrong], "takes 11 questions"), (60, vec![Wrong], "takes 41")]
    {
        let records = many(count);
        let records: Vec<(&str, &str)> = records.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        case(&records, &verdicts, said);
    }
    // A record that includes itself comes to an end.
    case(&[(acme, "TXT v=spf1 include:acme.example -all")], &[Wrong], "takes 41 questions");
    case(&[(acme, "TXT v=spf1 a:x.example a:y.example ip4:192.0.2.7 -all")], &[Fine, Fine], "in 2 of");
    case(
        &[(acme, "TXT v=spf1 a:x.example a:y.example mx:z.example -all")],
        &[Wrong],
        "x.example, y.example, z.example",
    );
}

#[test]
fn where_the_relay_stands_bounds_what_can_be_said() {
    let zone = Zone::new(&[
        ("acme.example", "TXT v=spf1 ip6:2001:db8::/32 -all"),
        ("relay.example", "A 2001:db8::1"),
        ("here.example", "A 10.0.0.1"),
    ]);
    let covered = |host: Option<&str>| judge(&zone, &sender(), &Place::of(host, &zone)).remove(1);
    assert_eq!(covered(Some("relay.example")).verdict, Fine);
    for (host, said) in [
        (None, "no relay is configured"),
        (Some("localhost"), "on this machine or in its own net"),
        (Some("127.0.0.1"), "on this machine"),
        (Some("here.example"), "in its own net"),
        (Some("gone.example"), "`gone.example` has no address in DNS"),
    ] {
        let finding = covered(host);
        assert_eq!(finding.verdict, NotMade);
        assert!(finding.found.contains(said), "{finding:?}");
    }
}
