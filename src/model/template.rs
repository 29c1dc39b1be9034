//! The files below `templates/`, as they were read.

use std::path::PathBuf;
use std::sync::Arc;

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

/// A picture or a document below `templates/`, for mails to carry.
#[derive(Debug, Clone)]
pub struct AssetFile {
    /// From `templates/` on, with `/` between folders, as `images/tea.png`.
    pub path: String,
    /// As `image/png`.
    pub media_type: &'static str,
    pub bytes: Arc<[u8]>,
}

/// Endings of pictures and documents, and what they are to a mail reader.
///
/// No vector graphics: most mail readers do not show them, and they can hold scripts.
const MEDIA_TYPES: [(&str, &str); 18] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("pdf", "application/pdf"),
    ("ics", "text/calendar"),
    ("vcf", "text/vcard"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("epub", "application/epub+zip"),
    ("zip", "application/zip"),
];

impl AssetFile {
    /// Returns what a file is by its ending; nothing for what a mail does not carry.
    pub fn media_type(ending: &str) -> Option<&'static str> {
        let ending = ending.to_ascii_lowercase();
        MEDIA_TYPES.iter().find(|(known, _)| *known == ending).map(|(_, media_type)| *media_type)
    }

    /// Says whether it can stand inside a text.
    pub fn is_image(&self) -> bool {
        self.media_type.starts_with("image/")
    }

    /// Returns the file's own name.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
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
