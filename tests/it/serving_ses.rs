//! Amazon SES tells by way of SNS: signed messages, with a stand-in for Amazon's web server on this machine.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use crate::serving_providers::{LATER, consents, counts, events, mail, mailed};
use crate::support::Sandbox;
use crate::support::server::{Answer, Server, header};
use crate::support::smtp::{Script, SmtpServer};

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:drip";
const PROVIDER: &str =
    "provider: { name: ses, topics: [\"arn:aws:sns:eu-west-1:123456789012:drip\"], configuration_set: drip-events }";
const CERTIFICATE: &str = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem";
const GOOD: &str = include_str!("fixtures/sns/sns.pem");
const EXPIRED: &str = include_str!("fixtures/sns/expired.pem");
const STRANGER: &str = include_str!("fixtures/sns/stranger.pem");
const KEY: &str = include_str!("fixtures/sns/sns.key");
/// Signed with SHA-1, which ring does not do.
const VERSION_1: &str = include_str!("fixtures/sns/version1.json");

/// What stands in for Amazon's web server: certificates at their paths, and whatever else is asked for.
struct Amazon {
    port: u16,
    paths: Arc<Mutex<Vec<String>>>,
}

impl Amazon {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let paths = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&paths);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let seen = Arc::clone(&seen);
                thread::spawn(move || answer(&seen, stream.unwrap()));
            }
        });
        Self { port, paths }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn asked(&self) -> Vec<String> {
        self.paths.lock().unwrap().clone()
    }
}

fn answer(seen: &Mutex<Vec<String>>, stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 2 {
        line.clear();
    }
    let (status, body) = match path.as_str() {
        path if path.contains("expired") => ("200 OK", EXPIRED),
        path if path.contains("stranger") => ("200 OK", STRANGER),
        path if path.contains("missing") => ("404 Not Found", ""),
        path if path.contains("nonsense") => ("200 OK", "<html>"),
        path if path.contains(".pem") => ("200 OK", GOOD),
        _ => ("200 OK", "<ConfirmSubscriptionResponse/>"),
    };
    seen.lock().unwrap().push(path);
    let length = body.len();
    write!(reader.get_mut(), "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}").ok()
}

fn sign(message: &mut Value) {
    let names: &[&str] = if message["Type"] == "Notification" {
        &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    } else {
        &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    };
    let field = |name: &&str| message.get(*name).map(|value| format!("{name}\n{}\n", value.as_str().unwrap()));
    let text: String = names.iter().filter_map(field).collect();
    let inside: String = KEY.lines().filter(|line| !line.starts_with("-----")).collect();
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(inside).unwrap()).unwrap();
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    message["Signature"] = json!(STANDARD.encode(signature));
}

/// A message as SNS sends it.
fn notification(event: &Value) -> Value {
    let mut message = json!({
        "Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification", "Message": event.to_string(), "Timestamp": "2026-03-02T02:29:45.678Z",
        "SignatureVersion": "2", "SigningCertURL": CERTIFICATE,
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=arn:aws:sns:eu-west-1:123456789012:drip:c9135db0",
    });
    sign(&mut message);
    message
}

fn tell(server: &Server, message: &Value) -> Answer {
    let head = [("Content-Type", "text/plain; charset=UTF-8"), ("x-amz-sns-message-type", "Notification")];
    server.send("POST", "/providers/ses", &head, &message.to_string())
}

struct Post {
    relay: SmtpServer,
    sandbox: Sandbox,
}

impl Post {
    fn of(settings: &str, names: &[&str]) -> Self {
        let relay = SmtpServer::start(Script::new());
        let sandbox = mailed(&relay, settings, names);
        Self { relay, sandbox }
    }

    fn serve(&self, amazon: &Amazon) -> Server {
        Server::start_at(&self.sandbox, LATER, &[("DRIP_SNS_STAND_IN", &amazon.url())])
    }

