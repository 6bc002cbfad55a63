//! A WeChat that takes uploads, for any account, and remembers them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::routing::post;
use huixin_wechat::{Client, ClientConfig, Secret, http_client};
use tokio::net::TcpListener;
use url::Url;

/// The token of every account here: odd, so that it can be searched for.
pub(super) const TOKEN: &str = "token-do-not-show";

#[derive(Clone, Debug)]
pub(super) struct Upload {
    /// The `type` of the query.
    pub(super) kind: String,
    pub(super) form: Bytes,
}

impl Upload {
    pub(super) fn has(&self, part: &[u8]) -> bool {
        self.form.windows(part.len()).any(|window| window == part)
    }
}

#[derive(Default)]
struct Inner {
    uploads: Mutex<Vec<Upload>>,
    /// The answer to uploads, if it isn't an id.
    refusal: Mutex<Option<String>>,
}

pub(super) struct Wechat {
    base: Url,
    inner: Arc<Inner>,
}

impl Wechat {
    pub(super) async fn start() -> Self {
        // Installed by another test of this process already: as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let inner = Arc::new(Inner::default());
        let token = format!(r#"{{"access_token":"{TOKEN}","expires_in":7200}}"#);
        let app = Router::new()
            .route("/cgi-bin/stable_token", post(move || std::future::ready(token.clone())))
            .route("/cgi-bin/media/upload", post(upload))
            .layer(DefaultBodyLimit::max(16 * 1024 * 1024))
            .with_state(inner.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { base, inner }
    }

    pub(super) fn client(&self) -> Client {
        Client::new(ClientConfig {
            app_id: "wx0123456789abcdef".to_owned(),
            app_secret: Secret::from("secret-do-not-show"),
            api_base: self.base.clone(),
            timeout: Duration::from_secs(10),
            http: http_client().unwrap(),
        })
    }

    /// Refuses uploads with this code, or takes them again.
    pub(super) fn refuse(&self, code: Option<i64>) {
        let answer = code.map(|code| format!(r#"{{"errcode":{code},"errmsg":"no rid: 66f0-1"}}"#));
        *self.inner.refusal.lock().unwrap() = answer;
    }

    pub(super) fn uploads(&self) -> Vec<Upload> {
        self.inner.uploads.lock().unwrap().clone()
    }
}

async fn upload(State(inner): State<Arc<Inner>>, RawQuery(query): RawQuery, form: Bytes) -> String {
    let query = query.unwrap();
    let kind = query.strip_prefix(&format!("access_token={TOKEN}&type=")).unwrap().to_owned();
    let n = {
        let mut uploads = inner.uploads.lock().unwrap();
        uploads.push(Upload { kind: kind.clone(), form });
        uploads.len()
    };
    // Long enough for others to come.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let refusal = inner.refusal.lock().unwrap().clone();
    refusal
        .unwrap_or_else(|| format!(r#"{{"type":"{kind}","media_id":"{kind}-{n}","created_at":1672500000}}"#))
}
