//! The only reader of the environment.

/// What the environment says.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment {
    /// `NO_COLOR` is set and not empty (no-color.org).
    pub(super) no_color: bool,
    /// `DRIP_SMTP_URL`: the relay with its password, which no file of the project should hold.
    pub(super) smtp_url: Option<String>,
    /// `DRIP_IMAP_URL`: the mailbox to read, with its password.
    pub(super) imap_url: Option<String>,
}

#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(super) fn read() -> Environment {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    Environment { no_color: set("NO_COLOR").is_some(), smtp_url: set("DRIP_SMTP_URL"), imap_url: set("DRIP_IMAP_URL") }
}

/// Returns a variable by its name, for the secrets that campaign files refer to.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns how long the relay is waited for at the most, where a test says so in `DRIP_PATIENCE_MS`.
///
/// The ten minutes of RFC 5321 cannot be waited for in a test. A release build knows nothing of this: there a shorter
/// wait would only make mails unknown that the relay has taken.
#[cfg(debug_assertions)]
pub(super) fn patience() -> Option<std::time::Duration> {
    variable("DRIP_PATIENCE_MS")?.parse().ok().map(std::time::Duration::from_millis)
}

/// Returns the web server that a test has in place of Amazon's, where it says so in `DRIP_SNS_STAND_IN`. A release build knows
/// nothing of this: whoever could set it could make up the certificate that reports are believed by.
#[cfg(debug_assertions)]
pub(super) fn stand_in() -> Option<String> {
    variable("DRIP_SNS_STAND_IN")
}
