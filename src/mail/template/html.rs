//! HTML as far as templates need it: where its tags, attributes and texts are, and what may stand there.

use std::ops::Range;

use crate::error::Diagnostic;

use super::source::{Kind, Tag};
use super::token::Tokens;

/// Elements within elements; the HTML tools recurse over them.
const MAX_DEPTH: usize = 120;

/// A stretch of HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Text,
    /// The content of `style` or `script`.
    Code,
    Open {
        name: &'a str,
        empty: bool,
    },
    Close {
        name: &'a str,
    },
    Comment,
}

/// Cuts HTML into parts, in order, without gaps.
pub(super) fn parts(html: &str) -> Vec<(Range<usize>, Part<'_>)> {
    let mut all = Vec::new();
    let mut at = 0;
    let mut code: Option<&str> = None;
    while at < html.len() {
        let rest = &html[at..];
        if let Some(name) = code.take() {
            let end = find_close(rest, name).unwrap_or(rest.len());
            if end > 0 {
                all.push((at..at + end, Part::Code));
                at += end;
                continue;
            }
        }
        if rest.starts_with("<!") || rest.starts_with("<?") {
            let close = if rest.starts_with("<!--") { "-->" } else { ">" };
            let end = rest.find(close).map_or(rest.len(), |end| end + close.len());
            all.push((at..at + end, Part::Comment));
            at += end;
            continue;
        }
        let closing = rest.starts_with("</");
        let named = if closing { &rest[2..] } else { rest.get(1..).unwrap_or_default() };
        if rest.starts_with('<') && named.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let end = tag_end(rest);
            let length = named.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(named.len());
            let name = &named[..length];
            if closing {
                all.push((at..at + end, Part::Close { name }));
            } else {
                let empty = rest[..end].ends_with("/>") || is_void(name);
                all.push((at..at + end, Part::Open { name, empty }));
                if ["style", "script", "mj-style"].contains(&name.to_ascii_lowercase().as_str()) && !empty {
                    code = Some(name);
                }
            }
            at += end;
            continue;
        }
        // The first character is text whatever it is; a `<` that opened nothing stands there.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..].find('<').map_or(rest.len(), |offset| first + offset);
        all.push((at..at + end, Part::Text));
        at += end;
    }
    all
}

fn find_close(text: &str, name: &str) -> Option<usize> {
    text.to_ascii_lowercase().find(&format!("</{}", name.to_ascii_lowercase()))
}

fn tag_end(tag: &str) -> usize {
    let mut quote = None;
    for (offset, c) in tag.char_indices() {
        match quote {
            Some(open) if open == c => quote = None,
            None if (c == '"' || c == '\'') && tag[..offset].trim_end().ends_with('=') => quote = Some(c),
            None if c == '>' => return offset + 1,
            _ => {}
        }
    }
    tag.len()
}

pub(super) fn is_void(name: &str) -> bool {
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
        .contains(&name.to_ascii_lowercase().as_str())
}

/// Returns the value of an attribute as it stands in the tag, entities and all.
pub(super) fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    values(tag).into_iter().find(|(found, _, _)| found.eq_ignore_ascii_case(name)).map(|(_, value, _)| &tag[value])
}

/// Returns name, value and whether it is quoted of each attribute.
pub(super) fn values(tag: &str) -> Vec<(&str, Range<usize>, bool)> {
    let mut all = Vec::new();
    let end = tag.trim_end_matches('>').trim_end_matches('/').len();
    let mut at = tag.find(char::is_whitespace).unwrap_or(end);
    while at < end {
        let rest = &tag[at..end];
        let start = at + rest.len() - rest.trim_start().len();
        if start >= end {
            break;
        }
        let rest = &tag[start..end];
        let length = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len()).max(1);
        let name = rest.get(..length).unwrap_or_default();
        let after = rest.get(length..).unwrap_or_default().trim_start();
        at = end - after.len();
        let Some(value) = after.strip_prefix('=') else { continue };
        let value = value.trim_start();
        let begin = end - value.len();
        if let Some(quote) = value.chars().next().filter(|c| *c == '"' || *c == '\'') {
            let close = value[1..].find(quote).map_or(value.len(), |close| close + 1);
            all.push((name, begin + 1.min(value.len())..begin + close, true));
            at = (begin + close + 1).min(end);
        } else {
            let close = value.find(char::is_whitespace).unwrap_or(value.len());
            all.push((name, begin..begin + close, false));
            at = begin + close;
        }
    }
    all
}

