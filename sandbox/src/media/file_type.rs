//! The types of files, by their first bytes.

/// A type of file that WeChat takes for some kind of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileType {
    Png,
    Jpeg,
    Gif,
    Amr,
    Mp3,
    Mp4,
}

impl FileType {
    pub(crate) fn of(bytes: &[u8]) -> Option<FileType> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(FileType::Png),
            [0xff, 0xd8, 0xff, ..] => Some(FileType::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(FileType::Gif),
            [b'#', b'!', b'A', b'M', b'R', ..] => Some(FileType::Amr),
            [b'I', b'D', b'3', ..] => Some(FileType::Mp3),
            // A frame's eleven bits of sync, with a layer that exists (0 is none, and AAC's).
            [0xff, second, ..] if second & 0xe0 == 0xe0 && second & 0x06 != 0 => Some(FileType::Mp3),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(FileType::Mp4),
            _ => None,
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            FileType::Png => "image/png",
            FileType::Jpeg => "image/jpeg",
            FileType::Gif => "image/gif",
            FileType::Amr => "audio/amr",
            FileType::Mp3 => "audio/mpeg",
            FileType::Mp4 => "video/mp4",
        }
    }
}
