use std::time::Duration;

use huixin_sandbox::{MediaKind, Push, PushKind, SandboxConfig, What};
use serde_json::json;

use crate::support::{USER, code, start_with_user, upload_of};

const GIF: &[u8] = b"GIF89a\x01\0\x01\0";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF";
const MP4: &[u8] = b"\0\0\0\x18ftypmp42";

#[tokio::test]
async fn what_is_uploaded_can_be_sent_and_fetched_for_three_days() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let answer = client.upload("image", upload_of("a.gif", GIF)).await;
    assert_eq!(answer["type"], "image");
    assert!(answer["created_at"].is_u64());
    let id = answer["media_id"].as_str().unwrap();
    assert_eq!(client.send_media("image", id).await, 0);
    assert_eq!(client.send_media("image", id).await, 0, "an id is good for many messages");
    let file = client.media_get(id).await;
    assert_eq!(file.headers()["content-type"], "image/gif");
    assert!(file.headers().contains_key("content-disposition"));
    assert_eq!(file.bytes().await.unwrap(), GIF);

    running.sandbox.push(Push::text("main", USER, "more")).await;
    running.sandbox.move_clock(Duration::from_secs(3 * 24 * 60 * 60 + 1));
    running.sandbox.push(Push::text("main", USER, "still there?")).await;
    let client = crate::support::Client::with_token(&running).await;
    assert_eq!(client.send_media("image", id).await, 40007);
    assert_eq!(code(&client.media_get(id).await.json().await.unwrap()), 40007);
}

#[tokio::test]
async fn uploads_and_fetches_are_in_the_transcript() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let answer = client.upload("image", upload_of("a.gif", GIF)).await;
    let id = answer["media_id"].as_str().unwrap();
    client.media_get(id).await;
    client.upload("image", upload_of("a.txt", b"text")).await;
    let entries = running.sandbox.transcript().entries_after(3);
    assert!(
        matches!(&entries[0].what, What::Uploaded { media_id, kind: "image", bytes: 10 } if media_id == id)
    );
    assert!(matches!(&entries[1].what, What::Fetched { media_id } if media_id == id));
    assert!(matches!(&entries[2].what, What::CallRefused { on: "upload", code: 40005, .. }));
    assert!(entries.iter().all(|entry| entry.account == "main"));
    let calls = running.sandbox.calls("main");
    assert_eq!((calls.upload.calls, calls.upload.refused, calls.media_get.calls), (2, 1, 1));
}

#[tokio::test]
async fn a_thumbs_id_has_a_name_of_its_own() {
    let (_running, client) = start_with_user(SandboxConfig::default()).await;
    let thumb = client.upload("thumb", upload_of("a.jpg", JPEG)).await;
    assert!(thumb.get("media_id").is_none());
    let film = client.upload("video", upload_of("a.mp4", MP4)).await;
    let message = json!({"touser": USER, "msgtype": "video", "video": {
        "media_id": film["media_id"], "thumb_media_id": thumb["thumb_media_id"],
    }});
    assert_eq!(code(&client.send(message.to_string()).await), 0);
}

