//! One file a command: arguments → calls → exit code. What they share stands in [`Context`].

mod backup;
mod campaign;
mod check;
mod completions;
mod contact;
mod context;
mod demo;
mod doctor;
mod enrol;
mod environment;
mod export;
mod failure;
mod funnels;
mod guard;
mod happening;
mod help;
mod import;
mod inbound;
mod init;
mod interrupt;
mod key;
mod machine;
mod man;
mod outgoing;
mod preview;
mod report;
mod resolve;
mod run;
mod segment;
mod selection;
mod serve;
mod standing_report;
mod standings;
mod status;
mod subjects;
mod test_size;
mod tested;
mod topics;
mod track;
mod usage;
mod value;
mod written;

use std::ffi::OsString;

use chrono::SecondsFormat;
use clap::Parser;

use crate::cli::{Cli, Command, LogFormat};
use crate::clock::Clock;
use crate::exit::Exit;
use crate::ui::{Color, Options, Output};

use context::Context;
pub(crate) use failure::Failure;

/// Parses, runs the command, prints its failure.
pub(crate) fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    interrupt::survive_limits();
    let environment = environment::read();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let log = usage::wants_log(&arguments).then_some(time as fn() -> String);
            let output = Output::new(Options { no_color: environment.no_color, log, ..Options::default() });
            return usage::say(&error, &output);
        }
    };
    let color = match cli.global.color {
        crate::cli::Color::Auto => Color::Auto,
        crate::cli::Color::Always => Color::Always,
        crate::cli::Color::Never => Color::Never,
    };
    let output = Output::new(Options {
        color,
        no_color: environment.no_color,
        quiet: cli.global.quiet,
        verbose: cli.global.verbose,
        json: cli.global.json,
        log: match cli.global.log_format {
            LogFormat::Text => None,
            LogFormat::Json => Some(time),
        },
    });
    let mut context = Context::new(&cli.global, environment, output);
    let result = context.turn_clock(cli.global.now.as_deref()).and_then(|()| carry_out(&context, cli.command));
    let exit = result.unwrap_or_else(|failure| failure.print(&context.output));
    match context.output.finish() {
        Err(error) if exit == Exit::Success => {
            context.output.error(&format!("the output could not be written: {error}"));
            Exit::Failure
        }
        _ => exit,
    }
}

/// Returns the time that stands in a log.
fn time() -> String {
    Clock::System.now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn carry_out(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Init { dir, bare } => init::init(context, &dir, bare),
        Command::Check => check::check(context),
        Command::Import(arguments) => import::import(context, &arguments),
        Command::Track { email, event, properties, at } => {
            track::track(context, &email, &event, &properties, at.as_deref())
        }
        Command::Enrol(arguments) => enrol::enrol(context, &arguments),
        Command::Contact(command) => contact::contact(context, &command),
        Command::Segment(command) => segment::segment(context, &command),
        Command::Campaign(command) => campaign::campaign(context, &command),
        Command::Preview(arguments) => preview::preview(context, &arguments),
        Command::Run(arguments) => run::run(context, &arguments),
        Command::Report(arguments) => report::report(context, &arguments),
        Command::Value(arguments) => value::value(context, &arguments),
        Command::Export(arguments) => export::export(context, &arguments),
        Command::TestSize(arguments) => test_size::test_size(context, &arguments),
        Command::Inbound(arguments) => inbound::inbound(context, &arguments),
        Command::Serve { listen } => serve::serve(context, listen),
        Command::Key { command } => key::key(context, command),
        Command::Status(arguments) => status::status(context, &arguments),
        Command::Doctor(arguments) => doctor::doctor(context, &arguments),
        Command::Resolve(arguments) => resolve::resolve(context, &arguments),
        Command::Backup { file, force } => backup::backup(context, &file, force),
        Command::Restore { file } => backup::restore(context, &file),
        Command::Demo { dir } => demo::demo(context, dir.as_deref()),
        Command::Completions { shell } => completions::completions(context, shell),
        Command::Man { dir } => man::man(context, dir.as_deref()),
        Command::Help { topic } => help::help(context, &topic),
    }
}
