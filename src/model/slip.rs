//! Slips of the pen in YAML: texts that need other quotes than they have, and how they should be written.
//!
//! What is told here is a guess about a line that YAML could not read, made to give a good hint; no file is read by it.

use std::ops::Range;

/// A text that stands in the wrong quotes, or in none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// Where it stands, in the text that was looked at.
    pub span: Range<usize>,
    /// The same in quotes that hold.
    pub better: String,
}

impl Slip {
    fn new(written: &str, content: &str, start: usize) -> Self {
        let better = if !content.contains('\'') {
            format!("'{content}'")
        } else if !content.contains(['"', '\\']) {
            format!("\"{content}\"")
        } else {
            format!("'{}'", content.replace('\'', "''"))
        };
        Self { span: start..start + written.len(), better }
    }
}

/// Finds a text in quotes that has the same quotes again inside a tag, as `"Hi {{default name "you"}}"`.
pub fn quotes_in_quotes(line: &str) -> Option<Slip> {
    let mut before = ' ';
    for (start, quote) in line.char_indices() {
        let opens = matches!(quote, '"' | '\'') && matches!(before, ' ' | ':' | '-' | ',' | '{' | '[');
        if opens && let Some(slip) = quoted_again(line, start, quote) {
            return Some(slip);
        }
        if !quote.is_whitespace() {
            before = quote;
        }
    }
    None
}