#[tokio::test]
async fn a_film_is_fetched_from_the_address_that_is_answered() {
    let (_running, client) = start_with_user(SandboxConfig::default()).await;
    let film = client.upload("video", upload_of("a.mp4", MP4)).await;
    let answer: serde_json::Value =
        client.media_get(film["media_id"].as_str().unwrap()).await.json().await.unwrap();
    let file = client.http.get(answer["video_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(file.bytes().await.unwrap(), MP4);
}

#[tokio::test]
async fn each_mistake_of_an_upload_has_its_error_code() {
    let (_running, client) = start_with_user(SandboxConfig::default()).await;
    let sized = |head: &[u8], size: usize| {
        let mut file = head.to_vec();
        file.resize(size, 0);
        upload_of("file", &file)
    };
    let other_field = String::from_utf8(upload_of("a.gif", b"GIF89a")).unwrap().replace("media", "file");
    let mistakes = [
        (40004, "sticker", upload_of("a.gif", GIF)),
        (40004, "news", upload_of("a.gif", GIF)),
        (40005, "image", upload_of("a.png", b"<svg>")),
        (40005, "thumb", upload_of("a.gif", GIF)),
        (40005, "voice", upload_of("a.mp4", MP4)),
        (40009, "image", sized(GIF, 2 * 1024 * 1024 + 1)),
        (40010, "voice", sized(b"ID3", 2 * 1024 * 1024 + 1)),
        (40011, "video", sized(MP4, 10 * 1024 * 1024 + 1)),
        (40012, "thumb", sized(JPEG, 64 * 1024 + 1)),
        (45001, "video", sized(MP4, 11 * 1024 * 1024)),
        (45007, "voice", upload_of("a.amr", &[b"#!AMR\n".to_vec(), [0x04; 13].repeat(3001)].concat())),
        (44001, "image", upload_of("a.gif", b"")),
        (41005, "image", upload_of("", GIF)),
        (41005, "image", other_field.into_bytes()),
        (41005, "image", b"--BOUNDARY--\r\n".to_vec()),
        (41005, "image", b"no form".to_vec()),
    ];
    for (expected, kind, form) in mistakes {
        let size = form.len();
        assert_eq!(code(&client.upload(kind, form).await), expected, "{kind} of {size} bytes");
    }
    let get = client.http.get(client.url("media/upload")).send().await.unwrap();
    assert_eq!(code(&get.json().await.unwrap()), 43002);
    let bare = client.http.post(client.url("media/upload")).body("{}").send().await.unwrap();
    assert_eq!(code(&bare.json().await.unwrap()), 40004);
    let post = client.http.post(client.url("media/get")).send().await.unwrap();
    assert_eq!(code(&post.json().await.unwrap()), 43001);
    assert_eq!(code(&client.media_get("").await.json().await.unwrap()), 41006);
    assert_eq!(code(&client.media_get("unknown").await.json().await.unwrap()), 40007);
}

#[tokio::test]
async fn permanent_media_can_be_planted_and_stays_when_the_rest_expires() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    running.sandbox.plant_media("main", "LOGO", MediaKind::Image, GIF);
    let answer = client.upload("image", upload_of("a.gif", GIF)).await;
    let id = answer["media_id"].as_str().unwrap();
    assert_eq!(running.sandbox.expire_media("main"), 1);
    assert_eq!(client.send_media("image", id).await, 40007);
    assert_eq!(client.send_media("image", "LOGO").await, 0);
    assert!(running.sandbox.forget_media("main", "LOGO"));
    assert_eq!(client.send_media("image", "LOGO").await, 40007);
}

#[tokio::test]
async fn what_a_user_sends_can_be_fetched_and_sent_on() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let push = Push::image("main", USER);
    running.sandbox.push(push.clone()).await;
    let PushKind::Image { media_id, .. } = &push.kind else { panic!("an image") };
    assert_eq!(client.send_media("image", media_id).await, 0);
    let file = client.media_get(media_id).await;
    assert_eq!(file.headers()["content-type"], "image/gif");
}

#[tokio::test]
async fn media_is_not_shared_and_need_not_be_checked() {
    let accounts =
        vec![huixin_sandbox::SandboxAccount::named("main"), huixin_sandbox::SandboxAccount::named("shop")];
    let config = SandboxConfig { accounts, enforce_media: false, ..SandboxConfig::default() };
    let (running, client) = start_with_user(config).await;
    running.sandbox.plant_media("shop", "LOGO", MediaKind::Image, GIF);
    assert_eq!(code(&client.media_get("LOGO").await.json().await.unwrap()), 40007);
    assert_eq!(client.send_media("image", "LOGO").await, 0);
}

#[tokio::test]
async fn an_account_keeps_so_much_media_and_no_more() {
    let config = SandboxConfig { max_media: 2, ..SandboxConfig::default() };
    let (_running, client) = start_with_user(config).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let answer = client.upload("image", upload_of("a.gif", GIF)).await;
        ids.push(answer["media_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(client.send_media("image", &ids[0]).await, 40007);
    assert_eq!(client.send_media("image", &ids[2]).await, 0);
}
