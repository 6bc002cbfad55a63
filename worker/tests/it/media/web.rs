//! A web server that answers as a test says, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use huixin_wechat::Media;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::PNG;

/// One request as the server saw it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The address as the request had it: a path, or the whole of it for a proxy.
    pub(super) uri: String,
    pub(super) headers: HeaderMap,
}

pub(super) struct Web {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Web {
    /// On an address of loopback; port 0 is a free one.
    pub(super) async fn on<F>(
        address: &str,
        script: impl Fn(String) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let all = asked.clone();
        let app = Router::new().fallback(move |request: Request| {
            let uri = request.uri().to_string();
            all.lock().unwrap().push(Asked { uri: uri.clone(), headers: request.headers().clone() });
            script(uri)
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, asked }
    }

    /// On 127.0.0.1.
    pub(super) async fn answering(script: impl Fn(&str) -> Response + Clone + Send + Sync + 'static) -> Self {
        Self::on("127.0.0.1:0", move |uri| std::future::ready(script(&uri))).await
    }

    /// Gives a picture, whatever it is asked.
    pub(super) async fn with_picture() -> Self {
        Self::answering(|_| PNG.into_response()).await
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn media(&self, path: &str) -> Media {
        Media::Url(self.url(path))
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// A response with these headers and a picture.
pub(super) fn with_headers(headers: &[(&'static str, &str)], body: impl Into<Body>) -> Response {
    let mut response = body.into().into_response();
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

pub(super) fn redirect(to: &str) -> Response {
    let mut response = with_headers(&[("location", to)], Body::empty());
    *response.status_mut() = axum::http::StatusCode::FOUND;
    response
}

/// Answers one request with these bytes, head and all, and hangs up. What HTTP libraries don't let a server say.
pub(super) async fn raw(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/raw.jpg", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let _ = socket.read(&mut request).await.unwrap();
        // The other side may have had enough.
        let _ = socket.write_all(&answer).await;
    });
    url
}
