//! The state of a project in one SQLite file: all SQL of drip, and the only place that names the database.
//!
//! # Durability
//! The journal is a write-ahead log. What [`Store::begin`] began survives a power cut once it is committed; what
//! [`Store::begin_group`] began survives the end of the process. Claims are of the first kind, and what becomes of
//! them of the second: after a power cut a claim without an outcome is of unknown fate.
//!
//! # Locking
//! Every writing transaction begins `IMMEDIATE`, so that it waits for another writer at its start and
//! never fails half-way. A run holds the advisory lock of [`RunLock`] besides; other commands may
//! write between its transactions.
//!
//! # Compatibility
//! `PRAGMA user_version` numbers the schema. An older file is copied aside and migrated in one transaction; a newer
//! one is refused. The `v_` views are for people and stay stable; the tables may change.
//!
//! # Files
//! The file, its `-wal` and its `-shm` are readable by their owner alone.

mod answers;
mod arrivals;
mod backup;
mod campaigns;
mod choices;
mod contacts;
mod course;
mod credits;
mod dossier;
mod edits;
mod enrolments;
mod error;
mod events;
mod examine;
mod export;
mod facts;
mod forget;
mod funnel;
mod heard;
mod holdout;
mod ledger;
mod links;
mod lock;
mod log;
mod members;
mod notes;
mod origin;
mod reactions;
mod restore;
mod room;
mod runs;
mod schema;
mod silence;
mod standings;
mod status;
mod story;
mod stuck;
mod suppressions;
mod tallies;
mod trials;
mod value;
mod watches;

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant as Moment};

use chrono::DateTime;
use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

pub use arrivals::Arrival;
pub use campaigns::{CampaignRow, KnownCampaign, PausedBy};
pub use contacts::{ContactChange, ContactUpdate};
pub use credits::{RevenueRow, Uncredited};
pub use enrolments::NewEnrolment;
pub use error::{Result, StoreError};
pub use events::{EventBatch, EventChange, NewEvent, UnseenEvent};
pub use examine::Examined;
pub use export::Table;
pub use funnel::{FunnelCounts, Waiting};
pub use heard::Sent;
pub use holdout::{Compared, Group};
pub use ledger::{Claim, Closing, LastSend, NewClaim};
pub use lock::{RunLock, noted_beside};
pub use origin::Noted;
pub use reactions::ReactionCount;
pub use restore::TakenOver;
pub use runs::{Ran, Recovered, RunTotals};
pub use standings::{Change, StageMoves, Standing, StandingCount, ToLookAt};
pub use status::DueCounts;
pub use story::{ContactSummary, StoryLine};
pub use stuck::Stuck;
pub use suppressions::Suppressed;
pub use value::Purchase;
pub use watches::Watch;

use crate::model::Instant;

/// The open state of a project.
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// Where the file lies as it was before it was migrated just now.
    kept: Option<PathBuf>,
    /// Whether the next commit waits for the disk.
    waits: bool,
}

/// One transaction: all of it happens, or nothing.
pub struct Work<'a> {
    transaction: Transaction<'a>,
    /// Whether anybody was ever forgotten, once somebody asked.
    forgot: Cell<Option<bool>>,
    /// By which words purchases are credited, once somebody asked.
    credits: RefCell<Option<Rc<credits::Crediting>>>,
}

impl<'a> Work<'a> {
    fn of(transaction: Transaction<'a>) -> Self {
        Self { transaction, forgot: Cell::new(None), credits: RefCell::new(None) }
    }
}

/// How long a writer waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(PATIENCE);
const PATIENCE: u64 = 20;
/// The same for one that has much in hand.
const LONG_PATIENCE: u64 = 600;
/// How often a writer that waits looks whether it is its turn. SQLite's own waits grow to a tenth of a second, and two that
/// write all the time would hardly ever meet a free moment with them.
const GLANCE: Duration = Duration::from_millis(1);

/// Pages of the log after which it is copied into the file: 16 MB. A page that changes with every mail is copied once for all
/// of them, and the disk waited for as often.
const LOG_PAGES: std::ffi::c_int = 4000;

impl Store {
    /// Opens the file to read and write; makes it when it is not there.
    pub fn open(path: &Path) -> Result<Self> {
        if is_lost(path)? {
            return Err(StoreError::Gone { path: path.to_owned() });
        }
        lock::create_private(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let store = Self::connect(path, flags)?;
        // An answer row each; `execute_batch` steps over them. The second reads the file.
        let store = store.prepare_file("PRAGMA foreign_keys=ON; PRAGMA schema_version;")?;
        schema::check(&store.connection, path)?;
        // 16 MB of memory at most, for transactions that touch many pages without order.
        store.prepare_file("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;")?.migrate()
    }

    /// Opens the file to read alone; `None` when it is not there yet.
    pub fn open_to_read(path: &Path) -> Result<Option<Self>> {
        if is_lost(path)? {
            return Err(StoreError::Gone { path: path.to_owned() });
        }
        if !path.exists() {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let store = Self::connect(path, flags)?;
        let store = store.prepare_file("PRAGMA query_only=ON; PRAGMA schema_version;")?;
        schema::check(&store.connection, path)?;
        match schema::version(&store.connection)? {
            0 => Ok(None),
            found if found < schema::VERSION => Self::open(path).map(Some),
            _ => Ok(Some(store)),
        }
    }

    /// Copies the whole state to another file, from a consistent moment, and opens the copy.
    pub fn copy_to(&self, path: &Path) -> Result<Self> {
        lock::create_private(path)?;
        backup::copy(&self.connection, path)?;
        Self::open(path)
    }

    /// Returns where the file lies as it was, if opening it has migrated it.
    pub fn kept(&self) -> Option<&Path> {
        self.kept.as_deref()
    }

    /// Returns where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins a writing transaction.
    pub fn begin(&mut self) -> Result<Work<'_>> {
        self.wait_for_disk(true)?;
        self.begin_now()
    }

    /// Begins a writing transaction that outlives the death of the process, but the loss of power only once a later
    /// one of [`Store::begin`] is committed, in whose wake all before it reaches the disk.
    pub fn begin_group(&mut self) -> Result<Work<'_>> {
        self.wait_for_disk(false)?;
        self.begin_now()
    }

