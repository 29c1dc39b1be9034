//! Templates: files in, subject, preheader, HTML and text of one contact's mail out.
//!
//! Everything dear happens once, in [`Templates::compile`]: tags become tokens, partials and layout are put together,
//! Markdown or MJML becomes HTML, styles go into elements, the text part is made, and the tags come back. Contact data
//! never passes through Markdown or HTML tools, so it can be neither markup nor a cost. Nothing in here reads a file,
//! the clock or the environment.

mod address;
mod asset;
mod check;
mod compile;
mod compose;
mod front;
mod function;
mod html;
mod locale;
mod markdown;
mod mjml;
mod plain;
mod program;
mod registry;
mod signature;
mod source;
mod straight;
mod subject;
#[cfg(test)]
mod tests;
mod token;
mod value;
mod written;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

use handlebars::Context;
use serde_json::Value;

use crate::error::{Diagnostic, Place};
use crate::mail::message::Enclosure;
use crate::model::campaign::Mail;
use crate::model::id::TemplateName;
use crate::model::template::{AssetFile, TemplateFile};

pub use self::locale::Locale;
pub use self::source::written_subject;

use self::compile::Compiled;
use self::subject::Subjects;

/// Loops nest at most twice, so that no mail takes longer than a moment.
const LONGEST_LIST: usize = 1000;

/// Each template in its languages.
type Variants = HashMap<TemplateName, Vec<Compiled>>;

/// Every template of a project; shared between threads as it is.
#[derive(Debug)]
pub struct Templates {
    all: OnceLock<Variants>,
    /// What they are made of, where that waits for the first mail.
    sources: (Vec<TemplateFile>, Vec<AssetFile>),
    default_language: String,
    subjects: Subjects,
    warnings: Vec<Diagnostic>,
}

/// One contact's mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// One line, never empty.
    pub subject: String,
    /// One line; already inside `html`.
    pub preheader: Option<String>,
    pub html: String,
    /// Ends with one line feed.
    pub text: String,
    /// Parameters for every link, instead of the project's; empty for none.
    pub utm: Option<Vec<(String, String)>>,
    /// Pictures that the HTML shows, each once.
    pub images: Vec<Enclosure>,
    pub attachments: Vec<Enclosure>,
}

/// Why a mail could not be made for one contact.
#[derive(Debug, Clone)]
pub struct RenderError {
    pub place: Place,
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for RenderError {}

impl From<RenderError> for Diagnostic {
    fn from(error: RenderError) -> Self {
        Self::error(error.message).at(error.place).hint(error.hint)
    }
}

impl Templates {
    /// Compiles the files below `templates/`; returns every complaint at once.
    ///
    /// Uses up to a few hundred kilobytes of stack for deeply nested templates.
    pub fn compile(
        files: &[TemplateFile],
        assets: &[AssetFile],
        default_language: &str,
    ) -> Result<Self, Vec<Diagnostic>> {
        compile::compile(files, assets, default_language)
    }

    /// Takes files that are known to compile without a warning, and compiles them when the first mail is rendered.
    pub fn known_right(files: &[TemplateFile], assets: &[AssetFile], default_language: &str) -> Self {
        Self {
            all: OnceLock::new(),
            sources: (files.to_vec(), assets.to_vec()),
            default_language: default_language.to_owned(),
            subjects: Subjects::default(),
            warnings: Vec::new(),
        }
    }

    fn new(all: Variants, default_language: &str, warnings: Vec<Diagnostic>) -> Self {
        let all = OnceLock::from(all);
        Self { all, warnings, ..Self::known_right(&[], &[], default_language) }
    }

    fn all(&self) -> &Variants {
        self.all.get_or_init(|| {
            let (files, assets) = &self.sources;
            // Were they wrong after all, their mails would be held for want of a template.
            let compiled = compile::compile(files, assets, &self.default_language);
            compiled.ok().and_then(|compiled| compiled.all.into_inner()).unwrap_or_default()
        })
    }

