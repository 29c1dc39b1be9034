//! Mail providers tell by web what became of mails: in their own words, with proofs as they make them, over a socket.

#![allow(clippy::unwrap_used, reason = "a test")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::documents::blocks;
use crate::support::Sandbox;
use crate::support::server::{Answer, Server, header};
use crate::support::smtp::{Mail, Script, SmtpServer, Verb};

pub(crate) const MONDAY: &str = "2026-03-02T02:00:00Z";
/// Half an hour later, when the server runs.
pub(crate) const LATER: &str = "2026-03-02T02:30:00Z";
const TUESDAY: &str = "2026-03-03T02:00:00Z";
/// 2026-03-02T02:05:00Z.
const FIVE_PAST: i64 = 1_772_417_100;
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148";

/// People, each of whom got the first mail of two.
pub(crate) fn mailed(relay: &SmtpServer, settings: &str, names: &[&str]) -> Sandbox {
    let rows: Vec<String> = names.iter().map(|name| format!("{name}@example.com")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let settings = format!(
        "public_url: http://localhost\n{settings}\nfrequency_cap: none\nsmtp: {{ url: \"smtp://localhost\", connections: 1 }}"
    );
    let sandbox = Sandbox::new()
        .settings(&settings)
        .campaign("w", "trigger: { segment: 'true' }", &["id: hello, send: mail", "id: more, delay: 1d, send: mail"])
        .contacts("email", &rows)
        .through(relay);
    sandbox.run(MONDAY);
    sandbox
}

/// The mail of a person.
pub(crate) fn mail(relay: &SmtpServer, who: &str) -> Mail {
    relay.mails().into_iter().find(|mail| mail.to[0].starts_with(&format!("{who}@"))).unwrap()
}

pub(crate) fn events(sandbox: &Sandbox) -> Vec<String> {
    sandbox.sql(
        "SELECT substr(email, 1, instr(email, '@') - 1) || ' ' || event || coalesce(' ' || json_extract(properties, '$.reason'), '') ||
         coalesce(' ' || json_extract(properties, '$.status'), '') || coalesce(' ' || json_extract(properties, '$.url'), '')
         FROM v_events ORDER BY email, at, event",
    )
}

pub(crate) fn consents(sandbox: &Sandbox) -> Vec<String> {
    sandbox.sql("SELECT substr(email, 1, instr(email, '@') - 1) || ' ' || consent FROM contacts ORDER BY email")
}

/// What a provider is answered, in the order recorded, known, untied, ignored, unreadable.
#[track_caller]
pub(crate) fn counts(answer: &Answer) -> [u64; 5] {
    assert_eq!(answer.code, 200, "{}", answer.body);
    let said: Value = serde_json::from_str(&answer.body).unwrap();
    ["recorded", "known", "untied", "ignored", "unreadable"].map(|name| said[name].as_u64().unwrap())
}

/// Postmark's server in small: what it tells of mails that went through it.
struct Postmark<'a> {
    relay: &'a SmtpServer,
    server: &'a Server,
}

