//! What a case is.

use std::path::Path;

/// How much of a case is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// A few of the moments at which a fault may strike, for `cargo test`.
    Quick,
    /// Every moment; a tool that is missing is a failure.
    All,
    /// The same, and the document is written.
    Write,
}

impl Effort {
    #[expect(clippy::disallowed_methods, reason = "whoever starts the harness says how long it may take")]
    pub(crate) fn asked() -> Self {
        match std::env::var("DRIP_FAULTS").as_deref() {
            Err(_) | Ok("") => Self::Quick,
            Ok("all") => Self::All,
            Ok("write") => Self::Write,
            Ok(other) => panic!("DRIP_FAULTS is `all` or `write`, not `{other}`"),
        }
    }

    /// Returns after how many minutes what is left of [`Effort::All`] is played in part, where somebody has only so many.
    #[expect(clippy::disallowed_methods, reason = "whoever starts the harness says how long it may take")]
    pub(crate) fn minutes() -> Option<u64> {
        let asked = std::env::var("DRIP_FAULTS_MINUTES").ok()?;
        Some(asked.parse().unwrap_or_else(|_| panic!("DRIP_FAULTS_MINUTES is a number, not `{asked}`")))
    }

    /// Returns the first number for the quick part and the second one otherwise.
    pub(crate) fn choose<T>(self, quick: T, all: T) -> T {
        if self == Self::Quick { quick } else { all }
    }
}

/// One fault, and what drip does about it.
pub(crate) struct Case {
    /// Short and for ever: what commits and operators call it.
    pub(crate) id: &'static str,
    /// The heading under which it stands in the document.
    pub(crate) group: &'static str,
    /// What goes wrong.
    pub(crate) fault: &'static str,
    /// What drip does.
    pub(crate) answer: &'static str,
    /// Programs without which it cannot be played; `root` stands for the rights of the superuser, [`DEBUG`] for
    /// what is compiled out of release builds.
    pub(crate) needs: &'static [&'static str],
    /// Brings the fault about, looks, and returns what was seen in a few words; panics where drip fails.
    pub(crate) story: fn(Effort) -> String,
}

impl Case {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.id, self.fault)
    }

    /// Returns what of its needs this machine does not have.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        self.needs.iter().copied().filter(|need| !is_there(need)).collect()
    }
}

/// A need: the fault points that a release build does not have.
pub(crate) const DEBUG: &str = "a debug build";

#[expect(clippy::disallowed_methods, reason = "programs are looked for where a shell would")]
fn is_there(need: &str) -> bool {
    if need == DEBUG {
        return cfg!(debug_assertions);
    }
    if need == "root" {
        return Path::new("/proc/self").exists() && is_root();
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/sbin".into(), "/sbin".into()];
    std::env::split_paths(&folders).chain(sbin).any(|folder: std::path::PathBuf| folder.join(need).is_file())
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