    /// An event of a configuration set.
    fn event(&self, who: &str, kind: &str, part: &str, inside: &Value) -> Value {
        let bytes = mail(&self.relay, who).bytes;
        let tag = header(&bytes, "x-ses-message-tags");
        let token = tag.strip_prefix("drip=").unwrap();
        assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "a tag of SES: {token}");
        let id = header(&bytes, "message-id");
        json!({
            "eventType": kind, part: inside,
            "mail": {
                "timestamp": "2026-03-02T02:00:02.012Z", "source": "Acme <hello@acme.example>", "sendingAccountId": "123456789012",
                "messageId": format!("EXAMPLE-{who}-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000"),
                "destination": [format!("{who}@example.com")], "headersTruncated": false,
                "headers": [{ "name": "From", "value": "Acme <hello@acme.example>" }, { "name": "Message-ID", "value": id }],
                "commonHeaders": { "from": ["Acme <hello@acme.example>"], "to": [format!("{who}@example.com")], "messageId": id, "subject": "Chào bạn" },
                "tags": { "ses:configuration-set": ["drip-events"], "ses:from-domain": ["acme.example"], "drip": [token] },
            },
        })
    }

    fn bounce(&self, who: &str, kind: &str, sub: &str, status: &str, words: &str) -> Value {
        let recipients = json!([{ "emailAddress": format!("{who}@example.com"), "action": "failed", "status": status, "diagnosticCode": words }]);
        let bounce = json!({
            "bounceType": kind, "bounceSubType": sub, "bouncedRecipients": recipients, "timestamp": "2026-03-02T02:05:02.669Z",
            "feedbackId": format!("01000157c44f053b-61b59c11-9236-11e6-{who}-000000"), "reportingMTA": "dsn; mta.example.com",
        });
        self.event(who, "Bounce", "bounce", &bounce)
    }
}

#[test]
fn ses_tells_of_every_kind_and_the_certificate_is_fetched_once() {
    let post = Post::of(PROVIDER, &["an", "binh", "chi", "dung", "giang"]);
    let set = header(&mail(&post.relay, "an").bytes, "x-ses-configuration-set");
    assert_eq!(set, "drip-events");
    let amazon = Amazon::start();
    let server = post.serve(&amazon);
    let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148";
    let reaction = |who: &str, kind: &str, part: &str, agent: &str, at: &str| {
        let inside = json!({ "ipAddress": "203.0.113.4", "timestamp": at, "userAgent": agent, "link": "https://shop.example/tea?a=1" });
        post.event(who, kind, part, &inside)
    };
    let complaint = json!({
        "complainedRecipients": [{ "emailAddress": "dung@example.com" }], "timestamp": "2026-03-02T02:06:02.614Z",
        "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000001", "complaintFeedbackType": "abuse",
    });
    let not_spam = json!({
        "complainedRecipients": [{ "emailAddress": "chi@example.com" }], "timestamp": "2026-03-02T02:06:02.614Z",
        "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000002", "complaintFeedbackType": "not-spam",
    });
    let delivery = json!({ "timestamp": "2026-03-02T02:00:05.000Z", "processingTimeMillis": 546, "recipients": ["chi@example.com"], "smtpResponse": "250 ok" });
    let all = [
        post.bounce("an", "Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown"),
        post.bounce("binh", "Transient", "MailboxFull", "4.2.2", "smtp; 452 4.2.2 over quota"),
        post.bounce("giang", "Permanent", "General", "5.7.1", "smtp; 550 5.7.1 rejected as spam by content filter"),
        post.event("dung", "Complaint", "complaint", &complaint),
        post.event("chi", "Complaint", "complaint", &not_spam),
        post.event("chi", "Delivery", "delivery", &delivery),
        reaction("chi", "Open", "open", "Mozilla/5.0", "2026-03-02T02:07:00.000Z"),
        reaction("chi", "Open", "open", phone, "2026-03-02T02:08:00.000Z"),
        reaction("chi", "Click", "click", phone, "2026-03-02T02:09:00.000Z"),
    ];
    for event in &all {
        assert_eq!(counts(&tell(&server, &notification(event))), [1, 0, 0, 0, 0], "{event}");
    }
    let told = [
        "an bounced user_unknown 5.1.1",
        "binh bounced mailbox_full 4.2.2",
        "chi delivered",
        "chi opened_by_machine",
        "chi opened",
        "chi clicked https://shop.example/tea?a=1",
        "dung complained",
        "giang bounced spam_detected 5.7.1",
    ];
    assert_eq!(events(&post.sandbox), told);
    let people = ["an bounced", "binh subscribed", "chi subscribed", "dung complained", "giang subscribed"];
    assert_eq!(consents(&post.sandbox), people);
    // SNS tells again, and feedback by e-mail identity tells the same as the configuration set.
    for event in &all {
        let mut again = notification(event);
        again["MessageId"] = json!("another-of-the-same");
        sign(&mut again);
        assert_eq!(counts(&tell(&server, &again)), [0, 1, 0, 0, 0], "{event}");
    }
    assert_eq!(events(&post.sandbox), told);
    for (event, end) in [
        (post.event("an", "Send", "send", &json!({})), [0, 0, 0, 1, 0]),
        (json!("Successfully validated SNS topic for Amazon SES event publishing."), [0, 0, 0, 1, 0]),
        (json!({ "eventType": "Rendering Failure", "mail": {}, "failure": {} }), [0, 0, 0, 1, 0]),
    ] {
        assert_eq!(counts(&tell(&server, &notification(&event))), end, "{event}");
    }
    assert_eq!(tell(&server, &notification(&json!({ "eventType": "Bounce", "bounce": 1 }))).code, 400);
    assert_eq!(amazon.asked(), [CERTIFICATE.strip_prefix("https://sns.eu-west-1.amazonaws.com").unwrap()]);
}

