//! Files as other programs write them: Mailchimp, `HubSpot`, Kit, Brevo, Shopify, and Excel in Viet Nam.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

use crate::support::Sandbox;

/// Puts a file of the fixtures into a project and imports it; returns what was said.
#[track_caller]
fn import(sandbox: &Sandbox, name: &str, code: i32) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/imports").join(name);
    fs::copy(path, sandbox.path(name)).unwrap();
    sandbox.drip(&["import", name]).code(code).stderr
}

/// Returns a contact: attributes, tags, consent, language, time zone.
#[track_caller]
fn contact(sandbox: &Sandbox, email: &str) -> Value {
    let row = sandbox.sql(&format!(
        "SELECT json_object('attributes', json(attributes), 'tags', json(tags), 'consent', consent, 'language', language,
         'timezone', timezone) FROM v_contacts WHERE email = '{email}'"
    ));
    serde_json::from_str(row.first().unwrap_or_else(|| panic!("no contact {email}"))).unwrap()
}

#[test]
fn an_audience_of_mailchimp_and_those_who_left_it() {
    let sandbox = Sandbox::new();
    let said = import(&sandbox, "mailchimp.csv", 0);
    assert!(said.starts_with("mailchimp.csv: 2 contacts added.\n"), "{said}");
    assert!(said.contains("`Email Address` → email, `First Name` → first_name"), "{said}");
    let lan = contact(&sandbox, "lan.nguyen@example.com");
    assert_eq!(lan["tags"], json!(["tea, green", "vip"]));
    assert_eq!(lan["timezone"], "Asia/Ho_Chi_Minh");
    let attributes = &lan["attributes"];
    assert_eq!((&attributes["first_name"], &attributes["phone"]), (&json!("Lan"), &json!("+84901234567")));
    assert_eq!((&attributes["country"], &attributes["OPTIN_TIME"]), (&json!("VN"), &json!("2024-03-01T02:30:00")));
    assert_eq!(attributes["OPTIN_IP"], "203.0.113.7");
    assert_eq!(attributes["birthday"], "02-28", "the month first, as Mailchimp writes it");

    let said = import(&sandbox, "unsubscribed_members_export_0a1b2c.csv", 0);
    assert!(said.contains("2 contacts stay unmailed"), "{said}");
    import(&sandbox, "cleaned_members_export_0a1b2c.csv", 0);
    let consent = |email: &str| contact(&sandbox, email)["consent"].as_str().unwrap().to_owned();
    assert_eq!(consent("lan.nguyen@example.com"), "subscribed");
    assert_eq!(consent("duc.tran@example.org"), "unsubscribed");
    assert_eq!(consent("mai.le@example.net"), "unsubscribed");
    assert_eq!(consent("gone@example.net"), "bounced");
    // The old list once more lifts nothing.
    let said = import(&sandbox, "mailchimp.csv", 0);
    assert!(said.contains("1 contact stays unmailed"), "{said}");
    assert_eq!(consent("duc.tran@example.org"), "unsubscribed");
}

#[test]
fn contacts_of_hubspot() {
    let sandbox = Sandbox::new();
    import(&sandbox, "hubspot.csv", 0);
    let again = import(&sandbox, "hubspot.csv", 0);
    assert!(again.starts_with("hubspot.csv: 0 contacts added and 2 contacts known already."), "{again}");
    let huong = contact(&sandbox, "Huong.Dang@example.com");
    assert_eq!((&huong["consent"], &huong["language"]), (&json!("subscribed"), &json!("vi")));
    assert_eq!(
        huong["attributes"],
        json!({
            "record_id": 20551, "first_name": "Hương", "last_name": "Đặng", "phone": "+84901234567",
            "mobile_phone_number": "+84912345678", "contact_owner": "Linh Phạm", "lead_status": "New",
            "company": "Công ty TNHH Trà Việt", "job_title": "Trưởng phòng", "city": "Đà Nẵng", "country": "Vietnam",
            "create_date": "2024-03-01T09:30", "marketing_contact_status": "Marketing contact",
            "number_of_form_submissions": 3,
        })
    );
    assert_eq!(contact(&sandbox, "bao.vo@example.org")["consent"], "unsubscribed");
}

#[test]
fn subscribers_of_kit_and_contacts_of_brevo() {
    let sandbox = Sandbox::new();
    import(&sandbox, "kit.csv", 0);
    let thao = contact(&sandbox, "thao.pham@example.com");
    assert_eq!(thao["tags"], json!(["tea", "trial"]));
    assert_eq!(thao["attributes"]["created_at"], "2024-03-01T09:30:00Z");
    import(&sandbox, "brevo.csv", 0);
    let yen = contact(&sandbox, "yen.bui@example.com");
    assert_eq!((&yen["attributes"]["phone"], &yen["consent"]), (&json!("+84901234567"), &json!("subscribed")));
    assert_eq!(yen["attributes"]["ADDED_TIME"], "2024-03-01T09:30:00");
    assert_eq!(contact(&sandbox, "phuc.do@example.com")["consent"], "unsubscribed");
}

