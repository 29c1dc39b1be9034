//! Readers who follow links: so many requests a second over connections that stay open, whatever the server manages.
//!
//! Each request has its moment, and its time is counted from that moment on: a server that falls behind is not asked more
//! gently for it, and does not look quicker than it is. `benches/compare --only clicks` starts it.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came back, and how long each took.
#[derive(Default)]
struct Found {
    redirects: usize,
    others: usize,
    failed: usize,
    times: Vec<Duration>,
}

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    // `cargo bench` and `cargo test --benches` start it without any.
    let [address, paths, rate, connections] = words.as_slice() else {
        writeln!(io::stderr(), "usage: clicks HOST:PORT FILE_OF_PATHS REQUESTS_PER_SECOND CONNECTIONS")?;
        return Ok(());
    };
    let wrong = |error: &dyn std::fmt::Display| io::Error::other(error.to_string());
    let rate: f64 = rate.parse().map_err(|error| wrong(&error))?;
    let connections: usize = connections.parse().map_err(|error| wrong(&error))?;
    let paths: Arc<[String]> = std::fs::read_to_string(paths)?.lines().map(str::to_owned).collect();
    let begin = Instant::now() + Duration::from_millis(200);
    // One thread for all of them: what it takes of the processors is taken from the server.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let found: Vec<Found> = runtime.block_on(async {
        let readers: Vec<_> = (0..connections)
            .map(|first| tokio::spawn(follow(address.clone(), Arc::clone(&paths), first, connections, rate, begin)))
            .collect();
        let mut found = Vec::new();
        for reader in readers {
            found.push(reader.await.unwrap_or_default());
        }
        found
    });
    let seconds = begin.elapsed().as_secs_f64();
    let mut times: Vec<Duration> = found.iter().flat_map(|one| one.times.iter().copied()).collect();
    times.sort_unstable();
    let at = |share: f64| {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank"
        )]
        let rank = ((times.len() as f64 * share).ceil() as usize).saturating_sub(1);
        times.get(rank).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    };
    let sum = |count: fn(&Found) -> usize| found.iter().map(count).sum::<usize>();
    writeln!(
        io::stdout(),
        "{{\"requests\": {}, \"redirects\": {}, \"others\": {}, \"failed\": {}, \"seconds\": {seconds:.3}, \
         \"p50_ms\": {:.3}, \"p99_ms\": {:.3}, \"max_ms\": {:.3}}}",
        paths.len(),
        sum(|one| one.redirects),
        sum(|one| one.others),
        sum(|one| one.failed),
        at(0.5),
        at(0.99),
        at(1.0),
    )
}

/// Follows every so-many-eth path from the first on, each at its moment.
async fn follow(address: String, paths: Arc<[String]>, first: usize, step: usize, rate: f64, begin: Instant) -> Found {
    let (mut found, mut connection, mut buffer) = (Found::default(), None, Vec::new());
    for at in (first..paths.len()).step_by(step) {
        #[expect(clippy::cast_precision_loss, reason = "a few million at most")]
        let moment = begin + Duration::from_secs_f64(at as f64 / rate);
        sleep_until(moment.into()).await;
        match timeout(PATIENCE, ask(&mut connection, &address, &paths[at], &mut buffer)).await {
            Ok(Ok(302)) => found.redirects += 1,
            Ok(Ok(_)) => found.others += 1,
            Ok(Err(_)) | Err(_) => {
                found.failed += 1;
                connection = None;
            }
        }
        found.times.push(moment.elapsed());
    }
    found
}

/// Makes a request, and returns the status of its answer.
async fn ask(connection: &mut Option<TcpStream>, address: &str, path: &str, buffer: &mut Vec<u8>) -> io::Result<u16> {
    if connection.is_none() {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        *connection = Some(stream);
    }
    let Some(stream) = connection.as_mut() else { return Err(io::ErrorKind::NotConnected.into()) };
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0\r\n\r\n"
    );
    // Smaller than what a socket takes at once.
    stream.writable().await?;
    if stream.try_write(request.as_bytes())? < request.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    buffer.clear();
    loop {
        stream.readable().await?;
        match stream.try_read_buf(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        if let Some(status) = whole(buffer) {
            return Ok(status);
        }
    }
}

/// Returns the status of an answer that is there to its end.
fn whole(answer: &[u8]) -> Option<u16> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") { value.trim().parse().ok() } else { None }
    });
    let status = head.split(' ').nth(1)?.parse().ok();
    if answer.len() >= end + 4 + length.unwrap_or(0) { status } else { None }
}
