//! From files to compiled templates: front matter, partials, layout, then every tool once.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{Diagnostic, Place};
use crate::mail::message::Enclosure;
use crate::model::id::TemplateName;
use crate::model::template::{AssetFile, Format, TemplateFile};

use super::Templates;
use super::asset::{self, Images};
use super::compose::{Composer, Joined};
use super::program::Program;
use super::source::{Source, Tag, cut};
use super::token::Tokens;
use super::{address, check, front, html, mjml, plain};

/// One template in one language.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) language: Option<String>,
    pub(super) subject: Program,
    pub(super) preheader: Option<Program>,
    pub(super) html: Program,
    pub(super) text: Program,
    /// The text part was made from the HTML, and its lines are still to be broken.
    pub(super) wraps: bool,
    /// Parameters for every link, instead of the project's; empty for none.
    pub(super) utm: Option<Vec<(String, String)>>,
    pub(super) images: Vec<Enclosure>,
    pub(super) attachments: Vec<Enclosure>,
}

/// Says whether a template is sent as it is, rather than used by another.
pub(super) fn is_send(name: &str, format: Format) -> bool {
    !name.starts_with("_layouts/") && !name.starts_with("_partials/") && format != Format::Text
}

/// Compiles every file; any error stops all.
pub(super) fn compile(
    files: &[TemplateFile],
    assets: &[AssetFile],
    default_language: &str,
) -> Result<Templates, Vec<Diagnostic>> {
    let mut warnings = Vec::new();
    let mut found = Vec::new();
    let mut tags = Vec::new();
    let mut broken = Vec::new();
    let mut sources = Vec::new();
    for file in files {
        let before = found.len();
        sources.push(read(file, &mut tags, &mut found));
        broken.push(found.len() > before);
    }
    let tokens = Tokens::unlike(&files.iter().map(|file| file.text.as_str()).collect::<Vec<_>>());
    let composer = Composer { sources: &sources, broken: &broken, tags: &tags, tokens: &tokens, default_language };
    composer.check_partials(&mut found);
    let mut templates: HashMap<TemplateName, Vec<Compiled>> = HashMap::new();
    for (index, source) in sources.iter().enumerate() {
        let same = |other: &Source| other.name == source.name && other.language == source.language;
        if source.format == Format::Text && !source.name.starts_with('_') {
            if !sources.iter().any(|other| other.format != Format::Text && same(other)) {
                found.push(
                    Diagnostic::error(format!("the text part `{}` has no template beside it", source.path.display()))
                        .at(source.place(0..0))
                        .hint("add one of the same name that ends in .md, .html or .mjml"),
                );
            }
            continue;
        }
        if !is_send(&source.name, source.format) || broken[index] {
            continue;
        }
        if let Some(other) = sources[..index].iter().find(|other| is_send(&other.name, other.format) && same(other)) {
            found.push(
                Diagnostic::error(format!("`{}` is the same template", other.path.display()))
                    .at(source.place(0..0))
                    .hint("remove one of the two"),
            );
            continue;
        }
        let text_part = sources.iter().position(|other| other.format == Format::Text && same(other));
        if let Some(compiled) = template(&composer, assets, index, text_part, (&mut warnings, &mut found)) {
            templates.entry(TemplateName::new(&source.name)).or_default().push(compiled);
        }
    }
    if found.is_empty() {
        Ok(Templates::new(templates, default_language, unique(warnings)))
    } else {
        Err(unique(found))
    }
}

/// Removes what was said already: a fault in a partial is found in every template that uses it.
fn unique(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut seen = std::collections::HashSet::new();
    found.retain(|diagnostic| seen.insert(diagnostic.to_string()));
    found
}

