//! `drip contact set` and `tag`: changes to one person by hand.

use chrono_tz::Tz;
use serde_json::json;

use super::{Context, address, need};
use crate::cmd::Failure;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::import::{is_birthday, is_viet_nam, typed};
use crate::model::date::Day;
use crate::model::plain::quoted;
use crate::ui::words::count;

/// What every contact has, and attributes cannot be called.
const TAKEN: [&str; 5] = ["email", "consent", "tags", "timezone", "language"];

/// A change to one contact.
pub(super) struct Change<'a> {
    pub(super) attributes: &'a [(String, String)],
    pub(super) unset: &'a [String],
    pub(super) timezone: Option<&'a str>,
    pub(super) language: Option<&'a str>,
}

pub(super) fn set(run: &Context, email: &str, change: &Change<'_>) -> Result<Exit, Failure> {
    let address = address(email)?;
    let project = run.project()?;
    let viet_nam = is_viet_nam(project.settings.timezone, &project.settings.language);
    let mut values = Vec::new();
    for (name, text) in change.attributes {
        if TAKEN.contains(&name.as_str()) {
            let taken = Diagnostic::error(format!("`{name}` is no attribute"));
            return Err(match name.as_str() {
                "timezone" | "language" => taken.hint(format!("write it as --{name} {text}")),
                "tags" => taken.hint("use drip contact tag"),
                "consent" => taken.hint("consent comes with the import that adds a contact, and `drip contact unsubscribe` takes it away for good"),
                _ => taken.hint("an address stays; import the new one and forget the old one"),
            }
            .into());
        }
        if values.iter().any(|(known, _)| *known == name) {
            return Err(Diagnostic::error(format!("`{name}` is given twice"))
                .hint("say which of the two it is")
                .into());
        }
        let value = typed(name, text, viet_nam)
            .map_err(|(what, todo)| Diagnostic::error(format!("`{name}` {what}")).hint(todo))?;
        let Some(value) = value else {
            let empty = Diagnostic::error(format!("`{name}=` has no value"));
            return Err(empty.hint(format!("remove the attribute with --unset {name}")).into());
        };
        if is_birthday(name) && Day::read(&value, project.settings.timezone).is_none() {
            let text = quoted(text);
            run.output.warn(&format!(
                "{text} is no day, and no date trigger sees it; write `{name}` as 1990-12-31, or as 12-31 without a year"
            ));
        }
        values.push((name, value));
    }
    let zone = change.timezone.map(zone).transpose()?;
    let language = change.language.map(language).transpose()?;
    let mut store = run.store(&project)?;
    let work = store.begin()?;
    let contact = need(&work, &address)?;
    let mut attributes = contact.attributes.clone();
    for (name, value) in values {
        attributes.insert(name.clone(), value);
    }
    let (mut new_zone, mut new_language) = (zone.or(contact.timezone), language.or(contact.language.clone()));
    for name in change.unset {
        match name.as_str() {
            "timezone" => new_zone = None,
            "language" => new_language = None,
            _ if attributes.shift_remove(name).is_none() => {
                run.output.warn(&format!("{address} has no attribute `{name}`"));
            }
            _ => {}
        }
    }
    let changed = attributes != contact.attributes || new_zone != contact.timezone || new_language != contact.language;
    if changed {
        work.set_attributes(contact.id, &attributes)?;
        work.set_place(contact.id, new_zone.map(Tz::name), new_language.as_deref())?;
        work.commit()?;
    }
    if run.output.options().json {
        let json = json!({
            "email": contact.address.as_str(), "changed": changed, "timezone": new_zone.map(Tz::name),
            "language": new_language, "attributes": attributes,
        });
        run.output.result(&format!("{json:#}\n"));
        return Ok(Exit::Success);
    }
    run.output.status(&if changed {
        format!("Changed {address}; the next run looks at it anew.")
    } else {
        format!("{address} is so already; nothing changed.")
    });
    Ok(Exit::Success)
}

pub(super) fn tag(run: &Context, emails: &[String], add: &[String], remove: &[String]) -> Result<Exit, Failure> {
    let addresses = emails.iter().map(|email| address(email)).collect::<Result<Vec<_>, _>>()?;
    for tag in add {
        if tag.trim().is_empty() || tag.contains([',', ';', '|']) || tag.contains(char::is_control) {
            let wrong = Diagnostic::error(format!("`{}` cannot be a tag", tag.escape_debug()));
            return Err(wrong
                .hint("a tag is text without `,`, `;` and `|`; name each with an --add of its own")
                .into());
        }
    }
    let project = run.project()?;
    let mut store = run.store(&project)?;
    let work = store.begin()?;
    let mut contacts = Vec::new();
    let mut changed = 0;
    for address in &addresses {
        let contact = need(&work, address)?;
        let mut tags = contact.tags.clone();
        tags.extend(add.iter().map(|tag| tag.trim().to_owned()));
        tags.retain(|tag| !remove.contains(tag));
        if tags != contact.tags {
            work.set_tags(contact.id, &tags)?;
            changed += 1;
        }
        let email = contact.address.as_str();
        contacts.push(json!({ "email": email, "changed": tags != contact.tags, "tags": tags }));
    }
    work.commit()?;
    if run.output.options().json {
        run.output.result(&format!("{:#}\n", json!({ "contacts": contacts })));
    } else {
        run.output.status(&format!("Changed the tags of {}.", count(changed, "contact")));
    }
    Ok(Exit::Success)
}

fn zone(text: &str) -> Result<Tz, Failure> {
    text.parse::<Tz>().or_else(|_| Tz::from_str_insensitive(text)).map_err(|_| {
        let wrong = Diagnostic::error(format!("`{text}` is no time zone"));
        let near = crate::model::nearest(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
        match near {
            Some(near) => wrong.hint(format!("did you mean `{near}`?")),
            None => wrong.hint("write it as `Asia/Ho_Chi_Minh`"),
        }
        .into()
    })
}

fn language(text: &str) -> Result<String, Failure> {
    crate::import::language(text).map_err(|message| Diagnostic::error(message).into())
}
