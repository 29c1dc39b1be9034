//! Amazon SNS, by which SES tells: every message is signed with a certificate of Amazon's, which is fetched from Amazon once.
//!
//! Anybody who has an account can have SNS sign messages. So the topic must be one that the settings name, besides; and no
//! address is fetched that is not Amazon's own.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant as Moment};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use serde_json::Value;

use super::certificate::Certificate;
use super::read::text;
use super::{Letter, Refused, is_fresh, ses};
use crate::model::Instant;
use crate::serve::{Fetch, Site};

/// How the address of a certificate ends.
const PEM: &str = ".pem";
/// Certificates that are kept; Amazon has a new one about once a year.
const MOST_KEPT: usize = 8;
/// How long after one that could not be had another is fetched.
const REST: Duration = Duration::from_secs(1);

/// The certificates that were fetched, by their addresses.
#[derive(Default)]
pub(in crate::serve) struct Sns {
    known: RwLock<Vec<(String, Arc<Certificate>)>>,
    /// When one could not be had.
    fetching: tokio::sync::Mutex<Option<Moment>>,
}

impl Sns {
    /// Reads a message of SNS, and confirms the subscription to a topic that the settings name.
    pub(super) async fn open(&self, site: &Site, body: &[u8], now: Instant) -> Result<Letter, Refused> {
        let message: Value = serde_json::from_slice(body).map_err(|_| Refused::Malformed("the body is no JSON"))?;
        let field = |name: &str| text(&message, &[name]);
        let Some(signed) = signed_text(&message) else {
            return Err(Refused::Malformed("this is no message of SNS; is `raw message delivery` off?"));
        };
        if !site.secrets.topics.iter().any(|topic| topic == field("TopicArn")) {
            return Err(Refused::Unproved("`provider` in drip.yaml names another topic"));
        }
        let stamp =
            DateTime::parse_from_rfc3339(field("Timestamp")).map_err(|_| Refused::Malformed("there is no time"))?;
        if !is_fresh(stamp.timestamp(), now) {
            return Err(Refused::Unproved("the signature is too old, or one of the clocks is wrong"));
        }
        let address = field("SigningCertURL");
        if !is_of_a_certificate(address) {
            return Err(Refused::Unproved("the certificate is not at an address of SNS"));
        }
        let certificate = self.certificate(&site.fetch, address).await?;
        let signature = STANDARD.decode(field("Signature")).unwrap_or_default();
        let is_signed = match field("SignatureVersion") {
            "1" => certificate.has_signed_by_sha1(signed.as_bytes(), &signature),
            "2" => certificate.has_signed(signed.as_bytes(), &signature),
            _ => false,
        };
        if !is_signed || !certificate.is_valid_at(now) || !certificate.is_of(is_name_of_sns) {
            return Err(Refused::Unproved("the signature or its certificate is wrong"));
        }
        match field("Type") {
            "Notification" => Ok(ses::read(field("Message"), field("MessageId"))),
            "SubscriptionConfirmation" => confirm(&site.fetch, field("SubscribeURL")).await,
            _ => Ok(Letter { ignored: 1, ..Letter::default() }),
        }
    }