impl Postmark<'_> {
    fn token(&self, who: &str) -> String {
        header(&mail(self.relay, who).bytes, "x-pm-metadata-drip")
    }

    fn tell(&self, event: &Value) -> Answer {
        let basic = format!("Basic {}", STANDARD.encode("postmark:s3cret"));
        self.server.send("POST", "/providers/postmark", &[("Authorization", &basic)], &event.to_string())
    }

    fn delivery(&self, who: &str) -> Value {
        json!({
            "RecordType": "Delivery", "ServerID": 23, "MessageStream": "broadcast", "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
            "Recipient": format!("{who}@example.com"), "Tag": "", "DeliveredAt": "2026-03-02T02:00:09.2735393Z",
            "Details": "smtp;250 2.0.0 OK", "Metadata": { "drip": self.token(who) },
        })
    }

    fn bounce(&self, who: &str, kind: &str, code: u32, details: &str) -> Value {
        json!({
            "RecordType": "Bounce", "ID": 692_560_173, "Type": kind, "TypeCode": code, "Name": kind, "Tag": "",
            "MessageID": "2c1b63fe-43f2-4db5-91b0-8bdfa44a9316", "ServerID": 23, "MessageStream": "broadcast",
            "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
            "Details": details, "Email": format!("{who}@example.com"), "From": "hello@acme.example",
            "BouncedAt": "2026-03-02T09:05:00.1234567+07:00", "DumpAvailable": true, "Inactive": true, "CanActivate": true,
            "Subject": "Chào bạn", "Content": "", "Metadata": { "drip": self.token(who) },
        })
    }

    fn complaint(&self, who: &str) -> Value {
        let mut event = self.bounce(who, "SpamComplaint", 512, "Test spam complaint details");
        event["RecordType"] = json!("SpamComplaint");
        event["ID"] = json!(42);
        event
    }

    fn open(&self, who: &str, agent: &str, at: &str) -> Value {
        json!({
            "RecordType": "Open", "FirstOpen": true, "Client": { "Name": "Apple Mail", "Company": "Apple Inc.", "Family": "Apple Mail" },
            "OS": { "Name": "iOS", "Company": "Apple", "Family": "iOS" }, "Platform": "Mobile", "UserAgent": agent,
            "Geo": { "CountryISOCode": "VN", "City": "Hanoi", "IP": "203.0.113.4" }, "MessageID": "929cd02a-1e2d-4f8e-9b2a-4b5a1e1f0a77",
            "MessageStream": "broadcast", "ReceivedAt": at, "Tag": "", "Recipient": format!("{who}@example.com"),
            "Metadata": { "drip": self.token(who) },
        })
    }

    fn click(&self, who: &str, agent: &str, at: &str, link: &str) -> Value {
        let mut event = self.open(who, agent, at);
        event["RecordType"] = json!("Click");
        event["ClickLocation"] = json!("HTML");
        event["OriginalLink"] = json!(link);
        event
    }
}

