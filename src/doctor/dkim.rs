//! DKIM: whether DNS shows the key that drip signs with (RFC 6376 section 3.6, RFC 8463).

use base64::Engine as _;
use base64::engine::general_purpose::GeneralPurposeConfig;
use base64::engine::{DecodePaddingMode, GeneralPurpose};

use super::tags::Tags;
use super::{Finding, Group};
use crate::dns::Dns;
use crate::mail::dkim::PublicKey;
use crate::model::settings::Dkim;

const CHECK: &str = "dkim";
/// Some publish keys without the signs that fill up their base64.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Says of a project that does not sign what follows.
pub fn unsigned(domain: &str) -> Finding {
    Finding::not_made(Group::Dns, CHECK, "drip does not sign, and whether the relay does shows in a mail alone").advice(
        format!("see that a mail to yourself has a `DKIM-Signature` with d={domain}; if not, set `dkim` in drip.yaml"),
    )
}

/// Compares the record that DNS shows with the key in use.
pub fn judge(dns: &dyn Dns, settings: &Dkim, own: &PublicKey) -> Finding {
    let name = format!("{}._domainkey.{}", settings.selector, settings.domain);
    let texts = match dns.texts(&name) {
        Ok(texts) => texts,
        Err(why) => return Finding::not_made(Group::Dns, CHECK, why.to_string()),
    };
    let publish = format!("publish {name} TXT \"{}\"", own.record());
    let wrong = |what: String| Finding::wrong(Group::Dns, CHECK, what).advice(publish.clone());
    // Other texts may stand under the name; a key is what has a `p`.
    let records: Vec<&String> = match texts.as_slice() {
        [one] => vec![one],
        several => several.iter().filter(|text| Tags::read(text).is_ok_and(|tags| tags.get("p").is_some())).collect(),
    };
    let [record] = records[..] else {
        return wrong(match records.len() {
            0 => format!("`{name}` has no DKIM record, so no signature of drip's is believed"),
            number => format!("`{name}` has {number} DKIM records, and which of them counts is left to chance"),
        });
    };
    match read(record, own) {
        Ok(None) if matches!(own, PublicKey::Ed25519(_)) => Finding::warning(
            Group::Dns,
            CHECK,
            format!("`{name}` shows the key that drip signs with, of a kind that Gmail and Microsoft do not verify (Ed25519)"),
        )
        .advice("sign with an RSA key of 2,048 bits, unless the relay adds a signature of its own"),
        Ok(None) => Finding::fine(Group::Dns, CHECK, format!("`{name}` shows the key that drip signs with")),
        Ok(Some(doubt)) => {
            Finding::warning(Group::Dns, CHECK, format!("`{name}` shows the key that drip signs with, {doubt}"))
                .advice("take `t=y` out of the record once all is well")
        }
        Err(what) => wrong(format!("`{name}`: {what}")),
    }
}

/// Returns what is doubtful about a record that fits the key.
///
/// # Errors
/// Returns why a receiver believes no signature of the key.
fn read(record: &str, own: &PublicKey) -> Result<Option<&'static str>, String> {
    let tags = Tags::read(record).map_err(|what| format!("the record cannot be read: {what}"))?;
    if tags.get("v").is_some() && !tags.begins_with("v", "DKIM1") {
        return Err("the record does not begin with `v=DKIM1`".to_owned());
    }
    let lists = |name: &str, wanted: &[&str]| {
        tags.get(name).is_none_or(|list| list.split(':').map(str::trim).any(|word| wanted.contains(&word)))
    };
    let shown = tags.get("p").ok_or("the record has no `p=`, which is the key")?;
    let shown: String = shown.chars().filter(|c| !c.is_whitespace()).collect();
    if shown.is_empty() {
        return Err("the key was revoked: `p=` is empty".to_owned());
    }
    let kind = tags.get("k").unwrap_or("rsa");
    if kind != own.kind() {
        return Err(format!(
            "the record is of a key of kind `{kind}`, and drip signs with one of kind `{}`",
            own.kind()
        ));
    }
    let shown = LENIENT.decode(&shown).map_err(|_| "`p=` is not base64, as where a quote or a piece is missing")?;
    // Some publish the RSA key itself, without what says that it is one (RFC 6376, erratum 3017).
    let fits = match own {
        PublicKey::Rsa(key) => shown == own.bytes() || shown == *key,
        PublicKey::Ed25519(key) => shown == *key,
    };
    if !fits {
        let size = match own {
            PublicKey::Rsa(_) => rsa_bits(&shown).map_or_else(String::new, |bits| format!(" (of {bits} bits)")),
            PublicKey::Ed25519(_) => String::new(),
        };
        return Err(format!("the record shows another key{size} than the one that drip signs with"));
    }
    if !lists("h", &["sha256"]) {
        return Err("the record does not allow SHA-256 (`h=`)".to_owned());
    }
    if !lists("s", &["email", "*"]) {
        return Err("the record is not for mail (`s=`)".to_owned());
    }
    Ok(tags
        .get("t")
        .is_some_and(|flags| flags.split(':').any(|flag| flag.trim() == "y"))
        .then_some("but says that it is a trial (`t=y`), so receivers treat the mail as unsigned"))
}

