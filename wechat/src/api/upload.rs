//! Temporary media: brought to WeChat before a message can name it, and fetched from it.
//!
//! An upload harms nobody. If its outcome isn't known, the caller simply uploads again, and WeChat forgets the first copy, if
//! there is one, after three days. So unlike a send it may be repeated at will.

use std::time::Duration;

use bytes::Bytes;
use reqwest::multipart::{Form, Part};

use super::Client;
use super::answer::{self, ApiAnswer};
use super::error::{ApiError, CallCause};
use super::media::MediaKind;

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
        let config = &self.inner.config;
        self.with_token(|token| {
            let length = bytes.len() as u64;
            let part = Part::stream_with_length(bytes.clone(), length).file_name(file_name.to_owned());
            async move {
                let mut url = config.url(&["cgi-bin", "media", "upload"])?;
                let query = [("access_token", token.expose()), ("type", kind.as_str())];
                url.query_pairs_mut().extend_pairs(query);
                let part = part.mime_str(content_type);
                let part = part.map_err(|error| ApiError::NotSent(CallCause::http(error)))?;
                let request = config
                    .http
                    .post(url)
                    .timeout(config.timeout + Duration::from_secs(length / SLOWEST_BYTES_PER_SEC))
                    .multipart(Form::new().part("media", part));
                let hidden = [token.expose(), config.app_secret.expose()];
                let answer = ApiAnswer::to(config, request, &hidden).await?;
                // A thumb's id is said to have a name of its own at times.
                let id = answer.text("media_id").or_else(|| answer.text("thumb_media_id"));
                let id = id.filter(|id| !id.is_empty()).ok_or(ApiError::unreadable("it has no media_id"))?;
                Ok(Uploaded { media_id: id.to_owned() })
            }
        })
        .await
    }

    /// Fetches temporary media, the account's own or a user's, by `GET /cgi-bin/media/get`: at most
    /// [`LONGEST_MEDIA_BYTES`].
    ///
    /// # Errors
    /// [`ApiError`]; 40007 when WeChat doesn't have it, or not any more.
    pub async fn media(&self, media_id: &str) -> Result<Downloaded, ApiError> {
        let config = &self.inner.config;
        self.with_token(|token| async move {
            let mut url = config.url(&["cgi-bin", "media", "get"])?;
            let query = [("access_token", token.expose()), ("media_id", media_id)];
            url.query_pairs_mut().extend_pairs(query);
            let most = Duration::from_secs(LONGEST_MEDIA_BYTES as u64 / SLOWEST_BYTES_PER_SEC);
            let response = answer::send(config.http.get(url).timeout(config.timeout + most)).await?;
            let status = response.status();
            let body = answer::read(response, LONGEST_MEDIA_BYTES).await.map_err(ApiError::Unsure)?;
            // A file never begins like a JSON object, whatever the label says; a refusal and a video's address do.
            if status.is_success() && !body.trim_ascii_start().starts_with(b"{") {
                let empty = body.is_empty();
                return if empty {
                    Err(ApiError::unreadable("it is empty"))
                } else {
                    Ok(Downloaded::File(body.into()))
                };
            }
            let answer = ApiAnswer::of(status, &body, &[token.expose(), config.app_secret.expose()])?;
            let address = answer
                .text("video_url")
                .ok_or(ApiError::unreadable("it is neither a file nor an address"))?;
            Ok(Downloaded::At(address.to_owned()))
        })
        .await
    }
}

/// So slow a connection is waited for: 10 MB may take 100 seconds.
const SLOWEST_BYTES_PER_SEC: u64 = 100 * 1024;

/// The largest file that is fetched from WeChat. Nothing that a user can send reaches it.
const LONGEST_MEDIA_BYTES: usize = 20 * 1024 * 1024;
