//! What nobody else may read: passwords, keys, addresses, and the files that hold them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::case::{Case, Effort};
use crate::people::{NEXT_DAY, NOW, below, due, everyone_once, run};
use crate::support::Sandbox;
use crate::support::sandbox::Ended;
use crate::support::smtp::{Script, SmtpServer, Verb};

const GROUP: &str = "Threats";
const CANARY: &str = "C4n4ryPassw0rd";
/// The same as AUTH PLAIN writes it, in part.
const IN_BASE64: &str = "QzRuNHJ5UGFzc3cwcm";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "S08",
            group: GROUP,
            fault: "the relay's password might be printed or kept",
            answer: "no output of any command shows it, also where the relay refuses it, and no file holds it; one that stands in drip.yaml is warned of",
            needs: &[],
            story: password,
        },
        Case {
            id: "S21",
            group: GROUP,
            fault: "the DKIM key can be read by others",
            answer: "code 3 before anything is connected to; no mail goes out unsigned instead",
            needs: &[],
            story: signing_key,
        },
        Case {
            id: "S22",
            group: GROUP,
            fault: "addresses and names in logs, and names that would steer a terminal",
            answer: "a log shows `l***@example.com` and no name, unless `-v` asks for it; control characters are taken out of whatever is shown",
            needs: &[],
            story: logs,
        },
        Case {
            id: "S23",
            group: GROUP,
            fault: "a umask under which new files are for everybody",
            answer: "drip.db, `-wal`, `-shm`, the lock, backups, exports, rejected rows and the outbox are for their owner alone",
            needs: &[],
            story: modes,
        },
        Case {
            id: "S26",
            group: GROUP,
            fault: "somebody else has put links in the place of drip.lock or drip.db, or may write drip.yaml",
            answer: "a link is not followed, code 7; files that anybody may change are warned of in each run",
            needs: &[],
            story: links,
        },
    ]
}

fn password(_: Effort) -> String {
    let refusing = Script::new().offering("AUTH PLAIN LOGIN").on(Verb::Auth).times(1).reply("535 5.7.8 no");
    let relay = SmtpServer::start(refusing);
    let sandbox = due(3, 1);
    let url = format!("smtp://lan:{CANARY}@127.0.0.1:{}", relay.port());
    let mut outputs = 0;
    let mut quiet = |words: &[&str], url: &str| {
        let ended = sandbox.drip_with(&[("DRIP_SMTP_URL", url)], words);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!said.contains(CANARY) && !said.contains(IN_BASE64), "{words:?}: {said}");
        outputs += 1;
        ended
    };
    let refused = quiet(&["-v", "--now", NOW, "run"], &url).code(5);
    assert!(refused.stderr.contains("lan"), "{}", refused.stderr);
    for words in [
        &["check"][..],
        &["-v", "--now", NOW, "run"],
        &["-v", "--log-format", "json", "--now", NOW, "run"],
        &["--json", "--now", NEXT_DAY, "run"],
        &["--now", NOW, "status"],
        &["--now", NOW, "status", "--format", "prometheus"],
        &["--json", "--now", NOW, "report"],
        &["resolve"],
        &["preview", "w", "hello", "--format", "eml"],
        &["preview", "w", "hello", "--send-to", "me@acme.example"],
        &["contact", "export", "c0000@example.com"],
        &["backup", "copy.db"],
        &["--help"],
    ] {
        quiet(words, &url);
    }
    assert!(relay.commands().iter().any(|line| line.contains("AUTH")), "{:?}", relay.commands());
    for wrong in [
        format!("smtps://lan:{CANARY}@:99999"),
        format!("http://lan:{CANARY}@x"),
        format!("lan:{CANARY}@x"),
        format!("smtp://lan:{CANARY}%zz@localhost"),
    ] {
        quiet(&["--now", NOW, "run"], &wrong).code(3);
    }
    // A file that holds it is shown to nobody either.
    let settings = fs::read_to_string(sandbox.path("drip.yaml")).unwrap();
    sandbox.write("drip.yaml", &settings.replace("smtp://localhost", &url));
    let said = sandbox.drip(&["check"]).code(0).stderr;
    assert!(said.contains("a password stands in drip.yaml") && !said.contains(CANARY), "{said}");
    sandbox.write("drip.yaml", &settings);
    let holding: Vec<_> =
        files(&sandbox).into_iter().filter(|(_, bytes)| holds(bytes, CANARY) || holds(bytes, IN_BASE64)).collect();
    assert!(holding.is_empty(), "{:?}", holding.iter().map(|(path, _)| path).collect::<Vec<_>>());
    format!("{outputs} outputs and every file: nowhere")
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Returns every file of the project with its bytes.
fn files(sandbox: &Sandbox) -> Vec<(String, Vec<u8>)> {
    let mut folders = vec![sandbox.path(".")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                found.push((path.display().to_string(), fs::read(&path).unwrap()));
            }
        }
    }
    found
}

