//! `drip preview`: what a step would send, before anybody gets it.

mod everything;
mod made_up;

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Failure;
use super::context::{self, Context, Loaded, address};
use super::outgoing::Outgoing;
use crate::cli::preview::{Part, PreviewArgs};
use crate::error::{Diagnostic, Diagnostics};
use crate::exit::Exit;
use crate::mail::transport::{Outcome, Parcel, Permit};
use crate::model::Instant;
use crate::model::address::Address;
use crate::model::campaign::{Action, Campaign, Step};
use crate::model::nearest;
use crate::model::variant::Test;
use crate::runner::Parts;
use crate::runner::preview::{Mail, Preview, Previewed, Unrenderable, readdressed};
use crate::store::{LastSend, Store};

/// How many missing values a made-up contact is given before it is given up.
const MADE_UP: usize = 100;

pub(super) fn preview(run: &Context, arguments: &PreviewArgs) -> Result<Exit, Failure> {
    let loaded = run.load()?;
    let mut store = run.open_to_read()?;
    let outgoing = Outgoing::for_preview(run, &loaded, store.as_mut())?;
    let now = run.now();
    let clock = move || now;
    let token = store.as_mut().map(|store| store.read()?.token()).transpose()?;
    let token = token.unwrap_or_else(|| "preview".to_owned());
    let mut desk = Desk { parts: outgoing.parts(&loaded, &clock), store, token, now };
    if let Some(dir) = &arguments.all {
        refuse_own_folders(&run.root, dir)?;
        let campaigns = match &arguments.campaign {
            Some(id) => std::slice::from_ref(context::campaign(&loaded.project.campaigns, id)?),
            None => loaded.project.campaigns.as_slice(),
        };
        return everything::write(run, &mut desk, campaigns, dir, &arguments.set);
    }
    let ids = |ids: Vec<&str>| ids.join(", ");
    let Some(campaign) = &arguments.campaign else {
        let campaigns = loaded.project.campaigns.iter().map(|campaign| campaign.id.as_str()).collect();
        let missing = Diagnostic::error("which campaign to look at is missing");
        return Err(missing
            .hint(format!("name one and a step, or use --all DIR; there are {}", ids(campaigns)))
            .into());
    };
    let campaign = context::campaign(&loaded.project.campaigns, campaign)?;
    let Some(step) = &arguments.step else {
        let steps = campaign.steps.iter().map(|step| step.id.as_str()).collect();
        let missing = Diagnostic::error(format!("which step of `{}` to look at is missing", campaign.id));
        return Err(missing.hint(format!("its steps are {}", ids(steps))).into());
    };
    let step = self::step(campaign, step)?;
    check_variant(step, arguments.variant.as_deref())?;
    let mut wanted = match &arguments.contact {
        Some(email) => desk.real(campaign, step, &address(email)?)?,
        None => desk.made_up(campaign, step, &arguments.set),
    };
    if arguments.send_to.is_some() {
        // Somebody else gets it: its links and its bounces must not speak of the contact's own mail.
        wanted.row = None;
    }
    wanted.variant = arguments.variant.as_deref().or(wanted.variant);
    if let Some(language) = &arguments.lang {
        wanted.contact.language = Some(language.clone());
    }
    let wrong = |message: String| Diagnostics(vec![Diagnostic::error(message)]);
    let previewed = desk.make(wanted, arguments.contact.is_none()).map_err(wrong)?;
    match previewed {
        Previewed::Mail(mail) => match &arguments.send_to {
            Some(to) => {
                let to = address(to)?;
                refuse_silenced(desk.store.as_mut(), &to)?;
                send(run, &loaded, &mail, &to)
            }
            None => {
                show(run, &mail, arguments.format);
                Ok(Exit::Success)
            }
        },
        Previewed::Call(request) => {
            let headers: Map<String, Value> =
                request.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
            let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
            run.output.result(&format!("POST {}\n{:#}\n", request.url, json!({ "headers": headers, "body": body })));
            Ok(Exit::Success)
        }
        Previewed::Nothing => {
            let kind = step.action.kind();
            let article = if kind.starts_with(['e', 'i', 'o', 'u', 'a']) { "an" } else { "a" };
            run.output.status(&format!("Step {} sends nothing: it is {article} `{kind}`.", step.id));
            Ok(Exit::Success)
        }
    }
}

/// Refuses to write among the files of the project, which the next check would take for templates.
fn refuse_own_folders(root: &Path, dir: &Path) -> Result<(), Failure> {
    let plain = |path: &Path| {
        let mut plain = PathBuf::new();
        for part in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components() {
            match part {
                Component::ParentDir => drop(plain.pop()),
                other => plain.push(other),
            }
        }
        plain
    };
    let dir = plain(dir);
    let own = ["templates", "campaigns"].into_iter().find(|folder| dir.starts_with(plain(&root.join(folder))));
    match own {
        Some(folder) => Err(Diagnostic::error(format!("`{folder}/` holds the files of the project themselves"))
            .hint("write to another folder: drip preview --all previews")
            .into()),
        None => Ok(()),
    }
}

/// What previews are made with.
struct Desk<'a> {
    parts: Parts<'a>,
    /// `None` before anything was imported.
    store: Option<Store>,
    token: String,
    now: Instant,
}

