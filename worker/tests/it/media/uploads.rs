//! What is uploaded, and that it is uploaded once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use huixin_queue::prelude::*;
use huixin_queue::redis::{RedisQueue, RedisSettings};
use huixin_queue::testing::RedisServer;
use huixin_queue::{Clock, TestClock};
use huixin_wechat::{ApiError, CodeClass, Content, Limit, Media, Outgoing};
use huixin_worker::media::{MediaError, MediaSettings};
use tokio::sync::Barrier;

use super::web::Web;
use super::wechat::TOKEN;
use super::{JPEG, PNG, World, assert_fault_of_reply, local, only_id, shown, store};
use crate::support::within;

const HOUR: Duration = Duration::from_secs(3600);

fn base64(bytes: &[u8]) -> Media {
    Media::Base64(STANDARD.encode(bytes))
}

#[tokio::test]
async fn the_same_picture_is_uploaded_once_wherever_it_comes_from() {
    let world = World::new().await;
    let web = Web::with_picture().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.png"), PNG).unwrap();
    let store = store(&MediaSettings { folder: Some(folder.path().to_owned()), ..local() });
    for media in [web.media("/1"), web.media("/2"), Media::File("a.png".into()), base64(PNG)] {
        assert_eq!(world.picture(&store, media).await.unwrap(), "image-1");
    }
    let uploads = world.wechat.uploads();
    assert_eq!((uploads.len(), uploads[0].kind.as_str()), (1, "image"));
    assert!(uploads[0].has(PNG) && uploads[0].has(b"filename=\"media.png\"\r\nContent-Type: image/png\r\n"));

    // Another worker knows it too, and another content isn't it.
    let another = super::store(&local());
    assert_eq!(world.picture(&another, base64(PNG)).await.unwrap(), "image-1");
    assert_eq!(world.picture(&another, base64(JPEG)).await.unwrap(), "image-2");
}

#[tokio::test]
async fn many_messages_at_once_with_the_same_picture_upload_it_once() {
    let world = World::new().await;
    let store = store(&MediaSettings { at_once: 16, ..local() });
    let all = join_all((0..32).map(|_| world.picture(&store, base64(PNG)))).await;
    assert!(all.iter().all(|id| id.as_deref().is_ok_and(|id| id == "image-1")), "{all:?}");
    assert_eq!(world.wechat.uploads().len(), 1);
}

