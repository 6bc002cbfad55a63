//! The limits of a fetch: size, time, type, redirects.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use huixin_wechat::{CodeClass, Content, Media};
use huixin_worker::media::MediaSettings;

use super::web::{Web, raw, redirect, with_headers};
use super::{JPEG, PNG, World, assert_fault_of_reply, assert_passing, local, store};
use crate::support::within;

/// Music whose picture is at the address: 64 KiB at most.
fn with_thumb(url: String) -> Content {
    Content::Music {
        title: "t".into(),
        description: "d".into(),
        musicurl: "http://x/".into(),
        hqmusicurl: String::new(),
        thumb: Media::Url(url),
    }
}

/// A body without an end, a chunk every so often.
fn endless(pause: Duration) -> Body {
    let start = Bytes::from_static(JPEG);
    Body::from_stream(futures::stream::unfold(start, move |chunk| async move {
        tokio::time::sleep(pause).await;
        Some((Ok::<_, std::io::Error>(chunk), Bytes::from_static(&[0; 1024])))
    }))
}

fn head(length: usize) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: image/jpeg\r\ncontent-length: {length}\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn what_is_too_large_is_not_read_to_its_end() {
    let world = World::new().await;
    let store = store(&local());
    let too_large = "is larger than 64 KiB, the most that WeChat takes for type thumb";

    // Announced: the body, which never comes, isn't waited for.
    let announced = Web::answering(|_| {
        with_headers(
            &[("content-length", "65537")],
            Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>()),
        )
    })
    .await;
    let error = within("it is refused", world.why_not(&store, with_thumb(announced.url("/a.jpg")))).await;
    assert_fault_of_reply(&error, too_large);
    assert!(
        error.to_string().starts_with(&format!("`thumb_url` {}: is", announced.url("/a.jpg"))),
        "{error}"
    );

    // Not announced, and without an end.
    let endless = Web::answering(|_| endless(Duration::ZERO).into_response()).await;
    let error = within("it is refused", world.why_not(&store, with_thumb(endless.url("/")))).await;
    assert_fault_of_reply(&error, too_large);
    assert_eq!(error.class(), CodeClass::Permanent);
}

#[tokio::test]
async fn of_a_body_larger_than_announced_no_more_is_taken_than_was_announced() {
    let world = World::new().await;
    let mut answer = head(JPEG.len());
    answer.extend_from_slice(JPEG);
    answer.extend_from_slice(&b"and more".repeat(20_000));
    let url = raw(answer).await;
    world.ready(&store(&local()), with_thumb(url)).await.unwrap();
    let upload = world.wechat.uploads().remove(0);
    assert!(upload.has(JPEG) && !upload.has(b"and more"));
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_not_taken_for_the_whole() {
    let world = World::new().await;
    let mut answer = head(JPEG.len() + 1);
    answer.extend_from_slice(JPEG);
    let error = world.why_not(&store(&local()), with_thumb(raw(answer).await)).await;
    assert_passing(&error, "`thumb_url` http://127.0.0.1:");
    assert_eq!(error.class(), CodeClass::Retry);
}

#[tokio::test]
async fn a_server_that_is_slow_to_begin_or_to_end_is_given_up() {
    let world = World::new().await;
    let store = store(&MediaSettings { timeout: Duration::from_millis(300), ..local() });
    let slow = Web::on("127.0.0.1:0", |uri| async move {
        if uri == "/never" {
            std::future::pending::<()>().await;
        }
        endless(Duration::from_millis(40)).into_response()
    })
    .await;
    for path in ["/never", "/drips"] {
        let error = within("it is given up", world.refused(&store, slow.media(path))).await;
        assert_passing(&error, "fetching it took longer than 300ms");
    }
}

#[tokio::test]
async fn what_comes_is_judged_by_its_content_and_not_by_its_name_or_label() {
    let world = World::new().await;
    let store = store(&local());
    let web = Web::answering(|uri| {
        let png = [("content-type", "image/png")];
        match uri {
            "/error.png" => with_headers(&png, "<!DOCTYPE html><title>Not found</title>"),
            "/webp.png" => with_headers(&png, &b"RIFF\x10\0\0\0WEBPVP8 "[..]),
            "/json.png" => with_headers(&png, r#"{"error":"no such picture"}"#),
            "/empty.png" => with_headers(&png, ""),
            "/packed.png" => with_headers(&[("content-encoding", "gzip")], &b"\x1f\x8b\x08\0\0\0\0\0"[..]),
            _ => with_headers(&[("content-type", "text/html")], PNG),
        }
    })
    .await;
    for (path, says) in [
        ("/error.png", "is text/html; for type image WeChat takes image/jpeg, image/png, image/gif"),
        ("/webp.png", "is image/webp;"),
        ("/json.png", "is of an unknown type;"),
        ("/empty.png", "is empty"),
        // Not unpacked: a small answer stays small.
        ("/packed.png", "is application/gzip;"),
    ] {
        assert_fault_of_reply(&world.refused(&store, web.media(path)).await, says);
    }
    world.picture(&store, web.media("/picture.html")).await.unwrap();
}

#[tokio::test]
async fn a_status_says_whether_the_address_is_wrong_or_the_server_in_trouble() {
    let world = World::new().await;
    let store = store(&local());
    let web = Web::answering(|uri| {
        let status = StatusCode::from_bytes(&uri.as_bytes()[1..]).unwrap();
        // A picture all the same: what counts is the status.
        (status, PNG).into_response()
    })
    .await;
    for status in [201, 206, 302, 400, 401, 403, 404, 410] {
        let error = world.refused(&store, web.media(&format!("/{status}"))).await;
        assert_fault_of_reply(&error, &format!("the server answered HTTP {status}"));
    }
    for status in [408, 429, 500, 502, 503] {
        let error = world.refused(&store, web.media(&format!("/{status}"))).await;
        assert_passing(&error, &format!("the server answered HTTP {status}"));
    }
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = world.refused(&store, Media::Url(format!("http://{nobody}/"))).await;
    assert_passing(&error, "the server can't be reached: ");
}

#[tokio::test]
async fn five_redirects_are_followed_without_cookies_or_referrer_and_not_a_sixth() {
    let world = World::new().await;
    let store = store(&local());
    // `/3` has three more to go.
    let web = Web::answering(|uri| match uri[1..].parse::<u32>().unwrap() {
        0 => PNG.into_response(),
        n => {
            let mut response = redirect(&format!("./{}", n - 1));
            response.headers_mut().insert("set-cookie", "a=b; Path=/".parse().unwrap());
            response
        }
    })
    .await;
    world.picture(&store, web.media("/5")).await.unwrap();
    let asked = web.asked();
    let paths: Vec<&str> = asked.iter().map(|asked| asked.uri.as_str()).collect();
    assert_eq!(paths, ["/5", "/4", "/3", "/2", "/1", "/0"]);
    for one in &asked {
        assert!(!one.headers.contains_key("cookie") && !one.headers.contains_key("referer"), "{one:?}");
        assert_eq!(one.headers["accept"], "image/jpeg, image/png, image/gif, */*;q=0.1");
    }
    assert_fault_of_reply(&world.refused(&store, web.media("/6")).await, "redirects more than 5 times");
    assert_eq!(web.asked().len(), 12);
}
