//! The text part, made from the finished HTML while its tags are still tokens.

use unicode_width::UnicodeWidthStr;

use super::html::{Part, attribute, comment, is_void, parts};
use super::source::Tag;
use super::token::{GAP, Tokens};

/// How wide a line may be, in columns.
const WIDTH: usize = 76;
/// Wide enough that no line is broken before its tags have their values.
const UNBROKEN: usize = 10_000_000;

/// Writes HTML as text; tokens stay, and each paragraph is one line.
pub(super) fn render(html: &str, tokens: &Tokens, tags: &[Tag]) -> Result<String, String> {
    let mut writer = Writer {
        tokens,
        tags,
        out: String::new(),
        words: Vec::new(),
        tables: Vec::new(),
        lists: Vec::new(),
        links: Vec::new(),
    };
    writer.simplify(html);
    let text = html2text::config::plain_no_decorate()
        .no_link_wrapping()
        .link_footnotes(false)
        .string_from_read(writer.out.as_bytes(), UNBROKEN)
        .map_err(|error| error.to_string())?;
    let mut lines = Vec::new();
    let gap = tokens.of(GAP);
    for line in text.lines() {
        if line.trim() == gap {
            lines.push(String::new());
            continue;
        }
        // A block tag in a list was an item of its own, so that it would get a line of its own.
        let bare = line.trim().strip_prefix("* ").filter(|rest| {
            tokens.only(rest).is_some_and(|ids| ids.iter().all(|id| tags.get(*id).is_some_and(Tag::is_block)))
        });
        lines.push(bare.unwrap_or_else(|| line.trim_end()).to_owned());
    }
    Ok(writer.expand(&lines.join("\n")))
}

/// Removes what a reader would not miss: trailing blanks and all but one of several empty lines.
pub(super) fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    let mut empty = 0;
    for line in text.lines() {
        let line = line.trim_end();
        if line.is_empty() {
            empty += 1;
            continue;
        }
        if empty > 0 && !out.is_empty() {
            out.push('\n');
        }
        empty = 0;
        out.push_str(line);
        out.push('\n');
    }
    if out.is_empty() {
        out.push('\n');
    }
    out
}

/// Breaks long lines between words; the rest of a list item or a quotation stays below its beginning.
pub(super) fn wrap(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 50);
    for line in text.lines() {
        if width(line) <= WIDTH {
            out.push_str(line);
        } else {
            let (first, next, words) = hanging(line);
            out.push_str(first);
            fill(&mut out, words, &next, width(first));
        }
        out.push('\n');
    }
    out
}

/// Writes words into as few lines as they take, the first of which is full up to a column; a longer word has one of its own.
fn fill(out: &mut String, words: &str, next: &str, mut column: usize) {
    let mut gap = 0;
    for word in words.split(' ') {
        let wide = width(word);
        if gap > 0 && !word.is_empty() && column + gap + wide > WIDTH {
            out.push('\n');
            out.push_str(next);
            column = width(next);
            gap = 0;
        }
        if !word.is_empty() {
            out.extend(std::iter::repeat_n(' ', gap));
            out.push_str(word);
            column += gap + wide;
            gap = 0;
        }
        gap += 1;
    }
}

/// Returns how many columns a text takes.
fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { UnicodeWidthStr::width(text) }
}

/// Cuts a line into what stands in front of its words, what stands there in the lines that follow, and the words.
fn hanging(line: &str) -> (&str, String, &str) {
    let quote = line.len() - line.trim_start_matches([' ', '>']).len();
    let rest = &line[quote..];
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mark = match rest[digits..].chars().next() {
        Some('*') if digits == 0 => 1,
        Some('.') if (1..=9).contains(&digits) => digits + 1,
        _ => 0,
    };
    let mark = if mark > 0 && rest[mark..].starts_with(' ') { mark + 1 } else { 0 };
    let (first, words) = line.split_at(quote + mark);
    (first, line[..quote].to_owned() + &" ".repeat(mark), words)
}

#[derive(Clone, Copy, PartialEq)]
enum Table {
    /// It arranges the page: each cell is a block.
    Layout,
    /// It holds data: each row is a line.
    Data,
}

struct Writer<'a> {
    tokens: &'a Tokens,
    tags: &'a [Tag],
    out: String,
    /// Words that are tokens of their own behind those of the tags.
    words: Vec<String>,
    /// The tables around, and whether the next cell is its row's first.
    tables: Vec<(Table, bool)>,
    lists: Vec<&'static str>,
    /// The links around: where each leads and where its text begins.
    links: Vec<(Option<String>, usize)>,
}