#[tokio::test]
async fn kinds_and_accounts_have_ids_of_their_own() {
    let world = World::new().await;
    let store = store(&local());
    assert_eq!(world.picture(&store, base64(JPEG)).await.unwrap(), "image-1");
    let video = b"\0\0\0\x18ftypisom\0\0\x02\0";
    let mut part = Outgoing::from(Content::Video {
        media: base64(video),
        thumb: base64(JPEG),
        title: "t".into(),
        description: "d".into(),
    });
    (part.kf_account, part.ai_label) = (Some("a@b".into()), true);
    let ready = world.ready(&store, part.clone()).await.unwrap();
    for ((_, media), id) in part.media_mut().zip(["video-2", "thumb-3"]) {
        *media = Media::Id(id.into());
    }
    assert_eq!(ready.message, part, "nothing else has changed");

    let image = Content::Image { media: base64(JPEG) }.into();
    let other = store.ready(world.queue(), "other", &world.client, &image, None).await.unwrap();
    assert_eq!(only_id(&other), "image-4");
    let name = format!("media/other/{}+image", sha256(JPEG));
    assert_eq!(world.queue.get(&name).await.unwrap().as_deref(), Some(&b"image-4"[..]));
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn an_id_that_wechat_has_forgotten_is_forgotten_and_the_picture_uploaded_again() {
    let world = World::new().await;
    let store = store(&local());
    let image = || Content::Image { media: base64(PNG) };
    let first = world.ready(&store, image()).await.unwrap();
    let same = world.ready(&store, image()).await.unwrap();

    // The send of `first` was refused with 40007.
    assert!(store.forget(world.queue(), &first).await);
    assert_eq!(only_id(&world.ready(&store, image()).await.unwrap()), "image-2");

    // So was that of `same`, a little later: the new id stays.
    assert!(store.forget(world.queue(), &same).await);
    assert_eq!(only_id(&world.ready(&store, image()).await.unwrap()), "image-2");
    assert_eq!(world.wechat.uploads().len(), 2);
}

#[tokio::test]
async fn a_message_without_anything_to_upload_is_left_as_it_is() {
    let world = World::new().await;
    let store = store(&local());
    for part in [Outgoing::text("hello"), Content::Image { media: Media::Id("mine".into()) }.into()] {
        let ready = world.ready(&store, part.clone()).await.unwrap();
        assert_eq!(ready.message, part);
        assert!(!store.forget(world.queue(), &ready).await, "a new try would be the same");
    }
    assert_eq!(world.wechat.uploads().len(), 0);
}

#[tokio::test]
async fn an_id_is_used_for_less_than_three_days() {
    let clock = TestClock::at(1_700_000_000_000_000);
    let world = World::with_clock(Clock::Test(clock.clone())).await;
    let store = store(&local());
    for (later, id) in [(0, "image-1"), (70, "image-1"), (2, "image-2")] {
        clock.advance(HOUR * later);
        assert_eq!(world.picture(&store, base64(PNG)).await.unwrap(), id);
    }
}

#[tokio::test]
async fn a_refused_upload_says_what_wechat_said_and_is_tried_again_next_time() {
    let world = World::new().await;
    let store = store(&local());
    let web = Web::with_picture().await;
    for (code, class) in [
        (40009, CodeClass::Permanent),
        (45009, CodeClass::Rate(Limit::Day)),
        (48001, CodeClass::Config),
        (-1, CodeClass::Retry),
    ] {
        world.wechat.refuse(Some(code));
        let error = world.picture(&store, web.media("/a.png?key=s3cret")).await.unwrap_err();
        assert_eq!((error.class(), error.api_error().and_then(ApiError::code)), (class, Some(code)));
        let url = web.url("/a.png");
        let size_bytes = PNG.len();
        assert_eq!(
            error.to_string(),
            format!("`url` {url}: uploading the image of {size_bytes} bytes failed")
        );
        for secret in ["s3cret", TOKEN, "do-not-show"] {
            assert!(!shown(&error).contains(secret), "{secret}: {error:?}");
        }
    }
    world.wechat.refuse(None);
    assert_eq!(world.picture(&store, web.media("/a.png")).await.unwrap(), "image-5");
}

#[tokio::test]
async fn a_queue_that_is_away_makes_no_upload_fail() {
    let world = World::new().await;
    let store = store(&local());
    let mut server = RedisServer::start(&[]);
    let settings =
        RedisSettings { url: server.url(), prefix: "media".into(), dedup_window: HOUR, clock: Clock::Store };
    let queue = RedisQueue::open(&settings).unwrap();
    let image = Content::Image { media: base64(PNG) }.into();
    let ready = || store.ready(&queue, "main", &world.client, &image, None);
    assert_eq!(only_id(&ready().await.unwrap()), "image-1");
    assert_eq!(only_id(&ready().await.unwrap()), "image-1");
    server.kill();
    assert_eq!(only_id(&ready().await.unwrap()), "image-2");
    assert!(store.forget(&queue, &ready().await.unwrap()).await);
}

#[tokio::test]
async fn files_are_taken_from_the_folder_only_and_from_nowhere_without_one() {
    let world = World::new().await;
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("media");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(outside.path().join("a.png"), PNG).unwrap();
    let with_folder = store(&MediaSettings { folder: Some(folder), ..local() });
    let file = |path: &str| Media::File(path.to_owned());
    let error = world.refused(&with_folder, file("../a.png")).await;
    assert_fault_of_reply(&error, "`file` ../a.png: there is no such file inside the `folder` under [media]");
    let error = world.refused(&store(&local()), file("a.png")).await;
    assert_fault_of_reply(&error, "no folder for files is configured: set `folder`");
}

#[tokio::test]
async fn the_picture_of_a_mini_programs_page_is_named_like_a_thumb_and_uploaded_as_an_image() {
    let world = World::new().await;
    let store = store(&local());
    let page = |thumb| Content::MiniProgramPage {
        title: "t".into(),
        appid: "wx1".into(),
        pagepath: "p".into(),
        thumb,
    };
    world.ready(&store, page(base64(PNG))).await.unwrap();
    assert_eq!(world.wechat.uploads()[0].kind, "image");
    let error = world.why_not(&store, page(base64(b"no picture"))).await;
    assert!(matches!(&error, MediaError::Reply { place, .. } if place == "`thumb_base64`"), "{error}");
}

#[tokio::test]
async fn only_so_many_files_are_in_memory_at_once() {
    const AT_ONCE: usize = 3;
    let world = World::new().await;
    let store = store(&MediaSettings { at_once: AT_ONCE, ..local() });
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    // Nobody gets an answer before as many are there as may be.
    let together = Arc::new(Barrier::new(AT_ONCE));
    let counted = most.clone();
    let web = Web::on("127.0.0.1:0", move |_| {
        let (now, most, together) = (now.clone(), counted.clone(), together.clone());
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            together.wait().await;
            now.fetch_sub(1, Ordering::SeqCst);
            PNG.into_response()
        }
    })
    .await;
    let all = join_all((0..AT_ONCE * 6).map(|n| world.picture(&store, web.media(&format!("/{n}")))));
    assert!(within("all are ready", all).await.iter().all(Result::is_ok));
    assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
}
