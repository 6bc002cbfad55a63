//! The configuration: one TOML file, `HUIXIN_…` variables above it, flags above both.
//!
//! Loading has three steps. The sources become one tree of [`node::Node`]s; each knows where it came from (`tree`,
//! `environment`). The sections then take their values out of the tree through a [`section::Section`], whose getters
//! check types, units and ranges and note every problem instead of stopping at it. What nobody took is an unknown key.
//! So a person sees all that is wrong at once, with the place and line of each. Each getter also writes its value on a
//! [`page::Page`], which `check --print` shows: there is no second list of the keys.
//!
//! Deriving `Deserialize` was rejected because serde stops at the first error, doesn't know the environment, and loses
//! the line; a table of all keys beside the code that reads them was rejected because the two drift apart.

mod account;
mod admin;
mod callback;
mod database;
mod delivery;
mod environment;
mod journal;
mod mask;
mod named;
mod node;
mod page;
mod problem;
mod queue;
mod rate;
mod reader;
mod receiver;
mod reply;
mod route;
mod secrets;
mod section;
mod shown;
mod size;
mod source;
mod spool;
mod syntax;
mod traces;
mod tree;
mod value;
mod worker;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

pub use account::{AccountConfig, AnswerRules};
pub use admin::AdminConfig;
pub use callback::CallbackConfig;
pub use database::{DatabaseConfig, DatabaseUrl};
pub use delivery::{DeliveryConfig, MediaConfig};
pub use journal::JournalConfig;
pub use mask::MaskedUrl;
pub use problem::{ConfigErrors, Problem};
pub use queue::{DeadConfig, QueueConfig, QueueUrl};
pub use rate::Rate;
pub use receiver::{MaxSkew, ReceiverConfig};
pub use route::{HandlerConfig, HttpConfig, RouteConfig, SqlConfig};
pub use size::{ByteSize, SizeError};
pub use source::{ConfigFile, ConfigSource, DEFAULT_FILE, Overrides};
pub use spool::SpoolConfig;
pub use traces::TracesConfig;
pub use value::web_url;
pub use worker::WorkerConfig;

use reader::Reader;
use section::Section;

/// The effective configuration of one process; made by [`Config::load`] only.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that it was read from, if there was one.
    pub file: Option<PathBuf>,
    /// Where messages wait.
    pub queue: QueueConfig,
    /// The listener that WeChat pushes to.
    pub receiver: ReceiverConfig,
    /// How handlers run.
    pub worker: WorkerConfig,
    /// How answers get to users.
    pub delivery: DeliveryConfig,
    /// Where the media of answers may come from.
    pub media: MediaConfig,
    /// Where services answer later.
    pub callback: CallbackConfig,
    /// The listener for operators.
    pub admin: AdminConfig,
    /// Where traces go.
    pub traces: TracesConfig,
    /// The official accounts by name. Never empty: `dev` and `sandbox` make up `main` if none is configured.
    pub accounts: BTreeMap<String, AccountConfig>,
    /// The databases that routes ask, by name.
    pub databases: BTreeMap<String, DatabaseConfig>,
    /// The routes in order; the first that matches a message handles it.
    pub routes: Vec<RouteConfig>,
    /// What is probably a mistake, though not certainly: shown where somebody looks.
    pub doubts: Vec<Problem>,
    /// See [`Config::print_effective`].
    effective: String,
}

/// What a process is started as, which decides what its configuration must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Role {
    /// Everything with a pretend WeChat. Needs no file; credentials that are missing are made up.
    Dev,
    /// Receiver and worker in one process.
    Run,
    /// The receiver alone, which needs no AppSecret unless it takes in answers by call back.
    Receiver,
    /// The worker alone.
    Worker,
    /// The pretend WeChat alone. Needs no file.
    Sandbox,
    /// The check of everything.
    Check,
    /// The question which route takes a message. Reads no secret, and needs no account.
    RouteTest,
}

impl Config {
    /// Makes the configuration for `role` out of its source. Secrets in files are read here; nothing else outside is
    /// looked at.
    ///
    /// # Errors
    /// Everything that is wrong, at once; or the syntax errors of the file, which hide the rest.
    pub fn load(source: &ConfigSource, role: Role) -> Result<Self, ConfigErrors> {
        let reader = Reader::new(source, role);
        let mut config = Self::read(Section::root(&reader, tree::read(source)?));
        config.file = source.file.as_ref().map(|file| file.path.clone());
        config.doubts = reader.doubts();
        config.effective = reader.finish()?;
        Ok(config)
    }

    /// The effective values as TOML, secrets as `***`, with a comment wherever a value isn't the file's.
    pub fn print_effective(&self) -> String {
        self.effective.clone()
    }

    /// Reads the sections in the order in which they are shown.
    fn read(mut root: Section<'_>) -> Self {
        let queue = queue::read(root.section("queue"));
        let receiver = receiver::read(root.section("receiver"));
        let worker = worker::read(root.section("worker"));
        let delivery = delivery::read(root.section("delivery"));
        let media = delivery::read_media(root.section("media"));
        let callback = callback::read(root.section("callback"));
        let admin = admin::read(root.section("admin"), root.reader.role);
        let traces = traces::read(root.section("traces"));
        // The keys for the addresses of call backs come from the secrets.
        let role = root.reader.role;
        let app_secrets = role.needs_app_secret() || (callback.is_served() && role.reads_secrets());
        let accounts = account::read_all(&mut root, app_secrets);
        let databases = database::read_all(&mut root);
        let routes = route::read_all(&mut root, &accounts, &databases, &delivery.rights);
        let (file, doubts, effective) = (None, Vec::new(), String::new());
        let config = Self {
            file,
            queue,
            receiver,
            worker,
            delivery,
            media,
            callback,
            admin,
            traces,
            accounts,
            databases,
            routes,
            doubts,
            effective,
        };
        if let Some(mistake) = spool::mistake(&config) {
            let path = "receiver.spool.max_age";
            root.reader.note(path.to_owned(), root.reader.origin(path).as_ref(), mistake);
        }
        config
    }
}

/// Every key that is looked for when this source is loaded, accounts and routes without their names (`account.app_id`,
/// `route.http.url`): for a source that has every table, these are what documentation must name.
///
/// # Errors
/// The file isn't TOML.
pub fn known_keys(source: &ConfigSource, role: Role) -> Result<BTreeSet<String>, ConfigErrors> {
    let reader = Reader::new(source, role);
    let _config = Config::read(Section::root(&reader, tree::read(source)?));
    Ok(reader.known_keys())
}

impl Role {
    /// Whether there must be a configuration file.
    pub fn needs_file(self) -> bool {
        !matches!(self, Self::Dev | Self::Sandbox)
    }

    /// Whether there must be an account.
    pub fn needs_account(self) -> bool {
        self.needs_file() && self.reads_secrets()
    }

    /// Whether secrets are read at all. Where they aren't, those of an account are made up and all others absent.
    pub fn reads_secrets(self) -> bool {
        self != Self::RouteTest
    }

    /// Whether AppSecrets are read in any case. A receiver reads them if it takes in answers by call back.
    pub fn needs_app_secret(self) -> bool {
        self != Self::Receiver && self.reads_secrets()
    }

    /// Whether a missing key of an account is a mistake.
    pub fn needs_credentials(self) -> bool {
        self != Self::Dev && self.reads_secrets()
    }
}
