//! The house keeps its order: which room may use which, and what stands in one place only.
//!
//! Reads the sources as text: every path in them (`crate::store::…`, `super::…`, the branches of a
//! `use`) and every macro call, outside comments and strings. The map of the rooms is in `src/lib.rs`.

use std::fs;
use std::path::Path;

/// Each room of `src/`, and the rooms below it that it may use beside itself.
const ROOMS: [(&str, &[&str]); 21] = [
    ("error", &[]),
    ("model", &["stats", "error"]),
    ("stats", &[]),
    ("decide", &["stats", "model", "error"]),
    ("project", &["model", "error"]),
    ("store", &["stats", "model", "error"]),
    ("mail", &["model", "error"]),
    ("webhook", &["model", "error"]),
    ("dns", &["model", "error"]),
    ("doctor", &["mail", "webhook", "dns", "model", "error"]),
    ("import", &["store", "mail", "project", "decide", "model", "error"]),
    ("report", &["store", "stats", "mail", "project", "decide", "model", "error"]),
    ("runner", &["store", "stats", "mail", "webhook", "project", "decide", "model", "error"]),
    ("serve", &["inbound", "store", "mail", "project", "decide", "model", "error"]),
    ("inbound", &["store", "mail", "project", "decide", "model", "error"]),
    ("ui", &["model", "error"]),
    ("clock", &["model", "error"]),
    ("exit", &["model", "error"]),
    ("cli", &["exit", "model", "error"]),
    ("cmd", &EVERY_OTHER),
    ("lib", &["cmd", "cli", "ui", "clock", "exit", "model", "error"]),
];
const EVERY_OTHER: [&str; 19] = [
    "stats", "cli", "ui", "clock", "exit", "runner", "report", "import", "serve", "inbound", "doctor", "store", "mail",
    "webhook", "dns", "project", "decide", "model", "error",
];

/// Paths that only some rooms may write: the path, its rooms, and why.
const PATHS: [(&[&str], &[&str], &str); 11] = [
    (&["rusqlite"], &["store"], "all SQL is in src/store/"),
    (&["lettre", "transport"], &["mail"], "mail leaves from src/mail/ alone"),
    (&["lettre", "SmtpTransport"], &["mail"], "mail leaves from src/mail/ alone"),
    (&["hickory_resolver"], &["dns"], "DNS is asked from src/dns/ alone"),
    (&["clap"], &["cli", "cmd"], "the command line is read in src/cli.rs and src/cmd/ alone"),
    (&["anyhow"], &["cmd", "lib", "main"], "below the commands errors have types"),
    (&["Utc", "now"], &["clock"], "the clock is a parameter; only src/clock.rs reads it"),
    (&["Local", "now"], &["clock"], "the clock is a parameter; only src/clock.rs reads it"),
    (&["SystemTime", "now"], &["clock"], "the clock is a parameter; only src/clock.rs reads it"),
    (&["io", "stdout"], &["ui"], "src/ui/ is the only writer to the terminal"),
    (&["io", "stderr"], &["ui"], "src/ui/ is the only writer to the terminal"),
];

/// Macros that only some rooms may call.
const MACROS: [(&str, &[&str], &str); 7] = [
    ("print", &["ui"], "src/ui/ is the only writer to the terminal"),
    ("println", &["ui"], "src/ui/ is the only writer to the terminal"),
    ("eprint", &["ui"], "src/ui/ is the only writer to the terminal"),
    ("eprintln", &["ui"], "src/ui/ is the only writer to the terminal"),
    ("dbg", &[], "it is for the author's eyes"),
    ("todo", &[], "what is not done is not there"),
    ("unimplemented", &[], "what is not done is not there"),
];

const LONGEST_FILE: usize = 450;
const NAMES_THAT_SAY_NOTHING: [&str; 8] = ["util", "utils", "helper", "helpers", "common", "misc", "shared", "stuff"];