/// Returns the length of the modulus of an RSA key: the longest whole number in it.
fn rsa_bits(der: &[u8]) -> Option<usize> {
    let key = match der.windows(2).position(|pair| pair == [0x03, 0x82]) {
        // Behind the algorithm: a string of bits, its length, and how many bits are left over.
        Some(at) if der.starts_with(&[0x30]) && at < 40 => der.get(at + 5..)?,
        _ => der,
    };
    let at = key.windows(2).position(|pair| pair == [0x02, 0x82] || pair == [0x02, 0x81])?;
    let (length, number) = match key.get(at + 1)? {
        0x82 => (usize::from(*key.get(at + 2)?) << 8 | usize::from(*key.get(at + 3)?), key.get(at + 4..)?),
        _ => (usize::from(*key.get(at + 2)?), key.get(at + 3..)?),
    };
    let number = number.get(..length)?;
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    Some((length - zeros) * 8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use base64::engine::general_purpose::STANDARD;

    use super::super::Verdict;
    use super::super::zone::Zone;
    use super::*;

    const NAME: &str = "drip1._domainkey.acme.example";

    #[track_caller]
    fn case(texts: &[String], own: &PublicKey, verdict: Verdict, said: &str) {
        let records: Vec<String> = texts.iter().map(|text| format!("TXT {text}")).collect();
        let records: Vec<(&str, &str)> = records.iter().map(|record| (NAME, record.as_str())).collect();
        let settings =
            Dkim { domain: "acme.example".to_owned(), selector: "drip1".to_owned(), key_file: "keys/dkim.pem".into() };
        let finding = judge(&Zone::new(&records), &settings, own);
        assert_eq!(finding.verdict, verdict, "{finding:?}");
        assert!(finding.found.contains(said), "{finding:?}");
        let record = own.record();
        assert_eq!(verdict == Verdict::Wrong, finding.advice.is_some_and(|advice| advice.contains(&record)));
    }

    #[test]
    fn a_record_shows_the_key_or_says_why_not() {
        let own = PublicKey::Ed25519(vec![7; 32]);
        let key = STANDARD.encode([7; 32]);
        let other = STANDARD.encode([8; 32]);
        let text = |tags: &str| vec![format!("v=DKIM1; k=ed25519; {tags}")];
        case(&[own.record()], &own, Verdict::Warning, "do not verify (Ed25519)");
        case(&text(&format!("p={}", key.trim_end_matches('='))), &own, Verdict::Warning, "do not verify (Ed25519)");
        case(
            &text(&format!("h=sha1:sha256; s=*; t=s; p={} {}", &key[..9], &key[9..])),
            &own,
            Verdict::Warning,
            "shows",
        );
        case(&["another text".to_owned(), own.record()], &own, Verdict::Warning, "do not verify (Ed25519)");
        case(&text(&format!("t=y:s; p={key}")), &own, Verdict::Warning, "a trial");
        case(&[], &own, Verdict::Wrong, "has no DKIM record");
        case(&[own.record(), own.record()], &own, Verdict::Wrong, "has 2 DKIM records");
        case(&text("p="), &own, Verdict::Wrong, "was revoked");
        case(&text("n=none"), &own, Verdict::Wrong, "has no `p=`");
        case(&text("p=ä"), &own, Verdict::Wrong, "not base64");
        case(&text(&format!("p={other}")), &own, Verdict::Wrong, "shows another key than");
        case(&text(&format!("p={key}; p={key}")), &own, Verdict::Wrong, "`p=` stands twice");
        case(&text(&format!("h=sha1; p={key}")), &own, Verdict::Wrong, "does not allow SHA-256");
        case(&text(&format!("s=tlsrpt; p={key}")), &own, Verdict::Wrong, "is not for mail");
        case(&[format!("k=ed25519; v=DKIM1; p={key}")], &own, Verdict::Wrong, "does not begin with `v=DKIM1`");
        case(&[format!("p={key}")], &own, Verdict::Wrong, "of kind `rsa`, and drip signs with one of kind `ed25519`");
        case(&["fail".to_owned()], &own, Verdict::Wrong, "no tag");
    }

    #[test]
    fn the_length_of_another_rsa_key_is_told() {
        // A modulus of so many bytes, and the exponent 65537.
        let key = |bytes: u8| {
            let mut der = vec![0x30, 0x81, bytes + 9, 0x02, 0x81, bytes + 1, 0x00];
            der.extend(vec![0xc5; usize::from(bytes)]);
            der.extend([0x02, 0x03, 0x01, 0x00, 0x01]);
            PublicKey::Rsa(der)
        };
        let (own, shown) = (key(128), key(64));
        case(&[own.record()], &own, Verdict::Fine, "shows the key");
        let PublicKey::Rsa(alone) = &own else { panic!() };
        case(&[format!("p={}", STANDARD.encode(alone))], &own, Verdict::Fine, "shows the key");
        let PublicKey::Rsa(alone) = &shown else { panic!() };
        case(&[format!("p={}", STANDARD.encode(alone))], &own, Verdict::Wrong, "another key (of 512 bits)");
        case(&[shown.record()], &own, Verdict::Wrong, "another key");
    }
}