#[test]
fn nothing_that_sns_did_not_sign_for_a_named_topic_is_believed() {
    let post = Post::of(PROVIDER, &["an", "binh"]);
    let amazon = Amazon::start();
    let server = post.serve(&amazon);
    let true_one = notification(&post.bounce("an", "Permanent", "NoEmail", "5.1.1", "smtp; 550 5.1.1 user unknown"));
    let with = |name: &str, value: &str, signed: bool| {
        let mut message = true_one.clone();
        message[name] = json!(value);
        if signed {
            sign(&mut message);
        }
        message
    };
    let other = post.bounce("binh", "Permanent", "NoEmail", "5.1.1", "smtp; 550 5.1.1 user unknown").to_string();
    let at = |name: &str| format!("https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{name}.pem");
    for (message, code, why) in [
        (with("Message", &other, false), 401, "another message under the signature"),
        (with("Subject", "", false), 401, "another subject"),
        (with("Timestamp", "2026-03-02T02:29:46.678Z", false), 401, "another time"),
        (with("SignatureVersion", "1", false), 401, "said to be SHA-1"),
        (with("SignatureVersion", "3", false), 401, "a version that is not known"),
        (with("Signature", "AAAA", false), 401, "no signature"),
        (with("TopicArn", "arn:aws:sns:eu-west-1:666666666666:drip", true), 401, "a topic of somebody else's"),
        (with("Timestamp", "2026-02-27T02:29:45.678Z", true), 401, "days old"),
        (with("SigningCertURL", "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem", false), 401, "at another's"),
        (with("SigningCertURL", "http://sns.eu-west-1.amazonaws.com/a.pem", false), 401, "without TLS"),
        (with("SigningCertURL", "https://sns.eu-west-1.amazonaws.com/a", false), 401, "no certificate's name"),
        (with("SigningCertURL", &format!("{CERTIFICATE}?Action=GetTopicAttributes"), false), 401, "what SNS answers"),
        (with("SigningCertURL", "https://sns.eu-west-1.amazonaws.com/other.pem", false), 401, "another file"),
        (with("SigningCertURL", &at("expired"), false), 401, "a certificate out of date"),
        (with("SigningCertURL", &at("stranger"), false), 401, "a certificate of another service"),
        (with("SigningCertURL", &at("missing"), false), 503, "a certificate that is not there"),
        (with("SigningCertURL", &at("nonsense"), false), 503, "a certificate that is none"),
        (with("Type", "Something", false), 400, "another type"),
        (json!({ "eventType": "Bounce" }), 400, "raw delivery"),
        (json!([]), 400, "a list"),
    ] {
        assert_eq!(tell(&server, &message).code, code, "{why}");
    }
    assert_eq!(events(&post.sandbox), [""; 0]);
    assert_eq!(consents(&post.sandbox), ["an subscribed", "binh subscribed"]);
    assert!(amazon.asked().iter().all(|path| path.contains(".pem")), "{:?}", amazon.asked());
    assert_eq!(counts(&tell(&server, &true_one)), [1, 0, 0, 0, 0]);
    assert_eq!(consents(&post.sandbox), ["an bounced", "binh subscribed"]);
}

