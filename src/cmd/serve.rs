//! `drip serve`: answers readers over the web.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::context::Context;
use super::{Failure, environment, interrupt};
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::mail::token::Keys;
use crate::model::campaign::Campaign;
use crate::model::settings::{Provider, Settings};
use crate::project::Project;
use crate::serve::{Fetch, Offer, Secrets, Site, is_sendgrid_key, serve as answer};
use crate::webhook::Http;

/// How long a certificate may take to come, and how large it may be.
const PATIENCE: Duration = Duration::from_secs(10);
const LARGEST: u64 = 64 << 10;

pub(super) fn serve(context: &Context, listen: Option<SocketAddr>) -> Result<Exit, Failure> {
    let project = context.project()?;
    let settings = &project.settings;
    let Some(web) = &settings.web else {
        return Err(Diagnostic::error("drip.yaml has no `public_url`, so no mail leads here")
            .hint("write `public_url: https://mail.acme.example`, the address under which readers reach this server")
            .into());
    };
    let mut store = context.open()?.with_savepoints_in_memory()?;
    let site = Site {
        keys: Keys::new(store.read()?.link_keys()?),
        feed_key: environment::variable("DRIP_EVENTS_KEY"),
        metrics_key: environment::variable("DRIP_METRICS_KEY"),
        secrets: secrets(settings)?,
        fetch: fetch(),
        web: web.clone(),
        soft_bounces: settings.soft_bounces,
        name: settings.from.name.clone().unwrap_or_else(|| settings.from.address.domain().to_owned()),
        language: settings.language.clone(),
        timezone: settings.timezone,
        offer: offer(&project),
        clock: Box::new({
            let clock = context.clock;
            move || clock.now()
        }),
    };
    let listen = listen.unwrap_or(web.listen);
    let listener = TcpListener::bind(listen).map_err(|error| {
        Diagnostic::error(format!("nothing can listen at {listen}"))
            .cause(error.to_string())
            .hint("is another `drip serve` running? `--listen 127.0.0.1:8026` takes another port")
    })?;
    let address = listener.local_addr().context("the socket has no address")?;
    let stop = interrupt::listen().context("signals cannot be listened to")?;
    context.output.status(&format!("Answering at http://{address} for {}.", web.public_url));
    answer(listener, store, site, &stop).context("the server stopped")?;
    context.output.status("Stopped.");
    Ok(Exit::Success)
}

/// Returns what readers choose from: topics, or campaigns where the project has none.
fn offer(project: &Project) -> Offer {
    let topics = &project.settings.topics;
    if !topics.is_empty() {
        let of = |id: &String| {
            let campaigns = project.campaigns.iter().filter(|campaign| campaign.topic.as_ref() == Some(id));
            campaigns.map(Campaign::own_subject).collect()
        };
        return Offer::Topics(topics.iter().map(|(id, topic)| (id.clone(), topic.clone(), of(id))).collect());
    }
    let offered = project.campaigns.iter().filter(|campaign| !campaign.is_confirmation());
    Offer::Campaigns(offered.map(|campaign| (campaign.id.clone(), campaign.name.clone())).collect())
}

/// Returns what mail providers are known by, as far as it is set.
fn secrets(settings: &Settings) -> Result<Secrets, Failure> {
    let secrets = Secrets {
        postmark: environment::variable("DRIP_POSTMARK_KEY"),
        mailgun: environment::variable("DRIP_MAILGUN_KEY"),
        sendgrid: environment::variable("DRIP_SENDGRID_KEY"),
        brevo: environment::variable("DRIP_BREVO_KEY"),
        topics: match &settings.provider {
            Some(Provider::Ses { topics, .. }) => topics.clone(),
            _ => Vec::new(),
        },
    };
    if secrets.sendgrid.as_deref().is_some_and(|key| !is_sendgrid_key(key)) {
        return Err(Diagnostic::error("DRIP_SENDGRID_KEY holds no verification key")
            .hint("copy the one that SendGrid shows beside its event webhook; it begins with `MFkw`")
            .into());
    }
    Ok(secrets)
}

fn fetch() -> Fetch {
    let http = Http::new();
    #[cfg(debug_assertions)]
    if let Some(stand_in) = environment::stand_in() {
        return Arc::new(move |url| {
            let path = url.strip_prefix("https://").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
            http.get(&format!("{stand_in}{}", path.unwrap_or_default()), PATIENCE, LARGEST)
        });
    }
    Arc::new(move |url| http.get(url, PATIENCE, LARGEST))
}
