//! Readers who follow links: so many requests a second over connections that stay open, whatever the server manages.
//!
//! Each request has its moment, and its time is counted from that moment on: a server that falls behind is not asked more
//! gently for it, and does not look quicker than it is. `benches/compare --only clicks` starts it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

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
    let paths = std::fs::read_to_string(paths)?;
    let paths: Vec<&str> = paths.lines().collect();
    let begin = Instant::now() + Duration::from_millis(200);
    let found: Vec<Found> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|first| {
                let paths = &paths;
                scope.spawn(move || follow(address, paths, first, connections, rate, begin))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
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
fn follow(address: &str, paths: &[&str], first: usize, step: usize, rate: f64, begin: Instant) -> Found {
    let mut found = Found::default();
    let mut connection = None;
    for at in (first..paths.len()).step_by(step) {
        #[expect(clippy::cast_precision_loss, reason = "a few million at most")]
        let moment = begin + Duration::from_secs_f64(at as f64 / rate);
        std::thread::sleep(moment.saturating_duration_since(Instant::now()));
        match ask(&mut connection, address, paths[at]) {
            Ok(302) => found.redirects += 1,
            Ok(_) => found.others += 1,
            Err(_) => {
                found.failed += 1;
                connection = None;
            }
        }
        found.times.push(moment.elapsed());
    }
    found
}

/// Makes a request, and returns the status of its answer.
fn ask(connection: &mut Option<BufReader<TcpStream>>, address: &str, path: &str) -> io::Result<u16> {
    if connection.is_none() {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        *connection = Some(BufReader::new(stream));
    }
    let Some(reader) = connection.as_mut() else { return Err(io::ErrorKind::NotConnected.into()) };
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0\r\n\r\n"
    );
    reader.get_mut().write_all(request.as_bytes())?;
    let (mut status, mut length, mut line) = (0, 0, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        if status == 0 {
            status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
        } else if let Some((name, value)) = text.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
    Ok(status)
}
