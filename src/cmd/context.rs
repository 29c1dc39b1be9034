//! What every command starts from: the project, its store, the time, and where to print.

use std::path::PathBuf;
use std::rc::Rc;

use super::Failure;
use super::environment::Environment;
use super::machine;
use crate::cli::Global;
use crate::clock::Clock;
use crate::error::{Diagnostic, Diagnostics, Place};
use crate::import;
use crate::mail::template::Templates;
use crate::model::Instant;
use crate::model::address::Address;
use crate::model::campaign::Campaign;
use crate::model::settings::Settings;
use crate::project::{self, Found, Overrides, Project};
use crate::runner;
use crate::store::Store;
use crate::ui::Output;

/// What a command works with.
pub(super) struct Context {
    pub(super) root: PathBuf,
    pub(super) clock: Clock,
    pub(super) output: Rc<Output>,
    environment: Environment,
}

/// A project whose files were found right.
pub(super) struct Loaded {
    pub(super) project: Project,
    pub(super) templates: Templates,
}

impl Context {
    pub(super) fn new(global: &Global, environment: Environment, output: Output) -> Self {
        Self { root: global.project.clone(), clock: Clock::System, output: Rc::new(output), environment }
    }

    /// Takes a time for the present one; without an offset it is wall time where the project is.
    pub(super) fn turn_clock(&mut self, now: Option<&str>) -> Result<(), Failure> {
        let Some(text) = now else { return Ok(()) };
        let overrides = self.overrides();
        let wrong = |what: String| Diagnostic::error(format!("--now: {what}"));
        let at = match import::moment(text, None) {
            Ok(at) => at,
            // Wall time, or nonsense; where there is no project, its zone is missing.
            Err(what) if !self.root.join("drip.yaml").is_file() => return Err(wrong(what).into()),
            Err(_) => {
                let project = project::load(&self.root, &overrides)?;
                import::moment(text, Some(project.settings.timezone)).map_err(wrong)?
            }
        };
        self.clock = Clock::Fixed(at);
        Ok(())
    }

    /// Returns the same, for another folder, at another time, and without a relay.
    pub(super) fn elsewhere(&self, root: PathBuf, clock: Clock) -> Self {
        let environment = Environment { smtp_url: None, imap_url: None, ..self.environment.clone() };
        Self { root, clock, output: Rc::clone(&self.output), environment }
    }

    /// Says whether the time is one that `--now` names.
    pub(super) fn is_played(&self) -> bool {
        self.clock != Clock::System
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Loads and checks the project, and prints its warnings.
    pub(super) fn load(&self) -> Result<Loaded, Failure> {
        let loaded = self.load_quietly()?;
        self.warn_of(&loaded.project);
        Ok(loaded)
    }

    /// Loads settings and campaigns, and prints their warnings: for what no template bears on. A slip in a mail must not
    /// keep a shop from recording what its customers do.
    pub(super) fn project(&self) -> Result<Project, Failure> {
        self.need_settings()?;
        let mut project = project::load(&self.root, &self.overrides())?;
        self.warn_of(&project);
        self.recall(&mut project.settings);
        Ok(project)
    }

    /// Puts the kept model of what customers are worth where conditions find it.
    fn recall(&self, settings: &mut Settings) {
        settings.terms.value.model = Store::kept_value_model(&self.database(), &settings.terms.purchases_are());
    }

    /// Loads drip.yaml alone, whatever else may be wrong.
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        self.need_settings()?;
        let mut settings = project::settings(&self.root, &self.overrides())?;
        self.recall(&mut settings);
        Ok(settings)
    }

    /// Loads drip.yaml as it stands, without what the environment says.
    pub(super) fn settings_alone(&self) -> Result<Settings, Failure> {
        Ok(project::settings(&self.root, &Overrides::default())?)
    }

    /// Says whether the relay is known from the environment alone, which cron does not have.
    pub(super) fn relay_is_of_environment(&self) -> bool {
        let is_in_file = || self.settings_alone().is_ok_and(|settings| settings.smtp.is_some());
        self.environment.smtp_url.is_some() && !is_in_file()
    }

    fn warn_of(&self, project: &Project) {
        for warning in &project.warnings {
            self.output.diagnostic(warning);
        }
    }

    fn overrides(&self) -> Overrides {
        Overrides { smtp_url: self.environment.smtp_url.clone(), imap_url: self.environment.imap_url.clone() }
    }

    pub(super) fn need_settings(&self) -> Result<(), Failure> {
        if self.root.join("drip.yaml").is_file() {
            return Ok(());
        }
        let missing = format!("there is no drip.yaml in `{}`", self.root.display());
        let hint = "go into the project's folder, name it with -C DIR, or make one with `drip init`";
        Err(Diagnostics(vec![Diagnostic::error(missing).hint(hint)]).into())
    }

