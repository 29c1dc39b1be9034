//! Where text goes, and whether it goes in colour.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use anstream::StripStream;
use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value};

use super::{diagnostic, sanitise};
use crate::error::{self, Diagnostic};

/// What `--color` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

impl Color {
    /// Returns the choice that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "auto" => Some(Self::Auto),
            "always" => Some(Self::Always),
            "never" => Some(Self::Never),
            _ => None,
        }
    }

    /// Says whether a stream gets colour; a choice on the command line outweighs `NO_COLOR`.
    pub fn applies(self, no_color: bool, terminal: bool) -> bool {
        match self {
            Self::Auto => terminal && !no_color,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// How the user wants to be spoken to.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Options {
    pub color: Color,
    /// Whether the environment has a non-empty `NO_COLOR`.
    pub no_color: bool,
    /// Leaves out status messages.
    pub quiet: bool,
    /// Adds details to them.
    pub verbose: bool,
    /// Results are JSON.
    pub json: bool,
    /// Messages are JSON, one object a line, each with the time that this returns.
    pub log: Option<fn() -> String>,
}

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Detail,
    Status,
    Warning,
    Error,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Detail => "debug",
            Self::Status => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The two streams of the process.
///
/// A reader that has gone away (`drip report | head`) is no fault and ends nothing. Any other fault
/// is kept for [`Output::finish`], so that a full disk does not pass for a whole report.
pub struct Output {
    options: Options,
    results: Stream,
    messages: Stream,
}

struct Stream {
    colour: bool,
    terminal: bool,
    state: Mutex<State>,
}

struct State {
    writer: Box<dyn Write + Send>,
    /// Nothing more is written after a fault.
    fault: Option<io::Error>,
}

impl Output {
    /// Speaks on the streams of the process.
    pub fn new(options: Options) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let (out_terminal, err_terminal) = (out.is_terminal(), err.is_terminal());
        Self::to(options, (Box::new(out), out_terminal), (Box::new(err), err_terminal))
    }

    /// Speaks on any two writers, each with whether it is a terminal.
    pub fn to(
        options: Options,
        results: (Box<dyn Write + Send>, bool),
        messages: (Box<dyn Write + Send>, bool),
    ) -> Self {
        let stream = |(writer, terminal): (Box<dyn Write + Send>, bool), plain: bool| {
            let colour = options.color.applies(options.no_color, terminal) && !plain;
            let writer = if colour { writer } else { Box::new(StripStream::new(writer)) };
            Stream { colour, terminal, state: Mutex::new(State { writer, fault: None }) }
        };
        Self { options, results: stream(results, false), messages: stream(messages, options.log.is_some()) }
    }

    /// Returns how the user wants to be spoken to.
    pub fn options(&self) -> Options {
        self.options
    }

    /// Says whether results are shown in colour.
    pub fn colours_results(&self) -> bool {
        self.results.colour
    }

    /// Says whether messages are shown in colour.
    pub fn colours_messages(&self) -> bool {
        self.messages.colour
    }

    /// Says whether a person watches the messages, so that a progress bar makes sense.
    pub fn is_watched(&self) -> bool {
        self.messages.terminal && !self.options.quiet && !self.options.json && self.options.log.is_none()
    }

    /// Returns how many columns a result may take.
    pub fn width(&self) -> usize {
        let size = if self.results.terminal { terminal_size::terminal_size() } else { None };
        // Beyond 120 columns lines get hard to follow.
        size.map_or(80, |(width, _)| usize::from(width.0).clamp(40, 120))
    }

    /// Writes what the command was asked for to stdout, as it stands; a last line break is added where it lacks.
    pub fn result(&self, text: &str) {
        self.results.line(text);
    }

    /// Writes a sentence about what happened to stderr, unless the user wants quiet.
    pub fn status(&self, text: &str) {
        self.event(Level::Status, text, &[]);
    }

    /// Writes a detail to stderr, if the user wants details.
    pub fn detail(&self, text: &str) {
        self.event(Level::Detail, text, &[]);
    }

    /// Writes a warning to stderr.
    pub fn warn(&self, text: &str) {
        self.event(Level::Warning, text, &[]);
    }

    /// Writes an error to stderr.
    pub fn error(&self, text: &str) {
        self.event(Level::Error, text, &[]);
    }

    /// Writes a diagnostic to stderr: drawn with the line it is about, or in a log as its parts.
    pub fn diagnostic(&self, diagnostic: &Diagnostic) {
        if self.options.log.is_none() {
            return self.messages.line(&diagnostic::render(diagnostic, self.colours_messages()));
        }
        let level = match diagnostic.level {
            error::Level::Error => Level::Error,
            error::Level::Warning => Level::Warning,
        };
        let all = |texts: &[String]| texts.iter().map(|text| sanitise::line(text)).collect::<Value>();
        let mut fields = Vec::new();
        if let Some(place) = &diagnostic.place {
            let (line, column) = place.line_column();
            let file = place.path.to_string_lossy();
            fields.extend([("file", sanitise::line(&file).into()), ("line", line.into()), ("column", column.into())]);
        }
        if !diagnostic.causes.is_empty() {
            fields.push(("cause", all(&diagnostic.causes)));
        }
        if !diagnostic.hints.is_empty() {
            fields.push(("hint", all(&diagnostic.hints)));
        }
        self.record(level, &sanitise::line(&diagnostic.message), fields);
    }

    /// Writes a text to stderr as it stands, also where the user wants quiet: a question, or what another drew.
    pub fn message(&self, text: &str) {
        match self.options.log {
            Some(_) => self.record(Level::Status, text.trim_end(), Vec::new()),
            None => self.messages.line(text),
        }
    }

    /// Writes what happened to stderr, where its level asks for it; `fields` are for programs that read the log.
    pub fn event(&self, level: Level, text: &str, fields: &[(&'static str, &str)]) {
        if !self.wants(level) {
            return;
        }
        if self.options.log.is_some() {
            return self.record(level, text, fields.iter().map(|(name, value)| (*name, (*value).into())).collect());
        }
        match level {
            Level::Detail | Level::Status => self.messages.line(text),
            Level::Warning => self.labelled(AnsiColor::Yellow.on_default().bold(), "warning", text),
            Level::Error => self.labelled(AnsiColor::Red.on_default().bold(), "error", text),
        }
    }

    /// Writes to a log what people are told as a result.
    pub fn log(&self, text: &str, fields: Vec<(&'static str, Value)>) {
        if self.wants(Level::Status) {
            self.record(Level::Status, text, fields);
        }
    }

    fn wants(&self, level: Level) -> bool {
        match level {
            Level::Detail => self.options.verbose && !self.options.quiet,
            Level::Status => !self.options.quiet,
            Level::Warning | Level::Error => true,
        }
    }

    /// Writes an object on a line of its own, if messages are a log.
    fn record(&self, level: Level, text: &str, fields: Vec<(&'static str, Value)>) {
        let Some(time) = self.options.log else { return };
        let first = [("time", time().into()), ("level", level.as_str().into()), ("message", text.into())];
        let record: Map<_, _> = first.into_iter().chain(fields).map(|(name, value)| (name.to_owned(), value)).collect();
        self.messages.line(&Value::Object(record).to_string());
    }

    /// Ends both streams.
    ///
    /// # Errors
    /// Returns the first fault that kept a result from being written, other than a reader that has gone away.
    pub fn finish(&self) -> io::Result<()> {
        self.messages.flush();
        self.results.flush();
        match self.results.lock().fault.take() {
            Some(fault) if fault.kind() != io::ErrorKind::BrokenPipe => Err(fault),
            _ => Ok(()),
        }
    }

    fn labelled(&self, style: Style, label: &str, text: &str) {
        self.messages.line(&format!("{style}{label}:{style:#} {text}"));
    }
}

impl Stream {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, text: &str) {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        self.attempt(|writer| write!(writer, "{text}{end}"));
    }

    fn flush(&self) {
        self.attempt(|writer| writer.flush());
    }

    fn attempt(&self, act: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>) {
        let mut state = self.lock();
        if state.fault.is_none() {
            state.fault = act(&mut *state.writer).err();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A stream whose text can be read, or that fails.
    #[derive(Clone, Default)]
    struct Page {
        text: Arc<Mutex<Vec<u8>>>,
        fault: Option<io::ErrorKind>,
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.fault {
                Some(kind) => Err(kind.into()),
                None => self.text.lock().expect("a lock").write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Says everything once and returns what stands on stdout and stderr.
    fn say(options: Options, terminal: bool) -> (String, String) {
        let (out, err) = (Page::default(), Page::default());
        let output = Output::to(options, (Box::new(out.clone()), terminal), (Box::new(err.clone()), terminal));
        output.result("\u{1b}[1mfunnel\u{1b}[0m");
        output.status("3 contacts imported.");
        output.detail("row 1");
        output.warn("old");
        output.error("bad");
        output.finish().expect("written");
        let text = |page: Page| String::from_utf8(page.text.lock().expect("a lock").clone()).expect("text");
        (text(out), text(err))
    }

    #[test]
    fn results_and_messages_keep_apart() {
        let (out, err) = say(Options::default(), false);
        assert_eq!((out.as_str(), err.as_str()), ("funnel\n", "3 contacts imported.\nwarning: old\nerror: bad\n"));
        let (_, err) = say(Options { quiet: true, verbose: true, ..Options::default() }, false);
        assert_eq!(err, "warning: old\nerror: bad\n");
        let (_, err) = say(Options { verbose: true, ..Options::default() }, false);
        assert_eq!(err, "3 contacts imported.\nrow 1\nwarning: old\nerror: bad\n");
    }

    #[test]
    fn colour_comes_on_a_terminal_or_when_asked_for() {
        let has = |color, no_color, terminal| {
            say(Options { color, no_color, ..Options::default() }, terminal).0.contains('\u{1b}')
        };
        assert!(has(Color::Auto, false, true));
        assert!(!has(Color::Auto, true, true));
        assert!(!has(Color::Auto, false, false));
        assert!(has(Color::Always, true, false));
        assert!(!has(Color::Never, false, true));
    }

    #[test]
    fn a_reader_that_left_is_no_fault_but_a_full_disk_is() {
        let run = |kind| {
            let out = Page { fault: Some(kind), ..Page::default() };
            let output = Output::to(Options::default(), (Box::new(out), false), (Box::new(Page::default()), false));
            output.result("one");
            output.result("two");
            output.finish().map_err(|fault| fault.kind())
        };
        assert_eq!(run(io::ErrorKind::BrokenPipe), Ok(()));
        assert_eq!(run(io::ErrorKind::StorageFull), Err(io::ErrorKind::StorageFull));
    }
}