#[test]
fn the_sources_keep_the_house_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(root, &root.join("src"), &mut files);
    assert!(files.len() >= 20, "the sources are there: {} files", files.len());
    assert!(files.iter().map(|(_, text)| paths(&tokens(text)).len()).sum::<usize>() > 500, "and they are read");
    let complaints: Vec<_> = files.iter().flat_map(|(path, text)| complaints(path, text)).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn the_house_rules_can_be_broken() {
    let told = |path: &str, text: &str| complaints(path, text).join("\n");
    for (path, text, complaint) in [
        ("src/model/delay.rs", "use crate::store::Store;", "src/model/delay.rs:1: `model` does not use `store`"),
        (
            "src/store/mod.rs",
            "\nuse crate::{\n  error,\n  mail::{Mail, Relay},\n};",
            "src/store/mod.rs:4: `store` does not use `mail`",
        ),
        (
            "src/decide/due.rs",
            "fn f() {\n crate::project::load() }",
            "src/decide/due.rs:2: `decide` does not use `project`",
        ),
        ("src/mail/smtp.rs", "use super::super::store::Store;", "src/mail/smtp.rs:1: `mail` does not use `store`"),
        ("src/mail/mod.rs", "mod tests {\n use super::super::ui;\n}", "src/mail/mod.rs:2: `mail` does not use `ui`"),
        ("src/runner.rs", "use super::ui::words;", "src/runner.rs:1: `runner` does not use `ui`"),
        ("src/runner.rs", "use crate::clock::Clock;", "src/runner.rs:1: `runner` does not use `clock`"),
        (
            "src/report/json.rs",
            "pub(in crate::import) fn f() {}",
            "src/report/json.rs:1: `report` does not use `import`",
        ),
        ("src/ui/mod.rs", "use crate::cmd::run;", "src/ui/mod.rs:1: `ui` does not use `cmd`"),
        ("src/model/id.rs", "use crate::*;", "src/model/id.rs:1: `model` does not use `*`"),
        ("src/attic/mod.rs", "", "src/attic/mod.rs:1: `attic` is not on the map of rooms in tests/it/house_rules.rs"),
        ("src/cmd/run.rs", "use rusqlite::Connection;", "src/cmd/run.rs:1: `rusqlite`: all SQL is in src/store/"),
        (
            "src/store/row.rs",
            "use lettre::{Message, transport::smtp::Error};",
            "src/store/row.rs:1: `lettre::transport`: mail leaves from src/mail/ alone",
        ),
        ("src/ui/words.rs", "#[derive(clap::Parser)] struct A;", "src/ui/words.rs:1: `clap`: the command line"),
        ("src/store/mod.rs", "use anyhow::Result;", "src/store/mod.rs:1: `anyhow`: below the commands"),
        ("src/runner.rs", "\n\nlet now = chrono::Utc::now();", "src/runner.rs:3: `Utc::now`: the clock is a parameter"),
        ("src/mail/mod.rs", "SystemTime::now()", "src/mail/mod.rs:1: `SystemTime::now`: the clock"),
        ("src/cmd/run.rs", "write(std::io::stdout())", "src/cmd/run.rs:1: `io::stdout`: src/ui/"),
        ("src/cmd/run.rs", "{ println!(\"sent\"); }", "src/cmd/run.rs:1: `println!`: src/ui/"),
        ("src/cmd/run.rs", "anstream::eprintln!(\"x\")", "src/cmd/run.rs:1: `eprintln!`: src/ui/"),
        ("src/ui/mod.rs", "dbg!(1)", "src/ui/mod.rs:1: `dbg!`: it is for the author's eyes"),
        ("src/ui/mod.rs", "todo!()", "src/ui/mod.rs:1: `todo!`: what is not done"),
        ("src/store/utils.rs", "", "src/store/utils.rs:1: `utils` says nothing"),
        ("src/cmd/common/mod.rs", "", "src/cmd/common/mod.rs:1: `common` says nothing"),
        ("src/cmd/run.rs", &"\n".repeat(451), "src/cmd/run.rs:451: the file has 451 lines"),
    ] {
        assert!(told(path, text).starts_with(complaint), "{path}: {text}\n  said: {}", told(path, text));
    }
}

