//! Logging in to the relay.

use std::time::Duration;

use super::{Clinic, PASSWORD, expect, over_tls};
use crate::support::front::support;
use crate::support::smtp::{Script, Verb};

#[test]
fn the_relay_refuses_the_login() {
    let clinic = Clinic::with_relay(over_tls().on(Verb::Auth).reply("535 5.7.8 bad credentials"));
    clinic.finds("login", "wrong", "refused the login of `acme`: 535 5.7.8 bad credentials", "check user and password");
    clinic.finds("tls", "ok", "", "");
    assert_eq!(clinic.relay.count("MAIL"), 0);
    // One that repeats what it was told.
    let secret = format!("535 5.7.8 {PASSWORD} is wrong");
    let clinic = Clinic::with_relay(over_tls().on(Verb::Auth).reply(&secret));
    clinic.finds("login", "wrong", "… is wrong", "");
}

#[test]
fn the_certificate_of_the_relay_is_not_to_be_trusted() {
    let clinic = Clinic::new();
    // The machine's own list does not know the authority of the tests.
    let ended = clinic.sandbox.drip(&["doctor", "--resolver", &clinic.names.address(), "--format", "json"]);
    expect(&ended.stdout, "tls", "wrong", "of an authority that this machine does not trust", "SSL_CERT_FILE");
    expect(&ended.stdout, "login", "not made", "nothing was said without TLS", "");
    expect(&ended.stdout, "public url", "wrong", "cannot be reached", "");
    assert_eq!((ended.code, clinic.relay.count("AUTH")), (6, 0));
    let expired = Script::new().offering("AUTH PLAIN").tls(support("expired.pem"), support("relay.key"), true);
    Clinic::with_relay(expired).finds("tls", "wrong", "its certificate has expired", "renew");
}

#[test]
fn nobody_listens_or_the_relay_wants_to_be_left_alone() {
    let clinic = Clinic::with_relay(over_tls().on(Verb::Connect).reply("554 5.7.1 not you"));
    clinic.finds("connection", "wrong", "takes no mail now: 554 5.7.1 not you", "");
    clinic.finds("login", "not made", "there was no dialogue", "");
    let clinic = Clinic::with_relay(over_tls().on(Verb::Auth).reply("454 4.7.0 too many login attempts"));
    clinic.finds("connection", "warning", "gets too much", "some minutes");
    let clinic = Clinic::new();
    let ended = clinic.ask_with(&[("DRIP_SMTP_URL", "smtp://acme@127.0.0.1:1")], &["--format", "json"]).code(6);
    expect(&ended.stdout, "connection", "wrong", "nobody listens there", "check host and port");
}

#[test]
fn a_relay_that_says_nothing_is_not_waited_for_for_ever() {
    let clinic = Clinic::with_relay(over_tls().on(Verb::Connect).stall(Duration::from_secs(600)));
    let ended = clinic.ask_with(&[("DRIP_PATIENCE_MS", "300")], &["--format", "json"]).code(6);
    expect(&ended.stdout, "tls", "wrong", "the relay did not answer in time", "ask the relay");
    expect(&ended.stdout, "one-click", "ok", "", "");
}

#[test]
fn a_password_that_cannot_be_had_is_told_of() {
    let clinic = Clinic::new();
    let port = clinic.relay.port();
    let text = format!(
        "from: hello@acme.example\npostal_address: Hà Nội\nsmtp: {{ url: \"smtps://acme@127.0.0.1:{port}\", password_command: \"exit 3\" }}\n"
    );
    clinic.sandbox.write("drip.yaml", &text);
    clinic.finds("login", "wrong", "`password_command` failed", "");
    assert_eq!(clinic.relay.connections(), 0);
}

#[test]
fn what_the_relay_cannot_carry_is_told_of() {
    let clinic = Clinic::with_relay(over_tls().without("SMTPUTF8"));
    clinic.finds("offer", "ok", "takes mails of up to 10 MB, and no addresses outside ASCII", "");
    clinic.set_up(&clinic.front.url(), "senders: { lan: \"Lan <trà@acme.example>\" }\n");
    clinic.finds("offer", "wrong", "cannot carry `trà@acme.example`", "ASCII");
}
