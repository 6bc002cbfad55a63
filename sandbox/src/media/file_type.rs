//! The types of files, by their first bytes.

/// A type of file that WeChat takes for some kind of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UploadType {
    Png,
    Jpeg,
    Gif,
    Amr,
    Mp3,
    Mp4,
}

impl UploadType {
    pub(crate) fn of(bytes: &[u8]) -> Option<UploadType> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(UploadType::Png),
            [0xff, 0xd8, 0xff, ..] => Some(UploadType::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(UploadType::Gif),
            [b'#', b'!', b'A', b'M', b'R', ..] => Some(UploadType::Amr),
            [b'I', b'D', b'3', ..] => Some(UploadType::Mp3),
            // A frame's eleven bits of sync, with a layer that exists (0 is none, and AAC's).
            [0xff, second, ..] if second & 0xe0 == 0xe0 && second & 0x06 != 0 => Some(UploadType::Mp3),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(UploadType::Mp4),
            _ => None,
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            UploadType::Png => "image/png",
            UploadType::Jpeg => "image/jpeg",
            UploadType::Gif => "image/gif",
            UploadType::Amr => "audio/amr",
            UploadType::Mp3 => "audio/mpeg",
            UploadType::Mp4 => "video/mp4",
        }
    }
}
