//! Addresses in a finished document: which schemes may stand there, whatever the data says.
//!
//! What an author wrote is judged when the template is compiled. An address with tags is marked then, and judged when
//! the mail is made, for only then is it known where it leads.

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderErrorReason, Renderable,
};

use crate::error::{Diagnostic, Place};
use crate::model::plain::quoted;

use super::html::{Part, parts, values};
use super::token::{ADDRESS, ADDRESS_END, Tokens};
use crate::mail::entity::unescape;

/// The block that the compiler puts around an address with tags.
pub(super) const BLOCK: &str = "drip-address";

/// Schemes that run or hold content instead of leading somewhere.
const REFUSED: [&str; 5] = ["javascript", "vbscript", "data", "file", "blob"];

/// Attributes that hold an address.
const ATTRIBUTES: [&str; 8] = ["href", "src", "action", "formaction", "background", "poster", "cite", "xlink:href"];

/// Returns the scheme of an address that must not be followed.
pub(super) fn refused_scheme(address: &str) -> Option<&'static str> {
    // Browsers drop these before they look for the scheme, and so must whoever judges it.
    let bare: String = address
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}'))
        .take(20)
        .collect();
    let scheme = bare.split_once(':')?.0.to_ascii_lowercase();
    REFUSED.into_iter().find(|refused| *refused == scheme)
}

/// Marks the addresses with tags of a finished document, and complains about others that are wrong already.
pub(super) fn mark(html: &str, tokens: &Tokens, place: impl Fn(&str) -> Place, found: &mut Vec<Diagnostic>) -> String {
    let mut out = String::with_capacity(html.len() + 256);
    for (range, part) in parts(html) {
        let text = &html[range];
        let mut at = 0;
        if let Part::Open { .. } = part {
            for (name, value, _) in values(text).into_iter().filter(|(name, ..)| holds_address(name)) {
                let written = &text[value.clone()];
                if name.eq_ignore_ascii_case("href") && leads_nowhere(written, tokens) {
                    let address = unescape(written);
                    let message = format!("the link to {} leads nowhere from a mail", quoted(&address));
                    found.push(
                        Diagnostic::error(message).at(place(&address)).hint("write the whole address, with `https://`"),
                    );
                }
                if tokens.next(written, 0).is_some() {
                    out.push_str(&text[at..value.start]);
                    out.push_str(&tokens.of(ADDRESS));
                    out.push_str(written);
                    out.push_str(&tokens.of(ADDRESS_END));
                    at = value.end;
                } else if let Some(scheme) = refused_scheme(&unescape(written)) {
                    let address = unescape(written);
                    found.push(Diagnostic::error(refusal(&address)).at(place(&address)).hint(match scheme {
                        "data" => "mail readers drop such pictures; put the file below `templates/` and name its path",
                        _ => "link to a page of the web, with `https://`",
                    }));
                }
            }
        }
        out.push_str(&text[at..]);
    }
    out
}

/// Says whether a link is meant from where its page stands, as `www.acme.example` is, too; a mail stands nowhere.
fn leads_nowhere(written: &str, tokens: &Tokens) -> bool {
    let address = unescape(written);
    let address = address.trim();
    // What begins with a tag is known when the mail is made.
    if tokens.next(address, 0).is_some_and(|(range, _)| range.start == 0) {
        return false;
    }
    let scheme = address.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    });
    !scheme && !address.starts_with(['#']) && !address.starts_with("//")
}

fn holds_address(attribute: &str) -> bool {
    ATTRIBUTES.iter().any(|known| attribute.eq_ignore_ascii_case(known))
}

fn refusal(address: &str) -> String {
    format!("{} is no address for a mail", quoted(address))
}

/// An address while a mail is made.
pub(super) struct Address;

impl HelperDef for Address {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let Some(inner) = helper.template() else { return Ok(()) };
        let written = inner.renders(registry, context, render)?;
        let address = unescape(&written);
        if refused_scheme(&address).is_some() {
            return Err(RenderErrorReason::Other(refusal(&address)).into());
        }
        Ok(out.write(&written)?)
    }
}
