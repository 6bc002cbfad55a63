//! The chat page: three files of our own, embedded, and nothing from anywhere else.
//!
//! The content security policy says the same to the browser: no inline code, no other origin, no framing. So even a
//! message that smuggles markup past the page's own care (it writes `textContent` only) could not load or run anything.

use axum::{
    Router,
    http::{HeaderName, header},
    response::{IntoResponse, Redirect},
    routing::get,
};

use crate::served::Served;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page at `/`, its files, and the way to it from `/sandbox/`.
pub(crate) fn routes() -> Router<Served> {
    Router::new()
        .route("/", get(async || file("text/html; charset=utf-8", include_str!("page/index.html"))))
        .route("/app.js", get(async || file("text/javascript; charset=utf-8", include_str!("page/app.js"))))
        .route("/style.css", get(async || file("text/css; charset=utf-8", include_str!("page/style.css"))))
        .route("/sandbox", get(async || Redirect::temporary("/")))
        .route("/sandbox/", get(async || Redirect::temporary("/")))
}

fn file(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}
