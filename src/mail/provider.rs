//! What a mail tells its provider, so that the provider's reports name it: a signed token in the header that each has for it.
//!
//! Providers give mails names of their own, and some replace the Message-ID. What they are told here comes back in every report
//! as it was, and whoever reads a mail can make no other mail's of it.

use crate::model::settings::Provider;

/// What the token is called in reports.
pub const NAME: &str = "drip";

/// Returns the headers for a mail. Each provider takes its own off again, but for Mailgun.
pub fn headers(provider: &Provider, token: &str) -> Vec<(&'static str, String)> {
    match provider {
        Provider::Ses { configuration_set, .. } => {
            // The value of a tag has letters, digits, `-` and `_`: a token is made of those.
            let tag = ("X-SES-MESSAGE-TAGS", format!("{NAME}={token}"));
            let set = configuration_set.clone().map(|set| ("X-SES-CONFIGURATION-SET", set));
            std::iter::once(tag).chain(set).collect()
        }
        Provider::Postmark => vec![
            ("X-PM-Metadata-drip", token.to_owned()),
            // Answers name the mail that they answer by its Message-ID.
            ("X-PM-KeepID", "true".to_owned()),
        ],
        Provider::Mailgun => vec![("X-Mailgun-Variables", format!("{{\"{NAME}\": \"{token}\"}}"))],
        Provider::SendGrid => vec![("X-SMTPAPI", format!("{{\"unique_args\": {{\"{NAME}\": \"{token}\"}}}}"))],
        Provider::Brevo => vec![("X-Mailin-custom", format!("{NAME}:{token}"))],
    }
}
