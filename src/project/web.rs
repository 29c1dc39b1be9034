//! `public_url`, `listen` and `tracking` of `drip.yaml` → how readers reach the server.

use std::net::{Ipv4Addr, SocketAddr};

use super::fields::{Fields, Source};
use super::values::truth;
use super::yaml::{Kind, Node};
use crate::model::settings::Web;

/// Where the server listens when the file does not say.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8025);

/// Takes the fields; `None` without a `public_url`.
pub(super) fn read(source: &mut Source, fields: &mut Fields<'_>) -> Option<Web> {
    let url = fields.take("public_url").map(|node| source.parse(node, "public_url", public_url));
    let listen = fields.take("listen").map(|node| (node, source.parse(node, "listen", listen)));
    let tracked = fields.take("tracking").map(|node| (node, tracking(source, node)));
    for (name, node) in
        [("listen", listen.map(|(node, _)| node)), ("tracking", tracked.as_ref().map(|(node, _)| *node))]
    {
        if let (None, Some(node)) = (&url, node) {
            let hint = "write `public_url: https://mail.acme.example`, the address under which readers reach it";
            source.error(node.span.clone(), format!("`{name}` needs a `public_url`"), Some(hint));
        }
    }
    let public_url = url??;
    let listen = listen.map_or(Some(LISTEN), |(_, listen)| listen)?;
    let Tracking { clicks, opens, pages } = tracked.map(|(_, tracked)| tracked).unwrap_or_default();
    Some(Web { public_url, listen, clicks, opens, pages })
}

#[derive(Default)]
struct Tracking {
    clicks: bool,
    opens: bool,
    pages: Vec<String>,
}

/// Reads `{ clicks: true, opens: false, pages: [https://shop.example] }`.
fn tracking(source: &mut Source, node: &Node) -> Tracking {
    let Some(mut fields) = source.fields(node, "`tracking`") else { return Tracking::default() };
    let either = |source: &mut Source, fields: &mut Fields<'_>, name: &'static str| {
        let node = fields.take(name)?;
        source.parse(node, name, truth)
    };
    let clicks = either(source, &mut fields, "clicks").unwrap_or(false);
    let opens = either(source, &mut fields, "opens").unwrap_or(false);
    let pages = fields.take("pages").map(|node| (node, pages(source, node)));
    if let (Some((node, _)), false) = (&pages, clicks) {
        let hint = Some("write `tracking: { clicks: true, pages: […] }`");
        source.error(
            node.span.clone(),
            "`pages` needs `clicks`: a reader is known by the link that was followed",
            hint,
        );
    }
    fields.finish(source);
    Tracking { clicks, opens, pages: pages.map(|(_, pages)| pages).unwrap_or_default() }
}

fn pages(source: &mut Source, node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::List(items) => items.iter().filter_map(|item| source.parse(item, "pages", page)).collect(),
        _ => source.parse(node, "pages", page).into_iter().collect(),
    }
}

/// Reads the origin of a web site (RFC 6454), in the form in which browsers send it.
fn page(text: &str) -> Result<String, String> {
    let wrong = || format!("`{text}` is no web site; write it without a path, as `https://shop.example`");
    let origin = text.trim_end_matches('/').to_ascii_lowercase();
    let (scheme, rest) = origin.split_once("://").ok_or_else(wrong)?;
    let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
    let is_here = ["localhost", "127.0.0.1"].contains(&host);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0) && !port.starts_with('+');
    if !(scheme == "https" || scheme == "http" && is_here) {
        return Err(wrong());
    }
    if host.is_empty() || !host.chars().all(plain) || !port.is_none_or(is_port) {
        return Err(wrong());
    }
    // Browsers leave the port of the scheme out.
    let usual = if scheme == "https" { ":443" } else { ":80" };
    Ok(origin.strip_suffix(usual).unwrap_or(&origin).to_owned())
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
