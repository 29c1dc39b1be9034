//! How far an import has come.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Output;
use super::words;

/// A bar on stderr, shown only where a person watches.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Starts the bar of a file of `bytes` bytes; without a size (the standard input) it only counts.
    pub fn of_file(output: &Output, bytes: Option<u64>) -> Self {
        let target = if output.is_watched() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(bytes, target);
        let template = match (bytes.is_some(), output.colours_messages()) {
            (true, true) => "{bar:30.cyan} {percent:>3} %  {msg}",
            (true, false) => "{bar:30} {percent:>3} %  {msg}",
            (false, _) => "{spinner} {msg}",
        };
        bar.set_style(ProgressStyle::with_template(template).expect("a valid template").progress_chars("█▌ "));
        Self { bar }
    }

    /// Shows that `bytes` bytes and `rows` rows are read.
    pub fn advance(&self, bytes: u64, rows: u64) {
        // Words cost more than a row does; nobody reads faster than this changes.
        if rows.is_multiple_of(1_000) {
            self.bar.set_message(words::count(rows, "row"));
            self.bar.set_position(bytes);
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    /// Takes the bar away also where the import ends in an error.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::output::Options;

    fn shows(options: Options, terminal: bool) -> bool {
        let stream = || -> (Box<dyn std::io::Write + Send>, bool) { (Box::new(std::io::sink()), terminal) };
        Output::to(options, stream(), stream()).is_watched()
    }

    #[test]
    fn nobody_sees_a_bar_who_does_not_watch() {
        assert!(shows(Options::default(), true));
        assert!(!shows(Options::default(), false));
        assert!(!shows(Options { quiet: true, ..Options::default() }, true));
        assert!(!shows(Options { json: true, ..Options::default() }, true));
    }
}
