//! How long a recording is: exactly for AMR, whose frames are all 20 ms, and for MP3 as if all frames had the rate of the
//! first. What can't be recognised is not guessed.

/// The bytes of an AMR frame by its type, its first byte included. 9 to 14 don't exist, 15 is silence.
const AMR_FRAME_BYTES: [usize; 16] = [13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1];
const AMR_FRAME_MS: u64 = 20;
/// Kilobits a second of layer III, by index, for MPEG 1 and for MPEG 2. 0 and 15 say nothing.
const MP3_KBITS: [[u64; 16]; 2] = [
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0],
];

pub(super) fn duration_ms(file_type: &str, bytes: &[u8]) -> Option<u64> {
    match file_type {
        "audio/amr" => Some(amr_ms(bytes.strip_prefix(b"#!AMR\n")?)),
        "audio/mpeg" => mp3_ms(without_tag(bytes)?),
        _ => None,
    }
}

fn amr_ms(mut frames: &[u8]) -> u64 {
    let mut ms = 0;
    while let [header, ..] = frames {
        let size = AMR_FRAME_BYTES[usize::from((header >> 3) & 0x0f)];
        frames = frames.get(size..).unwrap_or_default();
        ms += AMR_FRAME_MS;
    }
    ms
}

/// An ID3 tag says how long it is in four times seven bits.
fn without_tag(bytes: &[u8]) -> Option<&[u8]> {
    let [b'I', b'D', b'3', _, _, _, a, b, c, d, ..] = bytes else { return Some(bytes) };
    let size = [a, b, c, d].into_iter().fold(0, |size, byte| (size << 7) | usize::from(*byte & 0x7f));
    bytes.get(10 + size..)
}

fn mp3_ms(frames: &[u8]) -> Option<u64> {
    let [0xff, second, third, ..] = frames else { return None };
    let layer_three = second & 0x06 == 0x02;
    let version = usize::from(second & 0x18 != 0x18);
    let kbits = MP3_KBITS[version][usize::from(third >> 4)];
    if !layer_three || kbits == 0 {
        return None;
    }
    // Kilobits a second are bits a millisecond.
    Some(u64::try_from(frames.len()).ok()? * 8 / kbits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mp3_is_as_long_as_its_bytes_at_the_rate_of_its_first_frame() {
        let mut file = vec![0xff, 0xfb, 0x90, 0x00];
        file.resize(16_000, 0);
        assert_eq!(duration_ms("audio/mpeg", &file), Some(1000), "128 kbit/s");
        let tagged = [b"ID3\x04\0\0\0\0\x01\x00".to_vec(), vec![0; 128], file].concat();
        assert_eq!(duration_ms("audio/mpeg", &tagged), Some(1000));
        assert_eq!(duration_ms("audio/mpeg", b"ID3\x04\0\0\x7f\x7f\x7f\x7f"), None);
        assert_eq!(duration_ms("audio/mpeg", b"ID3"), None);
    }

    #[test]
    fn frames_of_an_amr_have_the_size_of_their_type() {
        let silence = [b"#!AMR\n".to_vec(), vec![0x7c; 5]].concat();
        assert_eq!(duration_ms("audio/amr", &silence), Some(100));
        assert_eq!(duration_ms("audio/amr", b"#!AMR\n"), Some(0));
        assert_eq!(duration_ms("audio/amr", b"#!AMR-WB\n"), None);
    }
}
