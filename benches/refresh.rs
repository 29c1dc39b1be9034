//! Bringing up to date where contacts stand, by itself: how long it takes until it is right and committed.
//!
//! `benches/compare --only standing` starts it on a project in which something happened.

use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use drip::clock::Clock;
use drip::project::{self, Overrides};
use drip::runner::standing::{Whom, refresh};
use drip::store::Store;
use mimalloc::MiMalloc;

/// That of the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    // `cargo bench` and `cargo test --benches` start it without any.
    let [folder] = words.as_slice() else {
        writeln!(io::stderr(), "usage: refresh PROJECT")?;
        return Ok(());
    };
    let folder = Path::new(folder);
    let settings =
        project::settings(folder, &Overrides::default()).map_err(|error| io::Error::other(format!("{error:?}")))?;
    let wrong = |error: &dyn std::fmt::Display| io::Error::other(error.to_string());
    let mut store = Store::open(&folder.join("drip.db")).map_err(|error| wrong(&error))?;
    let (now, begun) = (Clock::System.now(), Instant::now());
    refresh(&mut store, &settings.terms, now, Whom::Everyone, &|| false).map_err(|error| wrong(&error))?;
    writeln!(io::stdout(), "{}", begun.elapsed().as_secs_f64())
}
