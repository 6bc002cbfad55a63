//! What the tests share: a receiver that answers as told, and a client of the sandbox's API.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use huixin_sandbox::{Push, RunningSandbox, SandboxAccount, SandboxConfig};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const USER: &str = "oHuixinXiaoming0000000000001";
/// Far longer than anything takes; only a failing test waits for it.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// How the receiver answers one request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Body(u16, String),
    Never,
}

impl Answer {
    pub(crate) fn ok(body: &str) -> Answer {
        Answer::Body(200, body.to_owned())
    }
}

/// A request as the receiver saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) query: HashMap<String, String>,
    pub(crate) body: String,
}

/// An account's server that answers by a list, and `""` when the list is at its end.
#[derive(Clone, Default)]
pub(crate) struct Receiver {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Receiver {
    pub(crate) fn answering(answers: impl IntoIterator<Item = Answer>) -> Receiver {
        Receiver { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Receiver::default() }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route("/wechat/main", post(receive)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}/wechat/main")
    }
}

async fn receive(
    State(receiver): State<Receiver>,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Response {
    let body = String::from_utf8(body.to_vec()).unwrap();
    receiver.seen.lock().unwrap().push(Seen { query, body });
    let answer = receiver.answers.lock().unwrap().pop_front();
    match answer {
        None => "".into_response(),
        Some(Answer::Body(status, body)) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Some(Answer::Never) => std::future::pending().await,
    }
}

/// A sandbox whose account `main` pushes to this receiver.
pub(crate) async fn start(config: SandboxConfig, receiver: &Receiver) -> RunningSandbox {
    let running = RunningSandbox::start(config).await.unwrap();
    running.sandbox.set_push_url("main", receiver.serve().await.parse().unwrap());
    running
}

/// A sandbox to which the user has just written, with a client that has a token.
pub(crate) async fn start_with_user(config: SandboxConfig) -> (RunningSandbox, Client) {
    let running = start(config, &Receiver::default()).await;
    running.sandbox.push(Push::text("main", USER, "hi")).await;
    let client = Client::with_token(&running).await;
    (running, client)
}

pub(crate) fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// A client of the API, as an account's owner would write it.
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) token: String,
}

impl Client {
    pub(crate) fn new(running: &RunningSandbox) -> Client {
        Client { http: http(), base: running.base_url.to_string(), token: String::new() }
    }

    pub(crate) async fn with_token(running: &RunningSandbox) -> Client {
        Client::of_account(running, "main").await
    }

    pub(crate) async fn of_account(running: &RunningSandbox, name: &str) -> Client {
        let mut client = Client::new(running);
        client.token = token_of(&client.stable_with(&credentials(name, false)).await);
        client
    }

    pub(crate) async fn stable(&self, force: bool) -> Value {
        self.stable_with(&credentials("main", force)).await
    }

    pub(crate) async fn stable_with(&self, body: &Value) -> Value {
        let request = self.http.post(format!("{}cgi-bin/stable_token", self.base)).body(body.to_string());
        request.send().await.unwrap().json().await.unwrap()
    }

    pub(crate) async fn plain(&self) -> Value {
        let account = SandboxAccount::named("main");
        let query =
            format!("grant_type=client_credential&appid={}&secret={}", account.app_id, account.app_secret);
        let request = self.http.get(format!("{}cgi-bin/token?{query}", self.base));
        request.send().await.unwrap().json().await.unwrap()
    }

    pub(crate) async fn send(&self, body: impl Into<reqwest::Body>) -> Value {
        self.try_send(body).await.unwrap().json().await.unwrap()
    }

    pub(crate) async fn send_text(&self, text: &str) -> i64 {
        code(&self.send(text_message(text)).await)
    }

    pub(crate) async fn try_send(
        &self,
        body: impl Into<reqwest::Body>,
    ) -> reqwest::Result<reqwest::Response> {
        self.http.post(self.url("message/custom/send")).body(body).send().await
    }

    pub(crate) async fn typing(&self, user: &str, command: &str) -> i64 {
        let body = json!({ "touser": user, "command": command }).to_string();
        let request = self.http.post(self.url("message/custom/typing")).body(body);
        code(&request.send().await.unwrap().json().await.unwrap())
    }

    /// Uploads this form, made by [`upload_of`].
    pub(crate) async fn upload(&self, kind: &str, form: Vec<u8>) -> Value {
        let request = self.http.post(format!("{}&type={kind}", self.url("media/upload")));
        let request = request.header("content-type", "multipart/form-data; boundary=BOUNDARY").body(form);
        request.send().await.unwrap().json().await.unwrap()
    }

    pub(crate) async fn media_get(&self, id: &str) -> reqwest::Response {
        self.http.get(format!("{}&media_id={id}", self.url("media/get"))).send().await.unwrap()
    }

    pub(crate) async fn send_media(&self, kind: &str, id: &str) -> i64 {
        let message = json!({"touser": USER, "msgtype": kind, kind: {"media_id": id}});
        code(&self.send(message.to_string()).await)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.http.get(self.url(path)).send().await.unwrap().json().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.http.post(self.url(path)).body(body.to_string());
        request.send().await.unwrap().json().await.unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}cgi-bin/{path}?access_token={}", self.base, self.token)
    }
}

fn credentials(account: &str, force: bool) -> Value {
    let account = SandboxAccount::named(account);
    json!({
        "grant_type": "client_credential", "appid": account.app_id, "secret": account.app_secret,
        "force_refresh": force,
    })
}

/// A form as an SDK would make it; without a name the file name is left out.
pub(crate) fn upload_of(name: &str, file: &[u8]) -> Vec<u8> {
    let name = if name.is_empty() { String::new() } else { format!("; filename=\"{name}\"") };
    let head = format!(
        "--BOUNDARY\r\nContent-Disposition: form-data; name=\"media\"{name}\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    [head.as_bytes(), file, b"\r\n--BOUNDARY--\r\n"].concat()
}

/// Calls the control API.
pub(crate) async fn control(
    running: &RunningSandbox,
    method: &str,
    path: &str,
    body: &Value,
) -> (u16, Value) {
    let url = running.base_url.join(path).unwrap();
    let request = http().request(method.parse().unwrap(), url);
    let request = if body.is_null() { request } else { request.json(body) };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

pub(crate) fn text_message(text: &str) -> String {
    json!({ "touser": USER, "msgtype": "text", "text": { "content": text } }).to_string()
}

pub(crate) fn code(answer: &Value) -> i64 {
    answer["errcode"].as_i64().unwrap()
}

pub(crate) fn token_of(answer: &Value) -> String {
    answer["access_token"].as_str().unwrap().to_owned()
}