#[test]
fn customers_of_shopify() {
    let sandbox = Sandbox::new();
    import(&sandbox, "shopify.csv", 0);
    let trang = contact(&sandbox, "trang.ly@example.com");
    assert_eq!(trang["tags"], json!(["tea", "vip"]));
    let attributes = &trang["attributes"];
    assert_eq!((&attributes["total_spent"], &attributes["total_orders"]), (&json!(1_250_000.0), &json!(5)));
    assert_eq!(
        (&attributes["phone"], &attributes["default_address_phone"]),
        (&json!("+84901234567"), &json!("+84901234567"))
    );
    assert_eq!((&attributes["city"], &attributes["country"]), (&json!("TP. Hồ Chí Minh"), &json!("VN")));
    assert_eq!(attributes["customer_id"], 7_012_345_678_901_u64, "the quote mark is a spreadsheet's, not the id's");
    assert_eq!(contact(&sandbox, "khoi.ngo@example.com")["consent"], "unsubscribed");
}

#[test]
fn a_table_from_viet_nam_in_whatever_encoding_excel_chose() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/imports/thu-vien.csv");
    let text = fs::read_to_string(path).unwrap();
    let utf16 = |unit: u16| unit.to_le_bytes();
    for (name, bytes) in [
        ("UTF-8", text.clone().into_bytes()),
        ("UTF-8 with a mark", format!("\u{feff}{text}").into_bytes()),
        ("NFD", text.nfd().collect::<String>().into_bytes()),
        ("UTF-16LE", "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(utf16).collect()),
        ("UTF-16LE", text.encode_utf16().flat_map(utf16).collect()),
        ("UTF-16BE", text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("windows-1258", windows_1258(&text)),
    ] {
        let sandbox = Sandbox::new();
        fs::write(sandbox.path("khách.csv"), bytes).unwrap();
        let said = sandbox.drip(&["import", "khách.csv"]).code(0).stderr;
        assert_eq!(
            said.contains(&format!("read as {name}")),
            name.contains('-') && !name.starts_with("UTF-8"),
            "{said}"
        );
        assert!(said.contains("1 row merged with an earlier one: line 5 is `lan@example.com` of line 2"), "{said}");
        let lan = contact(&sandbox, "lan@example.com");
        assert_eq!(lan["tags"], json!(["khách quen", "trà"]), "{name}");
        assert_eq!((&lan["language"], &lan["timezone"]), (&json!("vi"), &json!("Asia/Ho_Chi_Minh")));
        assert_eq!(
            lan["attributes"],
            json!({
                "STT": 4, "name": "Lan Nguyen", "phone": "+84901234567", "birthday": "1990-02-28",
                "tong_chi_tieu": 1_250_000, "ngay_mua_gan_nhat": "2026-03-01", "ma_the": "0042", "first_name": "Lan",
            }),
            "{name}"
        );
        let duc = contact(&sandbox, "Duc@example.com");
        assert_eq!(
            duc["attributes"],
            json!({
                "STT": 2, "name": "TRẦN VĂN ĐỨC", "phone": "+84901234567", "birthday": "1985-09-05",
                "tong_chi_tieu": 250_000, "ngay_mua_gan_nhat": "2026-02-15", "ma_the": "1e3", "ghi_chu": "thích trà sen",
                "first_name": "Đức",
            }),
            "{name}"
        );
        let john = contact(&sandbox, "john@example.com");
        assert_eq!(john["attributes"]["first_name"], "John");
        assert_eq!(
            (&john["attributes"]["tong_chi_tieu"], &john["attributes"]["ma_the"]),
            (&json!(12.5), &json!("4111111111111111"))
        );
    }
}

/// Writes as Excel does with the Vietnamese code page: letters with their own mark, the tone behind.
fn windows_1258(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for c in text.chars() {
        let text = c.to_string();
        let (direct, _, unknown) = encoding_rs::WINDOWS_1258.encode(&text);
        if !unknown {
            bytes.extend_from_slice(&direct);
            continue;
        }
        let is_tone = |c: &char| matches!(c, '\u{300}' | '\u{301}' | '\u{303}' | '\u{309}' | '\u{323}');
        let letters: Vec<char> = std::iter::once(c).nfd().collect();
        let base: String = letters.iter().copied().filter(|c| !is_tone(c)).nfc().collect();
        let tone: String = letters.iter().filter(|c| is_tone(c)).collect();
        let pair = base + &tone;
        let (pair, _, unknown) = encoding_rs::WINDOWS_1258.encode(&pair);
        assert!(!unknown, "{c}");
        bytes.extend_from_slice(&pair);
    }
    bytes
}