    async fn certificate(&self, fetch: &Fetch, address: &str) -> Result<Arc<Certificate>, Refused> {
        let is_there = || {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            known.iter().find(|(at, _)| at == address).map(|(_, certificate)| Arc::clone(certificate))
        };
        if let Some(certificate) = is_there() {
            return Ok(certificate);
        }
        // Held while one is fetched, so that a hundred messages at once fetch it once. Those of certificates that are known pass by.
        let mut fetching = self.fetching.lock().await;
        if let Some(certificate) = is_there() {
            return Ok(certificate);
        }
        if let Some(wait) = fetching.and_then(|at| REST.checked_sub(at.elapsed())) {
            tokio::time::sleep(wait).await;
        }
        let fetched = get(fetch, address).await.and_then(|pem| Certificate::read(&pem));
        let Some(certificate) = fetched.map(Arc::new) else {
            *fetching = Some(Moment::now());
            return Err(Refused::Later("the certificate of SNS cannot be fetched"));
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() == MOST_KEPT {
            known.remove(0);
        }
        known.push((address.to_owned(), Arc::clone(&certificate)));
        Ok(certificate)
    }
}

/// Says yes to a subscription, which SNS asks for with a signed address of its own.
async fn confirm(fetch: &Fetch, address: &str) -> Result<Letter, Refused> {
    if !is_amazons(address) {
        return Err(Refused::Unproved("the address to confirm at is not one of SNS"));
    }
    match get(fetch, address).await {
        Some(_) => Ok(Letter { ignored: 1, ..Letter::default() }),
        None => Err(Refused::Later("the subscription cannot be confirmed")),
    }
}

async fn get(fetch: &Fetch, address: &str) -> Option<Vec<u8>> {
    let (fetch, address) = (Arc::clone(fetch), address.to_owned());
    tokio::task::spawn_blocking(move || fetch(&address)).await.ok()?
}

/// Returns what SNS signs of a message; `None` where it is none.
fn signed_text(message: &Value) -> Option<String> {
    let names: &[&str] = match text(message, &["Type"]) {
        "Notification" => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        "SubscriptionConfirmation" | "UnsubscribeConfirmation" => {
            &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        }
        _ => return None,
    };
    let mut signed = String::new();
    for name in names {
        match message.get(name).filter(|value| !value.is_null()) {
            Some(value) => signed += &format!("{name}\n{}\n", value.as_str()?),
            // The one that may be missing.
            None if *name == "Subject" => {}
            None => return None,
        }
    }
    Some(signed)
}

/// Says whether an address is one at which SNS has its certificates, `https://sns.….amazonaws.com/SimpleNotificationService-….pem`, and
/// nothing that SNS would answer with somebody's own words.
fn is_of_a_certificate(address: &str) -> bool {
    let path = address.strip_prefix("https://").and_then(|rest| rest.split_once('/')).map(|(_, path)| path);
    let name = path.and_then(|path| path.strip_prefix("SimpleNotificationService-")?.strip_suffix(PEM));
    is_amazons(address)
        && name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Says whether an address is one of SNS itself: `https://sns.eu-west-1.amazonaws.com/…`.
fn is_amazons(address: &str) -> bool {
    let Some(rest) = address.strip_prefix("https://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let inside = host
        .strip_prefix("sns.")
        .and_then(|host| host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn")));
    // A name of one label alone: no user, no port, no other host.
    let is_region = |region: &str| {
        region.len() >= 3 && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    inside.is_some_and(is_region) && rest.contains('/') && rest.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}
/// Says whether a certificate's name is one that Amazon signs for SNS with: `sns.amazonaws.com`, in some regions
/// `sns-signing.ap-east-1.amazonaws.com` or `sns-cn-north-1.amazonaws.com.cn`.
fn is_name_of_sns(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let inside = name.strip_suffix(".amazonaws.com").or_else(|| name.strip_suffix(".amazonaws.com.cn"));
    inside.and_then(|inside| inside.split('.').next()).is_some_and(|first| first == "sns" || first.starts_with("sns-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_but_amazons_own_is_fetched() {
        for good in [
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123.pem",
            "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0123.pem",
            "https://sns.us-gov-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns",
        ] {
            assert!(is_amazons(good), "{good}");
        }
        for bad in [
            "http://sns.eu-west-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
            "https://sns.evil.example/sns.eu-west-1.amazonaws.com/a.pem",
            "https://evil.example#.amazonaws.com/a.pem",
            "https://sns.evil.example?.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
            "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
            "https://sns.a@evil.amazonaws.com/a.pem",
            "https://sns.evil.example\\.amazonaws.com/a.pem",
            "https://bucket.s3.amazonaws.com/a.pem",
            "https://sns.a.b.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com",
            "https://sns..amazonaws.com/a.pem",
            "file:///etc/passwd",
            "",
        ] {
            assert!(!is_amazons(bad), "{bad}");
        }
        for (name, of_sns) in [
            ("sns.amazonaws.com", true),
            ("sns-signing.ap-east-1.amazonaws.com", true),
            ("sns-cn-north-1.amazonaws.com.cn", true),
            ("ses.amazonaws.com", false),
            ("sns.amazonaws.com.evil.example", false),
            ("snsx.amazonaws.com", false),
            ("amazonaws.com", false),
        ] {
            assert_eq!(is_name_of_sns(name), of_sns, "{name}");
        }
    }
}
