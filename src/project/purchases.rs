//! `purchases` of `drip.yaml`: which events bring money.

use super::fields::Source;
use super::values::name;
use super::yaml::Node;
use crate::model::delay::Span;
use crate::model::terms::Purchases;

/// Reads which event is a purchase, where its amount stands, and how long a mail may claim it.
pub(super) fn read(source: &mut Source, node: &Node) -> Option<Purchases> {
    let mut fields = source.fields(node, "purchases")?;
    let usual = Purchases::default();
    let event = fields.take("event").and_then(|node| name(source, node, "event"));
    let amount = fields.take("amount").and_then(|node| name(source, node, "amount"));
    let within = fields.take("within").and_then(|node| source.parse(node, "within", Span::parse));
    let currency = fields.take("currency").and_then(|node| source.parse(node, "currency", currency));
    fields.finish(source);
    Some(Purchases {
        event: event.unwrap_or(usual.event),
        amount: amount.unwrap_or(usual.amount),
        within: within.unwrap_or(usual.within),
        currency,
    })
}

/// Reads a code of ISO 4217, as `VND`.
fn currency(text: &str) -> Result<String, String> {
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is no currency; write its code of three letters, as `VND` or `EUR`"))
    }
}
