//! What an uploaded file is, told by its first bytes, and whether WeChat takes it.
//!
//! The name and the content type that a caller states are not believed. Which of its codes WeChat gives for a file that is
//! too large differs from page to page; here it is the one that names the kind, where there is one.

use super::file_type::FileType;
use super::{MediaKind, voice};

const MIB: usize = 1024 * 1024;
const MAX_VOICE_BYTES: usize = 2 * MIB;
const MAX_VIDEO_BYTES: usize = 10 * MIB;
const MAX_THUMB_BYTES: usize = 64 * 1024;
const MAX_VOICE_MS: u64 = 60_000;

/// Why a file isn't taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// 44001
    Empty,
    /// 40005
    Type,
    /// 40009 to 40012, by kind.
    Size,
    /// 45007
    TooLong,
}

/// What the file is, if it may be media of this kind.
pub(crate) fn examine(kind: MediaKind, bytes: &[u8], max_image_bytes: usize) -> Result<FileType, Unfit> {
    if bytes.is_empty() {
        return Err(Unfit::Empty);
    }
    let max_bytes = match kind {
        MediaKind::Image | MediaKind::News => max_image_bytes,
        MediaKind::Voice => MAX_VOICE_BYTES,
        MediaKind::Video => MAX_VIDEO_BYTES,
        MediaKind::Thumb => MAX_THUMB_BYTES,
    };
    if bytes.len() > max_bytes {
        return Err(Unfit::Size);
    }
    let file_type = FileType::of(bytes).ok_or(Unfit::Type)?;
    let fits = match kind {
        MediaKind::Image => matches!(file_type, FileType::Png | FileType::Jpeg | FileType::Gif),
        MediaKind::Voice => matches!(file_type, FileType::Amr | FileType::Mp3),
        MediaKind::Video => file_type == FileType::Mp4,
        MediaKind::Thumb => file_type == FileType::Jpeg,
        MediaKind::News => false,
    };
    if !fits {
        return Err(Unfit::Type);
    }
    if voice::duration_ms(file_type, bytes).is_some_and(|ms| ms > MAX_VOICE_MS) {
        return Err(Unfit::TooLong);
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
        assert_eq!(examine(MediaKind::Image, PNG), Ok(FileType::Png));
        assert_eq!(examine(MediaKind::Image, b"GIF89a.."), Ok(FileType::Gif));
        assert_eq!(examine(MediaKind::Thumb, JPEG), Ok(FileType::Jpeg));
        assert_eq!(examine(MediaKind::Thumb, PNG), Err(Unfit::Type));
        assert_eq!(examine(MediaKind::Voice, b"ID3...."), Ok(FileType::Mp3));
        assert_eq!(examine(MediaKind::Video, MP4), Ok(FileType::Mp4));
        assert_eq!(examine(MediaKind::Image, MP4), Err(Unfit::Type));
        assert_eq!(examine(MediaKind::Image, b"<svg>"), Err(Unfit::Type));
        assert_eq!(examine(MediaKind::Image, b""), Err(Unfit::Empty));
    }

    #[test]
    fn each_kind_has_its_largest_size() {
        let sized = |kind, bytes: &[u8], size: usize| {
            let mut file = bytes.to_vec();
            file.resize(size, 0);
            examine(kind, &file, 2 * MIB)
        };
        for (kind, bytes, most) in [
            (MediaKind::Image, PNG, 2 * MIB),
            (MediaKind::Voice, b"ID3".as_slice(), 2 * MIB),
            (MediaKind::Video, MP4, 10 * MIB),
            (MediaKind::Thumb, JPEG, 64 * 1024),
        ] {
            assert!(sized(kind, bytes, most).is_ok(), "{kind:?}");
            assert_eq!(sized(kind, bytes, most + 1), Err(Unfit::Size), "{kind:?}");
        }
    }

    #[test]
    fn a_recording_of_more_than_a_minute_is_too_long() {
        let frames = |n: usize| [b"#!AMR\n".to_vec(), [0x04; 13].repeat(n)].concat();
        assert_eq!(examine(MediaKind::Voice, &frames(3000), 0), Ok(FileType::Amr));
        assert_eq!(examine(MediaKind::Voice, &frames(3001), 0), Err(Unfit::TooLong));
    }
}
