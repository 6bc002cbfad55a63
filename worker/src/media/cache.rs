//! What is already with WeChat, and under which id: shared by all workers through the queue's shared values.
//!
//! An entry is kept a little shorter than WeChat keeps the media, so that an id is good for the message that is being
//! sent with it. It may still go wrong (an account given to another AppID, a clock, WeChat itself); then the send says
//! 40007, and the entry is forgotten.
//!
//! A store that can't be reached makes nothing fail here: the media is uploaded once more, and the record of the send,
//! which needs the same store, decides about the message.
//!
//! Within a process one content is uploaded by one caller, while the others wait for its id. The locks are a fixed
//! number, chosen by the content's digest: two contents may share one and wait for each other, and there is nothing to
//! tidy up. Over processes there is no lock; two may upload the same, and both ids are good.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use huixin_queue::{Queue, QueueError};
use huixin_wechat::MediaKind;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, MutexGuard};

/// WeChat's three days, less the time that a message may take on its way.
const KEPT_FOR: Duration = Duration::from_secs(71 * 60 * 60);

const LOCKS: usize = 64;

pub(super) struct Cache {
    locks: [Mutex<()>; LOCKS],
}

/// Names a content for an account: `media/ACCOUNT/SHA256+KIND`.
pub(super) struct Key {
    name: String,
    lock: usize,
}

/// What is known to be with WeChat.
#[derive(Debug, Clone)]
pub(super) struct CacheEntry {
    name: String,
    pub(super) media_id: String,
}

impl Default for Cache {
    fn default() -> Self {
        Self { locks: std::array::from_fn(|_| Mutex::new(())) }
    }
}

impl Key {
    /// The kind is part of it: WeChat gives the same picture another id as a thumb.
    pub(super) async fn of(account: &str, kind: MediaKind, bytes: &Bytes) -> Self {
        let digest = digest(bytes).await;
        let mut name = format!("media/{account}/");
        for byte in digest {
            // Writing to a string can't fail.
            let _ = write!(name, "{byte:02x}");
        }
        name.push('+');
        name.push_str(kind.as_str());
        Self { name, lock: usize::from(digest[0]) % LOCKS }
    }
}

impl Cache {
    /// Waits until nobody else in this process looks for this content.
    pub(super) async fn alone(&self, key: &Key) -> MutexGuard<'_, ()> {
        self.locks[key.lock].lock().await
    }

    pub(super) async fn get(&self, queue: &dyn Queue, key: &Key) -> Option<CacheEntry> {
        let id = or_log(queue.get(&key.name).await)??;
        let media_id = String::from_utf8(id.to_vec()).ok()?;
        Some(CacheEntry { name: key.name.clone(), media_id })
    }

    pub(super) async fn put(&self, queue: &dyn Queue, key: &Key, media_id: String) -> CacheEntry {
        or_log(queue.set(&key.name, Bytes::from(media_id.clone()), KEPT_FOR).await);
        CacheEntry { name: key.name.clone(), media_id }
    }

    /// Removes an entry, unless another worker has a new id there already.
    pub(super) async fn forget(&self, queue: &dyn Queue, entry: &CacheEntry) {
        let now = or_log(queue.get(&entry.name).await).flatten();
        if now.is_some_and(|id| id == entry.media_id) {
            or_log(queue.set(&entry.name, Bytes::new(), Duration::from_secs(1)).await);
        }
    }
}

/// The result, and a line in the log if there is none.
fn or_log<T>(result: Result<T, QueueError>) -> Option<T> {
    result
        .inspect_err(|error| {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "the cache of uploaded media can't be used now"
            );
        })
        .ok()
}

/// Off the threads that serve everybody: ten megabytes take a while.
async fn digest(bytes: &Bytes) -> [u8; 32] {
    const AT_ONCE_BYTES: usize = 32 * 1024;
    if bytes.len() > AT_ONCE_BYTES {
        let copy = bytes.clone();
        if let Ok(digest) = tokio::task::spawn_blocking(move || Sha256::digest(&copy).into()).await {
            return digest;
        }
    }
    Sha256::digest(bytes).into()
}
