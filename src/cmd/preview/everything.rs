//! `drip preview --all`: every mail of the project as files, and a page to look through them.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::{Desk, Mail, Previewed};
use crate::cmd::Failure;
use crate::cmd::context::Context;
use crate::exit::Exit;
use crate::model::campaign::{Action, Campaign};
use crate::model::id::TemplateName;
use crate::model::octets::percent;
use crate::ui::words::count;

/// One row of the page.
struct Entry {
    campaign: String,
    step: String,
    variant: Option<String>,
    language: String,
    /// The path of the files without their ending, and the subject; or what is wrong.
    made: Result<(String, String), String>,
}

pub(super) fn write(
    run: &Context,
    desk: &mut Desk<'_>,
    campaigns: &[Campaign],
    dir: &Path,
    set: &[(String, String)],
) -> Result<Exit, Failure> {
    let mut entries = Vec::new();
    for campaign in campaigns {
        for step in &campaign.steps {
            let mut mails: Vec<(Option<&str>, Option<&TemplateName>)> =
                step.action.mails().map(|(variant, mail)| (variant, Some(&mail.template))).collect();
            if let Action::Notify(notify) = &step.action {
                mails.push((None, notify.template.as_ref()));
            }
            for (variant, template) in mails {
                for language in languages(desk, template) {
                    let mut wanted = desk.made_up(campaign, step, set);
                    wanted.variant = variant;
                    wanted.contact.language = Some(language.clone());
                    let name = [Some(step.id.as_str()), variant, Some(&language)];
                    let path = format!("{}/{}", campaign.id, name.into_iter().flatten().collect::<Vec<_>>().join("."));
                    let made = match desk.make(wanted, true) {
                        Ok(Previewed::Mail(mail)) => {
                            files(&dir.join(&path), &mail)?;
                            Ok((path, mail.subject))
                        }
                        Ok(_) => continue,
                        Err(message) => Err(message),
                    };
                    entries.push(Entry {
                        campaign: campaign.name.clone(),
                        step: step.id.as_str().to_owned(),
                        variant: variant.map(str::to_owned),
                        language,
                        made,
                    });
                }
            }
        }
    }
    let page = dir.join("index.html");
    save(&page, index(&entries))?;
    let wrong = entries.iter().filter(|entry| entry.made.is_err()).count();
    for entry in entries.iter().filter(|entry| entry.made.is_err()) {
        let message = entry.made.as_ref().err().map(String::as_str).unwrap_or_default();
        run.output.warn(&format!("{} {} ({}): {message}", entry.campaign, entry.step, entry.language));
    }
    let made = count((entries.len() - wrong) as u64, "mail");
    run.output.status(&format!("Wrote {made} as .eml, .html and .txt; look at {}.", page.display()));
    Ok(if wrong == 0 { Exit::Success } else { Exit::Project })
}

/// Returns the languages of a template; the one without a name is the project's.
fn languages(desk: &Desk<'_>, template: Option<&TemplateName>) -> Vec<String> {
    let own = &desk.parts.settings.language;
    let Some(template) = template else { return vec![own.clone()] };
    let named = desk.parts.templates.languages(template);
    let mut languages: Vec<String> =
        named.into_iter().map(|name| if name.is_empty() { own.clone() } else { name.to_owned() }).collect();
    languages.sort();
    languages.dedup();
    languages
}

fn files(path: &Path, mail: &Mail) -> Result<(), Failure> {
    let ending = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{ending}"));
        std::path::PathBuf::from(name)
    };
    save(&ending("eml"), &mail.bytes)?;
    save(&ending("html"), &mail.html)?;
    save(&ending("txt"), &mail.text)
}

fn save(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Failure> {
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        fs::write(path, content)
    };
    write().with_context(|| format!("`{}` cannot be written", path.display())).map_err(Failure::from)
}

fn index(entries: &[Entry]) -> String {
    let mut rows = String::new();
    for entry in entries {
        let head = [entry.campaign.as_str(), &entry.step, entry.variant.as_deref().unwrap_or(""), &entry.language];
        let head: String = head.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect::<Vec<_>>().concat();
        let rest = match &entry.made {
            Ok((path, subject)) => {
                let path = path.split('/').map(percent).collect::<Vec<_>>().join("/");
                format!(
                    "<td><a href=\"{path}.html\">{}</a></td><td><a href=\"{path}.txt\">text</a> <a href=\"{path}.eml\">eml</a></td>",
                    escaped(subject)
                )
            }
            Err(message) => format!("<td colspan=\"2\" class=\"wrong\">{}</td>", escaped(message)),
        };
        rows += &format!("<tr>{head}{rest}</tr>\n");
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Previews</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>\
         :root {{ color-scheme: light dark }} body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }}\
         table {{ border-collapse: collapse; width: 100% }} td, th {{ text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884 }}\
         .wrong {{ color: #c33 }}</style></head>\n<body><h1>Previews</h1>\n<table><thead><tr><th>Campaign</th><th>Step</th>\
         <th>Variant</th><th>Language</th><th>Subject</th><th>Also as</th></tr></thead><tbody>\n{rows}</tbody></table></body></html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
