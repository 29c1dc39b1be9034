//! Why a TLS handshake failed, in words for the operator of this machine and for that of the relay.

use std::io;

use rustls::{CertificateError, Error};

use super::reply::one_line;

/// What is wrong with the relay's side of TLS.
#[derive(Debug)]
pub(in crate::mail) struct Distrust {
    pub(super) message: String,
    /// What may be done about it.
    pub(in crate::mail) hint: &'static str,
}

impl Distrust {
    /// Finds the fault of TLS in an error of the socket; `None` where the connection itself was lost.
    pub(super) fn read(error: &io::Error) -> Option<Self> {
        let error: &Error = error.get_ref()?.downcast_ref()?;
        let (message, hint) = match error {
            Error::InvalidCertificate(error) => certificate(error),
            Error::InvalidMessage(_) => (
                "it does not speak TLS there".to_owned(),
                "587 and 25 are for `smtp://` (STARTTLS), 465 for `smtps://`",
            ),
            other => (one_line(&other.to_string()), "ask the relay's operator which TLS it speaks"),
        };
        Some(Self { message, hint })
    }
}

fn certificate(error: &CertificateError) -> (String, &'static str) {
    use CertificateError as Fault;
    match error {
        Fault::Expired | Fault::ExpiredContext { .. } => (
            "its certificate has expired".to_owned(),
            "the relay's operator must renew it; is this machine's clock right?",
        ),
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => {
            ("its certificate is not valid yet".to_owned(), "is this machine's clock right?")
        }
        Fault::NotValidForName | Fault::NotValidForNameContext { .. } => (
            "its certificate is for another name".to_owned(),
            "the host in the SMTP URL must be a name that stands in the relay's certificate",
        ),
        Fault::UnknownIssuer => (
            "its certificate is of an authority that this machine does not trust".to_owned(),
            "if the relay has an authority of its own, let SSL_CERT_FILE name the authority's certificate (PEM)",
        ),
        other => (
            format!("its certificate cannot be trusted: {}", one_line(&other.to_string())),
            "the relay's operator must mend its certificate",
        ),
    }
}
