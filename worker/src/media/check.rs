//! Whether bytes are something that WeChat takes: by size and content.
//!
//! The content says what it is, by its first bytes. Names and a server's `content-type` are often wrong, and an error
//! page that comes with 200 has the right name.

use huixin_wechat::{FileType, MediaKind};

use super::error::MediaFault;

/// The type of file that these bytes are.
pub(super) fn check(kind: MediaKind, bytes: &[u8]) -> Result<FileType, MediaFault> {
    if bytes.is_empty() {
        return Err(MediaFault::Reply("is empty".to_owned()));
    }
    if bytes.len() > kind.max_bytes() {
        return Err(too_large(kind));
    }
    // Each type is asked for by itself: the first match for an AMR file, which begins with `#!`, would be a script.
    let is_it = |file_type: &&FileType| infer::is_mime(bytes, file_type.mime);
    kind.file_types().iter().find(is_it).copied().ok_or_else(|| {
        let found = infer::get(bytes).map_or("of an unknown type", |found| found.mime_type());
        let wanted: Vec<&str> = kind.file_types().iter().map(|file_type| file_type.mime).collect();
        MediaFault::Reply(format!(
            "is {found}; for type {} WeChat takes {}",
            kind.as_str(),
            wanted.join(", ")
        ))
    })
}

/// The error for media larger than its kind may be.
pub(super) fn too_large(kind: MediaKind) -> MediaFault {
    let kib = kind.max_bytes() / 1024;
    let most = if kib < 1024 { format!("{kib} KiB") } else { format!("{} MiB", kib / 1024) };
    MediaFault::Reply(format!("is larger than {most}, the most that WeChat takes for type {}", kind.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n....";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0....";
    const MP4: &[u8] = b"\0\0\0\x18ftypisom\0\0\x02\0";

    #[test]
    fn files_are_known_by_their_content() {
        for (kind, bytes, mime) in [
            (MediaKind::Image, PNG, "image/png"),
            (MediaKind::Image, JPEG, "image/jpeg"),
            (MediaKind::Image, b"GIF89a....", "image/gif"),
            (MediaKind::Voice, b"#!AMR\n......", "audio/amr"),
            (MediaKind::Voice, b"ID3\x04....", "audio/mpeg"),
            (MediaKind::Voice, b"\xff\xfb\x90d....", "audio/mpeg"),
            (MediaKind::Voice, b"\xff\xf3\x48\xc4....", "audio/mpeg"),
            (MediaKind::Video, MP4, "video/mp4"),
            (MediaKind::Thumb, JPEG, "image/jpeg"),
        ] {
            assert_eq!(check(kind, bytes).unwrap().mime, mime, "{kind:?}");
        }
    }

    #[test]
    fn what_wechat_does_not_take_is_refused_with_what_it_is_and_what_it_should_be() {
        for (kind, bytes, why) in [
            (MediaKind::Image, &b""[..], "is empty"),
            (
                MediaKind::Image,
                b"<!DOCTYPE html><html>",
                "is text/html; for type image WeChat takes image/jpeg, image/png, image/gif",
            ),
            (
                MediaKind::Image,
                b"RIFF\x10\0\0\0WEBPVP8 ",
                "is image/webp; for type image WeChat takes image/jpeg, image/png, image/gif",
            ),
            (
                MediaKind::Image,
                br#"{"error":"no"}"#,
                "is of an unknown type; for type image WeChat takes image/jpeg, image/png, image/gif",
            ),
            (MediaKind::Thumb, PNG, "is image/png; for type thumb WeChat takes image/jpeg"),
            (MediaKind::Video, JPEG, "is image/jpeg; for type video WeChat takes video/mp4"),
        ] {
            assert!(matches!(check(kind, bytes), Err(MediaFault::Reply(text)) if text == why), "{why}");
        }
    }

    #[test]
    fn a_file_may_be_as_large_as_the_limit_and_no_larger() {
        let mut thumb = JPEG.to_vec();
        thumb.resize(64 * 1024, 0);
        assert!(check(MediaKind::Thumb, &thumb).is_ok());
        thumb.push(0);
        let Err(MediaFault::Reply(text)) = check(MediaKind::Thumb, &thumb) else { panic!("it is too large") };
        assert_eq!(text, "is larger than 64 KiB, the most that WeChat takes for type thumb");
        let MediaFault::Reply(text) = too_large(MediaKind::Image) else { panic!("it is the reply's fault") };
        assert_eq!(text, "is larger than 10 MiB, the most that WeChat takes for type image");
    }
}