    /// Says whether they have been compiled by now.
    pub fn are_compiled(&self) -> bool {
        self.all.get().is_some()
    }

    /// Returns what works, but should not stay so.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Returns the names of the templates that can be sent, sorted.
    pub fn names(&self) -> Vec<&TemplateName> {
        let mut names: Vec<_> = self.all().keys().collect();
        names.sort();
        names
    }

    /// Says whether a template can be sent.
    pub fn contains(&self, name: &TemplateName) -> bool {
        self.all().contains_key(name)
    }

    /// Returns the languages a template is written in, sorted; empty for the file without one.
    pub fn languages(&self, name: &TemplateName) -> Vec<&str> {
        let mut languages: Vec<_> =
            self.all().get(name).into_iter().flatten().map(|one| one.language.as_deref().unwrap_or_default()).collect();
        languages.sort_unstable();
        languages
    }

    /// Says what is wrong with a line of a campaign file, such as a step's own `subject:`, and what to
    /// do; keeps a good one for the mails to come, and where it stands.
    pub fn check_line(&self, source: &str, place: &Place) -> Result<(), (String, Option<String>)> {
        self.subjects.learn(source, place);
        let wrong = |diagnostic: Box<Diagnostic>| (diagnostic.message, diagnostic.hints.into_iter().next());
        self.subjects.get(source).map(drop).map_err(wrong)
    }

    /// Returns a warning for each part of a mail to contacts that does not say who sends it, or how to leave; and, where it is to
    /// ask for confirmation, how to confirm.
    pub fn footers(&self, template: &TemplateName, asks: bool) -> Vec<Diagnostic> {
        let variants = self.all().get(template).map(Vec::as_slice).unwrap_or_default();
        let mut warnings = Vec::new();
        for one in variants {
            let own_text = (!one.wraps).then_some((&one.text, "the text part"));
            for (program, part) in std::iter::once((&one.html, "the mail")).chain(own_text) {
                let law = "which the law of many countries asks for";
                let mut wanted = vec![
                    ("unsubscribe_url", format!("{part} lacks a link to leave, {law}")),
                    ("postal_address", format!("{part} lacks the sender's postal address, {law}")),
                ];
                if asks {
                    wanted.push(("confirm_url", format!("{part} lacks a link to confirm, so nobody can")));
                }
                for (name, what) in wanted {
                    if !program.asks_for(name) {
                        let hint = format!("put `{{{{{name}}}}}` into it, or into its layout");
                        warnings.push(Diagnostic::warning(what).at(program.place().clone()).hint(hint));
                    }
                }
                if !asks && program.asks_for("confirm_url") {
                    let what =
                        format!("{part} asks for `confirm_url`, which it does not get here and will be held for");
                    let hint = "only mails of a campaign with `trigger: pending` have it";
                    warnings.push(Diagnostic::warning(what).at(program.place().clone()).hint(hint));
                }
            }
        }
        warnings
    }

    /// Returns an error about a line of a campaign file with its place there; any other as it is.
    pub fn at_home(&self, error: RenderError, line: &str, file: &Path) -> RenderError {
        self.subjects.at_home(error, line, file)
    }

    /// Renders a subject of a campaign file.
    pub fn render_subject(&self, source: &str, locale: Locale<'_>, data: &Value) -> Result<String, RenderError> {
        let mut context = Context::from(data.clone());
        if let Value::Object(map) = context.data_mut() {
            map.insert(locale::KEY.to_owned(), locale.data(locale.language));
        }
        self.subjects.render(source, &context)
    }

    /// Renders a text of a campaign file, as it stands in the JSON of a webhook.
    pub fn render_text(&self, source: &str, locale: Locale<'_>, data: &Value) -> Result<String, RenderError> {
        if !source.contains("{{") {
            return Ok(source.to_owned());
        }
        let mut context = Context::from(data.clone());
        if let Value::Object(map) = context.data_mut() {
            map.insert(locale::KEY.to_owned(), locale.data(locale.language));
        }
        self.subjects.text(source, &context)
    }