#[test]
fn postmark_tells_by_the_metadata_of_a_mail() {
    let relay = SmtpServer::start(Script::new());
    let names = ["an", "binh", "chi", "dung", "giang", "hoa"];
    let sandbox = mailed(&relay, "provider: postmark", &names);
    let server = Server::start_at(&sandbox, LATER, &[("DRIP_POSTMARK_KEY", "s3cret")]);
    let postmark = Postmark { relay: &relay, server: &server };
    assert_eq!(header(&mail(&relay, "an").bytes, "x-pm-keepid"), "true");
    let token = postmark.token("an");
    assert!((26..=80).contains(&token.len()), "Postmark takes values of 80 characters: {token}");
    assert_ne!(token, postmark.token("binh"));
    let spam = "smtp;550 5.7.1 Our system has detected that this message is likely unsolicited mail";
    let all = [
        postmark.delivery("an"),
        postmark.bounce(
            "binh",
            "HardBounce",
            1,
            "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        ),
        postmark.bounce(
            "chi",
            "SoftBounce",
            4096,
            "smtp;452 4.2.2 The email account that you tried to reach is over quota",
        ),
        postmark.bounce("dung", "HardBounce", 1, spam),
        postmark.complaint("giang"),
        postmark.open("hoa", "Mozilla/5.0", "2026-03-02T02:06:00Z"),
        postmark.open("hoa", PHONE, "2026-03-02T02:06:30Z"),
        postmark.click("hoa", PHONE, "2026-03-02T02:07:00Z", "https://shop.example/tea?a=1"),
    ];
    for wrong in ["", "Basic cG9zdG1hcms6d3Jvbmc=", "Bearer wrong", "Basic s3cret"] {
        let answer = server.send("POST", "/providers/postmark", &[("Authorization", wrong)], &all[1].to_string());
        assert!(answer.code == 401 && answer.head.contains("www-authenticate"), "{wrong}: {}", answer.body);
    }
    assert_eq!(events(&sandbox), [""; 0], "nobody was believed without the password");
    for event in &all {
        assert_eq!(counts(&postmark.tell(event)), [1, 0, 0, 0, 0], "{event}");
    }
    let after = [
        "an delivered",
        "binh bounced user_unknown 5.1.1",
        "chi bounced mailbox_full 4.2.2",
        "dung bounced spam_detected 5.7.1",
        "giang complained",
        "hoa opened_by_machine",
        "hoa opened",
        "hoa clicked https://shop.example/tea?a=1",
    ];
    assert_eq!(events(&sandbox), after);
    let people =
        ["an subscribed", "binh bounced", "chi subscribed", "dung subscribed", "giang complained", "hoa subscribed"];
    assert_eq!(consents(&sandbox), people, "a mail taken for spam makes no address dead, whatever Postmark calls it");
    for event in &all {
        assert_eq!(counts(&postmark.tell(event)), [0, 1, 0, 0, 0], "what comes twice counts once: {event}");
    }
    assert_eq!(events(&sandbox), after);
    // The next run leaves the two alone.
    sandbox.run(TUESDAY);
    let second: Vec<String> = relay.recipients()[names.len()..].to_vec();
    assert_eq!(second.len(), 4, "{second:?}");
    assert!(second.iter().all(|to| !to.starts_with("binh") && !to.starts_with("giang")), "{second:?}");
}

#[test]
fn what_is_tied_to_no_mail_and_what_is_no_report_changes_nothing() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay, "provider: postmark", &["an", "hoa"]);
    let server = Server::start_at(&sandbox, LATER, &[("DRIP_POSTMARK_KEY", "s3cret")]);
    let postmark = Postmark { relay: &relay, server: &server };
    let dead = || postmark.bounce("an", "HardBounce", 1, "smtp;550 5.1.1 no such user");
    let mut other = dead();
    other["Email"] = json!("hoa@example.com");
    let mut forged = dead();
    let token = postmark.token("an");
    forged["Metadata"]["drip"] = json!(token.replace(&token[20..24], "AAAA"));
    let mut bare = dead();
    bare["Metadata"] = json!({});
    // A token of another kind, which readers see in their mails, names no mail to a provider.
    let mut wrong_kind = dead();
    let link = header(&mail(&relay, "an").bytes, "list-unsubscribe");
    wrong_kind["Metadata"]["drip"] = json!(link.split("/u/").nth(1).unwrap().split('>').next().unwrap());
    for event in [other, forged, bare, wrong_kind] {
        assert_eq!(counts(&postmark.tell(&event)), [0, 0, 1, 0, 0], "{event}");
    }
    let ignored = json!({ "RecordType": "Inbound", "From": "lan@example.com" });
    assert_eq!(counts(&postmark.tell(&ignored)), [0, 0, 0, 1, 0]);
    for wrong in [json!({}), json!([]), json!({ "RecordType": "Bounce", "Type": "HardBounce" }), json!("Bounce")] {
        assert_eq!(postmark.tell(&wrong).code, 400, "{wrong}");
    }
    let basic = [("Authorization", "Bearer s3cret")];
    assert_eq!(server.send("POST", "/providers/postmark", &basic, "{").code, 400);
    assert_eq!(server.send("POST", "/providers/postmark", &basic, &"x".repeat(2 << 20)).code, 413);
    assert_eq!(events(&sandbox), [""; 0]);
    assert_eq!(consents(&sandbox), ["an subscribed", "hoa subscribed"]);
    assert_eq!(counts(&postmark.tell(&dead())), [1, 0, 0, 0, 0]);
}

