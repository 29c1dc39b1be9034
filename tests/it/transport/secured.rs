//! Log-ins, and connections that nobody else can read.

use std::path::{Path, PathBuf};

use drip::mail::transport::{ConnectErrorKind, Relay, Scope, SmtpRelay, Transport};
use drip::model::settings::{Security, Smtp};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{client, deferred, deliver, impatient, is_sent, settings, with_login};
use crate::support::smtp::{Script, SmtpServer, Verb};

#[test]
fn a_login_works_both_ways_and_a_refused_one_blames_nobody() {
    for (offer, command) in [("AUTH PLAIN LOGIN", "AUTH PLAIN AGFjbWUAczNjcmV0"), ("AUTH LOGIN", "YWNtZQ==")] {
        let relay = SmtpServer::start(Script::new().offering(offer));
        let mut client = client(with_login(settings(&relay)));
        assert!(is_sent(&deliver(&mut *client, &relay, "lan@example.com")));
        assert!(relay.commands().iter().any(|line| line == command), "{:?}", relay.commands());
    }
    for (script, said) in [
        (Script::new().offering("AUTH PLAIN").on(Verb::Auth).reply("535 5.7.8 bad password"), "535 5.7.8"),
        (Script::new().offering("AUTH PLAIN").on(Verb::Auth).reply("454 4.7.0 later"), "454"),
        (Script::new().offering("AUTH PLAIN").on(Verb::Auth).reply("250 ok"), "250"),
        (Script::new().offering("AUTH GSSAPI"), "offers no login"),
        (Script::new(), "offers no login"),
    ] {
        let relay = SmtpServer::start(script);
        let mut client = client(with_login(settings(&relay)));
        let error = client.connect().unwrap_err();
        assert_eq!(error.kind, ConnectErrorKind::Auth, "{error}");
        assert!(error.message.contains(said) && !error.message.contains("s3cret"), "{error}");
        assert_eq!(deferred(&deliver(&mut *client, &relay, "lan@example.com")), Some(Scope::Relay));
        assert_eq!(relay.count("MAIL"), 0);
    }
}

fn support(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support").join(file)
}

fn over_tls(implicit: bool) -> Script {
    Script::new().offering("AUTH PLAIN").tls(support("relay.pem"), support("relay.key"), implicit)
}

fn trusting(settings: Smtp) -> Box<dyn Transport> {
    let authority = CertificateDer::from_pem_file(support("authority.pem")).unwrap();
    SmtpRelay::new(settings).timeouts(impatient()).authority(authority.to_vec()).transport()
}

#[test]
fn a_mail_goes_through_tls_from_the_start_and_after_starttls() {
    for security in [Security::Implicit, Security::StartTls] {
        let relay = SmtpServer::start(over_tls(security == Security::Implicit));
        let mut client = trusting(with_login(Smtp { security, ..settings(&relay) }));
        for address in ["lan@example.com", "minh@example.com"] {
            assert!(is_sent(&deliver(&mut *client, &relay, address)));
        }
        let commands = relay.commands();
        let at = |word: &str| commands.iter().position(|line| line.starts_with(word));
        assert!(at("STARTTLS") < at("AUTH") && at("AUTH") < at("MAIL"), "{commands:?}");
        assert_eq!(relay.connections(), 1);
    }
}

#[test]
fn without_trustworthy_tls_neither_login_nor_mail_goes_out() {
    type Case = (&'static str, Security, Script, fn(Smtp) -> Box<dyn Transport>);
    let injected = over_tls(false).on(Verb::StartTls).raw(b"220 go ahead\r\n250 injected\r\n");
    let cases: [Case; 6] = [
        ("stripped", Security::StartTls, Script::new().offering("AUTH PLAIN"), trusting),
        ("refused", Security::StartTls, over_tls(false).on(Verb::StartTls).reply("454 4.7.0 no TLS"), trusting),
        ("injected", Security::StartTls, injected, trusting),
        ("unknown authority", Security::StartTls, over_tls(false), client),
        ("unknown authority", Security::Implicit, over_tls(true), client),
        ("no TLS behind the port", Security::Implicit, Script::new(), trusting),
    ];
    for (name, security, script, client) in cases {
        let relay = SmtpServer::start(script);
        let mut client = client(with_login(Smtp { security, ..settings(&relay) }));
        let error = client.connect().expect_err(name);
        assert_eq!(error.kind, ConnectErrorKind::Tls, "{name}: {error}");
        assert_eq!(error.message.contains("offers no STARTTLS"), name == "stripped", "{name}: {error}");
        assert_eq!(deferred(&deliver(&mut *client, &relay, "lan@example.com")), Some(Scope::Relay), "{name}");
        assert_eq!((relay.count("AUTH"), relay.count("MAIL"), relay.content_bytes()), (0, 0, 0), "{name}");
    }
    // A certificate of a trusted authority, but for another name.
    let relay = SmtpServer::start(over_tls(true));
    let elsewhere = Smtp { host: "localhost".to_owned(), security: Security::Implicit, ..settings(&relay) };
    assert_eq!(trusting(elsewhere).connect().unwrap_err().kind, ConnectErrorKind::Tls);
}
