//! The business service behind an `http` route: answers every message after a time, and remembers who asked when.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tokio::sync::watch;

use super::PATIENCE;

/// A service that answers `answer to <content>` after `takes`.
#[derive(Clone)]
pub(crate) struct Backend {
    requests: Arc<Mutex<Vec<(String, Instant)>>>,
    count: Arc<watch::Sender<usize>>,
    takes: Duration,
    pub(crate) url: String,
}

impl Backend {
    /// Starts one on a port of its own; it lives as long as the test's runtime.
    pub(crate) async fn start(takes: Duration) -> Self {
        let listener =
            tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a loopback port can be bound");
        let url = format!("http://{}/", listener.local_addr().expect("a bound listener has an address"));
        let backend = Self { requests: Arc::default(), count: Arc::new(watch::Sender::new(0)), takes, url };
        let routes = Router::new().route("/", post(answer)).with_state(backend.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        backend
    }

    /// A route to it for every message.
    pub(crate) fn route(&self) -> String {
        format!("[[route]]\nname = \"backend\"\nhttp = {{ url = \"{}\" }}\n", self.url)
    }

    /// What was asked and when, in order.
    pub(crate) fn requests(&self) -> Vec<(String, Instant)> {
        self.requests.lock().expect("no holder panics").clone()
    }

    /// Waits until it has been asked more often, but not for ever: what is left may be past asking.
    pub(crate) async fn wait_for_more_requests(&self, than: usize) {
        let mut seen = self.count.subscribe();
        let _ = tokio::time::timeout(Duration::from_millis(200), seen.wait_for(|n| *n > than)).await;
    }

    /// Waits until it has been asked so often.
    pub(crate) async fn wait_for_requests(&self, count: usize) {
        let mut seen = self.count.subscribe();
        let enough = tokio::time::timeout(PATIENCE, seen.wait_for(|n| *n >= count)).await;
        assert!(enough.is_ok(), "it was asked {} times, not {count}", self.requests().len());
    }
}

async fn answer(State(backend): State<Backend>, Json(request): Json<Value>) -> String {
    let content = request["content"].as_str().unwrap_or_default().to_owned();
    backend.requests.lock().expect("no holder panics").push((content.clone(), Instant::now()));
    backend.count.send_modify(|n| *n += 1);
    tokio::time::sleep(backend.takes).await;
    format!("answer to {content}")
}
