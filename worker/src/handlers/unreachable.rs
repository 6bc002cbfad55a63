//! Why a service could not be asked, in words for a log and a dead letter: with its URL, since "connection refused" helps
//! nobody who doesn't know by whom. The parts of the URL that may be a key are never shown.

use std::error::Error;

use url::Url;

/// The host and port of a URL.
pub(super) fn place_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The URL without user, password, query and fragment, and without what in its path looks like a key.
pub(super) fn shown(url: &Url) -> String {
    let is_key = |part: &str| part.len() >= 16 && part.bytes().any(|byte| byte.is_ascii_digit());
    let path = url.path().split('/').map(|part| if is_key(part) { "***" } else { part });
    format!("{}://{}{}", url.scheme(), place_of(url), path.collect::<Vec<_>>().join("/"))
}

/// The innermost cause, which says why (the outermost only says that the request failed), and what that mostly means.
pub(super) fn cause_of(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let cause = cause.to_string();
    // What TLS says when it is answered in plain text.
    match cause.contains("InvalidContentType") {
        true => format!("{cause} (this port doesn't speak TLS: perhaps the URL should begin with http://)"),
        false => cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_host_and_port_without_what_may_be_secret() {
        for (url, place) in [
            ("http://me:hunter2@127.0.0.1:9000/ask?key=hunter2", "127.0.0.1:9000"),
            ("https://bot.example.com/ask", "bot.example.com:443"),
            ("http://[::1]/", "[::1]:80"),
        ] {
            assert_eq!(place_of(&Url::parse(url).unwrap()), place);
        }
        let url = "http://me:hunter2@127.0.0.1:9000/hooks/ask/3fa85f64-5717-4562-b3fc?key=hunter2#hunter2";
        assert_eq!(shown(&Url::parse(url).unwrap()), "http://127.0.0.1:9000/hooks/ask/***");
    }
}
