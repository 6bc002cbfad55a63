//! Media on its way to WeChat and from it.

use axum::body::Bytes;
use huixin_wechat::{ApiError, Client, CodeClass, Downloaded, MediaKind};

use super::pretend::Pretend;

/// Bytes that are no text and no file either: the client doesn't look at them.
const FILE: &[u8] = &[0x89, b'P', 0xff, 0, b'\r', b'\n', b'-', b'-'];

async fn upload(client: &Client) -> Result<String, ApiError> {
    let file = Bytes::from_static(FILE);
    client.upload(MediaKind::Image, "media.png", "image/png", file).await.map(|uploaded| uploaded.media_id)
}

/// A WeChat that answers every call so.
async fn answering(status: u16, answer: &str) -> Pretend {
    Pretend::start(|o| o.send_answer = (status, answer.to_owned())).await
}

#[tokio::test]
async fn a_file_goes_out_as_the_form_field_media_with_its_name_type_and_length() {
    let wechat = answering(200, r#"{"type":"image","media_id":"m-1","created_at":1672500000}"#).await;
    assert_eq!(upload(&wechat.client()).await.unwrap(), "m-1");

    let sent = wechat.sent().remove(0);
    assert_eq!((sent.path, sent.query.as_str(), sent.taken), ("upload", "type=image", true));
    let boundary = sent.content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let head =
        "Content-Disposition: form-data; name=\"media\"; filename=\"media.png\"\r\nContent-Type: image/png";
    let mut body = format!("--{boundary}\r\n{head}\r\n\r\n").into_bytes();
    body.extend_from_slice(FILE);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    assert_eq!(sent.body, String::from_utf8_lossy(&body));
    assert_eq!(sent.bytes, body);
}

#[tokio::test]
async fn the_id_of_a_thumb_may_have_a_name_of_its_own() {
    let wechat = answering(200, r#"{"errcode":0,"type":"thumb","thumb_media_id":"m-2"}"#).await;
    let file = Bytes::from_static(FILE);
    let done = wechat.client().upload(MediaKind::Thumb, "media.jpg", "image/jpeg", file).await.unwrap();
    assert_eq!((done.media_id.as_str(), wechat.sent()[0].query.as_str()), ("m-2", "type=thumb"));
}

#[tokio::test]
async fn an_upload_with_an_expired_token_is_made_again_with_a_newer_one() {
    let wechat = answering(200, r#"{"type":"image","media_id":"m-1"}"#).await;
    let client = wechat.client();
    client.token().await.unwrap();
    wechat.set(|o| o.valid = "token-2-do-not-show".to_owned());
    assert_eq!(upload(&client).await.unwrap(), "m-1");
    let (sent, fetches) = (wechat.sent(), wechat.fetches());
    assert_eq!((sent.len(), sent[0].taken, sent[1].taken, fetches), (2, false, true, 2));
    assert!(sent[1].bytes.windows(FILE.len()).any(|part| part == FILE), "the file is there again, whole");
}

#[tokio::test]
async fn a_refused_upload_is_told_with_its_code() {
    let wechat = answering(200, r#"{"errcode":40009,"errmsg":"invalid image size rid: 66f0-1"}"#).await;
    let error = upload(&wechat.client()).await.unwrap_err();
    assert_eq!((error.code(), error.class()), (Some(40009), CodeClass::Permanent));
}

#[tokio::test]
async fn an_answer_without_an_id_leaves_the_upload_unsure() {
    for answer in [r#"{"errcode":0,"errmsg":"ok"}"#, r#"{"media_id":""}"#, "<html>", ""] {
        let wechat = answering(200, answer).await;
        let error = upload(&wechat.client()).await.unwrap_err();
        assert!(matches!(error, ApiError::Unsure(_)), "{answer}: {error:?}");
    }
}

#[tokio::test]
async fn a_file_of_wechats_is_known_by_its_content_and_a_video_by_its_address() {
    let wechat = Pretend::start(|o| o.file = Some(Bytes::from_static(FILE))).await;
    let client = wechat.client();
    assert_eq!(client.media("m/1").await.unwrap(), Downloaded::File(Bytes::from_static(FILE)));
    assert_eq!((wechat.sent()[0].path, wechat.sent()[0].query.as_str()), ("get", "media_id=m%2F1"));

    let wechat = answering(200, r#"{"video_url":"http://video/1"}"#).await;
    assert_eq!(wechat.client().media("m").await.unwrap(), Downloaded::At("http://video/1".to_owned()));
}

#[tokio::test]
async fn a_file_that_wechat_does_not_give_is_an_error() {
    let wechat = answering(200, r#"{"errcode":40007,"errmsg":"invalid media_id rid: 66f0-1"}"#).await;
    assert_eq!(wechat.client().media("m").await.unwrap_err().code(), Some(40007));
    for (status, answer) in [(502, "Bad Gateway"), (200, ""), (200, "{}"), (200, "{\"video_url\":")] {
        let error = answering(status, answer).await.client().media("m").await.unwrap_err();
        assert!(matches!(error, ApiError::Unsure(_)), "{status} {answer}: {error:?}");
    }
}
