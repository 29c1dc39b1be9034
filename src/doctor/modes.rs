//! Who may read and write the files of a project, by their modes and owners.

use super::{Finding, Group};

const CHECK: &str = "file modes";
/// More is not told of one by one.
const SHOWN: usize = 8;

/// What a file is to a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Holds addresses, passwords or keys: its owner's alone.
    Secret,
    /// The same, and may be kept by another user, such as root, who lets drip's group read it.
    Lent,
    /// Says what is done: others may read it.
    Open,
}

/// A file or a folder that is there.
#[derive(Debug, Clone)]
pub struct Entry {
    /// As the user would type it.
    pub path: String,
    pub kind: Kind,
    pub is_folder: bool,
    /// Permission bits, with the sticky bit.
    pub mode: u32,
    pub owner: u32,
    /// Whether drip writes it, so that whoever runs drip must own it.
    pub is_written: bool,
}

/// Judges the files; `me` is the user whom this process runs as.
pub fn judge(entries: &[Entry], me: u32) -> Vec<Finding> {
    // Root looks on behalf of whoever runs drip.
    let written = entries.iter().find(|entry| entry.is_written).filter(|_| me == 0);
    let runner = written.map_or(me, |entry| entry.owner);
    let mut findings: Vec<Finding> = entries.iter().filter_map(|entry| access(entry, runner)).collect();
    findings.extend(owner(entries, me));
    if findings.is_empty() {
        let found = match entries.iter().filter(|entry| entry.kind != Kind::Open).count() {
            0 => "nobody else may write here".to_owned(),
            _ => "nobody else may write here, or read what is personal or secret".to_owned(),
        };
        return vec![Finding::fine(Group::Project, CHECK, found)];
    }
    if let Some(more) = findings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        findings.truncate(SHOWN);
        let found = format!("the same of {more} more");
        findings.push(Finding::wrong(Group::Project, CHECK, found).advice("chmod -R go-w ."));
    }
    findings
}

fn access(entry: &Entry, runner: u32) -> Option<Finding> {
    let Entry { path, mode, .. } = entry;
    let is_anothers = entry.owner != runner;
    let wrong = |what: &str, advice: String| {
        Some(Finding::wrong(Group::Project, CHECK, format!("{path}: {what} (mode {mode:03o})")).advice(advice))
    };
    let forbidden = match entry.kind {
        Kind::Open => 0,
        Kind::Lent if is_anothers => 0o037,
        Kind::Secret | Kind::Lent => 0o077,
    };
    if mode & forbidden != 0 {
        let right = if entry.is_folder { "700" } else { "600" };
        let what = if mode & 0o022 != 0 { "others may read and write it" } else { "others may read it" };
        let chmod = format!("chmod {right} {path}");
        // Once only its owner may read it, drip must be that.
        let is_to_be_had = is_anothers && !entry.is_written;
        return wrong(what, if is_to_be_had { format!("as root: chown {runner} {path} && {chmod}") } else { chmod });
    }
    // In a folder with the sticky bit nobody replaces what is another's.
    if mode & 0o002 != 0 && mode & 0o1000 == 0 {
        let what =
            if entry.is_folder { "anybody may put files there and replace them" } else { "anybody may change it" };
        return wrong(what, format!("chmod o-w {path}"));
    }
    None
}

