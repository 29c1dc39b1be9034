//! `public_url` and `listen` of `drip.yaml` → how readers reach the server.

use std::net::{Ipv4Addr, SocketAddr};

use super::fields::{Fields, Source};
use crate::model::settings::Web;

/// Where the server listens when the file does not say.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8025);

/// Takes both fields; `None` without a `public_url`.
pub(super) fn read(source: &mut Source, fields: &mut Fields<'_>) -> Option<Web> {
    let url = fields.take("public_url").map(|node| source.parse(node, "public_url", public_url));
    let listen = fields.take("listen").map(|node| (node, source.parse(node, "listen", listen)));
    if let (None, Some((node, _))) = (&url, &listen) {
        let hint = "write `public_url: https://mail.acme.example`, the address under which readers reach it";
        source.error(node.span.clone(), "`listen` needs a `public_url`", Some(hint));
    }
    let public_url = url??;
    Some(Web { public_url, listen: listen.map_or(Some(LISTEN), |(_, listen)| listen)? })
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
