//! What is known when media can't be had, and whose fault it is.
//!
//! Three faults lead to three actions: the reply's (nothing will change it), the source's (a server that is away may come
//! back), WeChat's (its code decides). The texts are for the one who wrote the service: they name the field and what is
//! in it, but neither query, password nor content.

use std::time::Duration;

use huixin_wechat::{ApiError, CodeClass, Media};
use url::Url;

/// Why media can't be sent.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MediaError {
    /// What the reply names isn't allowed, isn't there, or isn't what WeChat takes. Trying again changes nothing.
    #[error("{place}: {why}")]
    Reply {
        /// The field, and what is in it.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// It couldn't be read now.
    #[error("{place}: {why}")]
    Source {
        /// The field, and what is in it.
        place: String,
        /// What went wrong.
        why: String,
    },
    /// It was read, and may not be uploaded now.
    #[error("{place}: no media can be uploaded now")]
    Paused {
        /// The field, and what is in it.
        place: String,
        /// For how long.
        wait: Duration,
    },
    /// It was read, and WeChat doesn't have it. After whatever error, it may be uploaded again.
    #[error("{place}: uploading the {kind} of {size_bytes} bytes failed")]
    Upload {
        /// The field, and what is in it.
        place: String,
        /// WeChat's name of what it should be.
        kind: &'static str,
        /// Its size.
        size_bytes: usize,
        /// WeChat's answer, or why there is none.
        #[source]
        error: ApiError,
    },
}

impl MediaError {
    /// What to do about it.
    pub fn class(&self) -> CodeClass {
        match self {
            Self::Reply { .. } => CodeClass::Permanent,
            Self::Source { .. } | Self::Paused { .. } => CodeClass::Retry,
            Self::Upload { error, .. } => error.class(),
        }
    }

    /// What WeChat said, if it was asked.
    pub fn api_error(&self) -> Option<&ApiError> {
        let Self::Upload { error, .. } = self else { return None };
        Some(error)
    }
}

/// Why media couldn't be read, before it is known which.
#[derive(Debug)]
pub(super) enum MediaFault {
    Reply(String),
    Source(String),
}

impl MediaFault {
    pub(super) fn at(self, place: &str) -> MediaError {
        let place = place.to_owned();
        match self {
            MediaFault::Reply(why) => MediaError::Reply { place, why },
            MediaFault::Source(why) => MediaError::Source { place, why },
        }
    }
}

/// A field of a reply with what is in it: `` `thumb_url` https://host/path ``.
pub(super) fn place_of(media: &Media, is_thumb: bool) -> String {
    let (field, shown) = match media {
        Media::Id(_) => ("media_id", String::new()),
        Media::Url(url) => ("url", format!(" {}", shown(url))),
        Media::File(path) => ("file", format!(" {}", cut(path))),
        Media::Base64(_) => ("base64", String::new()),
    };
    let prefix = if is_thumb { "thumb_" } else { "" };
    format!("`{prefix}{field}`{}", shown.trim_end())
}

/// A URL for people: without what may be secret in it, and not too long.
pub(super) fn without_secrets(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // These fail for addresses that can't have a name or password; they have none then.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    cut(url.as_str())
}

fn shown(url: &str) -> String {
    // What can't be read isn't shown: nobody knows where its secrets are.
    Url::parse(url.trim()).map(|url| without_secrets(&url)).unwrap_or_default()
}

fn cut(text: &str) -> String {
    const CHARS: usize = 120;
    let mut cut: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(CHARS).collect();
    if text.chars().nth(CHARS).is_some() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_names_the_field_and_shows_no_secret() {
        let url = |text: &str| Media::Url(text.to_owned());
        let long = format!("https://a.example/{}", "x".repeat(200));
        for (media, thumb, shown) in [
            (
                url("https://me:pw@a.example/p.png?key=s3cret#x"),
                false,
                "`url` https://a.example/p.png".to_owned(),
            ),
            (url("https://a.example/"), true, "`thumb_url` https://a.example/".to_owned()),
            (url("no address, s3cret"), false, "`url`".to_owned()),
            (url(&long), false, format!("`url` {}…", &long[..120])),
            (Media::File("a\nb.png".into()), false, "`file` a b.png".to_owned()),
            (Media::Base64("s3cret".into()), true, "`thumb_base64`".to_owned()),
            (Media::Id("m".into()), false, "`media_id`".to_owned()),
        ] {
            assert_eq!(place_of(&media, thumb), shown);
        }
    }
}
