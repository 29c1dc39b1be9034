//! `public_url`, `listen` and `tracking` of `drip.yaml` → how readers reach the server.

use std::net::{Ipv4Addr, SocketAddr};

use super::fields::{Fields, Source};
use super::yaml::Node;
use crate::model::settings::Web;

/// Where the server listens when the file does not say.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8025);

/// Takes the fields; `None` without a `public_url`.
pub(super) fn read(source: &mut Source, fields: &mut Fields<'_>) -> Option<Web> {
    let url = fields.take("public_url").map(|node| source.parse(node, "public_url", public_url));
    let listen = fields.take("listen").map(|node| (node, source.parse(node, "listen", listen)));
    let tracked = fields.take("tracking").map(|node| (node, tracking(source, node)));
    for (name, node) in [("listen", listen.map(|(node, _)| node)), ("tracking", tracked.map(|(node, _)| node))] {
        if let (None, Some(node)) = (&url, node) {
            let hint = "write `public_url: https://mail.acme.example`, the address under which readers reach it";
            source.error(node.span.clone(), format!("`{name}` needs a `public_url`"), Some(hint));
        }
    }
    let public_url = url??;
    let listen = listen.map_or(Some(LISTEN), |(_, listen)| listen)?;
    let (clicks, opens) = tracked.map_or((false, false), |(_, tracked)| tracked);
    Some(Web { public_url, listen, clicks, opens })
}

/// Reads `{ clicks: true, opens: false }`.
fn tracking(source: &mut Source, node: &Node) -> (bool, bool) {
    let Some(mut fields) = source.fields(node, "`tracking`") else { return (false, false) };
    let mut either = |source: &mut Source, name: &'static str| {
        let node = fields.take(name)?;
        source.parse(node, name, |text| match text {
            "true" | "yes" => Ok(true),
            "false" | "no" => Ok(false),
            _ => Err(format!("`{text}` is neither `true` nor `false`")),
        })
    };
    let (clicks, opens) = (either(source, "clicks"), either(source, "opens"));
    fields.finish(source);
    (clicks.unwrap_or(false), opens.unwrap_or(false))
}

fn public_url(text: &str) -> Result<String, String> {
    let wrong = |what: &str| format!("`{text}` {what}; write an address as `https://mail.acme.example`");
    let url = text.trim_end_matches('/');
    let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("is no web address"))?;
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    let is_here = ["localhost", "127.0.0.1"].contains(&host);
    match scheme {
        "https" => {}
        // For a look at it on one's own machine.
        "http" if is_here => {}
        _ => return Err(wrong("does not begin with `https://`, which mail programs ask for (RFC 8058)")),
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:".contains(c);
    if host.is_empty() || url.len() > 200 || !rest.chars().all(plain) {
        return Err(wrong("cannot stand before the path of a link"));
    }
    Ok(url.to_owned())
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no address to listen at; write `127.0.0.1:8025`"))
}