fn read(file: &TemplateFile, tags: &mut Vec<Tag>, found: &mut Vec<Diagnostic>) -> Source {
    let mut source = Source::new(file);
    let send = is_send(&source.name, source.format);
    let first = tags.len();
    let start = front::read(&mut source, send, tags, found);
    let text = Arc::clone(&source.text);
    source.pieces = cut(|span| source.place(span), &text, start..text.len(), tags, found);
    for line in [&source.front.subject, &source.front.preheader].into_iter().flatten() {
        check::tags(&line.pieces, tags, found);
    }
    check::tags(&source.pieces, tags, found);
    let in_layout = source.name.starts_with("_layouts/");
    let bodies = tags[first..].iter().filter(|tag| tag.is_body()).count();
    if in_layout && bodies != 1 {
        found.push(
            Diagnostic::error(format!("the layout has {bodies} `{{{{{{body}}}}}}`"))
                .at(source.place(start..start))
                .hint("write `{{{body}}}` once, where the content goes"),
        );
    }
    if !in_layout && let Some(tag) = tags[first..].iter().find(|tag| tag.is_body()) {
        found.push(
            Diagnostic::error(format!("`{}` stands outside a layout", tag.written()))
                .at(tag.place.clone())
                .hint("only a file below `_layouts/` has a body"),
        );
    }
    if source.format == Format::Mjml {
        mjml::names(&source, found);
    }
    source
}

fn template(
    composer: &Composer<'_>,
    assets: &[AssetFile],
    index: usize,
    text_part: Option<usize>,
    (warnings, found): (&mut Vec<Diagnostic>, &mut Vec<Diagnostic>),
) -> Option<Compiled> {
    let (tokens, tags) = (composer.tokens, composer.tags);
    let source = &composer.sources[index];
    let before = found.len();
    let start = source.place(0..0);
    let layout = composer.layout(index, found);
    if found.len() > before {
        return None;
    }
    let joined = composer.document(index, layout, found)?;
    check::number(joined.ids(tokens).into_iter().filter_map(|id| tags.get(id)), found);
    check::depth(joined.ids(tokens).into_iter().filter_map(|id| tags.get(id)), found);
    check::loops(joined.ids(tokens).into_iter().filter_map(|id| tags.get(id)), found);
    if found.len() > before {
        return None;
    }
    let is_mjml = source.format == Format::Mjml || layout.is_some_and(|at| composer.sources[at].format == Format::Mjml);
    let document = document(&joined, is_mjml, tokens, tags, &start, found)?;
    let mut images = Images { files: assets, tokens, warnings: Vec::new(), used: Vec::new() };
    let document = images.place(&document, |written| composer.locate(index, written), found);
    warnings.append(&mut images.warnings);
    let attachments = asset::attachments(assets, &source.front.attachments, |span| source.place(span), found);
    let carried: Vec<&Enclosure> = images.used.iter().chain(&attachments).collect();
    asset::weigh(&carried, start.clone(), warnings, found);
    let language = composer.language(source);
    let document = document.replace("lang=\"und\"", &format!("lang=\"{}\"", escape(language)));
    let subject = source.front.subject.as_ref()?;
    let subject = program(&composer.line(subject), tokens, tags, start.clone(), found);
    let preheader_text = source.front.preheader.as_ref().map(|line| composer.line(line));
    let text = match text_part {
        Some(part) => composer.text_part(part, found)?.text,
        None => plain::render(&document, tokens, tags)
            .map_err(|cause| found.push(Diagnostic::error("no text part can be made").at(start.clone()).cause(cause)))
            .ok()?,
    };
    let whole = preheader_text.as_ref().map_or_else(|| document.clone(), |line| with_preheader(&document, line));
    let whole = address::mark(&whole, tokens, |written| composer.locate(index, written), found);
    let html = program(&whole, tokens, tags, start.clone(), found);
    let text_place = text_part.map_or_else(|| start.clone(), |part| composer.sources[part].place(0..0));
    let text = program(&text, tokens, tags, text_place, found);
    let preheader = preheader_text.map(|line| program(&line, tokens, tags, start, found));
    if found.len() > before {
        return None;
    }
    Some(Compiled {
        language: source.language.clone(),
        subject: subject?,
        preheader: preheader.flatten(),
        html: html?,
        text: text?,
        wraps: text_part.is_none(),
        utm: source.front.utm.clone(),
        images: images.used,
        attachments,
    })
}

