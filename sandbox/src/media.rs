//! The media of one account: what was uploaded, what users sent, and what a test has planted.
//!
//! Temporary media is forgotten after three days of the sandbox's clock, permanent media stays. An account keeps a bounded
//! number of media and of bytes; beyond that the oldest go, temporary ones first. To a caller a forgotten id and an unknown
//! one are the same: 40007.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;
use tokio::time::Instant;

mod file;
mod file_type;
mod voice;

pub(crate) use file::examine;
pub(crate) use file_type::content_type;

/// The kinds of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A recording.
    Voice,
    /// A film.
    Video,
    /// The small picture of a film, of music, of a mini program's page.
    Thumb,
    /// An article of the material library (`mpnews`), which can't be uploaded here and only planted.
    News,
}

/// One medium.
#[derive(Clone, Debug)]
pub(crate) struct StoredMedia {
    pub(crate) kind: MediaKind,
    pub(crate) content_type: &'static str,
    pub(crate) bytes: Bytes,
    /// When it is forgotten; `None` when it is permanent.
    pub(crate) until: Option<Instant>,
}

/// How much an account keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct MediaUsage {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
}

/// The media of one account, by id.
#[derive(Debug, Default)]
pub(crate) struct SandboxMedia {
    known: HashMap<String, StoredMedia>,
    /// The ids by age, the oldest first, temporary and permanent apart.
    temporary: VecDeque<String>,
    permanent: VecDeque<String>,
    bytes: usize,
    max_count: usize,
    max_bytes: usize,
}

impl MediaKind {
    /// WeChat's name for it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The beginning of a file of this kind, for media that a pretend user sends.
    pub(crate) fn sample(self) -> Bytes {
        Bytes::from_static(match self {
            MediaKind::Image => {
                b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
            }
            MediaKind::Voice => b"#!AMR\n\x7c",
            MediaKind::Video => b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
            MediaKind::Thumb => b"\xff\xd8\xff\xd9",
            MediaKind::News => b"",
        })
    }
}

impl SandboxMedia {
    pub(crate) fn new(max_count: usize, max_bytes: usize) -> SandboxMedia {
        SandboxMedia { max_count: max_count.max(1), max_bytes, ..SandboxMedia::default() }
    }

    /// Keeps it under this id, in place of what was there.
    pub(crate) fn keep(&mut self, id: &str, media: StoredMedia) {
        self.forget(id);
        self.bytes += media.bytes.len();
        let by_age = if media.until.is_some() { &mut self.temporary } else { &mut self.permanent };
        by_age.push_back(id.to_owned());
        self.known.insert(id.to_owned(), media);
        while self.known.len() > self.max_count || (self.bytes > self.max_bytes && self.known.len() > 1) {
            // The newest is the last to go, so that an upload that was just answered with an id is still there.
            let only_the_newest_is_temporary = self.temporary.len() == 1 && self.temporary[0] == id;
            let from_temporary = !self.temporary.is_empty() && !only_the_newest_is_temporary;
            let by_age = if from_temporary { &mut self.temporary } else { &mut self.permanent };
            let Some(oldest) = by_age.pop_front() else { break };
            if let Some(gone) = self.known.remove(&oldest) {
                self.bytes -= gone.bytes.len();
            }
        }
    }

    pub(crate) fn get(&self, id: &str, now: Instant) -> Option<&StoredMedia> {
        self.known.get(id).filter(|media| media.until.is_none_or(|until| now < until))
    }

    /// Forgets one; false when there is none of that id.
    pub(crate) fn forget(&mut self, id: &str) -> bool {
        let Some(gone) = self.known.remove(id) else { return false };
        self.bytes -= gone.bytes.len();
        let by_age = if gone.until.is_some() { &mut self.temporary } else { &mut self.permanent };
        by_age.retain(|other| other != id);
        true
    }

    /// Forgets all temporary media, and gives how many they were.
    pub(crate) fn forget_temporary(&mut self) -> usize {
        let ids = std::mem::take(&mut self.temporary);
        for id in &ids {
            if let Some(gone) = self.known.remove(id) {
                self.bytes -= gone.bytes.len();
            }
        }
        ids.len()
    }

    pub(crate) fn kept(&self) -> MediaUsage {
        MediaUsage { count: self.known.len(), bytes: self.bytes }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn media(bytes: usize, until: Option<Instant>) -> StoredMedia {
        let bytes = Bytes::from(vec![0; bytes]);
        StoredMedia { kind: MediaKind::Image, content_type: "image/png", bytes, until }
    }

    #[test]
    fn temporary_media_ends_and_permanent_media_stays() {
        let (mut store, now) = (SandboxMedia::new(9, 99), Instant::now());
        let end = now + Duration::from_secs(60);
        store.keep("a", media(1, Some(end)));
        store.keep("b", media(1, None));
        assert!(store.get("a", end - Duration::from_secs(1)).is_some());
        assert!(store.get("a", end).is_none());
        assert!(store.get("b", end).is_some());
        assert_eq!(store.forget_temporary(), 1);
        assert!(store.get("a", now).is_none());
        assert_eq!(store.kept(), MediaUsage { count: 1, bytes: 1 });
    }

    #[test]
    fn the_oldest_temporary_ones_go_first_and_the_newest_stays() {
        let (mut store, now) = (SandboxMedia::new(3, 100), Instant::now());
        let later = Some(now + Duration::from_secs(60));
        store.keep("p", media(10, None));
        for id in ["a", "b", "c"] {
            store.keep(id, media(10, later));
        }
        let ids = |store: &SandboxMedia| ["p", "a", "b", "c", "d"].map(|id| store.get(id, now).is_some());
        assert_eq!(ids(&store), [true, false, true, true, false]);
        store.keep("d", media(95, later));
        assert_eq!(ids(&store), [false, false, false, false, true], "too large for company");
        assert_eq!(store.kept(), MediaUsage { count: 1, bytes: 95 });
        store.keep("d", media(5, later));
        assert_eq!(store.kept(), MediaUsage { count: 1, bytes: 5 }, "the same id is replaced");
    }
}
