//! `drip help`: a command's help, or a topic's.

use clap::CommandFactory;

use super::{Context, Failure, topics};
use crate::cli::Cli;
use crate::error::Diagnostic;
use crate::exit::Exit;

pub(super) fn help(context: &Context, topic: &[String]) -> Result<Exit, Failure> {
    let mut found = Cli::command();
    found.build();
    let text = match topic {
        [word] => topics::text(word, context.output.width().min(100)),
        _ => None,
    };
    if let Some(text) = &text
        && found.find_subcommand(&topic[0]).is_none()
    {
        context.output.result(text);
        return Ok(Exit::Success);
    }
    for (depth, word) in topic.iter().enumerate() {
        let known: Vec<String> = found.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        let Some(next) = found.find_subcommand(word).cloned() else {
            let topics = if depth == 0 { topics::names() } else { Vec::new() };
            let names = || known.iter().map(String::as_str).chain(topics.iter().copied());
            let missing = Diagnostic::error(format!("there is no help on `{word}`"));
            return Err(match crate::model::nearest(word, names()) {
                Some(near) => missing.hint(format!("did you mean `{near}`?")),
                None if names().next().is_none() => missing.hint(format!("there is help on {}", found.get_name())),
                None => missing.hint(format!("there is help on {}", names().collect::<Vec<_>>().join(", "))),
            }
            .into());
        };
        found = next;
    }
    context.output.result(&found.render_long_help().to_string());
    if let Some(text) = text {
        // A command and a topic of one name.
        context.output.result(&format!("\n{text}"));
    }
    Ok(Exit::Success)
}
