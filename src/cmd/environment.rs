//! The only reader of the environment.

/// What the environment says.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment {
    /// `NO_COLOR` is set and not empty (no-color.org).
    pub(super) no_color: bool,
    /// `DRIP_SMTP_URL`: the relay with its password, which no file of the project should hold.
    pub(super) smtp_url: Option<String>,
}

#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(super) fn read() -> Environment {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    Environment { no_color: set("NO_COLOR").is_some(), smtp_url: set("DRIP_SMTP_URL") }
}

/// Returns a variable by its name, for the secrets that campaign files refer to.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
