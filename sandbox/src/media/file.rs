//! What an uploaded file is, as its first bytes show, and whether WeChat takes it.
//!
//! The name and the content type that a caller states are not believed. WeChat's pages disagree on the code for a file that
//! is too large; here it is the one that names the kind, where there is one.

use super::{MediaKind, file_type::content_type, voice};

const MIB: usize = 1024 * 1024;
const MAX_VOICE_MS: u64 = 60_000;

/// The content type of a file that may be media of this kind; otherwise an `errcode`.
pub(crate) fn examine(kind: MediaKind, bytes: &[u8], max_image_bytes: usize) -> Result<&'static str, i64> {
    if bytes.is_empty() {
        return Err(44001);
    }
    let (max_bytes, too_large, types): (usize, i64, &[&str]) = match kind {
        MediaKind::Image => (max_image_bytes, 40009, &["image/png", "image/jpeg", "image/gif"]),
        MediaKind::Voice => (2 * MIB, 40010, &["audio/amr", "audio/mpeg"]),
        MediaKind::Video => (10 * MIB, 40011, &["video/mp4"]),
        MediaKind::Thumb => (64 * 1024, 40012, &["image/jpeg"]),
        MediaKind::News => (max_image_bytes, 40006, &[]),
    };
    if bytes.len() > max_bytes {
        return Err(too_large);
    }
    let file_type = content_type(bytes).filter(|found| types.contains(found)).ok_or(40005)?;
    if voice::duration_ms(file_type, bytes).is_some_and(|ms| ms > MAX_VOICE_MS) {
        return Err(45007);
    }
    Ok(file_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n....";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0....";
    const MP4: &[u8] = b"\0\0\0\x18ftypmp42";

    #[test]
    fn a_file_is_what_its_first_bytes_say_and_each_kind_takes_its_own() {
        let examine = |kind, bytes| examine(kind, bytes, 2 * MIB);
        assert_eq!(examine(MediaKind::Image, PNG), Ok("image/png"));
        assert_eq!(examine(MediaKind::Image, b"GIF89a.."), Ok("image/gif"));
        assert_eq!(examine(MediaKind::Thumb, JPEG), Ok("image/jpeg"));
        assert_eq!(examine(MediaKind::Thumb, PNG), Err(40005));
        assert_eq!(examine(MediaKind::Voice, b"ID3...."), Ok("audio/mpeg"));
        assert_eq!(examine(MediaKind::Video, MP4), Ok("video/mp4"));
        assert_eq!(examine(MediaKind::Image, MP4), Err(40005));
        assert_eq!(examine(MediaKind::Image, b"<svg>"), Err(40005));
        assert_eq!(examine(MediaKind::Image, b""), Err(44001));
    }

    #[test]
    fn each_kind_has_its_largest_size() {
        let sized = |kind, bytes: &[u8], size: usize| {
            let mut file = bytes.to_vec();
            file.resize(size, 0);
            examine(kind, &file, 2 * MIB)
        };
        for (kind, bytes, most, code) in [
            (MediaKind::Image, PNG, 2 * MIB, 40009),
            (MediaKind::Voice, b"ID3".as_slice(), 2 * MIB, 40010),
            (MediaKind::Video, MP4, 10 * MIB, 40011),
            (MediaKind::Thumb, JPEG, 64 * 1024, 40012),
        ] {
            assert!(sized(kind, bytes, most).is_ok(), "{kind:?}");
            assert_eq!(sized(kind, bytes, most + 1), Err(code), "{kind:?}");
        }
    }

    #[test]
    fn a_recording_of_more_than_a_minute_is_too_long() {
        let frames = |n: usize| [b"#!AMR\n".to_vec(), [0x04; 13].repeat(n)].concat();
        assert_eq!(examine(MediaKind::Voice, &frames(3000), 0), Ok("audio/amr"));
        assert_eq!(examine(MediaKind::Voice, &frames(3001), 0), Err(45007));
    }
}
