//! The media of replies: found wherever a reply says it is, checked, and brought to WeChat before the message is sent.
//!
//! A reply comes from somebody's service, and what it says about media often comes from a user or from a model. So an
//! address is not trusted: `guard` decides about every address that is connected to, not about the name that was asked
//! for, and `source` reads files of one folder only. What came is judged by its content (`check`), never by its name
//! or by what a server says of it: an error page with a picture's name isn't sent on.
//!
//! WeChat keeps what was uploaded for three days. `cache` remembers, for a little less and for all workers, which
//! content is already there under which id. The key is the content: an address may give another picture tomorrow, and
//! ten addresses the same. So media at an address is fetched for each message that names it, and uploaded once.
//!
//! Nothing of this is recorded with the reply: a reply keeps the address, and a worker that takes it over, or sends it
//! when the user has written again after days, makes it [ready](MediaStore::ready) anew.
//!
//! The bytes of media are the largest thing in a worker, and the only one whose size others choose; so few are worked on
//! at once, and the others wait without any.

mod address;
mod cache;
mod check;
pub(crate) mod encoded;
mod error;
mod fetch;
mod guard;
mod source;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use huixin_queue::Queue;
use huixin_wechat::{Client, Content, Media, MediaKind, Outgoing};
use ipnet::IpNet;
use tokio::sync::Semaphore;
use url::Url;

pub use error::MediaError;
pub use guard::{NameLookUp, SystemNames};

use cache::{Cache, CacheEntry};
use error::{MediaFault, place_of};
use source::MediaSource;

/// Where media may come from, and how much effort it is worth.
#[derive(Clone)]
pub struct MediaSettings {
    /// The folder whose files replies may name. `None`: no files.
    pub folder: Option<PathBuf>,
    /// Networks that media may be fetched from although they aren't public.
    pub allow_private: Vec<IpNet>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long one fetch may take, with all its redirects and the last byte.
    pub timeout: Duration,
    /// How many files are fetched and uploaded at once; each may have 10 MiB.
    pub at_once: usize,
    /// The proxy to fetch through. It then looks names up once more by itself, and must keep private addresses out too:
    /// what is checked here is only what this machine knows of a name.
    pub proxy: Option<Url>,
}

impl Default for MediaSettings {
    fn default() -> Self {
        Self {
            folder: None,
            allow_private: Vec::new(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(20),
            at_once: 8,
            proxy: None,
        }
    }
}

impl fmt::Debug for MediaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaSettings")
            .field("folder", &self.folder)
            .field("allow_private", &self.allow_private)
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("at_once", &self.at_once)
            // The URL may hold a password.
            .field("proxy", &self.proxy.as_ref().map(Url::host_str))
            .finish()
    }
}

/// Why a worker that may also fetch from `allow_private` would not fetch media at this address; `None` if it would. Names are
/// looked up; nothing else is asked.
pub async fn refusal(address: &str, allow_private: &[IpNet]) -> Option<String> {
    if encoded::is_data_url(address) {
        return None;
    }
    let Ok(url) = Url::parse(address.trim()) else { return Some("is not a URL".to_owned()) };
    let guard = guard::AddressGuard::new(Arc::new(SystemNames), allow_private);
    if let Err(refusal) = guard.admit(&url) {
        return Some(refusal.to_string());
    }
    let Some(url::Host::Domain(name)) = url.host() else { return None };
    match guard.look_up(name).await {
        Err(guard::LookUpError::Refused(refusal)) => Some(refusal.to_string()),
        // The name may be known where the worker runs.
        Err(guard::LookUpError::Failed(_)) | Ok(_) => None,
    }
}

/// Makes replies ready to be sent. One for a whole worker.
pub struct MediaStore {
    source: MediaSource,
    cache: Cache,
    at_once: Semaphore,
}

/// A message that can be sent: all its media is with WeChat.
#[derive(Debug, Clone)]
pub struct ReadyMessage {
    /// The message, with nothing but [`Media::Id`] in it.
    pub message: Outgoing,
    /// Which of its media came from the cache or went into it.
    cached: Vec<CacheEntry>,
    /// Some of it was uploaded for this.
    pub(crate) is_uploaded: bool,
}

