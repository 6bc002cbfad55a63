//! The files of the two pages: the pretend WeChat's (`sandbox`) and the operator's (`operations`), with what they share.
//!
//! Plain HTML, CSS and modules: what you read in the folders is what the browser gets. Nothing is built, bundled or fetched from
//! elsewhere. Each page talks to one API of its own listener and to nothing else; the content security policy says the same to the
//! browser: no inline code or style, no other origin, no framing. So even a text that got past the pages' own care (they write
//! text, never markup) could not load or run anything.
//!
//! A release binary has the files in it; a debug build reads them from the source tree, so that you edit, and reload the page.
//!
//! Rejected: a framework with a build step. It would be the larger part of the tree, and the first thing to grow old.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{Embed, EmbeddedFile};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data: blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

#[derive(Embed)]
#[folder = "."]
#[include = "shared/*"]
#[include = "sandbox/*"]
#[include = "operations/*"]
struct Files;

/// One of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebPage {
    /// The pretend WeChat.
    Sandbox,
    /// Where Huixin is run.
    Operations,
}

impl WebPage {
    /// The page at `/`, and its files below `/page/`.
    pub fn routes<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let folder = match self {
            Self::Sandbox => "sandbox",
            Self::Operations => "operations",
        };
        let of_this_page =
            move |path: &str| ["shared", folder].contains(&path.split('/').next().unwrap_or_default());
        Router::new().route("/", get(async move || file(&format!("{folder}/index.html")))).route(
            "/page/{*path}",
            get(async move |Path(path): Path<String>| match of_this_page(&path) {
                true => file(&path),
                false => StatusCode::NOT_FOUND.into_response(),
            }),
        )
    }
}

fn file(path: &str) -> Response {
    let Some(EmbeddedFile { data, .. }) = Files::get(path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let content_type = match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, data).into_response()
}

#[cfg(test)]
mod tests {
    use super::Files;

    #[test]
    fn the_files_refer_to_nothing_elsewhere_and_write_no_markup() {
        let mut texts = 0;
        for path in Files::iter() {
            let file = Files::get(&path).expect("it was listed");
            let text = String::from_utf8(file.data.into_owned())
                .expect("text")
                .replace("http://www.w3.org/2000/svg", "");
            // The scripts tell links in messages by their scheme; that is no reference.
            let text = text.replace(r"https?:\/\/", "");
            for foreign in [
                "\"http://",
                "\"https://",
                "src=\"//",
                " url(",
                ":url(",
                "@import",
                "innerHTML",
                "insertAdjacentHTML",
                " style=\"",
            ] {
                assert!(!text.contains(foreign), "{path} contains {foreign}");
            }
            texts += 1;
        }
        assert!(texts > 10, "{texts}");
    }
}
