//! Campaign parameters (`utm_source=…`) on the links of a finished mail.

use std::fmt::Write as _;

use super::entity::{escape, unescape};
use crate::model::octets::percent;

/// Adds parameters to every web link of an HTML text that has not got them, but for drip's own links.
pub fn tag_html(html: &str, parameters: &[(String, String)], own: impl Fn(&str) -> bool) -> String {
    lead(html, own, |link| tagged(link, parameters))
}

/// Has every web link of an HTML text lead elsewhere, but for drip's own links.
pub fn lead(html: &str, own: impl Fn(&str) -> bool, to: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(html.len() + 1024);
    let mut rest = html;
    while let Some(at) = rest.find("href=\"") {
        let (before, after) = rest.split_at(at + "href=\"".len());
        out += before;
        let end = after.find('"').unwrap_or(after.len());
        // Escaped, a value's `=` is `&#x3D;`, whose `#` begins no fragment.
        let link = unescape(&after[..end]);
        let led = if is_web(&link) && !own(&link) { to(&link) } else { link.clone() };
        if led == link {
            out += &after[..end];
        } else {
            out += &escape(&led);
        }
        rest = &after[end..];
    }
    out + rest
}

fn is_web(link: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| link.starts_with(scheme))
}

/// Puts a picture that nobody sees at the end of an HTML text.
pub fn end_with_picture(html: &str, url: &str) -> String {
    let picture = format!("<img src=\"{}\" width=\"1\" height=\"1\" alt=\"\">", escape(url));
    let at = html.rfind("</body>").unwrap_or(html.len());
    format!("{}{picture}{}", &html[..at], &html[at..])
}

/// Adds parameters to every web link of a plain text that has not got them, but for drip's own links.
pub fn tag_text(text: &str, parameters: &[(String, String)], own: impl Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len() + 256);
    let mut rest = text;
    while let Some(at) = [rest.find("https://"), rest.find("http://")].into_iter().flatten().min() {
        out += &rest[..at];
        let link = &rest[at..];
        let ends = |c: char| c.is_whitespace() || matches!(c, ')' | '>' | ']' | '"');
        let end = link.find(ends).unwrap_or(link.len());
        // A sentence may end with a link.
        let end = link[..end].trim_end_matches(['.', ',', ';', ':', '!', '?']).len();
        let link_alone = &link[..end];
        if own(link_alone) {
            out += link_alone;
        } else {
            out += &tagged(link_alone, parameters);
        }
        rest = &link[end..];
    }
    out + rest
}

/// Adds parameters to a web link that has not got them.
pub fn tagged(link: &str, parameters: &[(String, String)]) -> String {
    if !is_web(link) || parameters.is_empty() {
        return link.to_owned();
    }
    let (address, fragment) = link.split_once('#').map_or((link, None), |(address, rest)| (address, Some(rest)));
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let mut out = address.to_owned();
    let mut joint = match address.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    for (name, value) in parameters.iter().filter(|(name, _)| !has(name)) {
        let _ = write!(out, "{joint}{name}={}", percent(value));
        joint = "&";
    }
    if let Some(fragment) = fragment {
        let _ = write!(out, "#{fragment}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> bool {
        false
    }

    #[test]
    fn links_get_what_they_have_not_got() {
        let utm = [("utm_source", "drip"), ("utm_campaign", "mùa xuân")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let html = |link: &str| {
            let all = tag_html(&format!("<a class=x href=\"{link}\">y</a>"), &utm, none);
            all.split('"').nth(1).expect("a link").to_owned()
        };
        let both = "utm_source=drip&amp;utm_campaign=m%C3%B9a%20xu%C3%A2n";
        assert_eq!(html("https://x.vn"), format!("https://x.vn?{both}"));
        assert_eq!(html("https://x.vn/a?b=1#c"), format!("https://x.vn/a?b=1&amp;{both}#c"));
        assert_eq!(
            html("https://x.vn/?a=1&amp;utm_source=mine"),
            "https://x.vn/?a=1&amp;utm_source=mine&amp;utm_campaign=m%C3%B9a%20xu%C3%A2n"
        );
        assert_eq!(html("https://x.vn/p?id&#x3D;5&amp;b&#x3D;2"), format!("https://x.vn/p?id=5&amp;b=2&amp;{both}"));
        for link in ["mailto:a@x.vn?subject=x", "tel:+84", "#top", "cid:1"] {
            assert_eq!(html(link), link);
        }
        let own = "https://m.x.vn/u/AQ-_";
        let html = format!("<a href=\"{own}\">");
        assert_eq!(tag_html(&html, &utm, |link| link == own), html);
        assert_eq!(tag_text(own, &utm, |link| link == own), own);
        let text = tag_text("See https://x.vn/a, or (http://y.vn?q=1). mailto:a@x.vn", &utm[..1], none);
        assert_eq!(text, "See https://x.vn/a?utm_source=drip, or (http://y.vn?q=1&utm_source=drip). mailto:a@x.vn");
        assert_eq!(tag_html("<a href=\"https://x.vn\">", &[], none), "<a href=\"https://x.vn\">");
    }
}
