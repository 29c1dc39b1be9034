//! A relay that makes trouble, told from the first run to the last: what became of three people, what the operator
//! read, and what the runs after it made good.

use std::sync::OnceLock;
use std::time::Duration;

use crate::case::Effort;
use crate::support::Sandbox;
use crate::support::sandbox::{Ended, count};
use crate::support::smtp::{Script, SmtpServer};

/// When the relay makes trouble.
pub(crate) const NOW: &str = "2026-03-02T02:00:00Z";
/// Nothing that was put off may be tried by then.
const BEFORE_RETRY: &str = "2026-03-02T02:04:59Z";
/// And all of it is tried by then.
const AFTER_RETRY: &str = "2026-03-02T02:07:00Z";
/// When the second mail of the sequence is due for everyone.
const NEXT_DAY: &str = "2026-03-03T02:30:00Z";
/// The three, in the order in which they are due.
const PEOPLE: [&str; 3] = ["an@example.com", "binh@example.com", "chi@example.com"];

/// What a relay that makes trouble leaves of one person's mail, with words of the ledger's reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrived, and drip knows.
    Sent,
    /// It was not begun, or put back: it goes with the very next run.
    Due,
    /// It goes again, not sooner than after 5 minutes.
    Deferred(&'static str),
    /// Never again; the person is not to blame.
    Rejected(&'static str),
    /// Never again, and nothing else to that address.
    Bounced(&'static str),
    /// Perhaps it arrived; never again by itself.
    Unknown(&'static str),
}

/// One way in which a relay makes trouble, and what must come of it.
#[derive(Debug)]
pub(crate) struct Trouble {
    script: Script,
    code: i32,
    fates: [Fate; 3],
    says: Vec<&'static str>,
    patience: Option<Duration>,
    /// Instead of a script: nobody is there, or somebody else.
    url: Option<String>,
    settings: String,
    variables: Vec<(&'static str, String)>,
}

impl Trouble {
    /// A relay that does this makes a run end with this code, and leaves this of An, Binh and Chi.
    pub(crate) fn new(script: Script, code: i32, fates: [Fate; 3]) -> Self {
        let (says, variables) = (Vec::new(), Vec::new());
        Self { script, code, fates, says, patience: None, url: None, settings: String::new(), variables }
    }

    /// The operator reads this, each of it somewhere in what the run prints.
    pub(crate) fn says(mut self, words: &[&'static str]) -> Self {
        self.says.extend(words);
        self
    }

    /// drip waits no longer than this for each answer.
    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Mail goes to this address instead; `{port}` stands for the relay's.
    pub(crate) fn url(mut self, url: &str) -> Self {
        self.url = Some(url.to_owned());
        self
    }

    /// drip.yaml says this, too.
    pub(crate) fn settings(mut self, line: &str) -> Self {
        line.clone_into(&mut self.settings);
        self
    }

    /// The environment says this.
    pub(crate) fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Tells the whole story, and returns the relay that made the trouble.
    #[track_caller]
    pub(crate) fn tell(&self) -> SmtpServer {
        let relay = SmtpServer::start(self.script.clone());
        let sandbox = three(&self.settings).through(&relay);
        let ended = self.run(&sandbox, &relay);
        let context = format!("{:?}\nstdout:\n{}\nstderr:\n{}", self.script, ended.stdout, ended.stderr);
        assert_eq!(ended.code, self.code, "{context}");
        let said = ended.stdout + &ended.stderr;
        for words in &self.says {
            assert!(said.contains(words), "it does not say `{words}`: {context}");
        }
        for (person, fate) in PEOPLE.iter().zip(&self.fates) {
            let row = sandbox
                .sql(&format!("SELECT state || ' ' || coalesce(reason, '') FROM v_sends WHERE email = '{person}'"));
            fate.expect(&row, &format!("{person}: {context}"));
        }
        sandbox.check();
        self.make_good(sandbox, &relay, &context);
        relay
    }

    fn run(&self, sandbox: &Sandbox, relay: &SmtpServer) -> Ended {
        let url = self.url.as_ref().map(|url| url.replace("{port}", &relay.port().to_string()));
        let mut variables: Vec<_> = self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        variables.extend(url.as_deref().map(|url| ("DRIP_SMTP_URL", url)));
        let words = ["--now", NOW, "run"];
        match self.patience {
            Some(patience) => sandbox.drip_impatient(patience, &variables, &words),
            None => sandbox.drip_with(&variables, &words),
        }
    }

    /// The relay has become well: who waits gets the mail in time and once, and nobody who must not gets one.
    #[track_caller]
    fn make_good(&self, sandbox: Sandbox, ill: &SmtpServer, context: &str) {
        let well = SmtpServer::start(Script::new());
        let sandbox = sandbox.through(&well);
        let whose = |is: fn(&Fate) -> bool| -> Vec<&str> {
            PEOPLE.iter().zip(&self.fates).filter(|(_, fate)| is(fate)).map(|(person, _)| *person).collect()
        };
        sandbox.drip(&["--now", BEFORE_RETRY, "run"]).code(0);
        assert_eq!(well.recipients(), whose(|fate| *fate == Fate::Due), "at once: {context}");
        sandbox.drip(&["--now", AFTER_RETRY, "run"]).code(0);
        let again = whose(|fate| matches!(fate, Fate::Deferred(_)));
        assert_eq!(well.recipients()[whose(|fate| *fate == Fate::Due).len()..], again, "later: {context}");

        let received = count(ill.recipients().into_iter().chain(well.recipients()));
        assert!(received.values().all(|times| *times == 1), "twice: {received:?} {context}");
        let lost: Vec<_> = whose(|fate| !matches!(fate, Fate::Rejected(_) | Fate::Bounced(_) | Fate::Unknown(_)))
            .into_iter()
            .filter(|person| !received.contains_key(*person))
            .collect();
        assert!(lost.is_empty(), "nobody sent it to {lost:?}: {context}");

        // The sequence goes on for everyone whose address is not known to be wrong.
        let before = well.recipients().len();
        sandbox.drip(&["--now", NEXT_DAY, "run"]).code(0);
        let mut next = well.recipients().split_off(before);
        next.sort();
        assert_eq!(next, whose(|fate| !matches!(fate, Fate::Bounced(_))), "the second mail: {context}");
        let bounced = sandbox.sql("SELECT email FROM v_contacts WHERE consent = 'bounced'");
        assert_eq!(bounced, whose(|fate| matches!(fate, Fate::Bounced(_))), "who is to blame: {context}");
        sandbox.check();
    }
}

impl Fate {
    #[track_caller]
    fn expect(&self, row: &[String], context: &str) {
        let row = row.first().map_or("", String::as_str);
        let holds = match self {
            Self::Sent => row == "sent ",
            Self::Due => row.is_empty() || row == "deferred given back",
            Self::Deferred(reason) => {
                row.starts_with("deferred ") && row.contains(reason) && !row.contains("given back")
            }
            Self::Rejected(reason) | Self::Bounced(reason) => row.starts_with("rejected ") && row.contains(reason),
            Self::Unknown(reason) => row.starts_with("unknown ") && row.contains(reason),
        };
        assert!(holds, "{self:?} was expected, not `{row}`, of {context}");
    }
}

/// Tells every story, each of them once with and once without PIPELINING; in the quick part with one or the other.
#[track_caller]
pub(crate) fn tell_all(effort: Effort, troubles: Vec<Trouble>) -> usize {
    let mut told = 0;
    for (at, trouble) in troubles.into_iter().enumerate() {
        let plain = Trouble { script: trouble.script.clone().without("PIPELINING"), ..trouble };
        if effort != Effort::Quick || at % 2 == 1 {
            plain.tell();
            told += 1;
        }
        if effort != Effort::Quick || at % 2 == 0 {
            Trouble { script: trouble.script, ..plain }.tell();
            told += 1;
        }
    }
    told
}

/// A project in which three people are due for a first mail, and a day later for a second one.
fn three(settings: &str) -> Sandbox {
    // Imported once, because every story begins with it.
    static DATABASE: OnceLock<Vec<u8>> = OnceLock::new();
    let project = || {
        let steps = ["id: a, send: mail", "id: b, send: mail, delay: 1d"];
        Sandbox::new().campaign("w", "trigger: { segment: 'true' }", &steps)
    };
    let database = DATABASE.get_or_init(|| {
        let sandbox = project().contacts("email", &PEOPLE);
        std::fs::read(sandbox.path("drip.db")).unwrap()
    });
    let sandbox = project()
        .settings(&format!("frequency_cap: none\nsmtp: {{ url: \"smtp://localhost\", connections: 1 }}\n{settings}"));
    std::fs::write(sandbox.path("drip.db"), database).unwrap();
    sandbox
}

/// A project in which so many people are due for one mail, over so many connections.
pub(crate) fn crowd(people: usize, connections: usize) -> Sandbox {
    let rows: Vec<String> = (0..people).map(|n| format!("c{n:03}@example.com")).collect();
    Sandbox::new()
        .settings(&format!("frequency_cap: none\nsmtp: {{ url: \"smtp://localhost\", connections: {connections} }}"))
        .campaign("w", "trigger: { segment: 'true' }", &["id: a, send: mail"])
        .contacts("email", &rows.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Returns how many rows of the ledger are in a state.
pub(crate) fn in_state(sandbox: &Sandbox, state: &str) -> usize {
    sandbox.sql(&format!("SELECT email FROM v_sends WHERE state = '{state}' AND reason IS NOT 'given back'")).len()
}

/// With a relay that is well: everyone but those whose mail is settled has it by the end of the next day, once.
#[track_caller]
pub(crate) fn everyone_gets_theirs(sandbox: Sandbox, ill: &SmtpServer, people: usize) {
    let settled = in_state(&sandbox, "unknown") + in_state(&sandbox, "rejected");
    let well = SmtpServer::start(Script::new());
    let sandbox = sandbox.through(&well);
    for now in ["2026-03-02T03:00:00Z", "2026-03-02T06:00:00Z", NEXT_DAY] {
        sandbox.drip(&["--now", now, "run"]).code(0);
    }
    assert_eq!(in_state(&sandbox, "sent") + settled, people);
    let received = count(ill.recipients().into_iter().chain(well.recipients()));
    assert!(received.values().all(|times| *times == 1), "{received:?}");
    assert!(received.len() + settled >= people, "{received:?}");
    sandbox.check();
}
