//! The process that owns a queue in a file, asked over its admin listener.

use std::time::Duration;

use anyhow::Context as _;
use huixin_wechat::{Secret, http_client};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::refusal::RequestRefusal;
use crate::config::Config;
use crate::report::Failure;

const TIMEOUT: Duration = Duration::from_secs(10);
/// A large file takes that long to be written anew.
const COMPACTION_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// The header that says which queue is asked for.
pub(super) const FILE: &str = "huixin-queue-file";

/// The way to that process.
pub struct Owner {
    client: reqwest::Client,
    base: Url,
    token: Option<Secret>,
    /// The queue that is asked for, see [`file_name`].
    file: String,
}

impl Owner {
    /// The owner of this file, at the configured admin address.
    pub(super) fn new(config: &Config, file: &std::path::Path) -> Result<Self, Failure> {
        let base =
            format!("http://{}/v1/", config.admin.listen).parse().context("admin.listen can't be asked")?;
        let client = http_client().context("the HTTP client can't be made")?;
        // Who has only the other one can look.
        let token = config.admin.token.as_ref().or(config.admin.read_token.as_ref()).cloned();
        Ok(Self { client, base, token, file: file_name(file) })
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T, Failure> {
        self.ask(self.client.get(self.url(path)?).query(query).timeout(TIMEOUT)).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        // JSON: a page of another site can't send that without asking first.
        let within = if path == "compact" { COMPACTION_TIMEOUT } else { TIMEOUT };
        self.ask(self.client.post(self.url(path)?).json(body).timeout(within)).await
    }

    fn url(&self, path: &str) -> Result<Url, Failure> {
        Ok(self.base.join(path).context("the path can't be asked for")?)
    }

    async fn ask<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, Failure> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        };
        let request = request.header(FILE, &self.file);
        let away = || format!("the queue's file is in use, and no owner answers at `{}`", self.base);
        let hint = "find the address in the owner's log, at `health and metrics are served`, and give it with \
            --admin-listen";
        let asked = request.send().await.map_err(reqwest::Error::without_url);
        let answer = asked.with_context(away).map_err(|error| Failure::from(error).with_hint(hint))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(match answer.json::<RequestRefusal>().await {
                Ok(refusal) => {
                    let hint = refusal.hint.unwrap_or_else(|| hint.to_owned());
                    Failure::failed(format!("the queue's owner answers {status}: {}", refusal.error), hint)
                }
                Err(_) => Failure::failed(format!("what listens there answers {status}"), hint),
            });
        }
        Ok(answer
            .json()
            .await
            .map_err(reqwest::Error::without_url)
            .context("the owner's answer can't be read")?)
    }
}

/// A file's whole path as a header can hold it.
pub(super) fn file_name(path: &std::path::Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    url::form_urlencoded::byte_serialize(whole.as_os_str().as_encoded_bytes()).collect()
}
