//! What is said of a command line that cannot be read.

use std::ffi::OsString;

use clap::error::ErrorKind;

use crate::error::Diagnostic;
use crate::exit::Exit;
use crate::ui::Output;

/// Prints what clap says: help and version to stdout, a wrong command line to stderr.
pub(super) fn say(error: &clap::Error, output: &Output) -> Exit {
    let said = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        output.result(&said);
        return Exit::Success;
    }
    match output.options().log {
        Some(_) => output.diagnostic(&parts(&said)),
        None => output.message(&said),
    }
    Exit::Usage
}

/// Says whether messages are to be a log; read by hand, because what is wrong may stand in front of it.
pub(super) fn wants_log(arguments: &[OsString]) -> bool {
    let mut words = arguments.iter().take_while(|word| *word != "--");
    let mut before = false;
    words.any(|word| {
        let named = word == "--log-format=json" || before && word == "json";
        before = word == "--log-format";
        named
    })
}

/// Takes the page that clap draws apart: what is wrong, and what can be done.
fn parts(page: &str) -> Diagnostic {
    let paragraphs: Vec<String> =
        page.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    // A command that lacks its subcommand shows its help alone.
    let wrong =
        paragraphs.iter().find_map(|part| part.strip_prefix("error: ")).unwrap_or("the command line ends too early");
    let hints = paragraphs.iter().filter_map(|part| match part.strip_prefix("tip: ") {
        None if part.starts_with("Usage: ") => Some(part.as_str()),
        tip => tip,
    });
    hints.fold(Diagnostic::error(wrong), Diagnostic::hint)
}
