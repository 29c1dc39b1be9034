//! Where mail and calls go, and what signs them: made from the settings, the environment and files.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context as _;

use super::Failure;
use super::context::{Context, Loaded};
use super::{environment, interrupt, machine};
use crate::error::{Diagnostic, Diagnostics};
use crate::mail::dkim::Signer;
use crate::mail::token::Keys;
#[cfg(debug_assertions)]
use crate::mail::transport::Timeouts;
use crate::mail::transport::{Discard, Outbox, Relay, SmtpRelay};
use crate::model::Instant;
use crate::model::settings::{Dkim, Password, Settings, Smtp};
use crate::runner::Parts;
use crate::store::Store;
use crate::webhook::{Caller, Http, Nobody};

/// How long `password_command` may take.
const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(20);

/// Returns a fault of the settings that shows when they are used.
fn project(fault: Diagnostic) -> Failure {
    Diagnostics(vec![fault]).into()
}

/// Everything that a run needs beside files and store.
pub(super) struct Outgoing {
    relay: Box<dyn Relay>,
    caller: Box<dyn Caller>,
    signer: Option<Signer>,
    variable: fn(&str) -> Option<String>,
    keys: Keys,
    secret: String,
    boot: Option<String>,
    interrupted: Arc<AtomicBool>,
}

impl Outgoing {
    /// Makes what the settings ask for.
    pub(super) fn new(context: &Context, loaded: &Loaded, store: &mut Store) -> Result<Self, Failure> {
        let interrupted = interrupt::listen().context("signals cannot be listened to")?;
        let work = store.read()?;
        let (secret, keys) = (work.secret()?, Keys::new(work.link_keys()?));
        Ok(Self {
            relay: relay(context, loaded, &interrupted)?,
            caller: Box::new(Http::new()),
            signer: signer_of(context, &loaded.project.settings)?,
            variable: environment::variable,
            keys,
            secret,
            boot: machine::boot(),
            interrupted,
        })
    }

    /// Makes what a dry run needs: nothing leaves.
    pub(super) fn nowhere(store: &mut Store) -> Result<Self, Failure> {
        let work = store.read()?;
        let (secret, keys) = (work.secret()?, Keys::new(work.link_keys()?));
        Ok(Self { secret, keys, boot: machine::boot(), variable: environment::variable, ..Self::silent() })
    }

    /// Makes what a preview needs: signed as it would be, and with the names of secrets in their place.
    pub(super) fn for_preview(context: &Context, loaded: &Loaded, store: Option<&mut Store>) -> Result<Self, Failure> {
        let Some(store) = store else {
            return Ok(Self { signer: signer_of(context, &loaded.project.settings)?, ..Self::silent() });
        };
        let work = store.read()?;
        let (secret, keys) = (work.secret()?, Keys::new(work.link_keys()?));
        Ok(Self { secret, keys, signer: signer_of(context, &loaded.project.settings)?, ..Self::silent() })
    }

    fn silent() -> Self {
        let variable = |name: &str| Some(format!("${{{name}}}"));
        Self {
            relay: Box::new(Discard),
            caller: Box::new(Nobody),
            signer: None,
            variable,
            // Of links that lead nowhere.
            keys: Keys::new(vec![(0, vec![0; 32])]),
            secret: String::new(),
            boot: None,
            interrupted: Arc::default(),
        }
    }

    /// Puts it together with a project.
    pub(super) fn parts<'a>(&'a self, loaded: &'a Loaded, clock: &'a (dyn Fn() -> Instant + Sync)) -> Parts<'a> {
        Parts {
            settings: &loaded.project.settings,
            campaigns: &loaded.project.campaigns,
            templates: &loaded.templates,
            relay: self.relay.as_ref(),
            caller: self.caller.as_ref(),
            variable: &self.variable,
            keys: &self.keys,
            secret: &self.secret,
            signer: self.signer.as_ref(),
            clock,
            boot: self.boot.as_deref(),
            interrupted: &self.interrupted,
        }
    }
}