fn signing_key(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(3, 1).through(&relay);
    let settings = fs::read_to_string(sandbox.path("drip.yaml")).unwrap();
    sandbox.write("drip.yaml", &format!("{settings}dkim: {{ selector: s1, key_file: keys/dkim.pem }}\n"));
    // RFC 8463 appendix A.2, as PKCS #8.
    sandbox.write("keys/dkim.pem", "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n");
    let key = sandbox.path("keys/dkim.pem");
    for mode in [0o644, 0o640, 0o604, 0o666, 0o777] {
        fs::set_permissions(&key, PermissionsExt::from_mode(mode)).unwrap();
        let said = run(&sandbox, NOW).code(3).stderr;
        assert!(said.contains("can be read by others") && said.contains("chmod 600"), "{mode:o}: {said}");
    }
    assert_eq!(relay.connections(), 0);
    fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    run(&sandbox, NOW).code(0);
    everyone_once(&sandbox, &relay, 3);
    assert!(relay.mails().iter().all(|mail| mail.bytes.starts_with(b"DKIM-Signature: ")));
    let kept = fs::read(sandbox.path("drip.db")).unwrap();
    assert!(!holds(&kept, "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v"));
    "5 modes refused; with 600 every mail is signed".to_owned()
}

fn logs(_: Effort) -> String {
    let relay = SmtpServer::start(
        Script::new()
            .on(Verb::Rcpt)
            .to("c0000@")
            .reply("550 5.1.1 <c0000@example.com> \u{1b}]0;owned\u{7} unknown")
            .on(Verb::Rcpt)
            .to("c0001@")
            .reply("451 4.7.1 <c0001@example.com> later"),
    );
    let sandbox = due(3, 1).through(&relay);
    let name = "Lan\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}";
    let row = serde_json::json!({ "email": "c0002@example.com", "city": name, "first_name": "Bich" });
    sandbox.write("a.jsonl", &format!("{row}\n{{\"email\":\"{}\"}}\n", "x\\u001b[2J@example.com"));
    let mut shown = vec![sandbox.drip(&["import", "a.jsonl"]).code(4)];
    for words in [
        &["--now", NOW, "run"][..],
        &["--now", NOW, "--log-format", "json", "run"],
        &["--now", NOW, "status"],
        &["--now", NEXT_DAY, "-q", "run"],
    ] {
        let ended = sandbox.drip(words);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!said.contains("c000"), "{words:?} names somebody: {said}");
        assert!(!said.contains("Bich") && !said.contains("Lan"), "{words:?}: {said}");
        shown.push(ended);
    }
    let masked =
        shown.iter().any(|ended| ended.stderr.contains("c***@example.com rejected: 550 5.1.1 <c***@example.com>"));
    assert!(masked, "{:?}", shown.iter().map(|ended| &ended.stderr).collect::<Vec<_>>());
    // Who asks for names gets them, and still nothing that steers a terminal.
    let named = |words: &[&str]| sandbox.drip(words);
    for words in [
        &["-v", "--now", "2026-03-04T02:00:00Z", "run"][..],
        &["contact", "list"],
        &["contact", "list", "--format", "json"],
        &["contact", "show", "c0002@example.com"],
        &["contact", "show", "c0000@example.com"],
        &["--now", NOW, "report"],
        &["resolve"],
        &["preview", "w", "hello", "--contact", "c0002@example.com"],
        &["track", "x\u{1b}[2J@example.com", "bought"],
        &["campaign", "pause", "\u{1b}[2J"],
        &["report", "\u{1b}[2J"],
    ] {
        shown.push(named(words));
    }
    for ended in &shown {
        let said = format!("{}{}", ended.stdout, ended.stderr);
        let steering: Vec<char> =
            said.chars().filter(|c| (c.is_control() && !"\n\t".contains(*c)) || *c == '\u{202e}').collect();
        assert!(steering.is_empty(), "{steering:?} in {said}");
    }
    format!("{} outputs: nobody named unasked, nothing that steers a terminal", shown.len())
}