#[test]
fn a_message_signed_with_sha_1_is_read_and_one_that_was_altered_is_not() {
    let post = Post::of(PROVIDER, &["lan"]);
    let amazon = Amazon::start();
    let server = post.serve(&amazon);
    let message: Value = serde_json::from_str(VERSION_1).unwrap();
    assert_eq!(counts(&tell(&server, &message)), [0, 0, 1, 0, 0], "of a mail of somebody else's");
    let altered = VERSION_1.replace("user unknown", "user unknowm");
    assert_ne!(altered, VERSION_1);
    assert_eq!(tell(&server, &serde_json::from_str(&altered).unwrap()).code, 401);
}

#[test]
fn a_subscription_is_confirmed_for_a_named_topic_alone() {
    let post = Post::of(PROVIDER, &["lan"]);
    let amazon = Amazon::start();
    let server = post.serve(&amazon);
    let subscription = |topic: &str, url: &str| {
        let mut message = json!({
            "Type": "SubscriptionConfirmation", "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b", "Token": "2336412f37", "TopicArn": topic,
            "Message": format!("You have chosen to subscribe to the topic {topic}.\nTo confirm the subscription, visit the SubscribeURL included in this message."),
            "SubscribeURL": url, "Timestamp": "2026-03-02T02:29:01.000Z", "SignatureVersion": "2", "SigningCertURL": CERTIFICATE,
        });
        sign(&mut message);
        message
    };
    let url =
        format!("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37");
    let confirms = || amazon.asked().iter().filter(|path| path.contains("ConfirmSubscription")).count();
    assert_eq!(tell(&server, &subscription("arn:aws:sns:eu-west-1:666666666666:drip", &url)).code, 401);
    assert_eq!(tell(&server, &subscription(TOPIC, "https://evil.example/?Action=ConfirmSubscription")).code, 401);
    let mut unsigned = subscription(TOPIC, &url);
    unsigned["Token"] = json!("another");
    assert_eq!(tell(&server, &unsigned).code, 401);
    assert_eq!(confirms(), 0);
    assert_eq!(tell(&server, &subscription(TOPIC, &url)).code, 200);
    assert_eq!(confirms(), 1);
}

#[test]
fn without_a_configuration_set_the_returned_headers_and_the_envelope_tell_which_mail() {
    let settings = format!("bounce_address: bounces@acme.example\n{PROVIDER}");
    let post = Post::of(&settings, &["an", "binh", "chi"]);
    let amazon = Amazon::start();
    let server = post.serve(&amazon);
    // Feedback notifications of an identity have no tags.
    let feedback = |who: &str| {
        let mut event = post.bounce(who, "Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown");
        event["notificationType"] = event["eventType"].take();
        event["mail"].as_object_mut().unwrap().remove("tags");
        event
    };
    let by_header = feedback("an");
    let mut by_envelope = feedback("binh");
    by_envelope["mail"]["headers"] = json!([]);
    by_envelope["mail"]["commonHeaders"] = json!({});
    by_envelope["mail"]["source"] =
        json!(mail(&post.relay, "binh").from.trim_matches(['<', '>']).split('>').next().unwrap());
    // Of several recipients the one counts to whom the mail went; a name before an address is no part of it.
    let mut others = feedback("chi");
    others["bounce"]["bouncedRecipients"] = json!([
        { "emailAddress": "other@example.net", "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown" },
        { "emailAddress": "Chi <CHI@example.com>", "action": "failed", "status": "4.2.2", "diagnosticCode": "smtp; 452 4.2.2 over quota" },
    ]);
    assert_eq!(counts(&tell(&server, &notification(&by_header))), [1, 0, 0, 0, 0]);
    assert_eq!(counts(&tell(&server, &notification(&by_envelope))), [1, 0, 0, 0, 0]);
    assert_eq!(counts(&tell(&server, &notification(&others))), [1, 0, 1, 0, 0]);
    assert_eq!(consents(&post.sandbox), ["an bounced", "binh bounced", "chi subscribed"]);
    assert_eq!(events(&post.sandbox)[2], "chi bounced mailbox_full 4.2.2");
    // The envelope of one mail is no proof of another.
    let mut forged = by_envelope.clone();
    forged["bounce"]["bouncedRecipients"][0]["emailAddress"] = json!("chi@example.com");
    forged["bounce"]["feedbackId"] = json!("another");
    assert_eq!(counts(&tell(&server, &notification(&forged))), [0, 0, 1, 0, 0]);
}