impl Desk<'_> {
    /// Takes a contact as the store knows it, with the row of the ledger if it has the step already.
    fn real<'p>(&mut self, campaign: &'p Campaign, step: &'p Step, address: &Address) -> Result<Preview<'p>, Failure> {
        let missing = || {
            let missing = Diagnostic::error(format!("there is no contact `{address}`"));
            Failure::from(missing.hint("leave --contact out for a made-up one"))
        };
        let work = self.store.as_mut().ok_or_else(missing)?.read()?;
        let contact = work.contact(address)?.ok_or_else(missing)?;
        let LastSend { row, variant, event } = work.last_send(contact.id, &campaign.id, step)?;
        let variant =
            variant.and_then(|name| step.action.mails().filter_map(|(known, _)| known).find(|known| *known == name));
        let history = work.events_of(contact.id, row.as_ref().map_or(self.now, |(_, _, at)| *at))?;
        Ok(Preview { campaign, step, variant, contact, event, history, row, now: self.now })
    }

    /// Makes a contact up.
    fn made_up<'p>(&self, campaign: &'p Campaign, step: &'p Step, set: &[(String, String)]) -> Preview<'p> {
        let (contact, event) = made_up::person(self.parts.settings, set, self.now);
        Preview {
            campaign,
            step,
            variant: None,
            contact,
            event: Some(event.clone()),
            history: vec![event],
            row: None,
            now: self.now,
        }
    }

    /// Makes the mail; a made-up contact is given whatever it lacks.
    fn make(&self, mut wanted: Preview<'_>, fill: bool) -> Result<Previewed, String> {
        for _ in 0..MADE_UP {
            match crate::runner::preview::preview(&self.parts, &wanted, &self.token) {
                Ok(previewed) => return Ok(previewed),
                Err(Unrenderable { missing: Some(name), .. }) if fill && made_up::give(&mut wanted, &name) => {}
                Err(error) if fill && made_up::fit(&mut wanted, &error.message) => {}
                Err(error) => return Err(error.message),
            }
        }
        Err("the template asks for too many values".to_owned())
    }
}

fn step<'c>(campaign: &'c Campaign, id: &str) -> Result<&'c Step, Failure> {
    if let Some(index) = campaign.position_of(id) {
        return Ok(&campaign.steps[index]);
    }
    let missing = Diagnostic::error(format!("campaign `{}` has no step `{id}`", campaign.id));
    let ids = || campaign.steps.iter().map(|step| step.id.as_str());
    Err(match nearest(id, ids()) {
        Some(near) => missing.hint(format!("did you mean `{near}`?")),
        None => missing.hint(format!("its steps are {}", ids().collect::<Vec<_>>().join(", "))),
    }
    .into())
}

fn check_variant(step: &Step, variant: Option<&str>) -> Result<(), Failure> {
    let Some(name) = variant else { return Ok(()) };
    let Action::Test(Test { variants, .. }) = &step.action else {
        return Err(Diagnostic::error(format!("step `{}` is no test and has no variants", step.id)).into());
    };
    if variants.iter().any(|variant| variant.name == name) {
        return Ok(());
    }
    let names: Vec<_> = variants.iter().map(|variant| variant.name.as_str()).collect();
    let missing = Diagnostic::error(format!("step `{}` has no variant `{name}`", step.id));
    Err(missing.hint(format!("its variants are {}", names.join(", "))).into())
}

fn show(run: &Context, mail: &Mail, part: Part) {
    if run.output.options().json {
        let json = json!({
            "from": mail.envelope.from(), "to": mail.envelope.to(), "subject": mail.subject, "text": mail.text, "html": mail.html,
        });
        return run.output.result(&format!("{json:#}\n"));
    }
    match part {
        Part::Text => run.output.result(&format!("Subject: {}\n\n{}", mail.subject, mail.text)),
        Part::Html => run.output.result(&mail.html),
        Part::Eml => run.output.result(&String::from_utf8_lossy(&mail.bytes)),
    }
}

/// Nobody gets a mail after they said no, not even one that only looks how it looks.
fn refuse_silenced(store: Option<&mut Store>, to: &Address) -> Result<(), Failure> {
    let Some(store) = store else { return Ok(()) };
    let work = store.read()?;
    if work.is_silenced(to)? || work.is_suppressed(to)? || work.is_forgotten(to)? {
        let error = Diagnostic::error(format!(
            "`{to}` wants no mail: unsubscribed, bounced, complained, suppressed or forgotten"
        ));
        return Err(error.hint("look at it with another address").into());
    }
    Ok(())
}

/// Hands the mail to the relay, for this address alone.
fn send(run: &Context, loaded: &Loaded, mail: &Mail, to: &Address) -> Result<Exit, Failure> {
    let relay = super::outgoing::relay(run, loaded, &Arc::default())?;
    let mut transport = relay.transport();
    let mail = readdressed(mail, to);
    let parcel = Parcel { envelope: mail.envelope, bytes: mail.bytes };
    if let Err(error) = transport.connect() {
        run.output.error(&error.to_string());
        return Ok(Exit::Relay);
    }
    let outcome = transport.deliver(&Arc::new(parcel), &mut || Permit::Yes { next: None });
    transport.close();
    let trouble = match outcome {
        Ok(Outcome::Sent { .. }) => {
            run.output.status(&format!("Sent to {to} through {}; no ledger knows of it.", relay.describe()));
            return Ok(Exit::Success);
        }
        Ok(Outcome::Deferred { reply, .. } | Outcome::Rejected { reply, .. }) => reply,
        Ok(Outcome::Unknown { reason }) => reason,
        Err(error) => error.to_string(),
    };
    run.output.error(&format!("not sent: {}", crate::ui::sanitise::line(&trouble)));
    Ok(Exit::Relay)
}