#[test]
fn what_keeps_the_house_rules_is_left_alone() {
    for (path, text) in [
        ("src/model/delay.rs", "use super::{Instant, wall};\nuse crate::model::id::{StepId, CampaignId as Id};"),
        ("src/model/delay.rs", "// use crate::store::Store; println!()\n/* todo!() /* dbg!() */ */ /// crate::cmd"),
        (
            "src/model/delay.rs",
            r##"const A: &str = "crate::store \" println!()"; const B: &str = r#"rusqlite::"#; const C: char = '"';"##,
        ),
        ("src/model/delay.rs", "fn f<'a>(x: &'a str) -> char { '\\'' } mod tests { use super::*; }"),
        ("src/store/mod.rs", "use rusqlite::{Connection, params}; self::super::store::open();"),
        ("src/mail/mod.rs", "use lettre::transport::smtp::client::SmtpConnection;"),
        ("src/model/address.rs", "lettre::Address::new(local, domain)"),
        ("src/cmd/run.rs", "use crate::{cli::Run, runner, store::Store, ui::{self, Output}};"),
        ("src/clock.rs", "chrono::Utc::now()"),
        ("src/lib.rs", "pub mod cmd; use crate::cmd::environment; pub fn run() { cmd::dispatch() }"),
        ("src/main.rs", "fn main() -> std::process::ExitCode { drip::run() }"),
        ("src/store/tests.rs", &"\n".repeat(2000)),
        ("src/cmd/run.rs", &"\n".repeat(450)),
    ] {
        assert_eq!(complaints(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

/// Returns every rule that a file breaks, as `file:line: rule`.
fn complaints(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut say = |line: usize, what: String| found.push(format!("{path}:{line}: {what}"));
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
    let module: Vec<&str> = inside.split('/').filter(|name| *name != "mod").collect();
    let room = module[0];
    let Some(&(_, below)) = ROOMS.iter().chain(&[("main", &[] as &[&str])]).find(|(name, _)| *name == room) else {
        return vec![format!("{path}:1: `{room}` is not on the map of rooms in tests/it/house_rules.rs")];
    };
    if let Some(name) = module.iter().find(|name| NAMES_THAT_SAY_NOTHING.contains(name)) {
        say(1, format!("`{name}` says nothing; name the file after its subject"));
    }
    let length = text.lines().count();
    if length > LONGEST_FILE && !module.contains(&"tests") {
        say(length, format!("the file has {length} lines; beyond {LONGEST_FILE} it holds two subjects"));
    }

    let tokens = tokens(text);
    for Mention { line, depth, names } in paths(&tokens) {
        if let Some(used) = room_of(&names, &module, depth)
            && used != room
            && !below.contains(&used)
        {
            say(line, format!("`{room}` does not use `{used}`; imports point down only"));
        }
        for (forbidden, rooms, why) in PATHS {
            // A crate is the first name of a path; the others are told by the end of one.
            let wrong = match forbidden {
                [one] => names.len() > 1 && names[0] == *one,
                _ => names.windows(forbidden.len()).any(|part| part == forbidden),
            };
            if wrong && !rooms.contains(&room) {
                say(line, format!("`{}`: {why}", forbidden.join("::")));
            }
        }
    }
    for pair in tokens.windows(2) {
        let (Lexeme::Name(name), Lexeme::Sign('!')) = (pair[0].lexeme, pair[1].lexeme) else { continue };
        if let Some((_, rooms, why)) = MACROS.iter().find(|(known, ..)| *known == name)
            && !rooms.contains(&room)
        {
            say(pair[0].line, format!("`{name}!`: {why}"));
        }
    }
    found
}

/// Returns the room that a path leads to; `None` where it leads out of the crate or stays in its module.
fn room_of<'a>(names: &[&'a str], module: &[&'a str], inline: usize) -> Option<&'a str> {
    if names[0] == "crate" {
        return names.get(1).copied();
    }
    let steps = names.iter().skip_while(|name| **name == "self");
    let up = steps.clone().take_while(|name| **name == "super").count().saturating_sub(inline);
    // Less than all the way up ends in this very room.
    (up > 0 && up >= module.len()).then(|| steps.skip_while(|name| **name == "super").copied().next()).flatten()
}

/// A path as it stands in the text, and how many inline modules stand around it.
struct Mention<'a> {
    line: usize,
    depth: usize,
    names: Vec<&'a str>,
}

/// Returns every path; a `use` with braces gives one for each branch.
fn paths<'a>(tokens: &[Token<'a>]) -> Vec<Mention<'a>> {
    let (mut found, mut at) = (Vec::new(), 0);
    let (mut braces, mut modules) = (0_usize, Vec::new());
    while at < tokens.len() {
        match tokens[at].lexeme {
            Lexeme::Sign('{') => {
                braces += 1;
                if at >= 2 && tokens[at - 2].lexeme == Lexeme::Name("mod") {
                    modules.push(braces);
                }
            }
            Lexeme::Sign('}') => {
                modules.pop_if(|opened| *opened == braces);
                braces = braces.saturating_sub(1);
            }
            Lexeme::Name(_) => {
                branch(tokens, &mut at, &[], modules.len(), &mut found);
                continue;
            }
            Lexeme::Sign(_) => {}
        }
        at += 1;
    }
    found
}

