//! The hot parts of a run and of an import, one at a time: `cargo bench --bench hot`.
//!
//! `benches/compare` says how fast drip is; this says which part became slower or faster by a change.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher};
use drip::decide::{Rules, decide};
use drip::import;
use drip::mail::dkim::Signer;
use drip::mail::message::{self, Draft, List};
use drip::mail::template::{Locale, Rendered, Templates};
use drip::model::Instant;
use drip::model::address::Address;
use drip::model::campaign::{Action, Campaign, Mail};
use drip::model::condition::{Condition, Scope};
use drip::model::contact::{Consent, Contact};
use drip::model::enrolment::{Enrolment, EnrolmentState};
use drip::model::event::Event;
use drip::model::facts::Facts;
use drip::model::id::{ContactId, EnrolmentId, EventId};
use drip::model::settings::Dkim;
use drip::project::{self, Overrides, Project};
use mimalloc::MiMalloc;
use serde_json::{Value, json};

/// That of the program, counted.
#[global_allocator]
static ALLOCATIONS: AllocProfiler<MiMalloc> = AllocProfiler::new(MiMalloc);

/// Of RFC 8463, appendix A.2.
const ED25519: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";

fn main() {
    divan::main();
}

/// The starter project, and somebody in it.
struct Shop {
    project: Project,
    templates: Templates,
    contact: Contact,
}

impl Shop {
    fn open() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let project = project::load(root, &Overrides::default()).expect("the starter project is right");
        let templates = Templates::compile(&project.templates, &project.assets, &project.settings.language);
        let templates = templates.expect("so are its templates");
        let Value::Object(attributes) = json!({ "first_name": "Lan", "last_name": "Nguyễn", "plan": "free" }) else {
            unreachable!("it is an object")
        };
        let contact = Contact {
            id: ContactId(1),
            address: Address::parse("lan@example.com").expect("it is an address"),
            consent: Consent::Subscribed,
            suppressed: false,
            refused: BTreeSet::new(),
            paused_until: None,
            timezone: None,
            language: Some("vi".to_owned()),
            tags: BTreeSet::from(["khach".to_owned()]),
            attributes,
        };
        Self { project, templates, contact }
    }

    fn welcome(&self) -> &Campaign {
        self.project.campaigns.iter().find(|campaign| campaign.id.as_str() == "welcome").expect("it is there")
    }

    fn hello(&self) -> &Mail {
        let Action::Send(mail) = &self.welcome().steps[0].action else { unreachable!("its first step is a mail") };
        mail
    }

    fn data(&self) -> Value {
        let mut data = self.contact.attributes.clone();
        data.insert("contact".to_owned(), json!({ "email": "lan@example.com", "first_name": "Lan" }));
        data.insert("from".to_owned(), json!({ "name": "Acme Tea", "address": "hello@acme.example" }));
        data.insert("postal_address".to_owned(), self.project.settings.postal_address.as_str().into());
        data.insert("unsubscribe_url".to_owned(), "mailto:hello@acme.example?subject=unsubscribe%201".into());
        Value::Object(data)
    }

    fn render(&self, data: &Value) -> Rendered {
        let locale = Locale { language: "vi", zone: self.project.settings.timezone };
        self.templates.render(self.hello(), locale, data.clone()).expect("nothing is missing")
    }

    fn build(&self, rendered: &Rendered) -> Vec<u8> {
        let unsubscribe = "mailto:hello@acme.example?subject=unsubscribe%201";
        let draft = Draft {
            from: &self.project.settings.from,
            reply_to: self.project.settings.reply_to.as_ref(),
            to: &self.contact.address,
            to_name: Some("Lan"),
            subject: &rendered.subject,
            html: &rendered.html,
            text: &rendered.text,
            message_id: "5c9fb62537105a48.1@acme.example",
            date: at("2026-03-02T02:00:00Z"),
            more: &[],
            list: Some(List { id: "welcome", unsubscribe, one_click: None }),
            images: &rendered.images,
            attachments: &rendered.attachments,
        };
        message::build(&draft).expect("it is a mail")
    }
}

fn at(text: &str) -> Instant {
    text.parse().expect("it is a time")
}

