//! Parses the command line, runs drip, ends with its exit code.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    use_small_pages();
    drip::main(std::env::args_os()).into()
}

/// Keeps Linux from giving a page of two megabytes to whoever needs a few kilobytes, as the thread of a connection does.
fn use_small_pages() {
    // Where it cannot be had, a run over many connections takes more memory and works all the same.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