/// Reads one path from a name on, with what its braces hold.
fn branch<'a>(tokens: &[Token<'a>], at: &mut usize, before: &[&'a str], depth: usize, found: &mut Vec<Mention<'a>>) {
    let mut names = before.to_vec();
    let mut line = tokens[*at].line;
    let lexeme = |at: usize| tokens.get(at).map(|token| token.lexeme);
    loop {
        match lexeme(*at) {
            Some(Lexeme::Name(name)) => names.push(name),
            Some(Lexeme::Sign('*')) => names.push("*"),
            _ => break,
        }
        line = tokens[*at].line;
        *at += 1;
        if (lexeme(*at), lexeme(*at + 1)) != (Some(Lexeme::Sign(':')), Some(Lexeme::Sign(':'))) {
            break;
        }
        *at += 2;
        if lexeme(*at) == Some(Lexeme::Sign('{')) {
            *at += 1;
            while *at < tokens.len() && lexeme(*at) != Some(Lexeme::Sign('}')) {
                match lexeme(*at) {
                    Some(Lexeme::Name(_) | Lexeme::Sign('*')) => branch(tokens, at, &names, depth, found),
                    _ => *at += 1,
                }
            }
            *at += 1;
            return;
        }
    }
    found.push(Mention { line, depth, names });
}

#[derive(Clone, Copy)]
struct Token<'a> {
    line: usize,
    lexeme: Lexeme<'a>,
}

#[derive(Clone, Copy, PartialEq)]
enum Lexeme<'a> {
    Name(&'a str),
    Sign(char),
}

/// Splits Rust into names and signs; comments, strings and characters are left out.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut found, mut rest, mut line) = (Vec::new(), text, 1);
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            match raw_string(rest) {
                Some(length) => length,
                None => name(rest),
            }
        } else {
            opaque(rest).unwrap_or(first.len_utf8())
        };
        let (token, after) = rest.split_at(length);
        if first.is_alphabetic() && !token.contains('"') || first == '_' {
            found.push(Token { line, lexeme: Lexeme::Name(token) });
        } else if length == first.len_utf8() && !first.is_whitespace() {
            found.push(Token { line, lexeme: Lexeme::Sign(first) });
        }
        line += token.matches('\n').count();
        rest = after;
    }
    found
}

fn name(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// Returns the length of `r"…"`, `r#"…"#` and their byte and C forms at the start of the text.
fn raw_string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r"].into_iter().find(|prefix| text.starts_with(prefix))?;
    let after = &text[prefix.len()..];
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - body.len();
    Some(body.find(&end).map_or(text.len(), |found| start + found + end.len()))
}

/// Returns the length of a comment, string or character literal at the start of the text.
fn opaque(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        let (mut depth, mut at) = (0, 0);
        loop {
            match text.get(at..at + 2) {
                Some("/*") => (depth, at) = (depth + 1, at + 2),
                Some("*/") if depth == 1 => return Some(at + 2),
                Some("*/") => (depth, at) = (depth - 1, at + 2),
                _ if at >= text.len() => return Some(text.len()),
                _ => at += 1,
            }
        }
    }
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut inner = text.char_indices().skip(1);
    let (_, first) = inner.next()?;
    // `'a` without a second quote is a lifetime.
    if quote == '\'' && first != '\\' && !text[1 + first.len_utf8()..].starts_with('\'') {
        return None;
    }
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    Some(text.len())
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.strip_prefix(root).expect("below the root").components();
            let name: Vec<_> = name.map(|part| part.as_os_str().to_string_lossy()).collect();
            files.push((name.join("/"), fs::read_to_string(&path).expect("UTF-8")));
        }
    }
}
