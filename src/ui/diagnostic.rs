//! How a diagnostic looks: place and message, the line with a caret, causes and hints.

use annotate_snippets::{AnnotationKind, Level as Heading, Renderer, Snippet};

use super::sanitise;
use crate::error::{Diagnostic, Level, Place};
use crate::model::secret;

/// Wider than this, the line is cut around the caret.
const WIDTH: usize = 110;

/// Draws a diagnostic, with a line break at the end.
pub fn render(diagnostic: &Diagnostic, color: bool) -> String {
    let message = sanitise::lines(&diagnostic.message);
    let title = match &diagnostic.place {
        Some(place) => format!("{place}: {message}"),
        None => message.into_owned(),
    };
    let level = match diagnostic.level {
        Level::Error => Heading::ERROR,
        Level::Warning => Heading::WARNING,
    };
    let renderer = if color { Renderer::styled() } else { Renderer::plain() }.term_width(WIDTH);
    let heading = level.primary_title(title);
    let shown = diagnostic.place.as_ref().map(line);
    let mut text = match &shown {
        Some((line, number, span)) if !line.trim().is_empty() => {
            let snippet = Snippet::source(line.as_str())
                .line_start(*number)
                .annotation(AnnotationKind::Primary.span(span.clone()));
            renderer.render(&[heading.element(snippet)])
        }
        _ => renderer.render(&[annotate_snippets::Group::with_title(heading)]),
    };
    text.push('\n');
    for cause in &diagnostic.causes {
        text += &format!("caused by: {}\n", sanitise::lines(cause));
    }
    for hint in &diagnostic.hints {
        text += &format!("hint: {}\n", sanitise::lines(hint));
    }
    text
}

/// Returns the line of a place as it can be shown, its number, and the bytes of it to mark.
fn line(place: &Place) -> (String, usize, std::ops::Range<usize>) {
    let (number, _) = place.line_column();
    let start = floor(&place.text, place.span.start);
    let line_start = place.text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = place.text[start..].find('\n').map_or(place.text.len(), |at| start + at);
    let end = floor(&place.text, place.span.end).clamp(start, line_end);
    // What a terminal would obey, or shows in no width of its own, is shown as one space each.
    let show = |text: &str| -> String {
        text.chars()
            .map(|c| if sanitise::line(c.encode_utf8(&mut [0; 4])) == c.to_string() { c } else { ' ' })
            .collect()
    };
    let before = show(&place.text[line_start..start]);
    let marked = show(&place.text[start..end]);
    let after = show(&place.text[end..line_end]);
    let from = before.len();
    let mark = from..from + marked.trim_end().len();
    // The line goes to logs and to the mails of cron.
    let (mut line, mark) = secret::without_marked(&(before + &marked + after.trim_end()), mark);
    let (from, mut to) = (mark.start, mark.end);
    if from >= line.len() {
        line.push(' ');
    }
    if to <= from {
        to = from + line[from..].chars().next().map_or(1, char::len_utf8);
    }
    (line, number, from..to)
}

fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str, word: &str) -> String {
        let start = text.find(word).unwrap();
        let place = Place { path: "campaigns/welcome.yaml".into(), text: text.into(), span: start..start + word.len() };
        render(&Diagnostic::error("unknown field `dely`").at(place).hint("did you mean `delay`?"), false)
    }

    #[test]
    fn the_caret_stands_under_the_word_also_in_vietnamese_and_after_a_tab() {
        let text = "name: Chào mừng\nsteps:\n  - { id: cảm-ơn, dely: 2d }\n";
        insta::assert_snapshot!(drawn(text, "dely"), @r"
        error: campaigns/welcome.yaml:3:19: unknown field `dely`
          |
        3 |   - { id: cảm-ơn, dely: 2d }
          |                   ^^^^
        hint: did you mean `delay`?
        ");
        assert!(drawn("a:\n\tdely: 1\n", "dely").contains("2 |  dely: 1"), "{}", drawn("a:\n\tdely: 1\n", "dely"));
        assert!(!drawn("a: \u{1b}[31m dely\n", "dely").contains('\u{1b}'));
    }
}