    fn wait_for_disk(&mut self, waits: bool) -> Result<()> {
        if self.waits != waits {
            let text = if waits { "PRAGMA synchronous=FULL" } else { "PRAGMA synchronous=NORMAL" };
            self.connection.execute_batch(text)?;
            self.waits = waits;
        }
        Ok(())
    }

    fn begin_now(&mut self) -> Result<Work<'_>> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        Ok(Work::of(transaction))
    }

    /// Does something during which other writers are waited for ten minutes, such as a large import.
    ///
    /// # Errors
    /// Those of what is done, and where the database does not take the time.
    pub fn wait_longer<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.connection.busy_handler(Some(wait::<LONG_PATIENCE>))?;
        let result = work(self);
        self.connection.busy_handler(Some(wait::<PATIENCE>))?;
        result
    }

    /// Keeps what savepoints set aside in memory, and in no file.
    pub fn with_savepoints_in_memory(self) -> Result<Self> {
        self.connection.execute_batch("PRAGMA temp_store=MEMORY")?;
        Ok(self)
    }

    /// Begins a transaction that reads one consistent moment.
    pub fn read(&mut self) -> Result<Work<'_>> {
        Ok(Work::of(self.connection.transaction()?))
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Self> {
        let open = |source| StoreError::Open { path: path.to_owned(), source };
        let mut connection = Connection::open_with_flags(path, flags).map_err(open)?;
        connection.wal_hook(Some(copy_back))?;
        connection.busy_handler(Some(wait::<PATIENCE>))?;
        // Without it some statements are compiled anew whenever a value is bound to them.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Self { connection, path: path.to_owned(), kept: None, waits: true })
    }

    fn prepare_file(self, pragmas: &str) -> Result<Self> {
        match self.connection.execute_batch(pragmas) {
            Ok(()) => Ok(self),
            Err(error) => Err(match error.sqlite_error_code() {
                Some(ErrorCode::NotADatabase) => StoreError::Foreign { path: self.path },
                Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                    StoreError::Open { path: self.path, source: error }
                }
                _ => error.into(),
            }),
        }
    }

    fn migrate(mut self) -> Result<Self> {
        self.kept = schema::migrate(&mut self.connection, &self.path)?;
        Ok(self)
    }
}

impl Work<'_> {
    /// Makes everything since [`Store::begin`] permanent.
    pub fn commit(self) -> Result<()> {
        Ok(self.transaction.commit()?)
    }

    /// Does something of which nothing stays where it fails; what was done before it stays. The outer error is one of the
    /// transaction itself, which is then of no more use.
    pub fn whole<T, E>(&self, what: impl FnOnce() -> std::result::Result<T, E>) -> Result<std::result::Result<T, E>> {
        self.does("SAVEPOINT task")?;
        let result = what();
        if result.is_err() {
            self.does("ROLLBACK TO task")?;
        }
        self.does("RELEASE task")?;
        Ok(result)
    }

    fn does(&self, text: &str) -> Result<()> {
        Ok(self.sql(text)?.execute([]).map(drop)?)
    }

    /// Returns a number that changes whenever another process has written.
    pub fn version(&self) -> Result<i64> {
        Ok(self.sql("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
    }

    fn sql(&self, text: &str) -> Result<rusqlite::CachedStatement<'_>> {
        Ok(self.transaction.prepare_cached(text)?)
    }
}

/// Waits a moment for another writer; says whether there is to be another try.
fn wait<const SECONDS: u64>(tries: i32) -> bool {
    thread_local!(static SINCE: Cell<Option<Moment>> = const { Cell::new(None) });
    let since = SINCE.get().filter(|_| tries > 0).unwrap_or_else(Moment::now);
    SINCE.set(Some(since));
    let is_time = since.elapsed() < Duration::from_secs(SECONDS);
    if is_time {
        std::thread::sleep(GLANCE);
    }
    is_time
}

/// Copies the log into the file once it has grown.
///
/// SQLite would do so by itself, but keep a fault of the disk to itself and try again later, when the kernel may have
/// forgotten it. So the commit fails instead, though it stands: the run stops, and takes for `unknown` what it cannot tell.
fn copy_back(log: &mut Wal, pages: std::ffi::c_int) -> rusqlite::Result<()> {
    if pages < LOG_PAGES {
        return Ok(());
    }
    match log.checkpoint() {
        // Another process is at it.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(()),
        result => result,
    }
}

/// Says whether the file is gone, or empty, though runs have used it. A link is no file of this project.
fn is_lost(path: &Path) -> Result<bool> {
    let there = match path.symlink_metadata() {
        Ok(data) if data.is_symlink() => return Err(StoreError::Link { path: path.to_owned() }),
        Ok(data) => data.len() > 0,
        Err(_) => false,
    };
    Ok(!there && lock::noted_beside(path).is_some())
}

/// Returns an instant as the store keeps it: milliseconds since 1970 in UTC.
fn millis(instant: Instant) -> i64 {
    instant.timestamp_millis()
}

/// Returns the instant that the store kept.
fn instant(millis: i64) -> Instant {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

#[cfg(test)]
mod tests;