fn program(text: &str, tokens: &Tokens, tags: &[Tag], whole: Place, found: &mut Vec<Diagnostic>) -> Option<Program> {
    Program::new(text, tokens, tags, whole).map_err(|diagnostic| found.push(*diagnostic)).ok()
}

/// Runs the HTML tools over a whole document.
fn document(
    joined: &Joined,
    is_mjml: bool,
    tokens: &Tokens,
    tags: &[Tag],
    start: &Place,
    found: &mut Vec<Diagnostic>,
) -> Option<String> {
    let before = found.len();
    let guest = joined.guest.as_ref().map(|(hole, html)| (&joined.text[hole.clone()], html));
    if html::is_too_deep(&joined.text) || guest.is_some_and(|(_, html)| html::is_too_deep(html)) {
        found.push(
            Diagnostic::error("elements nest too deep").at(start.clone()).hint("a mail needs a dozen levels at most"),
        );
        return None;
    }
    let marked = html::mark(&joined.text, tokens, tags, found);
    let guest = guest.map(|(hole, html)| (hole, html::mark(html, tokens, tags, found)));
    if found.len() > before {
        return None;
    }
    let whole = if is_mjml {
        match mjml::render(&marked) {
            Ok(html) => html,
            Err(problem) => {
                // The marks around block tags have moved what stands behind them.
                let shift =
                    tokens.all(&marked).filter(|(at, _)| at.start < problem.at && marked[..at.start].ends_with("<!--"));
                let at = problem.at - (shift.count() * 7).min(problem.at);
                found.push(
                    Diagnostic::error(problem.message)
                        .at(joined.place(at).unwrap_or_else(|| start.clone()))
                        .hint("look for an element that is not closed, or that stands in the wrong one"),
                );
                return None;
            }
        }
    } else {
        whole_html(&marked)
    };
    let whole = guest.iter().fold(whole, |whole, (hole, html)| whole.replacen(*hole, html, 1));
    if html::is_too_deep(&whole) {
        found.push(Diagnostic::error("elements nest too deep").at(start.clone()).hint("take a wrapper or two away"));
        return None;
    }
    let tool = css_inline::CSSInliner::options().load_remote_stylesheets(false).keep_at_rules(true).build();
    let inlined = match tool.inline(&whole) {
        Ok(html) => html,
        Err(error) => {
            let diagnostic = Diagnostic::error("the style sheets cannot be put into the elements");
            found.push(diagnostic.at(start.clone()).cause(error.to_string()));
            return None;
        }
    };
    let inlined = html::into_table_bodies(&inlined);
    html::crossing(&inlined, tokens, tags, found);
    (found.len() == before).then_some(inlined)
}

/// Puts a document around a fragment.
fn whole_html(text: &str) -> String {
    let head = text.get(..text.len().min(4000)).unwrap_or(text).to_ascii_lowercase();
    if head.contains("<html") || head.contains("<body") {
        return text.to_owned();
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"und\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"></head>\n<body>\n{text}</body></html>\n"
    )
}

/// Puts a preheader where a mail reader finds it first and a person does not see it. Hidden it is as a whole: filters take letters
/// of no size for a trick (`FONT_INVIS` of `SpamAssassin`).
fn with_preheader(html: &str, line: &str) -> String {
    let at = html.find("<body").and_then(|start| html[start..].find('>').map(|end| start + end + 1)).unwrap_or(0);
    format!("{}{HIDDEN}{}</div>{}", &html[..at], escape(line), &html[at..])
}

const HIDDEN: &str = "<div style=\"display:none;mso-hide:all;max-height:0;max-width:0;opacity:0;overflow:hidden\">";

/// Puts another preheader into a mail that is made, in place of its own where it has one.
pub(super) fn with_other_preheader(html: &str, line: &str) -> String {
    let own = html.find(HIDDEN).and_then(|start| {
        let end = html[start..].find("</div>")? + start + "</div>".len();
        Some((start, end))
    });
    match own {
        Some((start, end)) => with_preheader(&format!("{}{}", &html[..start], &html[end..]), line),
        None => with_preheader(html, line),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