/// Returns the way mail goes.
pub(super) fn relay(
    context: &Context,
    loaded: &Loaded,
    interrupted: &Arc<AtomicBool>,
) -> Result<Box<dyn Relay>, Failure> {
    Ok(match &loaded.project.settings.smtp {
        Some(smtp) => {
            let relay = SmtpRelay::new(with_password(smtp, &context.root)?);
            #[cfg(debug_assertions)]
            let relay = impatient(relay);
            Box::new(relay.stopped_by(Arc::clone(interrupted)))
        }
        None => Box::new(Outbox::new(context.root.join("outbox"))),
    })
}

/// Shortens every wait to what a test says; see [`environment::patience`].
#[cfg(debug_assertions)]
pub(super) fn impatient(relay: SmtpRelay) -> SmtpRelay {
    match environment::patience() {
        Some(wait) => relay.timeouts(Timeouts { connect: wait, greeting: wait, verb: wait, data: wait, content: wait }),
        None => relay,
    }
}

/// Reads the key that mails are signed with, where the settings name one.
pub(super) fn signer_of(context: &Context, settings: &Settings) -> Result<Option<Signer>, Failure> {
    settings.dkim.as_ref().map(|dkim| signer(dkim, &context.root)).transpose()
}

/// Names the place where mail goes, without secrets.
pub(super) fn describe(context: &Context, loaded: &Loaded) -> String {
    match &loaded.project.settings.smtp {
        Some(smtp) => SmtpRelay::new(smtp.clone()).describe(),
        None => Outbox::new(context.root.join("outbox")).describe(),
    }
}

/// Reads the private key, which nobody else may read.
fn signer(dkim: &Dkim, root: &Path) -> Result<Signer, Failure> {
    let path = if dkim.key_file.is_absolute() { dkim.key_file.clone() } else { root.join(&dkim.key_file) };
    let shown = path.display();
    let failed = |error: std::io::Error| {
        Diagnostic::error(format!("the DKIM key `{shown}` cannot be read")).cause(error.to_string())
    };
    let readable = {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(&path).map_err(|error| project(failed(error)))?.permissions().mode() & 0o077 != 0
    };
    if readable {
        let wrong = Diagnostic::error(format!("the DKIM key `{shown}` can be read by others"));
        return Err(project(wrong.hint(format!("chmod 600 {shown}"))));
    }
    let pem = fs::read(&path).map_err(|error| project(failed(error)))?;
    Signer::new(dkim, &pem).map_err(|error| {
        let wrong = Diagnostic::error(format!("the DKIM key `{shown}` cannot sign: {error}"));
        wrong
            .hint(format!("make one with: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out {shown}"))
            .into()
    })
}

/// Returns the relay with its password in place of the command that prints it.
pub(super) fn with_password(smtp: &Smtp, root: &Path) -> Result<Smtp, Failure> {
    let mut smtp = smtp.clone();
    if let Some(login) = &mut smtp.login
        && let Password::Command(command) = &login.password
    {
        login.password = Password::Known(first_line(command, root)?);
    }
    Ok(smtp)
}

pub(super) fn first_line(command: &str, root: &Path) -> Result<String, Failure> {
    let wrong = |what: &str| Diagnostic::error(format!("`password_command` {what}"));
    let mut child = Command::new("sh")
        .args(["-c", command])
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| project(wrong("cannot be started").cause(error.to_string())))?;
    let mut left = PATIENCE;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if left.is_zero() => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(project(wrong("took longer than 30 s").hint("it must not ask a person")));
            }
            Ok(None) => {
                std::thread::sleep(GLANCE);
                left = left.saturating_sub(GLANCE);
            }
            Err(error) => return Err(project(wrong("was lost").cause(error.to_string()))),
        }
    };
    let read = |pipe: Option<&mut dyn Read>| {
        let mut text = String::new();
        // What it says is not needed to know that it failed.
        let _ = pipe.map(|pipe| pipe.take(1 << 16).read_to_string(&mut text));
        text
    };
    let said = read(child.stderr.as_mut().map(|pipe| pipe as &mut dyn Read));
    if !status.success() {
        let wrong = wrong(&format!("failed ({status})"));
        return Err(project(match said.trim() {
            "" => wrong,
            said => wrong.cause(said.lines().next().unwrap_or_default().to_owned()),
        }));
    }
    let printed = read(child.stdout.as_mut().map(|pipe| pipe as &mut dyn Read));
    match printed.lines().next().map(str::trim_end) {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(project(wrong("printed nothing").hint("its first line is the password"))),
    }
}
