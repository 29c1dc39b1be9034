//! Markdown to HTML around tokens.
//!
//! A block tag alone on its line must not become a paragraph. Directly at a list item or a table row it belongs inside
//! the list or table: it then travels inside the item's text and is put back outside the item afterwards. With a blank
//! line between them it goes around the whole list.

use std::collections::HashSet;

use pulldown_cmark::{Options, Parser, html};

use super::source::{Kind, Tag};
use super::token::Tokens;

/// Renders Markdown whose tags are tokens to HTML whose tags are tokens.
pub(super) fn render(text: &str, tokens: &Tokens, tags: &[Tag]) -> String {
    let Attached { text, openers, closers } = attach_whole_blocks(text, tokens, tags);
    let mut out = String::with_capacity(text.len() * 2);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    html::push_html(&mut out, Parser::new_ext(&text, options));
    for id in openers {
        let token = tokens.of(id);
        if let Some(at) = find_bare(&out, &token) {
            let start = out[..at].rfind("<li>").max(out[..at].rfind("<tr>"));
            out.replace_range(at..at + token.len(), "");
            out.insert_str(start.unwrap_or(at), &tokens.comment(id));
        }
    }
    for id in closers.into_iter().rev() {
        let token = tokens.of(id);
        if let Some(at) = find_bare(&out, &token) {
            out.replace_range(at..at + token.len(), "");
            let item = out[at..].find("</li>").unwrap_or(usize::MAX);
            let row = out[at..].find("</tr>").unwrap_or(usize::MAX);
            let end = item.min(row);
            out.insert_str(if end == usize::MAX { at } else { at + end + 5 }, &tokens.comment(id));
        }
    }
    // In a code block the comment was taken for text.
    out.replace("&lt;!--", "\u{0}&lt;!--")
        .split('\u{0}')
        .map(|part| {
            let inner = part.strip_prefix("&lt;!--").and_then(|rest| {
                let (range, id) = tokens.next(rest, 0)?;
                (range.start == 0 && rest[range.end..].starts_with("--&gt;")).then(|| (range.end + 6, id, rest))
            });
            inner.map_or_else(|| part.to_owned(), |(end, id, rest)| tokens.of(id) + &rest[end..])
        })
        .collect()
}

/// Finds a token that is not a comment already; a partial may bring the same one twice.
fn find_bare(html: &str, token: &str) -> Option<usize> {
    html.match_indices(token).map(|(at, _)| at).find(|at| !html[..*at].ends_with("<!--"))
}

/// Markdown whose block tags went into items and rows, or into comments.
struct Attached {
    text: String,
    openers: Vec<usize>,
    closers: Vec<usize>,
}

/// Attaches a block's tags all together or not at all, so that it begins and ends at one level.
fn attach_whole_blocks(text: &str, tokens: &Tokens, tags: &[Tag]) -> Attached {
    let mut apart = HashSet::new();
    loop {
        let attached = attach(text, tokens, tags, &apart);
        let is_inside = |id: &usize| attached.openers.contains(id) || attached.closers.contains(id);
        let before = apart.len();
        let mut open: Vec<Vec<usize>> = Vec::new();
        for (_, id) in tokens.all(text) {
            match tags.get(id).map(|tag| &tag.kind) {
                Some(Kind::Open(_)) => open.push(vec![id]),
                Some(Kind::Else) => open.iter_mut().last().into_iter().for_each(|block| block.push(id)),
                Some(Kind::Close(_)) => {
                    let Some(mut block) = open.pop() else { continue };
                    block.push(id);
                    if !block.iter().all(is_inside) {
                        apart.extend(block.into_iter().filter(is_inside));
                    }
                }
                _ => {}
            }
        }
        if apart.len() == before {
            return attached;
        }
    }
}

/// Moves block tags that stand alone on their lines, except those that are to stay `apart`.
fn attach(text: &str, tokens: &Tokens, tags: &[Tag], apart: &HashSet<usize>) -> Attached {
    let block_line =
        |line: &str| tokens.only(line).filter(|ids| ids.iter().all(|id| tags.get(*id).is_some_and(Tag::is_block)));
    let lines: Vec<&str> = text.lines().collect();
    let mut out: Vec<String> = Vec::new();
    let (mut openers, mut closers) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < lines.len() {
        if block_line(lines[at]).is_none() {
            out.push(lines[at].to_owned());
            at += 1;
            continue;
        }
        let mut run = Vec::new();
        while let Some(ids) = lines.get(at).and_then(|line| block_line(line)) {
            run.extend(ids);
            at += 1;
        }
        let split = run.iter().position(|id| matches!(tags[*id].kind, Kind::Open(_))).unwrap_or(run.len());
        let (ends, starts) = run.split_at(split);
        let after = lines.get(at).copied().unwrap_or_default();
        let inside = in_list_or_table(&out);
        let next_is_item =
            is_item(after) || (is_row(after) && out.last().is_none_or(|line| is_row(line) || line.is_empty()));
        let (inner, outer): (Vec<usize>, Vec<usize>) = ends.iter().partition(|id| !apart.contains(id));
        if inside && out.last().is_some_and(|line| !line.is_empty()) && !inner.is_empty() {
            let last = out.last_mut().expect("`inside` says that there is a line");
            let words: String = inner.iter().map(|id| tokens.of(*id)).collect();
            match last.trim_end().strip_suffix('|') {
                Some(cells) if is_row(last) => *last = format!("{cells}{words}|"),
                _ => last.push_str(&words),
            }
            closers.extend(inner);
            out.extend(outer.iter().map(|id| tokens.comment(*id)));
            if !next_is_item && !after.trim().is_empty() {
                out.push(String::new());
            }
        } else {
            out.extend(ends.iter().map(|id| tokens.comment(*id)));
        }
        let (inner, outer): (Vec<usize>, Vec<usize>) = starts.iter().partition(|id| !apart.contains(id));
        if next_is_item && (inside || !is_row(after)) && !inner.is_empty() {
            out.extend(outer.iter().map(|id| tokens.comment(*id)));
            let words: String = inner.iter().map(|id| tokens.of(*id)).collect();
            out.push(put_in_front(after, &words));
            openers.extend(inner);
            at += 1;
        } else {
            out.extend(starts.iter().map(|id| tokens.comment(*id)));
        }
    }
    Attached { text: out.join("\n") + "\n", openers, closers }
}

/// Says whether the lines so far end inside a list or a table.
fn in_list_or_table(lines: &[String]) -> bool {
    lines.iter().rev().take_while(|line| !line.trim().is_empty()).any(|line| is_item(line) || is_row(line))
}

fn is_row(line: &str) -> bool {
    line.trim_start().starts_with('|')
}

fn is_item(line: &str) -> bool {
    item_text(line).is_some()
}

/// Returns where a list item's own text begins.
fn item_text(line: &str) -> Option<usize> {
    let start = line.len() - line.trim_start().len();
    let rest = &line[start..];
    let mark = if rest.starts_with(['-', '*', '+']) {
        1
    } else {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        ((1..=9).contains(&digits) && rest[digits..].starts_with(['.', ')'])).then_some(digits + 1)?
    };
    let text = &rest[mark..];
    let blanks = text.len() - text.trim_start().len();
    (blanks > 0 && !text.trim().is_empty()).then_some(start + mark + blanks)
}

fn put_in_front(line: &str, words: &str) -> String {
    let at = item_text(line).or_else(|| line.find('|').map(|at| at + 1)).unwrap_or(0);
    format!("{}{words}{}", &line[..at], &line[at..])
}