#[test]
fn mailgun_signs_a_token_that_serves_once() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay, "provider: mailgun", &["an", "binh", "chi", "dung"]);
    let token = |who: &str| {
        let variables: Value = serde_json::from_str(&header(&mail(&relay, who).bytes, "x-mailgun-variables")).unwrap();
        variables["drip"].as_str().unwrap().to_owned()
    };
    let server = Server::start_at(&sandbox, LATER, &[("DRIP_MAILGUN_KEY", "key-3ax6xnjp29jd6fds4gc373sgvjxteol0")]);
    let signed = |key: &str, at: i64, once: &str, event: &Value| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(format!("{at}{once}").as_bytes());
        let bytes = mac.finalize().into_bytes();
        let signature = bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        let signature = json!({ "timestamp": at.to_string(), "token": once, "signature": signature });
        json!({ "signature": signature, "event-data": event }).to_string()
    };
    let post = |body: &str| server.send("POST", "/providers/mailgun", &[("Content-Type", "application/json")], body);
    let key = "key-3ax6xnjp29jd6fds4gc373sgvjxteol0";
    let event = |who: &str, id: &str, kind: &str, more: &Value| {
        let mail = mail(&relay, who);
        let mut event = json!({
            "event": kind, "id": id, "timestamp": 1_772_417_100.377_5, "log-level": "info", "recipient": format!("{who}@example.com"),
            "recipient-domain": "example.com", "tags": [], "campaigns": [], "user-variables": { "drip": token(who) },
            "envelope": { "sender": "hello@acme.example", "targets": format!("{who}@example.com"), "transport": "smtp" },
            "message": { "headers": { "to": format!("{who}@example.com"), "message-id": header(&mail.bytes, "message-id").trim_matches(['<', '>']),
                         "from": "Acme <hello@acme.example>", "subject": "Chào bạn" }, "attachments": [], "size": 1804 },
            "flags": { "is-routed": false, "is-authenticated": true, "is-system-test": false, "is-test-mode": false },
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let refused = json!({
        "severity": "permanent", "reason": "bounce", "log-level": "error",
        "delivery-status": { "attempt-no": 1, "code": 550, "enhanced-code": "5.1.1", "message": "5.1.1 The email account that you tried to reach does not exist.",
                             "description": "", "bounce-type": "hard", "mx-host": "mx.example.com", "session-seconds": 0.5, "tls": true },
    });
    let late = json!({
        "severity": "temporary", "reason": "generic", "log-level": "warn",
        "delivery-status": { "attempt-no": 1, "code": 421, "message": "4.7.0 Try again later", "description": "", "retry-seconds": 600 },
    });
    let hard = event("an", "G9Bn5sl1TC6nu79C8C0bwg", "failed", &refused);
    for (body, why) in [
        (signed("another", FIVE_PAST, "t0", &hard), "another key"),
        (signed(key, FIVE_PAST - 2 * 86_400, "t0", &hard), "two days old"),
        (signed(key, FIVE_PAST + 86_400, "t0", &hard), "of tomorrow"),
        (signed(key, FIVE_PAST, "t0", &hard).replace("\"token\":\"t0\"", "\"token\":\"t1\""), "another token"),
        (json!({ "event-data": hard }).to_string(), "no signature"),
    ] {
        assert_eq!(post(&body).code, 401, "{why}");
    }
    assert_eq!(consents(&sandbox)[0], "an subscribed");
    assert_eq!(counts(&post(&signed(key, FIVE_PAST, "t1", &hard))), [1, 0, 0, 0, 0]);
    assert_eq!(counts(&post(&signed(key, FIVE_PAST, "t2", &hard))), [0, 1, 0, 0, 0], "told again, and signed again");
    // Who has seen a signature cannot put another event beside it.
    let other = event("binh", "Xo1mTGvMRcuaFDyD9rrVKA", "complained", &json!({}));
    assert_eq!(post(&signed(key, FIVE_PAST, "t1", &other)).code, 406);
    assert_eq!(counts(&post(&signed(key, FIVE_PAST, "t3", &event("binh", "a", "failed", &late)))), [0, 0, 0, 1, 0]);
    let stored = signed(key, FIVE_PAST, "t3b", &event("binh", "s", "stored", &json!({})));
    assert_eq!(counts(&post(&stored)), [0, 0, 0, 1, 0]);
    assert_eq!(post(&signed(key, FIVE_PAST, "t3b", &other)).code, 406, "nor beside an event that is ignored");
    let client = |bot: &str, agent: &str| json!({ "client-info": { "client-type": "mobile browser", "client-os": "iOS", "device-type": "mobile", "user-agent": agent, "bot": bot }, "geolocation": { "country": "VN" } });
    let mut click = client("", PHONE);
    click["url"] = json!("https://shop.example/tea");
    let suppressed = json!({ "severity": "permanent", "reason": "suppress-unsubscribe", "delivery-status": { "code": 605, "message": "Not delivering to previously unsubscribed address" } });
    let mut by_id = event("chi", "g", "opened", &client("", PHONE));
    by_id["user-variables"] = json!({});
    for (once, told) in [
        ("t4", event("binh", "b", "opened", &client("apple", "Mozilla/5.0"))),
        ("t5", event("binh", "c", "opened", &client("gmail", "Mozilla/5.0 GoogleImageProxy"))),
        ("t6", event("binh", "d", "opened", &client("", PHONE))),
        ("t7", event("binh", "e", "clicked", &click)),
        ("t8", event("binh", "f", "delivered", &json!({ "delivery-status": { "code": 250, "message": "OK" } }))),
        ("t9", by_id),
        ("t10", event("dung", "h", "failed", &suppressed)),
    ] {
        assert_eq!(counts(&post(&signed(key, FIVE_PAST, once, &told))), [1, 0, 0, 0, 0], "{told}");
    }
    let told = events(&sandbox);
    assert_eq!(told[0], "an bounced user_unknown 5.1.1");
    let of_binh = ["clicked https://shop.example/tea", "delivered", "opened", "opened_by_machine", "opened_by_proxy"];
    assert_eq!(told[1..6], of_binh.map(|what| format!("binh {what}")));
    assert_eq!(told[6..], ["chi opened"], "Mailgun keeps the Message-ID");
    assert_eq!(consents(&sandbox), ["an bounced", "binh subscribed", "chi subscribed", "dung unsubscribed"]);
}

#[test]
fn sendgrid_signs_a_batch_of_which_one_bad_event_stops_no_other() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay, "provider: sendgrid", &["an", "binh", "chi", "dung"]);
    let token = |who: &str| {
        let api: Value = serde_json::from_str(&header(&mail(&relay, who).bytes, "x-smtpapi")).unwrap();
        api["unique_args"]["drip"].as_str().unwrap().to_owned()
    };
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
    // As SendGrid shows it: the key in the form of RFC 5480.
    let start = STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE").unwrap();
    let key = STANDARD.encode([&start[..26], pair.public_key().as_ref()].concat());
    assert!(key.starts_with("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"), "{key}");
    let server = Server::start_at(&sandbox, LATER, &[("DRIP_SENDGRID_KEY", &key)]);
    let post = |at: i64, signed: &str, body: &str| {
        let signature = STANDARD.encode(pair.sign(&random, format!("{at}{signed}").as_bytes()).unwrap());
        let head = [
            ("X-Twilio-Email-Event-Webhook-Signature", signature.as_str()),
            ("X-Twilio-Email-Event-Webhook-Timestamp", &at.to_string()),
        ];
        server.send("POST", "/providers/sendgrid", &head, body)
    };
    let event = |who: &str, id: &str, kind: &str, more: &Value| {
        let mut event = json!({
            "email": format!("{who}@example.com"), "timestamp": FIVE_PAST, "smtp-id": header(&mail(&relay, who).bytes, "message-id"),
            "event": kind, "sg_event_id": id, "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0", "drip": token(who),
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let bounce = json!({ "reason": "550 5.1.1 The email account that you tried to reach does not exist", "status": "5.1.1", "type": "bounce", "bounce_classification": "Invalid Address", "tls": 1 });
    let blocked = json!({ "reason": "554 5.7.1 Service unavailable; client host blocked using zen.spamhaus.org", "status": "5.7.1", "type": "blocked", "bounce_classification": "Reputation" });
    let mut by_id = event("chi", "f", "delivered", &json!({ "response": "250 OK" }));
    by_id.as_object_mut().unwrap().remove("drip");
    let batch = json!([
        event("an", "ZGVsaXZlcmVkLTA", "processed", &json!({})),
        event("an", "a", "bounce", &bounce),
        event("binh", "b", "bounce", &blocked),
        "no event",
        { "event": "click", "email": 7 },
        event("chi", "c", "open", &json!({ "useragent": "Mozilla/5.0", "ip": "203.0.113.4", "sg_machine_open": true })),
        event("chi", "d", "open", &json!({ "useragent": PHONE, "sg_machine_open": false })),
        event("chi", "e", "click", &json!({ "useragent": PHONE, "url": "https://shop.example/tea", "url_offset": { "index": 0, "type": "html" } })),
        by_id,
        event("dung", "g", "spamreport", &json!({})),
        { "email": "somebody@example.net", "timestamp": FIVE_PAST, "event": "bounce", "sg_event_id": "h", "smtp-id": "<of.another@example.net>", "type": "bounce" },
        event("dung", "i", "account_status_change", &json!({})),
    ])
    .to_string();
    assert_eq!(post(FIVE_PAST, &batch, &batch.replace("spamreport", "delivered")).code, 401, "altered on its way");
    assert_eq!(post(FIVE_PAST - 2 * 86_400, &batch, &batch).code, 401, "two days old");
    assert_eq!(server.send("POST", "/providers/sendgrid", &[], &batch).code, 401, "not signed");
    assert_eq!(events(&sandbox), [""; 0]);
    assert_eq!(counts(&post(FIVE_PAST, &batch, &batch)), [7, 0, 1, 2, 2]);
    assert_eq!(counts(&post(FIVE_PAST + 60, &batch, &batch)), [0, 7, 1, 2, 2], "sent again");
    let told = [
        "an bounced user_unknown 5.1.1",
        "binh bounced blocked 5.7.1",
        "chi clicked https://shop.example/tea",
        "chi delivered",
        "chi opened",
        "chi opened_by_machine",
        "dung complained",
    ];
    assert_eq!(events(&sandbox), told);
    assert_eq!(consents(&sandbox), ["an bounced", "binh subscribed", "chi subscribed", "dung complained"]);
    assert_eq!(post(FIVE_PAST, "{}", "{}").code, 400);
    drop(server);
    let mut command = sandbox.command(&["serve", "--listen", "127.0.0.1:0"]);
    let said = crate::support::sandbox::Ended::of(command.env("DRIP_SENDGRID_KEY", "MFkw")).code(2).stderr;
    assert!(said.contains("DRIP_SENDGRID_KEY holds no verification key"), "{said}");
}

#[test]
fn brevo_tells_the_first_opening_under_two_names_and_it_counts_once() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay, "provider: brevo\nsoft_bounces: 1", &["an", "binh", "chi", "dung"]);
    let custom = |who: &str| header(&mail(&relay, who).bytes, "x-mailin-custom");
    let server = Server::start_at(&sandbox, LATER, &[("DRIP_BREVO_KEY", "s3cret")]);
    let event = |who: &str, kind: &str, more: &Value| {
        let mut event = json!({
            "event": kind, "email": format!("{who}@example.com"), "id": 26_224, "date": "2026-03-02 03:05:00", "ts": FIVE_PAST,
            "message-id": "<202603020200.51783106523@smtp-relay.mailin.fr>", "ts_event": FIVE_PAST, "subject": "Chào bạn",
            "X-Mailin-custom": custom(who), "sending_ip": "198.51.100.9", "ts_epoch": FIVE_PAST * 1000, "tags": [],
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let post =
        |key: &str, body: &Value| server.send("POST", "/providers/brevo", &[("Authorization", key)], &body.to_string());
    let one = event("an", "hard_bounce", &json!({ "reason": "550 5.1.1 user unknown" }));
    assert_eq!(post("Bearer s3cre", &one).code, 401);
    assert_eq!(counts(&post("Bearer s3cret", &one)), [1, 0, 0, 0, 0]);
    let basic = format!("Basic {}", STANDARD.encode("anybody:s3cret"));
    assert_eq!(counts(&post(&basic, &one)), [0, 1, 0, 0, 0]);
    let several = json!([
        event("binh", "unique_opened", &json!({})),
        event("binh", "opened", &json!({})),
        event("binh", "proxy_open", &json!({ "ts_event": FIVE_PAST + 1 })),
        event("binh", "click", &json!({ "link": "https://shop.example/tea", "ts_event": FIVE_PAST + 9 })),
        event("binh", "request", &json!({})),
        event("chi", "soft_bounce", &json!({ "reason": "452 4.2.2 mailbox full" })),
        event("dung", "unsubscribed", &json!({})),
        event("dung", "list_addition", &json!({})),
    ]);
    assert_eq!(counts(&post(&basic, &several)), [5, 1, 0, 2, 0]);
    let told = [
        "an bounced user_unknown 5.1.1",
        "binh opened",
        "binh opened_by_proxy",
        "binh clicked https://shop.example/tea",
        "chi bounced mailbox_full 4.2.2",
    ];
    assert_eq!(events(&sandbox), told);
    let people = ["an bounced", "binh subscribed", "chi bounced", "dung unsubscribed"];
    assert_eq!(consents(&sandbox), people, "one soft bounce is a streak, say the settings");
}

#[test]
fn nothing_is_taken_in_the_name_of_a_provider_without_its_secret() {
    let relay = SmtpServer::start(Script::new());
    let sandbox = mailed(&relay, "", &["an"]);
    let bytes = String::from_utf8(mail(&relay, "an").bytes).unwrap().to_lowercase();
    for header in ["x-pm-", "x-smtpapi", "x-mailgun", "x-mailin", "x-ses-"] {
        assert!(!bytes.contains(header), "no provider is told anything that the settings do not name: {header}");
    }
    let server = Server::start(&sandbox);
    for (provider, why) in [
        ("ses", "topics"),
        ("postmark", "DRIP_POSTMARK_KEY is not set"),
        ("mailgun", "DRIP_MAILGUN_KEY is not set"),
        ("sendgrid", "DRIP_SENDGRID_KEY is not set"),
        ("brevo", "DRIP_BREVO_KEY is not set"),
        ("acme", "there is no such provider"),
    ] {
        let answer = server.ask("POST", &format!("/providers/{provider}"), "{}");
        assert!(answer.code == 404 && answer.body.contains(why), "{provider}: {}", answer.body);
    }
}

#[test]
fn what_a_provider_tells_settles_a_mail_of_unknown_fate_and_of_no_one_who_said_no() {
    let relay = SmtpServer::start(Script::new().on(Verb::Content).close());
    let sandbox = Sandbox::new()
        .settings("public_url: http://localhost\nprovider: postmark\ntracking: { clicks: true, opens: true }\nfrequency_cap: none\nsmtp: { url: \"smtp://localhost\", connections: 1 }")
        .campaign("w", "trigger: { segment: 'true' }", &["id: hello, send: mail"])
        .contacts("email,tracking", &["an@example.com,", "quiet@example.com,no"])
        .through(&relay);
    sandbox.drip(&["--now", MONDAY, "run"]).code(6);
    assert_eq!(sandbox.sql("SELECT state FROM v_sends"), ["unknown", "unknown"]);
    let server = Server::start_at(&sandbox, LATER, &[("DRIP_POSTMARK_KEY", "s3cret")]);
    let tell = |who: &str, kind: &str, more: &Value| {
        let mut event = json!({
            "RecordType": kind, "Recipient": format!("{who}@example.com"), "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
            "DeliveredAt": "2026-03-02T02:00:09Z", "ReceivedAt": "2026-03-02T02:05:09Z", "UserAgent": PHONE,
            "Metadata": { "drip": header(&mail(&relay, who).bytes, "x-pm-metadata-drip") },
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        counts(&server.send("POST", "/providers/postmark", &[("Authorization", "Bearer s3cret")], &event.to_string()))
    };
    assert_eq!(tell("an", "Delivery", &json!({})), [1, 0, 0, 0, 0]);
    assert_eq!(tell("quiet", "Open", &json!({})), [0, 0, 0, 1, 0], "of her nothing is noted");
    assert_eq!(sandbox.sql("SELECT state FROM v_sends"), ["sent", "sent"], "both have left: each was told of");
    // What drip sees by itself is not counted once more.
    assert_eq!(tell("an", "Open", &json!({})), [0, 0, 0, 1, 0]);
    let link = format!("http://localhost/c/{}", "x".repeat(40));
    assert_eq!(tell("an", "Click", &json!({ "OriginalLink": link })), [0, 0, 0, 1, 0]);
    assert_eq!(
        tell("an", "Click", &json!({ "OriginalLink": "https://shop.example/in-the-text-part" })),
        [1, 0, 0, 0, 0]
    );
    assert_eq!(events(&sandbox), ["an delivered", "an clicked https://shop.example/in-the-text-part"]);
}

#[test]
fn a_provider_that_is_written_wrongly_is_told_of() {
    for (line, said) in [
        ("provider: sengrid", "did you mean `sendgrid`?"),
        ("provider: gmail", "it knows ses, postmark, mailgun, sendgrid, brevo"),
        ("provider: ses", "`ses` needs the `topics` of SNS"),
        ("provider: { name: ses, topics: [drip] }", "`drip` is no topic of SNS"),
        ("provider: { name: postmark, topics: ['arn:aws:sns:eu-west-1:1:drip'] }", "`topics` are for `ses` alone"),
        ("provider: { name: brevo, configuration_set: a }", "`configuration_set` is for `ses` alone"),
        ("provider: { topics: [] }", "`provider` has no `name`"),
    ] {
        let sandbox = Sandbox::new().settings(&format!("public_url: https://mail.acme.example\n{line}")).campaign(
            "w",
            "trigger: manual",
            &["id: hello, send: mail"],
        );
        let told = sandbox.drip(&["check"]).code(3).stderr;
        assert!(told.contains(said) && told.contains("drip.yaml:5:"), "{line}: {told}");
    }
}

#[test]
fn what_the_documents_of_the_server_show_loads() {
    let mut seen = 0;
    for document in ["docs/serving.md", "docs/providers.md", "docs/inbound.md"] {
        for block in blocks(&crate::documents::document(document), "yaml") {
            let sandbox = Sandbox::new();
            let sandbox = match block.lines().next().unwrap() {
                "# drip.yaml" if block.contains("public_url") => sandbox.settings(&block),
                "# drip.yaml" => sandbox.settings(&format!("public_url: https://mail.acme.example\n{block}")),
                "# campaigns/cart.yaml" => sandbox.campaign("cart", &block, &["id: hello, send: mail"]),
                _ => continue,
            };
            let sandbox = sandbox.campaign("w", "trigger: manual", &["id: hello, send: mail"]);
            sandbox.drip(&["check"]).code(0);
            seen += 1;
        }
    }
    assert!(seen >= 7, "{seen}");
    // Every key that the server reads from its environment is told of.
    let told = crate::documents::document("docs/providers.md") + &crate::documents::document("docs/serving.md");
    for name in ["EVENTS", "METRICS", "POSTMARK", "MAILGUN", "SENDGRID", "BREVO"] {
        assert!(told.contains(&format!("DRIP_{name}_KEY")), "{name}");
    }
}