    /// Loads and checks the project for a run. Most runs find nobody due: templates that the run before found right are
    /// compiled when a mail needs them.
    pub(super) fn load_to_run(&self) -> Result<Loaded, Failure> {
        self.need_settings()?;
        let loaded = project::load(&self.root, &self.overrides());
        let loaded = match loaded {
            Ok(mut project) if Store::right_templates(&self.database()) == Some(project.templates_fingerprint()) => {
                // Most projects do without it.
                if runner::value::takes_model(&project.settings.terms, &project.campaigns) {
                    self.recall(&mut project.settings);
                }
                let Project { templates, assets, settings, .. } = &project;
                let templates = Templates::known_right(templates, assets, &settings.language);
                Loaded { project, templates }
            }
            loaded => self.check(loaded)?,
        };
        self.warn_of(&loaded.project);
        Ok(loaded)
    }

    /// Loads and checks the project: every file, and every template.
    pub(super) fn load_quietly(&self) -> Result<Loaded, Failure> {
        self.need_settings()?;
        self.check(project::load(&self.root, &self.overrides()))
    }

    fn check(&self, loaded: Result<Project, Diagnostics>) -> Result<Loaded, Failure> {
        let unloaded = if loaded.is_err() { project::templates(&self.root) } else { Found::default() };
        let (files, assets) = match &loaded {
            Ok(project) => (&project.templates, &project.assets),
            Err(_) => (&unloaded.templates, &unloaded.assets),
        };
        let language = loaded.as_ref().map_or("en", |project| project.settings.language.as_str());
        match (Templates::compile(files, assets, language), loaded) {
            (Ok(templates), Ok(mut project)) => {
                project.warnings.extend(templates.warnings().iter().cloned());
                self.recall(&mut project.settings);
                let wrong = wrong_lines(&templates, &project.lines);
                if wrong.is_empty() { Ok(Loaded { project, templates }) } else { Err(Diagnostics(wrong).into()) }
            }
            (Err(problems), Ok(_)) => Err(Diagnostics(problems).into()),
            (Ok(_), Err(problems)) => Err(problems.into()),
            (Err(more), Err(Diagnostics(mut problems))) => {
                problems.extend(more);
                Err(Diagnostics(problems).into())
            }
        }
    }

    /// Opens the store and notes campaign files that are new, so that what comes in now comes after them.
    pub(super) fn store(&self, project: &Project) -> Result<Store, Failure> {
        let mut store = self.open()?;
        runner::register(&mut store, &project.settings, &project.campaigns, self.now())?;
        Ok(store)
    }

    /// Opens the store as it is.
    pub(super) fn open(&self) -> Result<Store, Failure> {
        self.check_log()?;
        let store = Store::open(&self.database())?;
        self.say_kept(&store);
        Ok(store)
    }

    /// Opens the store to read alone; `None` when it is not there yet.
    pub(super) fn open_to_read(&self) -> Result<Option<Store>, Failure> {
        self.check_log()?;
        let store = Store::open_to_read(&self.database())?;
        if let Some(store) = &store {
            self.say_kept(store);
        }
        Ok(store)
    }

    pub(super) fn check_log(&self) -> Result<(), Failure> {
        Ok(Store::check_log(&self.database(), machine::boot().as_deref())?)
    }

    fn say_kept(&self, store: &Store) {
        if let Some(kept) = store.kept() {
            let kept = kept.display();
            self.output.status(&format!("drip.db is now in the form of this drip; as it was it lies in {kept}."));
        }
    }

    pub(super) fn database(&self) -> PathBuf {
        self.root.join("drip.db")
    }
}

/// Reads an address from the command line.
pub(super) fn address(text: &str) -> Result<Address, Failure> {
    Address::parse(text).map_err(|error| Diagnostic::error(error.to_string()).into())
}

/// Returns the campaign of an id from the command line.
pub(super) fn campaign<'a>(campaigns: &'a [Campaign], id: &str) -> Result<&'a Campaign, Failure> {
    if let Some(campaign) = campaigns.iter().find(|campaign| campaign.id.as_str() == id) {
        return Ok(campaign);
    }
    let missing = Diagnostic::error(format!("there is no campaign `{id}`"));
    let ids = || campaigns.iter().map(|campaign| campaign.id.as_str());
    Err(match crate::model::nearest(id, ids()) {
        Some(near) => missing.hint(format!("did you mean `{near}`?")),
        None if campaigns.is_empty() => missing.hint("the folder campaigns/ holds no YAML file"),
        None => missing.hint(format!("the campaigns are {}", ids().collect::<Vec<_>>().join(", "))),
    }
    .into())
}

/// Returns what is wrong with the subjects and other lines of campaign files.
fn wrong_lines(templates: &Templates, lines: &[(String, Place)]) -> Vec<Diagnostic> {
    let wrong = |(text, place): &(String, Place)| {
        let (message, hint) = templates.check_line(text, place).err()?;
        let wrong = Diagnostic::error(message).at(place.clone());
        Some(hint.into_iter().fold(wrong, Diagnostic::hint))
    };
    lines.iter().filter_map(wrong).collect()
}
