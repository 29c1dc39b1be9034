//! `drip help`: a command's help, or a topic's.

use clap::CommandFactory;

use super::{Context, Failure};
use crate::cli::Cli;
use crate::error::Diagnostic;
use crate::exit::Exit;

pub(super) fn help(context: &Context, topic: &[String]) -> Result<Exit, Failure> {
    let mut command = Cli::command();
    command.build();
    let words: Vec<&str> = topic.iter().map(String::as_str).collect();
    if words == ["exit-codes"] {
        let mut text = "Exit codes:\n".to_owned();
        for exit in Exit::ALL {
            text += &format!("  {}  {}\n", exit as u8, exit.meaning());
        }
        context.output.result(&text);
        return Ok(Exit::Success);
    }
    let mut found = command;
    for word in words {
        let known: Vec<String> = found.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        let Some(next) = found.find_subcommand(word).cloned() else {
            let names = known.iter().map(String::as_str).chain(["exit-codes"]);
            let missing = Diagnostic::error(format!("there is no help on `{word}`"));
            return Err(match crate::model::nearest(word, names.clone()) {
                Some(near) => missing.hint(format!("did you mean `{near}`?")),
                None => missing.hint(format!("there is help on {}", names.collect::<Vec<_>>().join(", "))),
            }
            .into());
        };
        found = next;
    }
    context.output.result(&found.render_long_help().to_string());
    Ok(Exit::Success)
}
