//! Encryption and logins: without a relay that proves its name nothing is said, least of all the password.

use std::net::{IpAddr, UdpSocket};
use std::path::Path;

use crate::case::{Case, Effort};
use crate::support::smtp::{Script, SmtpServer, Verb};
use crate::trouble::Fate::{Due, Sent};
use crate::trouble::{NOW, Trouble, crowd};

const GROUP: &str = "TLS and logins";
/// The password, which must not show anywhere; and how PLAIN and LOGIN write it.
const SECRETS: [&str; 3] = ["s3cret-canary", "AGFjbWUAczNjcmV0LWNhbmFyeQ==", "czNjcmV0LWNhbmFyeQ=="];

pub(crate) fn cases() -> Vec<Case> {
    let case = |id, fault, answer, story| Case { id, group: GROUP, fault, answer, needs: &[], story };
    vec![
        case(
            "F14",
            "the login is refused (535, 454), answered with nonsense, or not offered",
            "the run stops before anybody is touched, code 5, and says whose login it was",
            refused_login,
        ),
        case(
            "F15",
            "STARTTLS is missing where it is required (somebody may be stripping it), or refused",
            "the run stops, code 5; neither login nor mail goes in the clear",
            no_starttls,
        ),
        case(
            "F16",
            "a certificate of an unknown authority, for another name, or expired; no TLS behind the port; words in the clear after STARTTLS",
            "the run stops, code 5, and says which of these it is; nothing is sent, and nothing said in the clear is believed",
            bad_certificate,
        ),
        case(
            "S20",
            "the password on its way, in logs and in the database",
            "it goes to the relay after TLS alone, and shows nowhere",
            password,
        ),
    ]
}

pub(crate) fn support(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support").join(file).display().to_string()
}

pub(crate) fn over_tls(certificate: &str, implicit: bool) -> Script {
    Script::new().offering("AUTH PLAIN").tls(support(certificate), support("relay.key"), implicit)
}

