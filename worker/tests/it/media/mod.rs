//! The media of replies: real web servers on loopback, a queue in a file, and a WeChat that takes uploads.
//!
//! Loopback is what media may not come from, so every test says which part of it is allowed.

mod fetching;
mod private;
mod uploads;
mod web;
mod wechat;

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use huixin_queue::sqlite::SqliteQueue;
use huixin_queue::{Clock, Queue};
use huixin_wechat::{Client, Content, Media, Outgoing};
use huixin_worker::media::{MediaError, MediaSettings, MediaStore, ReadyMessage};

use wechat::Wechat;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0 and so on";

/// What an account's media is made ready with.
struct World {
    queue: SqliteQueue,
    wechat: Wechat,
    client: Client,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        Self::with_clock(Clock::Store).await
    }

    async fn with_clock(clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let queue =
            SqliteQueue::open(&folder.path().join("queue.db"), Duration::from_secs(60), clock).unwrap();
        let wechat = Wechat::start().await;
        let client = wechat.client();
        Self { queue, wechat, client, _folder: folder }
    }

    async fn ready(&self, store: &MediaStore, part: impl Into<Outgoing>) -> Result<ReadyMessage, MediaError> {
        store.ready(&self.queue, "main", &self.client, &part.into(), None).await
    }

    /// The id of a picture.
    async fn picture(&self, store: &MediaStore, media: Media) -> Result<String, MediaError> {
        self.ready(store, Content::Image { media }).await.map(|ready| only_id(&ready))
    }

    /// Why a picture can't be had; nothing of it was uploaded.
    async fn refused(&self, store: &MediaStore, media: Media) -> MediaError {
        self.why_not(store, Content::Image { media }).await
    }

    async fn why_not(&self, store: &MediaStore, part: Content) -> MediaError {
        let before = self.wechat.uploads().len();
        let error = self.ready(store, part.clone()).await.expect_err(&format!("{part:?}"));
        assert_eq!(self.wechat.uploads().len(), before, "{part:?} was uploaded");
        error
    }

    /// The queue as the trait that the store knows.
    fn queue(&self) -> &dyn Queue {
        &self.queue
    }
}

/// Settings that allow what is on 127.0.0.1.
fn local() -> MediaSettings {
    MediaSettings { allow_private: vec!["127.0.0.1/32".parse().unwrap()], ..MediaSettings::default() }
}

fn store(settings: &MediaSettings) -> MediaStore {
    MediaStore::new(settings).unwrap()
}

fn only_id(ready: &ReadyMessage) -> String {
    match ready.message.media().collect::<Vec<_>>()[..] {
        [(_, Media::Id(id))] => id.clone(),
        _ => panic!("{:?}", ready.message),
    }
}

/// Everything that an error can show.
fn shown(error: &MediaError) -> String {
    let mut all = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        write!(all, " {cause} {cause:?}").unwrap();
        source = cause.source();
    }
    all
}

/// Asserts that an error is the reply's fault and says this.
#[track_caller]
fn assert_fault_of_reply(error: &MediaError, says: &str) {
    assert!(matches!(error, MediaError::Reply { .. }), "{error:?}");
    assert!(error.to_string().contains(says), "{says:?} isn't in {error}");
}

/// Asserts that an error may pass and says this.
#[track_caller]
fn assert_passing(error: &MediaError, says: &str) {
    assert!(matches!(error, MediaError::Source { .. }), "{error:?}");
    assert!(error.to_string().contains(says), "{says:?} isn't in {error}");
}
