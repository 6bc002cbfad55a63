//! How a worker runs.

use std::time::Duration;

use crate::media::MediaSettings;
use crate::rights::Rights;

/// How a worker runs.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// What people call it; by default host and process.
    pub name: String,
    /// Messages handled at the same time at most.
    pub concurrency: usize,
    /// How long a lease runs without being renewed: a dead worker's messages wait this long.
    pub lease: Duration,
    /// How long running handlers may go on after a stop is asked for.
    pub grace: Duration,
    /// What each kind of user's action lets an account send.
    pub rights: Rights,
    /// Where the media of replies may come from.
    pub media: MediaSettings,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            name: format!("{}-{}", gethostname::gethostname().display(), std::process::id()),
            concurrency: 256,
            lease: Duration::from_secs(15),
            grace: Duration::from_secs(25),
            rights: Rights::default(),
            media: MediaSettings::default(),
        }
    }
}
