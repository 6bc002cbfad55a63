//! Reads media from where a reply says it is, never more of it than WeChat would take.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use huixin_wechat::{Media, MediaKind};

use super::MediaSettings;
use super::check::too_large;
use super::encoded::{decoded, is_data_url};
use super::error::MediaFault;
use super::fetch::Fetcher;
use super::guard::NameLookUp;

pub(super) struct MediaSource {
    fetcher: Fetcher,
    folder: Option<PathBuf>,
}

impl MediaSource {
    pub(super) fn new(settings: &MediaSettings, names: Arc<dyn NameLookUp>) -> Result<Self, reqwest::Error> {
        Ok(Self { fetcher: Fetcher::new(settings, names)?, folder: settings.folder.clone() })
    }

    pub(super) async fn read(&self, kind: MediaKind, media: &Media) -> Result<Bytes, MediaFault> {
        match media {
            Media::Url(url) if is_data_url(url) => decode(kind, url),
            Media::Url(url) => self.fetcher.fetch(kind, url).await,
            Media::File(path) => self.file(kind, path).await,
            Media::Base64(text) => decode(kind, text),
            Media::Id(_) => Err(MediaFault::Reply("is already at WeChat".to_owned())),
        }
    }

    async fn file(&self, kind: MediaKind, path: &str) -> Result<Bytes, MediaFault> {
        let Some(folder) = self.folder.clone() else {
            let why = "no folder for files is configured: set `folder` under [media]";
            return Err(MediaFault::Reply(why.to_owned()));
        };
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || read_file(kind, &folder, &path))
            .await
            .unwrap_or_else(|error| Err(MediaFault::Source(format!("reading it failed: {error}"))))
    }
}

/// A file of the folder. Links are followed first and judged by where they end.
///
/// A program that may write into the folder while this runs could still swap a folder for a link; but it could just as
/// well put any file there.
fn read_file(kind: MediaKind, folder: &Path, path: &str) -> Result<Bytes, MediaFault> {
    let folder = folder
        .canonicalize()
        .map_err(|error| MediaFault::Source(format!("`folder` under [media] can't be used: {error}")))?;
    // A file outside is treated as missing: whether it exists is nobody's business.
    let missing = || MediaFault::Reply("there is no such file inside the `folder` under [media]".to_owned());
    let file = match folder.join(path).canonicalize() {
        Ok(file) if file.starts_with(&folder) => file,
        Err(error) if !wont_change(&error) => return Err(unreadable(&error)),
        Ok(_) | Err(_) => return Err(missing()),
    };
    // Asked before it is opened: opening a pipe waits for its other end.
    let about = file.metadata().map_err(|error| unreadable(&error))?;
    if !about.is_file() {
        return Err(missing());
    }
    let most = kind.max_bytes() as u64;
    if about.len() > most {
        return Err(too_large(kind));
    }
    let mut bytes = Vec::new();
    // One more, since it may have grown.
    let read = std::fs::File::open(&file).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
    read.map_err(|error| unreadable(&error))?;
    Ok(bytes.into())
}

fn unreadable(error: &io::Error) -> MediaFault {
    let why = format!("the file can't be read: {error}");
    if wont_change(error) { MediaFault::Reply(why) } else { MediaFault::Source(why) }
}

/// Whether the path itself is at fault.
fn wont_change(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound, PermissionDenied};
    let kinds = [NotFound, PermissionDenied, NotADirectory, InvalidInput, InvalidFilename];
    kinds.contains(&error.kind())
}

fn decode(kind: MediaKind, text: &str) -> Result<Bytes, MediaFault> {
    // A line break for each 64 characters, and in a URL three characters for one of them, at most.
    if text.len() > kind.max_bytes().div_ceil(3) * 4 * 3 {
        return Err(too_large(kind));
    }
    let bytes = decoded(text).map_err(MediaFault::Reply)?;
    if bytes.len() > kind.max_bytes() { Err(too_large(kind)) } else { Ok(bytes.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(result: Result<Bytes, MediaFault>) -> String {
        match result {
            Err(MediaFault::Reply(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn more_than_wechat_takes_is_not_decoded() {
        assert_eq!(decode(MediaKind::Image, "aGk/").unwrap(), "hi?");
        for long in ["A".repeat(88 * 1024), "A".repeat(1024 * 1024)] {
            assert!(fault(decode(MediaKind::Thumb, &long)).contains("64 KiB"));
        }
    }

    #[test]
    fn only_files_of_the_folder_are_read() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        let folder = outside.path().join("media");
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        std::fs::write(folder.join("a.png"), "a").unwrap();
        std::fs::write(folder.join("sub/b.png"), "b").unwrap();
        std::fs::write(folder.join("large"), vec![0; 64 * 1024 + 1]).unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("sub/b.png", folder.join("inner")).unwrap();
            std::os::unix::fs::symlink("../secret", folder.join("outer")).unwrap();
            std::os::unix::fs::symlink("..", folder.join("up")).unwrap();
            assert_eq!(read_file(MediaKind::Image, &folder, "inner").unwrap(), "b");
        }
        let absolute = folder.join("a.png");
        for path in ["a.png", "./sub/../a.png", absolute.to_str().unwrap()] {
            assert_eq!(read_file(MediaKind::Image, &folder, path).unwrap(), "a", "{path}");
        }
        let secret = outside.path().join("secret");
        for path in [
            "outer",
            "up/secret",
            "loop",
            "../secret",
            secret.to_str().unwrap(),
            "none",
            "sub",
            "",
            "a\0",
            "a.png/x",
        ] {
            let why = fault(read_file(MediaKind::Image, &folder, path));
            assert_eq!(why, "there is no such file inside the `folder` under [media]", "{path:?}");
        }
        assert!(fault(read_file(MediaKind::Thumb, &folder, "large")).contains("larger than 64 KiB"));
        let gone = read_file(MediaKind::Image, &outside.path().join("none"), "a.png");
        assert!(matches!(gone, Err(MediaFault::Source(why)) if why.contains("`folder`")));
    }
}
