//! The files below `templates/`, as they were read.

use std::path::PathBuf;

use super::id::TemplateName;

/// One template file.
#[derive(Debug, Clone)]
pub struct TemplateFile {
    /// `welcome/thanks` for `templates/welcome/thanks.vi.md`; layouts and partials keep their folder.
    pub name: TemplateName,
    /// `vi` for `thanks.vi.md`; `None` for `thanks.md`.
    pub language: Option<String>,
    pub format: Format,
    /// Below the project, for messages.
    pub path: PathBuf,
    /// The whole text, front matter included.
    pub text: String,
}

/// What a template is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Markdown,
    Html,
    Mjml,
    /// A text part of its own, beside a template of the same name.
    Text,
}

impl Format {
    /// Returns the format that a file's ending names.
    pub fn from_ending(ending: &str) -> Option<Self> {
        match ending {
            "md" => Some(Self::Markdown),
            "html" => Some(Self::Html),
            "mjml" => Some(Self::Mjml),
            "txt" => Some(Self::Text),
            _ => None,
        }
    }
}
