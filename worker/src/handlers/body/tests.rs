//! Compression that nobody asked for.

use std::io::Write as _;

use super::*;

/// `hello` in each coding.
const CODED: [(&str, &[u8]); 4] = [
    ("gzip", &[31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16, 54, 5, 0, 0, 0]),
    ("deflate", &[120, 156, 203, 72, 205, 201, 201, 7, 0, 6, 44, 2, 21]),
    ("deflate", &[203, 72, 205, 201, 201, 7, 0]),
    ("br", &[11, 2, 128, 104, 101, 108, 108, 111, 3]),
];

fn headers(coding: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_ENCODING, coding.parse().unwrap());
    headers
}

#[test]
fn what_is_compressed_is_read() {
    for (coding, body) in CODED {
        assert_eq!(decompressed(&headers(coding), body).unwrap(), &b"hello"[..], "{coding}");
        assert_eq!(
            decompressed(&headers(&coding.to_uppercase()), b"hello").unwrap(),
            &b"hello"[..],
            "not applied"
        );
    }
    assert_eq!(decompressed(&HeaderMap::new(), CODED[0].1).unwrap(), &b"hello"[..], "not declared");
    assert_eq!(decompressed(&headers("identity"), b"\xff").unwrap(), &b"\xff"[..]);
    for coding in ["gzip", "zstd", "deflate", "br"] {
        assert!(decompressed(&headers(coding), b"\xff\xfe\x00").unwrap_err().contains(coding));
    }
}

#[test]
fn a_body_that_grows_beyond_all_bounds_is_not_read() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b'x'; 2 * BODY_MAX_BYTES]).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(decompressed(&headers("gzip"), &bomb).is_err());
}