    /// Renders a step's mail in the language that comes nearest to that of `locale`.
    ///
    /// `data` is an object; a value that is missing or null, and has no default, is an error.
    pub fn render(&self, mail: &Mail, locale: Locale<'_>, data: Value) -> Result<Rendered, RenderError> {
        let variants = self.all().get(&mail.template).map(Vec::as_slice).unwrap_or_default();
        let languages: Vec<_> = variants.iter().map(|one| one.language.as_deref()).collect();
        let Some(at) = choose(&languages, Some(locale.language), &self.default_language) else {
            return Err(RenderError {
                place: subject::place(mail.template.as_str()),
                message: format!("there is no template `{}`", mail.template),
                hint: "add it below `templates/`".to_owned(),
            });
        };
        let one = &variants[at];
        if let Some((name, length)) = too_long(&data) {
            return Err(RenderError {
                place: subject::place(mail.template.as_str()),
                message: format!("the list `{name}` has {length} entries"),
                hint: format!("a mail goes through {LONGEST_LIST} at most; import fewer"),
            });
        }
        let mut context = Context::from(data);
        let language = one.language.as_deref().unwrap_or(&self.default_language);
        if let Value::Object(map) = context.data_mut() {
            map.insert(locale::KEY.to_owned(), locale.data(language));
        }
        let subject = match &mail.subject {
            Some(source) => self.subjects.render(source, &context)?,
            None => subject::line(&one.subject, &context)?,
        };
        let preheader = match &mail.preheader {
            Some(source) => Some(self.subjects.line(source, &context)?),
            None => one.preheader.as_ref().map(|program| subject::render_line(program, &context)).transpose()?,
        };
        // A layout may show the subject, as in `<title>{{subject}}</title>`.
        if let Value::Object(map) = context.data_mut() {
            map.insert("subject".to_owned(), Value::String(subject.clone()));
        }
        let mut html = one.html.render(&registry::HTML, &context)?;
        if let (Some(_), Some(line)) = (&mail.preheader, &preheader) {
            html = compile::with_other_preheader(&html, line);
        }
        let text = one.text.render(&registry::TEXT, &context)?;
        let text = plain::tidy(&if one.wraps { plain::wrap(&text) } else { text });
        // One inside a block that was left out would be a file the reader wonders about.
        let shown = |image: &&Enclosure| html.contains(&format!("cid:{}", image.content_id));
        let images = one.images.iter().filter(shown).cloned().collect();
        let preheader = preheader.filter(|line| !line.is_empty());
        let (utm, attachments) = (one.utm.clone(), one.attachments.clone());
        Ok(Rendered { subject, preheader, html, text, utm, images, attachments })
    }
}

/// Returns the first list that is too long for loops over it to end soon.
fn too_long(data: &Value) -> Option<(String, usize)> {
    match data {
        Value::Object(map) => map.iter().find_map(|(name, value)| match value {
            Value::Array(list) if list.len() > LONGEST_LIST => Some((name.clone(), list.len())),
            other => too_long(other),
        }),
        Value::Array(list) => list.iter().find_map(too_long),
        _ => None,
    }
}

/// Chooses among languages: the very one, its base, none at all, the default, any.
fn choose(languages: &[Option<&str>], wanted: Option<&str>, default: &str) -> Option<usize> {
    let find = |wanted: &str| {
        languages.iter().position(|one| one.is_some_and(|one| one.eq_ignore_ascii_case(&wanted.replace('_', "-"))))
    };
    let base = |tag: &str| tag.split(['-', '_']).next().unwrap_or_default().to_owned();
    wanted
        .and_then(|wanted| find(wanted).or_else(|| find(&base(wanted))))
        .or_else(|| languages.iter().position(Option::is_none))
        .or_else(|| find(default).or_else(|| find(&base(default))))
        .or_else(|| (!languages.is_empty()).then_some(0))
}
