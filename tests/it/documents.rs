//! What the documents show is run: the tour, the campaign reference, the templates.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::Sandbox;
use crate::support::sandbox::binary;

pub(crate) fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Returns the fenced blocks of a language.
pub(crate) fn blocks(text: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    text.split(&opening).skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned() + "\n").collect()
}

/// Runs the commands of a block in a shell, and finds every line that the block shows in what they print.
pub(crate) fn play(block: &str, folder: &Path) {
    let commands: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    let bin = binary();
    let output = Command::new("sh")
        .args(["-ec", &commands.join("\n")])
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", bin.parent().unwrap().display()))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    for line in block.lines().filter(|line| !line.starts_with("$ ")) {
        assert!(said.contains(line), "`{line}` is not in:\n{said}");
    }
}

#[test]
fn the_tour_of_the_readme_goes_as_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = blocks(&document("README.md"), "console");
    assert_eq!(blocks.len(), 1);
    play(&blocks[0], folder.path());
    play(&self::blocks(&document("docs/contacts.md"), "console")[0], tempfile::tempdir().unwrap().path());
    play(&self::blocks(&document("docs/reports.md"), "console")[0], tempfile::tempdir().unwrap().path());
    let guide = document("docs/operating.md");
    play(&self::blocks(&guide, "console")[0], folder.path());
}

#[test]
fn the_reference_loads() {
    let reference = document("docs/campaigns.md");
    let template = ["---\nsubject: Tea\n---\nHi. {{postal_address}} {{unsubscribe_url}}\n"];
    let newsletter = "trigger: manual\nsteps: [{ id: a, send: trial/mail }]\n";
    let question = template[0].replace("Hi.", "{{confirm_url}}");
    let mut sandbox = Sandbox::new()
        .file("templates/trial/mail.md", template[0])
        .file("templates/trial/long.md", template[0])
        .file("templates/trial/confirm.md", &question)
        .file("campaigns/newsletter.yaml", newsletter);
    for block in blocks(&reference, "yaml").into_iter().chain(blocks(&document("docs/settings.md"), "yaml")) {
        let path = block.lines().next().unwrap().trim_start_matches("# ").to_owned();
        sandbox = sandbox.file(&path, &block);
    }
    let said = sandbox.drip(&["check"]).code(0);
    assert!(said.stderr.contains("4 campaigns with 15 steps"), "{}", said.stderr);
    let readme = blocks(&document("README.md"), "yaml");
    let mut sandbox = sandbox.file("campaigns/readme.yaml", &readme[0]);
    for step in ["hello", "how-to", "offer"] {
        sandbox = sandbox.file(&format!("templates/welcome/{step}.md"), template[0]);
    }
    sandbox.drip(&["check"]).code(0);
}

/// The loader asks for each key by name; each of those names stands in the examples of the reference, which load.
#[test]
fn every_key_of_the_language_stands_in_the_reference() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/project");
    let shown = blocks(&document("docs/campaigns.md"), "yaml").concat()
        + &blocks(&document("docs/settings.md"), "yaml").concat();
    let mut keys = std::collections::BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let code = fs::read_to_string(entry.unwrap().path()).unwrap();
        let calls = ["fields.take(\"", "fields.need(source, \"", "fields.take_entry(\""];
        for rest in calls.iter().flat_map(|call| code.split(call).skip(1)) {
            keys.insert(rest.split('"').next().unwrap().to_owned());
        }
    }
    assert!(keys.len() > 50, "{keys:?}");
    let missing: Vec<_> = keys
        .iter()
        .filter(|key| !shown.contains(&format!("{key}:")) && !shown.contains(&format!("- {key}\n")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn conditions_of_the_reference_are_conditions() {
    let text = document("docs/conditions.md");
    let mut read = 0;
    for cell in text.lines().filter(|line| line.starts_with("| `")).map(|line| line.split(" | ").next().unwrap()) {
        for source in cell.split('`').skip(1).step_by(2) {
            if source.contains(['(', '=']) && source != "==" && source != "!=" || source.contains(" > ") {
                let condition = drip::model::condition::Condition::parse(source);
                assert!(condition.is_ok(), "{source}: {condition:?}");
                read += 1;
            }
        }
    }
    assert!(read >= 14, "{read}");
}

#[test]
fn the_demo_plays_and_every_command_has_help_with_an_example() {
    let sandbox = Sandbox::new();
    let said = sandbox.drip(&["demo", "shop"]).code(0).stdout;
    for words in ["The report:", "Welcome (welcome)", "Win back (win-back)", "The mails lie in"] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(sandbox.drip(&["demo", "shop"]).code(2).stderr.lines().count(), 2, "never into a folder in use");
    for command in ["init", "check", "import", "track", "enrol", "run", "report", "demo"] {
        let help = sandbox.drip(&["help", command]).code(0).stdout;
        assert!(help.contains("Example"), "{help}");
    }
    assert!(sandbox.drip(&["help", "rum"]).code(2).stderr.contains("did you mean `run`?"));
}

#[test]
fn a_bare_project_has_what_every_project_has() {
    let folder = tempfile::tempdir().unwrap();
    let drip = |words: &[&str]| {
        let output = std::process::Command::new(binary()).current_dir(folder.path()).args(words).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let said = drip(&["init", "--bare"]);
    assert!(said.starts_with("Wrote 5 files to this folder."), "{said}");
    fs::write(folder.path().join("campaigns/a.yaml"), "trigger: manual\nsteps: [{ id: a, send: a }]\n").unwrap();
    fs::write(
        folder.path().join("templates/a.md"),
        "---\nsubject: S\n---\n{{> button text=\"x\" url=\"https://a.example\"}}\n",
    )
    .unwrap();
    assert_eq!(drip(&["check"]), "Everything is in order: 1 campaign with 1 step and 4 templates.\n");
}

#[test]
fn init_never_overwrites() {
    let sandbox = Sandbox::new();
    sandbox.write("drip.yaml", "mine");
    let said = sandbox.drip(&["init"]).code(0).stderr;
    assert!(said.contains("Left 1 file alone"), "{said}");
    assert_eq!(fs::read_to_string(sandbox.path("drip.yaml")).unwrap(), "mine");
}