fn modes(_: Effort) -> String {
    let mut seen = std::collections::BTreeSet::new();
    // Once through a relay, while it runs, and once into the outbox.
    let relay = SmtpServer::start(Script::new().on(Verb::Content).stall(std::time::Duration::from_millis(300)));
    let sandbox = Sandbox::new().campaign("w", "trigger: { segment: 'true' }", &["id: hello, send: mail"]);
    let open = |words: &[&str]| below(&["sh", "-c", "umask 000; exec \"$0\" \"$@\""], &sandbox.command(words));
    sandbox.write("a.csv", "email\nlan@example.com\nbad\n");
    Ended::of(&mut open(&["--now", "2026-03-01T00:00:00Z", "import", "a.csv"])).code(4);
    let url = format!("smtp://127.0.0.1:{}", relay.port());
    let mut running = open(&["-q", "--now", NOW, "run"]).env("DRIP_SMTP_URL", url).spawn().unwrap();
    while relay.count("DATA") == 0 && running.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let mut look = || {
        for (path, _) in files(&sandbox) {
            let name = path.rsplit('/').next().unwrap().to_owned();
            let ours = path.contains("/outbox/")
                || ["drip.db", "drip.lock", "out.", "copy.", ".rejected", "lan.json"]
                    .iter()
                    .any(|ours| name.contains(ours));
            if ours {
                let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
                assert_eq!(mode & 0o077, 0, "{path}: {mode:o}");
                seen.insert(if path.contains("/outbox/") { "outbox".to_owned() } else { name });
            }
        }
    };
    look();
    assert!(running.wait().unwrap().success());
    sandbox.write("more.csv", "email\nminh@example.com\n");
    for (words, code) in [
        (&["--now", "2026-03-01T00:00:00Z", "import", "more.csv"][..], 0),
        (&["-q", "--now", NOW, "run"], 0),
        (&["backup", "copy.db"], 0),
        (&["contact", "export", "--all", "out.csv"], 0),
        (&["contact", "export", "--all", "out.jsonl"], 0),
        (&["restore", "copy.db"], 0),
        (&["-q", "--now", NOW, "run", "--adopt"], 0),
    ] {
        Ended::of(&mut open(words)).code(code);
        look();
    }
    for expected in [
        "drip.db",
        "drip.db-wal",
        "drip.db-shm",
        "drip.lock",
        "outbox",
        "copy.db",
        "out.csv",
        "out.jsonl",
        "a.rejected.csv",
        "drip.db.before-restore-1",
    ] {
        assert!(seen.contains(expected), "{expected} was never there: {seen:?}");
    }
    format!("{} kinds of files under umask 000, none for others", seen.len())
}

fn links(_: Effort) -> String {
    let relay = SmtpServer::start(Script::new());
    let sandbox = due(3, 1).through(&relay);
    let elsewhere = tempfile::tempdir().unwrap();
    let victim = elsewhere.path().join("victim");
    fs::write(&victim, "mine").unwrap();
    symlink(&victim, sandbox.path("drip.lock")).unwrap();
    let said = run(&sandbox, NOW).code(7).stderr;
    assert!(said.contains("the run lock"), "{said}");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    fs::remove_file(sandbox.path("drip.lock")).unwrap();
    symlink(elsewhere.path().join("made"), sandbox.path("drip.lock")).unwrap();
    run(&sandbox, NOW).code(7);
    assert!(!elsewhere.path().join("made").exists());
    fs::remove_file(sandbox.path("drip.lock")).unwrap();

    // Two folders that share one file would not share its lock.
    fs::rename(sandbox.path("drip.db"), elsewhere.path().join("drip.db")).unwrap();
    for target in ["drip.db", "nowhere.db"] {
        symlink(elsewhere.path().join(target), sandbox.path("drip.db")).unwrap();
        for words in [&["-q", "--now", NOW, "run"][..], &["import", "import.csv"], &["status"]] {
            let said = sandbox.drip(words).code(7).stderr;
            assert!(said.contains("is a link") && said.contains("do not share its lock"), "{said}");
        }
        fs::remove_file(sandbox.path("drip.db")).unwrap();
    }
    assert!(!elsewhere.path().join("nowhere.db").exists());
    assert_eq!(relay.connections(), 0);
    fs::rename(elsewhere.path().join("drip.db"), sandbox.path("drip.db")).unwrap();

    for name in ["drip.yaml", "campaigns", "templates"] {
        let path = sandbox.path(name);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        fs::set_permissions(&path, PermissionsExt::from_mode(mode | 0o002)).unwrap();
        let said = run(&sandbox, NOW).code(0).stderr;
        assert!(said.contains(&format!("warning: anybody on this machine may change ./{name}")), "{said}");
        assert!(said.contains(&format!("chmod o-w ./{name}")), "{said}");
        fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    }
    assert!(!run(&sandbox, NOW).code(0).stderr.contains("anybody"));
    everyone_once(&sandbox, &relay, 3);
    "4 links not followed, 3 open files told".to_owned()
}
