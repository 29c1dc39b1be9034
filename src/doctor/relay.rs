//! What the relay said up to the login, and what follows for mails.

use super::{Finding, Group};
use crate::mail::transport::{ConnectError, ConnectErrorKind, Offer};
use crate::model::settings::{Security, Settings, Smtp};

const CONNECTION: &str = "connection";
const TLS: &str = "tls";
const LOGIN: &str = "login";
const OFFER: &str = "offer";

/// Returns the same for each check of the relay: why none was made.
pub fn not_made(why: &str) -> Vec<Finding> {
    [CONNECTION, TLS, LOGIN, OFFER].map(|check| Finding::not_made(Group::Relay, check, why)).to_vec()
}

/// Returns what is known where the password of the relay is not to be had: `login` says why.
pub fn without_password(login: &Finding) -> Vec<Finding> {
    let mut findings = not_made("the relay is not asked without the password");
    for finding in findings.iter_mut().filter(|finding| finding.check == login.check) {
        finding.clone_from(login);
    }
    findings
}

/// Says of a project without a relay what follows.
pub fn missing() -> Finding {
    Finding::not_made(Group::Relay, CONNECTION, "no relay is configured, so mail goes to outbox/")
        .advice("set DRIP_SMTP_URL=smtps://user:password@relay.example, or `smtp` in drip.yaml")
}

/// Judges how the relay answered; `name` is what it is called, `is_local` whether it stands on this machine.
pub fn judge(name: &str, settings: &Settings, smtp: &Smtp, answer: &Result<Offer, ConnectError>) -> Vec<Finding> {
    match answer {
        Ok(offer) => vec![
            Finding::fine(Group::Relay, CONNECTION, format!("{name} answers")),
            tls(smtp, offer),
            login(smtp),
            self::offer(settings, offer),
        ],
        Err(error) => refused(name, smtp, error),
    }
}

fn tls(smtp: &Smtp, offer: &Offer) -> Finding {
    match (&offer.tls, smtp.security) {
        (Some(version), _) => Finding::fine(
            Group::Relay,
            TLS,
            format!("{version}, with a certificate for {} that this machine trusts", smtp.host),
        ),
        (None, _) if offer.is_local => {
            Finding::fine(Group::Relay, TLS, "none, and none is needed: the relay is on this machine")
        }
        (None, _) => Finding::warning(Group::Relay, TLS, format!("mail goes to {} in the clear", smtp.host))
            .advice("take `?tls=none` out of the SMTP URL, or write `smtps://`"),
    }
}

fn login(smtp: &Smtp) -> Finding {
    Finding::fine(
        Group::Relay,
        LOGIN,
        match &smtp.login {
            Some(login) => format!("the relay took the login of `{}`", login.user),
            None => "none is configured, and the relay asked for none so far".to_owned(),
        },
    )
}

fn offer(settings: &Settings, offer: &Offer) -> Finding {
    let senders = settings.senders.values().map(|sender| &sender.from).chain([&settings.from]);
    let foreign = senders.map(|sender| sender.address.for_smtp()).find(|address| !address.is_ascii());
    if let (Some(address), false) = (foreign, offer.takes_utf8) {
        return Finding::wrong(Group::Relay, OFFER, format!("the relay cannot carry `{address}`: it has no SMTPUTF8"))
            .advice("take a sender's address in ASCII, or another relay");
    }
    let size = offer.size.map_or_else(
        || "says no limit for the size of a mail".to_owned(),
        |bytes| format!("takes mails of up to {} MB", bytes / 1_000_000),
    );
    let foreign = if offer.takes_utf8 { "and addresses outside ASCII" } else { "and no addresses outside ASCII" };
    Finding::fine(Group::Relay, OFFER, format!("the relay {size}, {foreign}"))
}

fn refused(name: &str, smtp: &Smtp, error: &ConnectError) -> Vec<Finding> {
    let wrong = |check: &'static str| {
        let finding = Finding::wrong(Group::Relay, check, error.message.as_str());
        if error.hint.is_empty() { finding } else { finding.advice(error.hint.as_str()) }
    };
    let answers = Finding::fine(Group::Relay, CONNECTION, format!("{name} answers"));
    let before = |checks: &[&'static str], why: &str| -> Vec<Finding> {
        checks.iter().map(|check| Finding::not_made(Group::Relay, check, why)).collect()
    };
    match error.kind {
        ConnectErrorKind::Unreachable | ConnectErrorKind::Greeting => {
            [vec![wrong(CONNECTION)], before(&[TLS, LOGIN, OFFER], "there was no dialogue with the relay")].concat()
        }
        ConnectErrorKind::Rate => {
            let finding = Finding::warning(
                Group::Relay,
                CONNECTION,
                format!("the relay says that it gets too much: {}", error.message),
            );
            [
                vec![finding.advice(error.hint.as_str())],
                before(&[TLS, LOGIN, OFFER], "the relay wants to be left alone"),
            ]
            .concat()
        }
        ConnectErrorKind::Tls => {
            [vec![answers, wrong(TLS)], before(&[LOGIN, OFFER], "nothing was said without TLS")].concat()
        }
        ConnectErrorKind::Auth => {
            let tls = (smtp.security != Security::None)
                .then(|| Finding::fine(Group::Relay, TLS, "the connection is safe up to the login"));
            std::iter::once(answers).chain(tls).chain([wrong(LOGIN)]).collect()
        }
    }
}
