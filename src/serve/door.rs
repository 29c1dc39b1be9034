//! Connections: how many, how long, and how they end.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::{Semaphore, watch};

/// Connections at once; more wait to be taken.
const CONNECTIONS: usize = 1024;
/// How long a request may take to arrive, head and body.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection lives, whatever it does.
const LIFE: Duration = Duration::from_secs(120);
/// The head of a request, in bytes.
const LARGEST_HEAD: usize = 16 << 10;
/// How long requests under way have when a signal comes.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long a signal may go unnoticed.
const GLANCE: Duration = Duration::from_millis(100);

/// Takes connections until told to stop, then waits for those that are open.
pub(super) async fn open(listener: TcpListener, router: Router, stop: &Arc<AtomicBool>) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let (closing, _) = watch::channel(false);
    while !stop.load(Ordering::Acquire) {
        let Ok(Ok(place)) = tokio::time::timeout(GLANCE, Arc::clone(&places).acquire_owned()).await else { continue };
        let Ok(accepted) = tokio::time::timeout(GLANCE, listener.accept()).await else { continue };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors, most likely: others have to end first.
            tokio::time::sleep(GLANCE).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (router, mut closing) = (router.clone(), closing.subscribe());
        tokio::spawn(async move {
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(LARGEST_HEAD);
            let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
            let mut connection = std::pin::pin!(connection);
            let life = tokio::time::sleep(LIFE);
            tokio::select! {
                _ = connection.as_mut() => return drop(place),
                () = life => {}
                _ = closing.changed() => {}
            }
            // What is under way on it is answered.
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(FAREWELL, connection).await;
            drop(place);
        });
    }
    drop(listener);
    let _ = closing.send(true);
    let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(FAREWELL, places.acquire_many(all)).await;
    Ok(())
}