fn owner(entries: &[Entry], me: u32) -> Option<Finding> {
    let others: Vec<&Entry> = entries.iter().filter(|entry| entry.is_written && entry.owner != me).collect();
    let first = others.first()?;
    let paths: Vec<&str> = others.iter().take(SHOWN).map(|entry| entry.path.as_str()).collect();
    let (paths, owner) = (paths.join(" "), first.owner);
    Some(if me == 0 {
        Finding::warning(Group::Project, "owner", format!("you are root, and user {owner} owns {paths}"))
            .advice("run drip as that user: what root makes here, that user cannot write")
    } else {
        Finding::wrong(Group::Project, "owner", format!("user {owner} owns {paths}, and you are user {me}"))
            .advice(format!("run drip as the user who owns the files, or, as root: chown {me} {paths}"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::Verdict::{self, Fine, Warning, Wrong};
    use super::*;

    fn entry(path: &str, kind: Kind, is_folder: bool, mode: u32) -> Entry {
        Entry { path: path.to_owned(), kind, is_folder, mode, owner: 1000, is_written: kind == Kind::Secret }
    }

    #[track_caller]
    fn case(entries: &[Entry], me: u32, verdict: Verdict, said: &str, advice: &str) {
        let findings = judge(entries, me);
        assert!(
            findings.iter().any(|finding| finding.verdict == verdict
                && finding.found.contains(said)
                && finding.advice.as_deref().unwrap_or_default().contains(advice)),
            "{findings:?}"
        );
    }

    #[test]
    fn what_is_secret_is_its_owners_and_nobody_else_writes() {
        let database = |mode| [entry("drip.db", Kind::Secret, false, mode)];
        case(&database(0o600), 1000, Fine, "personal or secret", "");
        case(&database(0o640), 1000, Wrong, "others may read it (mode 640)", "chmod 600 drip.db");
        case(&database(0o666), 1000, Wrong, "read and write it", "chmod 600 drip.db");
        // What root keeps for drip's group stays readable to drip.
        let lent = |owner, mode| [Entry { owner, ..entry("drip.yaml", Kind::Lent, false, mode) }];
        case(&lent(0, 0o640), 1000, Fine, "personal or secret", "");
        case(&lent(1000, 0o640), 1000, Wrong, "others may read it (mode 640)", "chmod 600 drip.yaml");
        case(
            &lent(0, 0o644),
            1000,
            Wrong,
            "others may read it",
            "as root: chown 1000 drip.yaml && chmod 600 drip.yaml",
        );
        case(&lent(0, 0o660), 1000, Wrong, "read and write it", "as root: chown 1000 drip.yaml && chmod 600");
        let key = Entry { owner: 0, is_written: false, ..entry("key.pem", Kind::Secret, false, 0o640) };
        case(&[key], 1000, Wrong, "others may read it", "as root: chown 1000 key.pem && chmod 600 key.pem");
        // Root looks for whoever owns the database.
        let found = judge(&[lent(0, 0o640), database(0o600)].concat(), 0);
        assert!(found.iter().all(|finding| finding.check == "owner"), "{found:?}");
        case(&[entry("outbox", Kind::Secret, true, 0o755)], 1000, Wrong, "outbox", "chmod 700 outbox");
        case(&[entry("drip.yaml", Kind::Open, false, 0o664)], 1000, Fine, "nobody else", "");
        case(&[entry("drip.yaml", Kind::Open, false, 0o646)], 1000, Wrong, "anybody may change", "chmod o-w drip.yaml");
        case(&[entry(".", Kind::Open, true, 0o777)], 1000, Wrong, "replace them", "chmod o-w .");
        case(&[entry(".", Kind::Open, true, 0o1777)], 1000, Fine, "nobody else", "");
        let many: Vec<_> =
            (0..20).map(|number| entry(&format!("templates/{number}.md"), Kind::Open, false, 0o666)).collect();
        assert_eq!(judge(&many, 1000).len(), SHOWN + 1);
        case(&many, 1000, Wrong, "the same of 12 more", "chmod");
    }

    #[test]
    fn whoever_runs_drip_owns_what_it_writes() {
        let database = [entry("drip.db", Kind::Secret, false, 0o600)];
        case(&database, 1001, Wrong, "user 1000 owns drip.db, and you are user 1001", "chown 1001 drip.db");
        case(&database, 0, Warning, "you are root", "run drip as that user");
        case(&[entry("drip.yaml", Kind::Open, false, 0o644)], 1001, Fine, "nobody else", "");
    }
}
