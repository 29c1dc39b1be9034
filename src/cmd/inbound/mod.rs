//! `drip inbound`: hears what comes back.
//!
//! A message counts once, whatever way and however often it comes. What it asks for, the note that it was heard and, where a
//! person should see it, the copy of it are all there before it is taken off its place: killed at any moment, the message is
//! still there, and the next call goes on with it.

mod incoming;
mod kept;
mod locked;
mod remote;
mod source;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::json;

use super::Failure;
use super::context::Context;
use crate::cli::InboundArgs;
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::inbound::{self, Deed, Rules};
use crate::model::settings::Settings;
use crate::store::Store;
use crate::ui::words::list;

use incoming::Incoming;
use kept::Kept;

pub(super) fn inbound(context: &Context, arguments: &InboundArgs) -> Result<Exit, Failure> {
    let is_pipe = arguments.files.is_empty() && arguments.maildir.is_empty() && arguments.mbox.is_empty();
    let is_pipe = is_pipe && arguments.imap.is_none();
    let heard = hear(context, arguments, is_pipe);
    match heard {
        // Whoever pipes a message in keeps it, and tries again; any other code would have it bounce.
        Err(failure) if is_pipe => {
            failure.print(&context.output);
            Ok(Exit::TryAgain)
        }
        other => other,
    }
}

fn hear(context: &Context, arguments: &InboundArgs, is_pipe: bool) -> Result<Exit, Failure> {
    // A slip in a campaign must not deafen drip.
    let settings = context.settings()?;
    let mut store = context.open()?;
    let secret = store.read()?.secret()?;
    let kept = Kept::new(context.root.join("inbound"));
    let mut ear =
        Ear { context, settings: &settings, store: &mut store, secret, kept, deeds: BTreeMap::new(), known: 0 };
    if is_pipe {
        ear.take(Incoming::from(std::io::stdin().lock()).context("the message cannot be read")?)?;
    }
    for path in &arguments.files {
        ear.take(source::file(path)?)?;
    }
    for path in &arguments.mbox {
        source::mbox(path, |message| ear.take(message))?;
    }
    for path in &arguments.maildir {
        source::maildir(path, |message| ear.take(message))?;
    }
    let read = arguments.imap.as_ref().map_or(Ok(()), |url| remote::imap(url, &mut ear));
    ear.summary();
    read.map(|()| Exit::Success)
}

/// Takes messages in, and counts what they were.
struct Ear<'a> {
    context: &'a Context,
    settings: &'a Settings,
    store: &'a mut Store,
    secret: String,
    kept: Kept,
    deeds: BTreeMap<Deed, u64>,
    /// Heard before.
    known: u64,
}

impl Ear<'_> {
    fn take(&mut self, mut message: Incoming) -> Result<(), Failure> {
        let hash = message.hash().context("the message cannot be read")?;
        let now = self.context.now();
        let reading = inbound::read(message.head());
        let rules = Rules {
            has_bounce_address: self.settings.bounce_address.is_some(),
            secret: &self.secret,
            soft_bounces: self.settings.soft_bounces,
        };
        let mut is_kept = false;
        loop {
            let work = self.store.begin()?;
            if !work.hear(&hash, now)? {
                self.known += 1;
                return Ok(());
            }
            let deed = inbound::act(&work, rules, &reading, now)?;
            if deed.is_to_keep() && !is_kept {
                // Others wait for the store, but not for the disk below a mail: that is written first, and then all is done anew.
                drop(work);
                self.kept.keep(&mut message, &hash)?;
                is_kept = true;
                continue;
            }
            work.commit()?;
            *self.deeds.entry(deed).or_default() += 1;
            return Ok(());
        }
    }

    fn summary(&self) {
        let output = &self.context.output;
        if output.options().json {
            let deeds: serde_json::Map<_, _> =
                self.deeds.iter().map(|(deed, number)| (deed.word().to_owned(), json!(number))).collect();
            output.result(&format!("{:#}\n", json!({ "messages": deeds, "heard_before": self.known })));
            return;
        }
        let parts: Vec<String> = self
            .deeds
            .iter()
            .map(|(deed, number)| {
                let (one, several) = deed.words();
                format!("{number} {}", if *number == 1 { one } else { several })
            })
            .chain((self.known > 0).then(|| format!("{} heard before", self.known)))
            .collect();
        output.status(&if parts.is_empty() { "No message.".to_owned() } else { format!("{}.", list(&parts)) });
        let kept: u64 = self.deeds.iter().filter(|(deed, _)| deed.is_to_keep()).map(|(_, number)| number).sum();
        if kept > 0 {
            output.status(&format!("{kept} for a person to see in {}, a Maildir.", self.kept.folder().display()));
        }
    }
}

/// Returns a failure to read or write a path.
fn failed(what: &str, path: &std::path::Path, error: &std::io::Error) -> Failure {
    let path: PathBuf = path.to_owned();
    Diagnostic::error(format!("`{}` cannot be {what}", path.display())).cause(error.to_string()).into()
}