#[divan::bench]
fn render_a_mail(bencher: Bencher<'_, '_>) {
    let shop = Shop::open();
    let data = shop.data();
    bencher.bench_local(|| shop.render(&data));
}

#[divan::bench]
fn build_a_mail(bencher: Bencher<'_, '_>) {
    let shop = Shop::open();
    let rendered = shop.render(&shop.data());
    bencher.counter(BytesCount::new(shop.build(&rendered).len())).bench_local(|| shop.build(&rendered));
}

#[divan::bench]
fn sign_a_mail_with_ed25519(bencher: Bencher<'_, '_>) {
    sign(bencher, ED25519.as_bytes());
}

/// What most domains have, and many times as dear.
#[divan::bench]
fn sign_a_mail_with_rsa_2048(bencher: Bencher<'_, '_>) {
    let made =
        Command::new("openssl").args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]).output();
    match made {
        Ok(made) if made.status.success() => sign(bencher, &made.stdout),
        // Without openssl there is no key, and nothing is measured.
        _ => {}
    }
}

fn sign(bencher: Bencher<'_, '_>, pem: &[u8]) {
    let shop = Shop::open();
    let mail = shop.build(&shop.render(&shop.data()));
    let settings =
        Dkim { domain: "acme.example".to_owned(), selector: "drip1".to_owned(), key_file: PathBuf::from("key.pem") };
    let signer = Signer::new(&settings, pem).expect("the key can sign");
    bencher.bench_local(|| signer.sign(&mail, at("2026-03-02T02:00:00Z")));
}

#[divan::bench]
fn decide_one_enrolment(bencher: Bencher<'_, '_>) {
    let shop = Shop::open();
    let campaign = shop.welcome();
    let facts = Facts {
        enrolment: Enrolment {
            id: EnrolmentId(1),
            contact: ContactId(1),
            campaign: campaign.id.clone(),
            round: 1,
            state: EnrolmentState::Active,
            position: None,
            entered_at: at("2026-03-02T01:00:00Z"),
            held_out: false,
        },
        contact: shop.contact.clone(),
        events: history(),
        sends: Vec::new(),
        recent_mails: vec![at("2026-02-27T02:00:00Z")],
        trials: std::sync::Arc::default(),
    };
    let rules = Rules::from(&shop.project.settings);
    bencher.bench_local(|| {
        format!("{:?}", std::mem::discriminant(&decide(campaign, &facts, rules, at("2026-03-02T02:00:00Z"))))
    });
}

fn history() -> Vec<Event> {
    let event = |id, name: &str, time| {
        let Value::Object(properties) = json!({ "value": 120 }) else { unreachable!("it is an object") };
        Event { id: EventId(id), name: name.to_owned(), at: at(time), properties }
    };
    vec![event(1, "signed_up", "2026-03-01T01:00:00Z"), event(2, "page_viewed", "2026-03-01T05:00:00Z")]
}

#[divan::bench]
fn test_a_condition(bencher: Bencher<'_, '_>) {
    let shop = Shop::open();
    let source = r#"contact.plan != "pro" && !did("purchased", "90d") && tagged("khach")"#;
    let condition = Condition::parse(source).expect("it is a condition");
    let history = history();
    let scope = Scope {
        contact: &shop.contact,
        event: None,
        history: &history,
        sends: &[],
        terms: &shop.project.settings.terms,
        now: at("2026-03-02T02:00:00Z"),
    };
    bencher.bench_local(|| condition.holds(scope));
}

#[divan::bench]
fn read_a_thousand_rows_of_csv(bencher: Bencher<'_, '_>) {
    const ROWS: usize = 1000;
    let mut file = "email,first_name,last_name,city,plan,birthday,phone\n".to_owned();
    for row in 0..ROWS {
        file += &format!("khach{row}@example.com,Lan,Nguyễn,Hà Nội,pro,1990-02-28,0901 234 {:03}\n", row % 1000);
    }
    let options = import::Options::new(chrono_tz::Tz::Asia__Ho_Chi_Minh, "vi");
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
        let rows = import::open(file.as_bytes(), "people.csv", &options).expect("it can be read");
        let read = rows.flatten().count();
        assert_eq!(read, ROWS, "every row is taken");
    });
}
