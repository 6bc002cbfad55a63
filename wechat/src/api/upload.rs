//! Temporary media: brought to WeChat before a message can name it, and fetched from it.
//!
//! An upload harms nobody: after one whose outcome isn't known the caller simply uploads again, and the first copy, if
//! there is one, is forgotten by WeChat after three days. So unlike a send it may be repeated at will.

use std::time::Duration;

use bytes::Bytes;
use reqwest::multipart::{Form, Part};

use super::Client;
use super::answer::{self, ApiAnswer};
use super::error::{ApiError, CallCause};
use super::media::MediaKind;
use super::token::AccessToken;

/// What WeChat says after an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The name of the media in messages of this account, for three days.
    pub media_id: String,
}

/// What [`Client::media`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Downloaded {
    /// The file.
    File(Bytes),
    /// Where to get the file: WeChat's way with videos.
    At(String),
}

impl Client {
    /// Uploads temporary media, by `POST /cgi-bin/media/upload`. WeChat judges a file by its name and `content_type`,
    /// too: both must fit its content. A refused token is treated as in [`Client::send`].
    ///
    /// It may take as long as other calls, and a second more for every [`SLOWEST_BYTES_PER_SEC`] bytes.
    ///
    /// # Errors
    /// [`ApiError`]; after [`ApiError::Unsure`], too, it may be uploaded again.
    pub async fn upload(
        &self,
        kind: MediaKind,
        file_name: &str,
        content_type: &str,
        bytes: Bytes,
    ) -> Result<Uploaded, ApiError> {
        self.with_token(|token| self.upload_once(token, kind, file_name, content_type, bytes.clone())).await
    }

    async fn upload_once(
        &self,
        token: AccessToken,
        kind: MediaKind,
        file_name: &str,
        content_type: &str,
        bytes: Bytes,
    ) -> Result<Uploaded, ApiError> {
        let config = &self.inner.config;
        let mut url = config.url(&["cgi-bin", "media", "upload"])?;
        url.query_pairs_mut().append_pair("access_token", token.expose()).append_pair("type", kind.as_str());
        let length = bytes.len() as u64;
        let part = Part::stream_with_length(bytes, length)
            .file_name(file_name.to_owned())
            .mime_str(content_type)
            .map_err(|error| ApiError::NotSent(CallCause::http(error)))?;
        let request = config
            .http
            .post(url)
            .timeout(config.timeout + Duration::from_secs(length / SLOWEST_BYTES_PER_SEC))
            .multipart(Form::new().part("media", part));
        let answer = ApiAnswer::to(config, request, &[token.expose(), config.app_secret.expose()]).await?;
        // A thumb's id is said to have a name of its own at times.
        let id = answer.text("media_id").or_else(|| answer.text("thumb_media_id"));
        match id.filter(|id| !id.is_empty()) {
            Some(id) => Ok(Uploaded { media_id: id.to_owned() }),
            None => Err(ApiError::Unsure(CallCause::Unreadable("it has no media_id"))),
        }
    }

    /// Fetches temporary media, the account's own or a user's, by `GET /cgi-bin/media/get`: at most
    /// [`LONGEST_MEDIA_BYTES`].
    ///
    /// # Errors
    /// [`ApiError`]; 40007 when WeChat doesn't have it, or not any more.
    pub async fn media(&self, media_id: &str) -> Result<Downloaded, ApiError> {
        self.with_token(|token| self.media_once(token, media_id)).await
    }

    async fn media_once(&self, token: AccessToken, media_id: &str) -> Result<Downloaded, ApiError> {
        let config = &self.inner.config;
        let mut url = config.url(&["cgi-bin", "media", "get"])?;
        url.query_pairs_mut().append_pair("access_token", token.expose()).append_pair("media_id", media_id);
        let most = Duration::from_secs(LONGEST_MEDIA_BYTES as u64 / SLOWEST_BYTES_PER_SEC);
        let response = answer::send(config.http.get(url).timeout(config.timeout + most)).await?;
        let status = response.status();
        let body = answer::read(response, LONGEST_MEDIA_BYTES).await.map_err(ApiError::Unsure)?;
        // A file never begins like a JSON object, whatever the label says; a refusal and a video's address do.
        if status.is_success() && !body.trim_ascii_start().starts_with(b"{") {
            if body.is_empty() {
                return Err(ApiError::Unsure(CallCause::Unreadable("it is empty")));
            }
            return Ok(Downloaded::File(body.into()));
        }
        let answer = ApiAnswer::of(status, &body, &[token.expose(), config.app_secret.expose()])?;
        match answer.text("video_url") {
            Some(address) => Ok(Downloaded::At(address.to_owned())),
            None => Err(ApiError::Unsure(CallCause::Unreadable("it is neither a file nor an address"))),
        }
    }
}

/// So slow a connection is waited for: 10 MB may take 100 seconds.
const SLOWEST_BYTES_PER_SEC: u64 = 100 * 1024;

/// The largest file that is fetched from WeChat. Nothing that a user can send reaches it.
const LONGEST_MEDIA_BYTES: usize = 20 * 1024 * 1024;