/// A relay to which neither a login nor a mail is said, and the words for it.
fn not_trusted(script: Script, url: &str, says: &[&'static str]) {
    let trouble =
        Trouble::new(script, 5, [Due; 3]).url(url).says(&["everyone it did not reach stays due: "]).says(says);
    let relay = trouble.variable("SSL_CERT_FILE", &support("authority.pem")).tell();
    assert_eq!((relay.count("AUTH"), relay.count("MAIL"), relay.content_bytes()), (0, 0, 0), "{says:?}");
}

const LOGIN: &str = "smtp://acme:s3cret-canary@127.0.0.1:{port}";
pub(crate) const STARTTLS: &str = "smtp://acme:s3cret-canary@127.0.0.1:{port}?tls=starttls";
pub(crate) const IMPLICIT: &str = "smtps://acme:s3cret-canary@127.0.0.1:{port}";

fn refused_login(_: Effort) -> String {
    const WHOSE: &str = "127.0.0.1 refused the login of `acme`: ";
    const CHECK: &str = "hint: check user and password of the SMTP URL";
    let plain = || Script::new().offering("AUTH PLAIN").on(Verb::Auth);
    let cases: [(Script, [&'static str; 3]); 6] = [
        (plain().reply("535 5.7.8 bad credentials"), [WHOSE, "535 5.7.8 bad credentials", CHECK]),
        (plain().reply("454 4.7.0 temporary failure"), [WHOSE, "454 4.7.0 temporary failure", CHECK]),
        (plain().reply("250 ok"), [WHOSE, "250 ok", CHECK]),
        (plain().close(), ["no SMTP dialogue with 127.0.0.1:", "closed the connection", "hint: "]),
        (Script::new().offering("AUTH GSSAPI"), ["offers no login that drip knows (PLAIN, LOGIN)", "hint: ", "leave"]),
        (Script::new(), ["offers no login that drip knows (PLAIN, LOGIN)", "hint: leave the login out", "needs none"]),
    ];
    let told = cases.len();
    for (script, says) in cases {
        let relay = Trouble::new(script, 5, [Due; 3]).url(LOGIN).says(&says).tell();
        assert_eq!((relay.count("MAIL"), relay.connections()), (0, 1), "{says:?}");
    }
    format!("{told} answers: nobody claimed, one connection each")
}

fn no_starttls(_: Effort) -> String {
    let stripped =
        ["offers no STARTTLS, so nothing was sent", "hint: use `smtps://`", "may also be stripping STARTTLS"];
    not_trusted(Script::new().offering("AUTH PLAIN"), STARTTLS, &stripped);
    let said = ["no safe connection to 127.0.0.1:", "so nothing was sent: 454 4.7.0 TLS not available", "hint: "];
    not_trusted(over_tls("relay.pem", false).on(Verb::StartTls).reply("454 4.7.0 TLS not available"), STARTTLS, &said);
    not_trusted(
        over_tls("relay.pem", false).on(Verb::StartTls).close(),
        STARTTLS,
        &["closed the connection", "hint: "],
    );
    "stripped, refused, hung up: no AUTH, no MAIL".to_owned()
}

fn bad_certificate(_: Effort) -> String {
    const UNSAFE: &str = "no safe connection to ";
    for implicit in [true, false] {
        let url = if implicit { IMPLICIT } else { STARTTLS };
        let relay = || over_tls("relay.pem", implicit);
        // It is the certificate alone that is wrong below: with the right one everything goes.
        Trouble::new(relay(), 0, [Sent; 3]).url(url).variable("SSL_CERT_FILE", &support("authority.pem")).tell();

        let expired = [UNSAFE, "its certificate has expired", "hint: the relay's operator must renew it"];
        not_trusted(over_tls("expired.pem", implicit), url, &expired);
        let name = [UNSAFE, "its certificate is for another name", "hint: the host in the SMTP URL must be a name"];
        not_trusted(relay(), &url.replace("127.0.0.1", "localhost"), &name);
        for (trusted, says) in [
            ("relay.pem", ["its certificate is of an authority that this machine does not trust", "SSL_CERT_FILE"]),
            ("nothing.pem", ["this machine trusts no authority at all", "hint: install the package `ca-certificates`"]),
        ] {
            let unknown = Trouble::new(relay(), 5, [Due; 3]).url(url).says(&[UNSAFE]).says(&says);
            let relay = unknown.variable("SSL_CERT_FILE", &support(trusted)).tell();
            assert_eq!((relay.count("AUTH"), relay.count("MAIL")), (0, 0), "{trusted}");
        }
    }
    not_trusted(
        Script::new(),
        IMPLICIT,
        &[UNSAFE, "it does not speak TLS there", "hint: 587 and 25 are for `smtp://`"],
    );
    // What an attacker puts behind the 220, for drip to take as said inside of TLS.
    let injected = over_tls("relay.pem", false).on(Verb::StartTls).raw(b"220 go ahead\r\n250 AUTH PLAIN\r\n");
    let says = [UNSAFE, "it went on talking in the clear after STARTTLS", "hint: ", "someone on the way"];
    not_trusted(injected, STARTTLS, &says);
    "10 relays that cannot be trusted got neither login nor mail; the same two with a good certificate got all"
        .to_owned()
}

fn password(_: Effort) -> String {
    let authority = support("authority.pem");
    let mut looked = 0;
    for (script, url, code) in [
        (over_tls("relay.pem", false), STARTTLS, 0),
        (over_tls("relay.pem", true), IMPLICIT, 0),
        (
            over_tls("relay.pem", true).on(Verb::Auth).reply("535 5.7.8 AGFjbWUAczNjcmV0LWNhbmFyeQ== is wrong"),
            IMPLICIT,
            5,
        ),
    ] {
        let relay = SmtpServer::start(script);
        let sandbox = crowd(2, 1);
        let url = url.replace("{port}", &relay.port().to_string());
        let variables = [("DRIP_SMTP_URL", url.as_str()), ("SSL_CERT_FILE", authority.as_str())];
        let mut shown = String::new();
        for words in [
            &["--now", NOW, "-v", "--log-format", "json", "run"][..],
            &["--now", NOW, "-v", "run"],
            &["--now", NOW, "--json", "run"],
            &["--now", NOW, "status"],
            &["--now", NOW, "check"],
        ] {
            let ended = sandbox.drip_with(&variables, words);
            if words.contains(&"run") {
                assert_eq!(ended.code, code, "{}", ended.stderr);
            }
            shown += &(ended.stdout + &ended.stderr);
        }
        let database = std::fs::read(sandbox.path("drip.db")).unwrap();
        shown += &String::from_utf8_lossy(&database);
        for secret in SECRETS {
            assert!(!shown.contains(secret), "{secret} shows");
        }
        looked += shown.len();
        let commands = relay.commands();
        let at = |word: &str| commands.iter().position(|line| line.starts_with(word)).unwrap_or(usize::MAX);
        assert!(commands[at("AUTH")].contains(SECRETS[1]), "{commands:?}");
        assert!(url.starts_with("smtps") || at("STARTTLS") < at("AUTH"), "{commands:?}");
    }
    assert!(looked > 100_000, "there was something to look through");
    if let Some(address) = address_outside() {
        let relay = SmtpServer::start_at(address, Script::new().offering("AUTH PLAIN"));
        let sandbox = crowd(1, 1);
        let url = format!("smtp://acme:s3cret-canary@{address}:{}?tls=none", relay.port());
        let said = sandbox.drip_with(&[("DRIP_SMTP_URL", &url)], &["--now", NOW, "run"]).code(5).stderr;
        assert!(said.contains("would go in the clear, so it was not sent"), "{said}");
        assert!(said.contains("hint: use `smtps://`") && !said.contains(SECRETS[0]), "{said}");
        assert_eq!((relay.count("AUTH"), relay.count("MAIL")), (0, 0));
    }
    "not in what is printed, logged or stored, also where the relay repeats it; AUTH only inside of TLS".to_owned()
}

/// Returns an address of this machine that is not its loopback, where it has one.
fn address_outside() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Chooses the way and sends nothing.
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}