impl Writer<'_> {
    /// Leaves only elements that make lines, and puts tokens where text may stand.
    fn simplify(&mut self, html: &str) {
        let all = parts(html);
        let mut hidden: Option<usize> = None;
        let mut parents: Vec<&str> = Vec::new();
        for (index, (range, part)) in all.iter().enumerate() {
            let text = &html[range.clone()];
            match part {
                Part::Open { name, empty } => {
                    if hidden.is_none() && !empty && is_hidden(name, text) {
                        hidden = Some(parents.len());
                    }
                    if hidden.is_none() {
                        match *name {
                            "table" => self.open_table(&html[range.end..]),
                            "ul" | "ol" => {
                                let numbered = *name == "ol" && !self.has_blocks(&all, index, html);
                                self.open_list(if numbered { "ol" } else { "ul" });
                            }
                            _ => self.open(name, text),
                        }
                    }
                    if !empty {
                        parents.push(name);
                    }
                }
                Part::Close { name } if !is_void(name) => {
                    parents.pop();
                    match hidden {
                        Some(level) if parents.len() <= level => hidden = None,
                        Some(_) => {}
                        None => self.close(name),
                    }
                }
                Part::Comment if hidden.is_none() => {
                    if let Some(id) = comment(text, self.tokens).filter(|id| self.tags[*id].is_block()) {
                        let token = self.tokens.of(id);
                        let in_list = matches!(parents.last(), Some(&("ul" | "ol")));
                        let (open, close) = if in_list { ("<li>", "</li>") } else { ("", "") };
                        self.push(&[open, &token, close]);
                    }
                }
                Part::Text if hidden.is_none() => self.push(&[text]),
                _ => {}
            }
        }
    }

    fn push(&mut self, all: &[&str]) {
        self.out.extend(all.iter().copied());
    }

    fn open_table(&mut self, rest: &str) {
        let inner = &rest[..rest.find("</table").unwrap_or(rest.len())];
        let data = inner.contains("<th>") || inner.contains("<th ");
        if data {
            self.gap();
        }
        self.tables.push((if data { Table::Data } else { Table::Layout }, true));
        self.push(&["<div>"]);
    }

    fn open_list(&mut self, kind: &'static str) {
        if self.lists.is_empty() {
            self.gap();
        }
        self.lists.push(kind);
        self.push(&["<", kind, ">"]);
    }

    fn open(&mut self, name: &str, tag: &str) {
        match name {
            "tr" => {
                if let Some((_, first)) = self.tables.last_mut() {
                    *first = true;
                }
                self.push(&["<div>"]);
            }
            "td" | "th" => match self.tables.last_mut() {
                Some((Table::Data, first)) => {
                    if !std::mem::replace(first, false) {
                        self.push(&[" | "]);
                    }
                }
                _ => self.push(&["<div>"]),
            },
            "a" => {
                let link = attribute(tag, "href").filter(|url| !url.starts_with('#'));
                self.links.push((link.map(unescape), self.out.len()));
            }
            "img" => self.push(&[attribute(tag, "alt").unwrap_or_default()]),
            "br" => self.push(&["<br>"]),
            // The tool draws one as wide as the page, of signs that few fonts of mail readers have.
            "hr" => self.push(&["<p>---</p>"]),
            _ => self.element("<", name),
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "table" => {
                self.push(&["</div>"]);
                if self.tables.pop().is_some_and(|(kind, _)| kind == Table::Data) {
                    self.gap();
                }
            }
            "tr" => self.push(&["</div>"]),
            "td" | "th" => {
                if self.tables.last().is_none_or(|(kind, _)| *kind == Table::Layout) {
                    self.push(&["</div>"]);
                    self.gap();
                }
            }
            "ul" | "ol" => {
                let kind = self.lists.pop().unwrap_or("ul");
                self.push(&["</", kind, ">"]);
                if self.lists.is_empty() {
                    self.gap();
                }
            }
            "a" => self.end_link(),
            _ => self.element("</", name),
        }
    }

    /// Says whether block tags stand between a list's items; its numbers would then be wrong.
    fn has_blocks(&self, all: &[(std::ops::Range<usize>, Part<'_>)], index: usize, html: &str) -> bool {
        let mut depth = 0_i32;
        for (range, part) in &all[index + 1..] {
            match part {
                Part::Open { empty: false, .. } => depth += 1,
                Part::Close { .. } => depth -= 1,
                Part::Comment if depth == 0 && comment(&html[range.clone()], self.tokens).is_some() => return true,
                _ => {}
            }
            if depth < 0 {
                break;
            }
        }
        false
    }

    fn gap(&mut self) {
        let gap = self.tokens.of(GAP);
        self.push(&["<div>", &gap, "</div>"]);
    }

    fn element(&mut self, open: &str, name: &str) {
        let kind = match name {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "li" | "blockquote" | "pre" | "dl" | "dt" | "dd" => name,
            "div" | "center" | "section" | "article" | "header" | "footer" | "main" | "address" | "figure" => "div",
            _ => return,
        };
        // Headings are paragraphs: `#` means nothing to most readers.
        let kind = if kind.starts_with('h') { "p" } else { kind };
        self.push(&[open, kind, ">"]);
    }

    /// Writes the address behind a link's text, unless it is the text.
    fn end_link(&mut self) {
        let Some((Some(url), start)) = self.links.pop() else { return };
        let shown = self.expand(&unescape(&self.out[start..]));
        let shown = shown.trim();
        if shown == url || url.strip_prefix("mailto:") == Some(shown) || url.strip_prefix("tel:") == Some(shown) {
            return;
        }
        let token = self.word(url);
        if shown.is_empty() {
            self.out.push_str(&token);
        } else {
            self.push(&[" (", &token, ")"]);
        }
    }

    fn word(&mut self, word: String) -> String {
        self.words.push(word);
        self.tokens.of(self.tags.len() + self.words.len() - 1)
    }

    /// Puts the long words back.
    fn expand(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() * 2);
        let mut at = 0;
        for (range, id) in self.tokens.all(text) {
            if let Some(word) = id.checked_sub(self.tags.len()).and_then(|index| self.words.get(index)) {
                out.push_str(&text[at..range.start]);
                out.push_str(word);
                at = range.end;
            }
        }
        out + &text[at..]
    }
}

fn is_hidden(name: &str, tag: &str) -> bool {
    let style = attribute(tag, "style").unwrap_or_default().to_ascii_lowercase().replace(' ', "");
    ["head", "style", "script", "title", "template"].contains(&name) || style.contains("display:none")
}

/// Takes back the escapes that an HTML serialiser writes.
fn unescape(text: &str) -> String {
    text.replace("&nbsp;", "\u{a0}")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}
