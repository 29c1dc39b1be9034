//! What DNS says of the project's domains.

use std::fmt::Write as _;

use super::{Clinic, expect, record};

#[test]
fn spf_is_missing_open_or_asks_too_much() {
    let clinic = Clinic::new();
    let with = |records: &[&str]| {
        clinic.names.set("acme.example", &[&["MX mx1.acme.example"], records].concat());
    };
    with(&[]);
    clinic.finds("spf", "wrong", "`acme.example` has no SPF record", "publish acme.example TXT \"v=spf1 include:…");
    with(&["TXT v=spf1 +all"]);
    clinic.finds("spf", "wrong", "lets everyone send for `acme.example`", "`~all`");
    with(&["TXT v=spf1 include:_spf.relay.example"]);
    clinic.finds("spf", "warning", "says nothing of other senders", "~all");
    let mut many = "TXT v=spf1".to_owned();
    for number in 0..12 {
        write!(many, " include:s{number}.example").unwrap();
        clinic.names.set(&format!("s{number}.example"), &["TXT v=spf1 ip4:192.0.2.1 -all"]);
    }
    with(&[&format!("{many} -all")]);
    clinic.finds("spf", "wrong", "takes 12 questions to DNS and may take 10", "take out terms");
    with(&["TXT v=spf1 redirect=%é.example"]);
    clinic.finds("spf", "wrong", "`redirect=%é.example` is no term of SPF", "RFC 7208");
    with(&["TXT v=spf1 ip4:192.0.2.1 -ip4:0.0.0.0/0 -all"]);
    clinic.finds("spf", "ok", "in 0 of 10 questions", "");
    with(&["TXT v=spf1 -all", "TXT v=spf1 ~all"]);
    clinic.finds("spf", "wrong", "has 2 SPF records", "");
    // By way of another name.
    clinic.names.set("_spf.relay.example", &["CNAME spf2.relay.example"]);
    clinic.names.set("spf2.relay.example", &["TXT v=spf1 ip4:192.0.2.0/24 -all"]);
    with(&["TXT v=spf1 include:_spf.relay.example -all"]);
    clinic.finds("spf", "ok", "in 1 of 10 questions", "");
}

#[test]
fn the_key_in_dns_is_another_one_or_gone() {
    let clinic = Clinic::new();
    let name = "drip1._domainkey.acme.example";
    let publish = format!("publish {name} TXT \"{}\"", record());
    for (records, said) in [
        (vec![], "has no DKIM record"),
        (vec!["TXT v=DKIM1; p="], "was revoked"),
        (vec!["TXT v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="], "of kind `ed25519`"),
        (vec!["TXT v=DKIM1; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAMW6"], "shows another key"),
    ] {
        clinic.names.set(name, &records);
        clinic.finds("dkim", "wrong", said, &publish);
    }
    clinic.names.set(name, &[&format!("TXT {}; t=y", record())]);
    clinic.finds("dkim", "warning", "a trial", "t=y");
}

#[test]
fn dmarc_is_missing_or_mails_cannot_meet_it() {
    let clinic = Clinic::new();
    clinic.names.set("_dmarc.acme.example", &[]);
    clinic.finds("dmarc", "wrong", "has no DMARC record", "publish _dmarc.acme.example TXT \"v=DMARC1; p=none");
    clinic.names.set("_dmarc.acme.example", &["TXT v=DMARC1; p=reject"]);
    clinic.finds("dmarc", "ok", "asks for `reject`, and mails from `acme.example` can meet it by DKIM and SPF", "");
    clinic.names.set("_dmarc.acme.example", &["TXT v=DMARC1; p=reject; trash"]);
    clinic.finds("dmarc", "warning", "asks for `reject`, and mails", "take `trash` out of the TXT record");
    // Another sender, whose domain drip does not sign for.
    clinic.names.set("_dmarc.tea.example", &["TXT v=DMARC1; p=reject"]);
    clinic.set_up(&clinic.front.url(), "senders: { tea: \"Tea <hello@tea.example>\" }\n");
    clinic.finds("dmarc", "wrong", "so mails fail DMARC, and `_dmarc.tea.example` asks for `reject`", "`dkim`");
}

#[test]
fn nobody_takes_the_mail_that_comes_back() {
    let clinic = Clinic::new();
    clinic.set_up(&clinic.front.url(), "reply_to: lan@nowhere.example\n");
    clinic.finds(
        "mx",
        "wrong",
        "no server takes mail for `nowhere.example`, to which answers come",
        "publish nowhere.example MX",
    );
    clinic.finds("mx", "ok", "bounces to `acme.example` come to mx1.acme.example", "");
    // A name server that knows one kind of address alone.
    clinic.names.set("mx1.acme.example", &["A 192.0.2.9", "FAIL AAAA"]);
    clinic.finds("mx", "ok", "bounces to `acme.example` come to mx1.acme.example", "");
    clinic.names.set("nowhere.example", &["MX ."]);
    clinic.finds("mx", "wrong", "takes no mail (a null MX)", "");
}

#[test]
fn name_servers_that_fail_or_say_nothing_leave_checks_unmade() {
    let clinic = Clinic::new();
    clinic.names.set("acme.example", &["FAIL"]);
    clinic.finds("spf", "not made", "the name servers of `acme.example` fail: server failure", "");
    clinic.finds("dmarc", "ok", "can meet it", "");
    clinic.names.set("acme.example", &["SILENT"]);
    clinic.finds("spf", "not made", "no name server of this machine answers", "");
    // Nobody listens there at all.
    let ended = clinic.ask(&["--format", "json", "--resolver", "127.0.0.1:1"]);
    assert_ne!(ended.code, 0, "the option stands twice");
    let ended = clinic.sandbox.drip(&["doctor", "--format", "json", "--resolver", "127.0.0.1:1"]);
    for check in ["spf", "dkim", "dmarc", "mx"] {
        expect(&ended.stdout, check, "not made", "no name server of this machine answers", "");
    }
}