fn quoted_again(line: &str, start: usize, quote: char) -> Option<Slip> {
    let (mut in_tag, mut again, mut escaped) = (false, false, false);
    let text = &line[start + 1..];
    for (at, c) in text.char_indices() {
        if text[at..].starts_with("{{") {
            in_tag = true;
        } else if text[at..].starts_with("}}") {
            in_tag = false;
        } else if c == quote && !escaped {
            if !in_tag {
                return again.then(|| Slip::new(&line[start..start + at + 2], &text[..at], start));
            }
            again = true;
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

/// Finds a text without quotes inside `{ … }` or `[ … ]` on the line of a byte, which YAML ends at a comma or a bracket
/// of its own, as `{ segment: did("purchased", "30d") }`.
pub fn cut_in_braces(text: &str, at: usize) -> Option<Slip> {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let above = text[..start].trim_end();
    let line = text[start..].lines().next().unwrap_or_default();
    let mut inside = above.ends_with(['{', '[', ',']);
    let mut at = line.len() - line.trim_start_matches([' ', '-']).len();
    while let Some(c) = line[at..].chars().next() {
        match c {
            '{' | '[' => inside = true,
            '#' => return None,
            '"' | '\'' => at += 1 + line[at + 1..].find(c)?,
            ' ' | ',' | '}' | ']' | ':' => {}
            _ => {
                let (length, is_cut) = reach(&line[at..]);
                let written = line[at..at + length].trim_end();
                if inside && is_cut {
                    return Some(Slip::new(written, written, start + at));
                }
                at += length;
                continue;
            }
        }
        at += c.len_utf8();
    }
    None
}

/// Returns how far a text goes that its author began here, and whether YAML sees its end earlier; of one whose brackets do
/// not close nobody can tell.
fn reach(line: &str) -> (usize, bool) {
    let (mut open, mut quote, mut is_cut) = (Vec::new(), None, false);
    let is_condition = |read: &str| read.contains(['(', '[', '"', '=']);
    for (at, c) in line.char_indices() {
        let key_ends = c == ':' && (at + 1 == line.len() || line[at + 1..].starts_with([' ', '{', '[']));
        match c {
            ',' | '[' | ']' | '{' | '}' if quote.is_some() => is_cut = true,
            '\'' | '"' if quote == Some(c) => quote = None,
            _ if quote.is_some() => {}
            '\'' | '"' => quote = Some(c),
            ',' | '}' | ']' if open.is_empty() => return (at, is_cut),
            ':' if key_ends && !is_condition(&line[..at]) => return (at, false),
            ',' | ':' if !open.is_empty() && (c == ',' || key_ends) => is_cut = true,
            '(' => open.push(')'),
            '[' | '{' => {
                open.push(if c == '[' { ']' } else { '}' });
                is_cut = true;
            }
            '}' | ']' if open.last() != Some(&c) => return (at, false),
            ')' | ']' | '}' => {
                open.pop();
            }
            _ if key_ends => is_cut = true,
            _ => {}
        }
    }
    (line.len(), is_cut && open.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn cut(line: &str, better: Option<&str>) {
        let found = cut_in_braces(line, line.rfind('\n').map_or(0, |end| end + 1));
        assert_eq!(found.as_ref().map(|slip| slip.better.as_str()), better, "{line}");
    }

    #[test]
    fn a_text_in_braces_is_cut_at_its_comma() {
        cut(r#"trigger: { segment: did("purchased", "30d") }"#, Some(r#"'did("purchased", "30d")'"#));
        cut(r#"steps: [{ id: w, if: did("a", "7d"), send: mail }]"#, Some(r#"'did("a", "7d")'"#));
        cut("  - { if: did('a', '7d') && x, id: w }", Some(r#""did('a', '7d') && x""#));
        cut("  - { if: did('a', \"7d\"), id: w }", Some("'did(''a'', \"7d\")'"));
        cut(r#"exit_when: [ did("a", "3d"), did("b") ]"#, Some(r#"'did("a", "3d")'"#));
        cut(r#"  - { id: w, if: contact.x in ["a", "b"], send: m }"#, Some(r#"'contact.x in ["a", "b"]'"#));
        cut(r#"  - { if: contact["tên"] == "x" }"#, Some(r#"'contact["tên"] == "x"'"#));
        cut(r#"  - { if: contact.name == "a, b" }"#, Some(r#"'contact.name == "a, b"'"#));
        cut(r#"  - { if: a > 1 ? did("x") : true }"#, Some(r#"'a > 1 ? did("x") : true'"#));
        cut("trigger: {\n  segment: did(\"a\", \"30d\")", Some(r#"'did("a", "30d")'"#));
    }

    #[test]
    fn what_is_whole_is_left_alone() {
        cut(r#"if: did("a", "7d")"#, None);
        cut(r#"trigger: { segment: 'did("purchased", "30d")' }"#, None);
        cut(r#"trigger: { event: signed_up, where: event.value > 3 }  # of { did("a", "b") }"#, None);
        cut("hours: [{ from: 08:00, to: 11:00 }]", None);
        cut("{ segment: did(\"a\", \"30d\"", None);
        cut("  - { id: a, if: did(\"a\", \"30d\", send: mail }", None);
        cut("trigger: { segment: contact.items.exists(i, i == \"tea\" }", None);
    }

    #[test]
    fn quotes_within_quotes_end_a_text_early() {
        let better = |line| quotes_in_quotes(line).map(|slip| (line[slip.span].to_owned(), slip.better));
        let said = |written: &str, better: &str| Some((written.to_owned(), better.to_owned()));
        assert_eq!(
            better(r#"subject: "{{default first_name "bạn"}}, chào""#),
            said(r#""{{default first_name "bạn"}}, chào""#, r#"'{{default first_name "bạn"}}, chào'"#)
        );
        assert_eq!(
            better(r#"  - { subject: "Hi {{default name "you"}}'s", id: a }"#),
            said(r#""Hi {{default name "you"}}'s""#, r#"'Hi {{default name "you"}}''s'"#)
        );
        assert_eq!(better("subject: '{{default n 'b'}}'"), said("'{{default n 'b'}}'", "\"{{default n 'b'}}\""));
        assert_eq!(better(r#"subject: '{{default first_name "bạn"}}, chào'"#), None);
        assert_eq!(better(r#"subject: "{{default first_name \"bạn\"}}, chào""#), None);
        assert_eq!(better(r#"subject: "Chào"#), None);
    }
}
