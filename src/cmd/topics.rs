//! What `drip help TOPIC` explains: the documents themselves, so that there is one text, set for a terminal.

mod table;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

use crate::exit::Exit;

/// What a topic is called, the document that explains it, and the section of it; without one, all of it.
struct Topic {
    name: &'static str,
    document: &'static str,
    section: Option<&'static str>,
}

const CAMPAIGNS: &str = include_str!("../../docs/campaigns.md");
const TOPICS: [Topic; 6] = [
    Topic { name: "campaigns", document: CAMPAIGNS, section: Some("## A campaign") },
    Topic { name: "conditions", document: include_str!("../../docs/conditions.md"), section: None },
    Topic { name: "durations", document: CAMPAIGNS, section: Some("### Delays") },
    Topic { name: "import", document: include_str!("../../docs/import.md"), section: None },
    Topic { name: "settings", document: include_str!("../../docs/settings.md"), section: None },
    Topic { name: "templates", document: include_str!("../../docs/templates.md"), section: None },
];
const EXIT_CODES: &str = "exit-codes";

/// Returns the names of all topics, in the order of the alphabet.
pub(super) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = TOPICS.iter().map(|topic| topic.name).chain([EXIT_CODES]).collect();
    names.sort_unstable();
    names
}

/// Returns the text of a topic for a terminal of `width` columns.
pub(super) fn text(name: &str, width: usize) -> Option<String> {
    if name == EXIT_CODES {
        let codes = Exit::ALL.map(|exit| format!("  {}  {}\n", exit as u8, exit.meaning()));
        return Some(format!("Exit codes:\n{}", codes.concat()));
    }
    let topic = TOPICS.iter().find(|topic| topic.name == name)?;
    let markdown = topic.section.map_or(topic.document, |heading| section(topic.document, heading));
    Some(set(markdown, width))
}

/// Returns a section, from its heading up to the next one that is not below it.
fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let level = heading.find(' ').unwrap_or(0);
    let Some(start) = document.find(&format!("\n{heading}\n")).map(|at| at + 1) else { return document };
    let mut fenced = false;
    let mut at = start;
    for line in document[start..].split_inclusive('\n') {
        fenced ^= line.starts_with("```");
        let depth = line.len() - line.trim_start_matches('#').len();
        if at > start && !fenced && (1..=level).contains(&depth) && line[depth..].starts_with(' ') {
            return &document[start..at];
        }
        at += line.len();
    }
    &document[start..]
}

/// Sets Markdown for a terminal; what stands in a fence is code, whose lines stay as they are.
fn set(markdown: &str, width: usize) -> String {
    let parts = markdown.split("\n```").enumerate().map(|(index, part)| {
        if index % 2 == 0 {
            return prose(part, width);
        }
        let code = part.split_once('\n').map_or("", |(_language, code)| code);
        code.lines().map(|line| format!("  {line}").trim_end().to_owned() + "\n").collect()
    });
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Sets what is no code: headings in capitals, paragraphs wrapped, tables drawn, links left out.
fn prose(markdown: &str, width: usize) -> String {
    let is_row = |line: &&str| line.starts_with('|');
    let lines: Vec<&str> = markdown.split_inclusive('\n').collect();
    let parts = lines.chunk_by(|one, other| is_row(one) == is_row(other)).map(|part| {
        let text = part.concat();
        if part.first().is_some_and(is_row) {
            return table::draw(&text, width, paragraphs);
        }
        paragraphs(&text, width)
    });
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn paragraphs(markdown: &str, width: usize) -> String {
    let mut in_heading = false;
    let events = Parser::new_ext(markdown, Options::empty()).filter_map(|event| match event {
        Event::Start(Tag::Heading { .. }) => {
            in_heading = true;
            Some(Event::Start(Tag::Paragraph))
        }
        Event::End(TagEnd::Heading(_)) => {
            in_heading = false;
            Some(Event::End(TagEnd::Paragraph))
        }
        Event::Text(text) if in_heading => Some(Event::Text(text.to_uppercase().into())),
        Event::Start(Tag::Link { .. }) | Event::End(TagEnd::Link) => None,
        other => Some(other),
    });
    let mut page = String::new();
    html::push_html(&mut page, events);
    let config = html2text::config::plain_no_decorate().link_footnotes(false);
    // Text that cannot be set is shown as it was written.
    let text = config.string_from_read(page.as_bytes(), width).unwrap_or_else(|_| markdown.to_owned());
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_a_section_that_is_there() {
        for topic in &TOPICS {
            if let Some(heading) = topic.section {
                let text = section(topic.document, heading);
                assert!(text.starts_with(heading), "{}", topic.name);
                assert!(text.len() < topic.document.len(), "{} ends", topic.name);
            }
        }
        let document = "# A\n## B\nb\n```\n## no heading\n```\n### C\nc\n## D\n";
        assert_eq!(section(document, "## B"), "## B\nb\n```\n## no heading\n```\n### C\nc\n");
        assert_eq!(section(document, "### C"), "### C\nc\n");
    }
}
