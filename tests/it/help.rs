//! Help for every command and topic, completions for the shells, manual pages.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::Read;
use std::process::Command;

use clap::CommandFactory;

use crate::support::Sandbox;

/// Returns every command and subcommand, as the words that are typed.
fn commands() -> Vec<Vec<String>> {
    fn below(command: &clap::Command, words: &[String], found: &mut Vec<Vec<String>>) {
        for inner in command.get_subcommands() {
            let words: Vec<_> = words.iter().cloned().chain([inner.get_name().to_owned()]).collect();
            below(inner, &words, found);
            found.push(words);
        }
    }
    let mut found = Vec::new();
    below(&drip::cli::Cli::command(), &[], &mut found);
    found
}

#[test]
fn every_command_shows_an_example_of_itself() {
    let sandbox = Sandbox::new();
    let commands = commands();
    assert!(commands.len() >= 22, "{commands:?}");
    for words in &commands {
        let typed: Vec<&str> = std::iter::once("help").chain(words.iter().map(String::as_str)).collect();
        let help = sandbox.drip(&typed).code(0).stdout;
        let examples = help.split_once("Example").map(|(_, examples)| examples).unwrap_or_default();
        assert!(examples.contains(&words[words.len() - 1]), "`drip {}` shows no example:\n{help}", words.join(" "));
        assert!(!help.contains("Usage: [") && help.contains("Usage: drip"), "{help}");
    }
}

#[test]
fn every_topic_is_listed_and_explained_in_lines_that_fit() {
    let sandbox = Sandbox::new();
    let main = sandbox.drip(&["help"]).code(0).stdout;
    let topics = ["campaigns", "conditions", "durations", "exit-codes", "import", "settings", "templates"];
    for (topic, word) in topics.into_iter().zip([
        "reentry: after 90d",
        "days_since",
        "1d at 09:00",
        "  6  mails were held",
        "rejected.csv",
        "frequency_cap",
        "preheader",
    ]) {
        assert!(main.contains(topic), "{topic} is not listed:\n{main}");
        assert!(sandbox.drip(&["help", "help"]).code(0).stdout.contains(topic));
        let text = sandbox.drip(&["help", topic]).code(0).stdout;
        assert!(text.contains(word), "{topic}:\n{text}");
        assert!(!text.contains("```") && !text.contains("<code>"), "{text}");
    }
    let campaigns = sandbox.drip(&["help", "campaigns"]).code(0).stdout;
    assert!(campaigns.contains("\n    - id: nudge\n      was: [reminder]  "), "code keeps its lines: {campaigns}");
    insta::assert_snapshot!(sandbox.drip(&["help", "conditions"]).code(0).stdout);
    let import = sandbox.drip(&["help", "import"]).code(0).stdout;
    assert!(import.contains("\n--dates dmy|mdy|ymd  the order of dates\n"), "no word of a table breaks: {import}");
    let said = sandbox.drip(&["help", "condition"]).code(2).stderr;
    assert!(said.contains("did you mean `conditions`?"), "{said}");
    let said = sandbox.drip(&["help", "contact", "list", "x"]).code(2).stderr;
    assert!(said.contains("there is no help on `x`"), "{said}");
}

#[test]
fn completions_are_programs_of_their_shells() {
    let sandbox = Sandbox::new();
    for (shell, word) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef drip"),
        ("fish", "complete -c drip"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let text = sandbox.drip(&["completions", shell]).code(0).stdout;
        assert!(text.contains(word) && text.contains("unsubscribe"), "{shell}");
    }
    // bash itself finds no fault with it, and completes.
    let script = sandbox.drip(&["completions", "bash"]).stdout
        + "\nCOMP_WORDS=(drip contact uns); COMP_CWORD=2; _drip drip uns contact; echo \"${COMPREPLY[@]}\"\n";
    let ended = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&ended.stdout).trim(),
        "unsubscribe",
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    // Into a pipe that is closed after a byte.
    let mut child = sandbox.command(&["completions", "zsh"]).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0]).unwrap();
    drop(out);
    assert!(child.wait().unwrap().success());
}

#[test]
fn every_command_has_a_manual_page() {
    let sandbox = Sandbox::new();
    assert!(sandbox.drip(&["man"]).code(0).stdout.contains(".TH drip 1"));
    sandbox.drip(&["man", "pages/man1"]).code(0);
    for words in commands() {
        let page = sandbox.path("pages/man1").join(format!("drip-{}.1", words.join("-")));
        let text = std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        assert!(text.contains("Example") && text.contains(".SH SYNOPSIS"), "{text}");
    }
}