impl MediaStore {
    /// A store that looks names up as the system does.
    ///
    /// # Errors
    /// When the HTTP client can't be made: see [`huixin_wechat::http_client`], whose conditions are the same.
    pub fn new(settings: &MediaSettings) -> Result<Self, reqwest::Error> {
        Self::with_names(settings, Arc::new(SystemNames))
    }

    /// A store that looks names up elsewhere.
    ///
    /// # Errors
    /// As [`MediaStore::new`].
    pub fn with_names(settings: &MediaSettings, names: Arc<dyn NameLookUp>) -> Result<Self, reqwest::Error> {
        Ok(Self {
            source: MediaSource::new(settings, names)?,
            cache: Cache::default(),
            at_once: Semaphore::new(settings.at_once.clamp(1, Semaphore::MAX_PERMITS)),
        })
    }

    /// Uploads the media of `part` that WeChat doesn't have yet, unless uploads must `wait`. For a message without such
    /// media this does nothing and costs nothing.
    ///
    /// # Errors
    /// [`MediaError`], of the first media that can't be had.
    ///
    /// # Cancellation
    /// At any point, at the cost of an upload.
    pub async fn ready(
        &self,
        queue: &dyn Queue,
        account: &str,
        client: &Client,
        part: &Outgoing,
        wait: Option<Duration>,
    ) -> Result<ReadyMessage, MediaError> {
        let mut ready = ReadyMessage { message: part.clone(), cached: Vec::new(), is_uploaded: false };
        let is_page = matches!(part.content, Content::MiniProgramPage { .. });
        for (kind, media) in ready.message.media_mut() {
            if !matches!(media, Media::Id(_)) {
                // A page's picture has the names of a thumb, and isn't one.
                let place = place_of(media, is_page || kind == MediaKind::Thumb);
                let (entry, is_uploaded) =
                    self.resolve(queue, (account, client), kind, media, &place, wait).await?;
                *media = Media::Id(entry.media_id.clone());
                ready.cached.push(entry);
                ready.is_uploaded |= is_uploaded;
            }
        }
        Ok(ready)
    }

    /// Takes out of the cache what WeChat no longer knew when `ready` was sent (40007). True if the message may be made
    /// ready anew and tried again; false if none of its ids is from here, so that the next try would be the same.
    pub async fn forget(&self, queue: &dyn Queue, ready: &ReadyMessage) -> bool {
        for entry in &ready.cached {
            self.cache.forget(queue, entry).await;
        }
        !ready.cached.is_empty()
    }

    async fn resolve(
        &self,
        queue: &dyn Queue,
        (account, client): (&str, &Client),
        kind: MediaKind,
        media: &Media,
        place: &str,
        wait: Option<Duration>,
    ) -> Result<(CacheEntry, bool), MediaError> {
        // The semaphore is never closed.
        let _permit = self.at_once.acquire().await.ok();
        let fault = |fault: MediaFault| fault.at(place);
        let bytes = self.source.read(kind, media).await.map_err(fault)?;
        let file = check::check(kind, &bytes).map_err(fault)?;
        let key = cache::Key::of(account, kind, &bytes).await;
        let _alone = self.cache.alone(&key).await;
        if let Some(entry) = self.cache.get(queue, &key).await {
            return Ok((entry, false));
        }
        if let Some(wait) = wait {
            return Err(MediaError::Paused { place: place.to_owned(), wait });
        }
        let size_bytes = bytes.len();
        let name = format!("media.{}", file.extension);
        let uploaded = client.upload(kind, &name, file.mime, bytes).await.map_err(|error| {
            MediaError::Upload { place: place.to_owned(), kind: kind.as_str(), size_bytes, error }
        })?;
        tracing::debug!(account, kind = kind.as_str(), size_bytes, "media uploaded");
        Ok((self.cache.put(queue, &key, uploaded.media_id).await, true))
    }
}

impl fmt::Debug for MediaStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaStore").field("free", &self.at_once.available_permits()).finish_non_exhaustive()
    }
}
