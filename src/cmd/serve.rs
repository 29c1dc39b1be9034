//! `drip serve`: answers readers over the web.

use std::net::{SocketAddr, TcpListener};

use anyhow::Context as _;

use super::context::Context;
use super::{Failure, environment, interrupt};
use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::mail::token::Keys;
use crate::serve::{Site, serve as answer};

pub(super) fn serve(context: &Context, listen: Option<SocketAddr>) -> Result<Exit, Failure> {
    let project = context.project()?;
    let settings = &project.settings;
    let Some(web) = &settings.web else {
        return Err(Diagnostic::error("drip.yaml has no `public_url`, so no mail leads here")
            .hint("write `public_url: https://mail.acme.example`, the address under which readers reach this server")
            .into());
    };
    let mut store = context.open()?;
    let site = Site {
        keys: Keys::new(store.read()?.link_keys()?),
        feed_key: environment::variable("DRIP_EVENTS_KEY"),
        metrics_key: environment::variable("DRIP_METRICS_KEY"),
        web: web.clone(),
        name: settings.from.name.clone().unwrap_or_else(|| settings.from.address.domain().to_owned()),
        language: settings.language.clone(),
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