/// Turns block tags between elements into comments, and complains about tags where HTML has no room for a value.
pub(super) fn mark(html: &str, tokens: &Tokens, tags: &[Tag], found: &mut Vec<Diagnostic>) -> String {
    let mut out = String::with_capacity(html.len() + 64);
    let mut plain = 0_usize;
    for (range, part) in parts(html) {
        let text = &html[range];
        match part {
            Part::Text if plain == 0 => {
                let mut at = 0;
                for (token, id) in tokens.all(text) {
                    out.push_str(&text[at..token.start]);
                    if tags[id].is_block() {
                        out.push_str(&tokens.comment(id));
                    } else {
                        out.push_str(&text[token.clone()]);
                    }
                    at = token.end;
                }
                out.push_str(&text[at..]);
                continue;
            }
            Part::Code => {
                if let Some((_, id)) = tokens.next(text, 0) {
                    found.push(
                        Diagnostic::error(format!("`{}` stands inside a style sheet or a script", tags[id].written()))
                            .at(tags[id].place.clone())
                            .hint("choose between two classes with `{{#if …}}` in the text instead"),
                    );
                }
            }
            Part::Open { name, empty } => {
                if ["title", "textarea", "mj-title", "mj-preview"].contains(&name) && !empty {
                    plain += 1;
                }
                in_tag(text, tokens, tags, found);
            }
            Part::Close { name } if ["title", "textarea", "mj-title", "mj-preview"].contains(&name) => {
                plain = plain.saturating_sub(1);
            }
            _ => {}
        }
        out.push_str(text);
    }
    out
}

fn in_tag(text: &str, tokens: &Tokens, tags: &[Tag], found: &mut Vec<Diagnostic>) {
    let values = values(text);
    for (token, id) in tokens.all(text) {
        let holder = values.iter().find(|(_, value, _)| value.start <= token.start && token.end <= value.end);
        let written = tags[id].written();
        let problem = match holder {
            Some((name, _, _)) if name.to_ascii_lowercase().starts_with("on") => {
                Some((format!("`{written}` stands inside the script `{name}`"), "remove it".to_owned()))
            }
            Some((_, _, true)) => None,
            Some((name, _, false)) => Some((
                format!("`{written}` stands in an attribute without quotes"),
                format!("write `{name}=\"{written}\"`"),
            )),
            None => Some((
                format!("`{written}` stands where an attribute's name belongs"),
                "put it inside an attribute's quotes, or write the element twice inside `{{#if …}}`".to_owned(),
            )),
        };
        if let Some((message, hint)) = problem {
            found.push(Diagnostic::error(message).at(tags[id].place.clone()).hint(hint));
        }
    }
}

/// Says whether elements nest deeper than the HTML tools can bear.
pub(super) fn is_too_deep(html: &str) -> bool {
    let mut open: Vec<String> = Vec::new();
    for (_, part) in parts(html) {
        match part {
            Part::Open { name, empty: false } => {
                let name = name.to_ascii_lowercase();
                // These close themselves when the next of their kind begins.
                if ["p", "li", "td", "th", "tr", "dt", "dd", "option"].contains(&name.as_str())
                    && open.last() == Some(&name)
                {
                    continue;
                }
                open.push(name);
            }
            Part::Close { name } => {
                if let Some(at) = open.iter().rposition(|open| open.eq_ignore_ascii_case(name)) {
                    open.truncate(at);
                }
            }
            _ => {}
        }
        if open.len() > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// Complains about blocks that begin inside one element and end inside another.
///
/// `html` is what a browser's parser made of the template: every element is closed.
pub(super) fn crossing(html: &str, tokens: &Tokens, tags: &[Tag], found: &mut Vec<Diagnostic>) {
    let mut elements: Vec<usize> = Vec::new();
    let mut blocks: Vec<(usize, Vec<usize>)> = Vec::new();
    for (range, part) in parts(html) {
        match part {
            Part::Open { empty: false, .. } => elements.push(range.start),
            Part::Close { .. } => {
                elements.pop();
            }
            Part::Comment => {
                let Some(id) = comment(&html[range], tokens) else { continue };
                match tags[id].kind {
                    Kind::Open(_) => blocks.push((id, elements.clone())),
                    Kind::Else | Kind::Close(_) => {
                        let Some((opener, parents)) = blocks.last() else { continue };
                        if *parents != elements {
                            let written = tags[*opener].written();
                            found.push(
                                Diagnostic::error(format!(
                                    "the block `{written}` begins and ends in different elements"
                                ))
                                .at(tags[*opener].place.clone())
                                .hint("put whole elements, list items or table rows between its tags"),
                            );
                            return;
                        }
                        if matches!(tags[id].kind, Kind::Close(_)) {
                            blocks.pop();
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// Returns the token that a comment consists of.
pub(super) fn comment(text: &str, tokens: &Tokens) -> Option<usize> {
    let inner = text.strip_prefix("<!--")?.strip_suffix("-->")?;
    tokens.next(inner, 0).filter(|(range, _)| *range == (0..inner.len())).map(|(_, id)| id)
}

/// Moves a block's beginning past a `tbody` that the parser put between it and its rows.
pub(super) fn into_table_bodies(html: &str) -> String {
    const BODY: &str = "<tbody>";
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(BODY) {
        let before = &rest[..at];
        let table = before.rfind('>').map_or(0, |_| {
            let mut start = before.trim_end().len();
            while before[..start].trim_end().ends_with("-->") {
                let Some(comment) = before[..start].rfind("<!--") else { break };
                if before[comment..start].contains('[') {
                    break;
                }
                start = comment;
            }
            start
        });
        out.push_str(&before[..table]);
        out.push_str(BODY);
        out.push_str(&before[table..]);
        rest = &rest[at + BODY.len()..];
    }
    out + rest
}
