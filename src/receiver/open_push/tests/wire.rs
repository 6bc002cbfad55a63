//! What WeChat sends, and what it gets.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::stage::NEVER;

/// A response as it came, or none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// The connection was cut.
    Nothing,
    Status(u16),
    /// With status 200.
    Body(String),
}

/// The response to a request, which comes before the test gives up.
pub(super) async fn got(mut stream: TcpStream) -> Got {
    let mut bytes = Vec::new();
    let reading = async {
        // Every response of an open push ends its connection; an ordinary one has an empty body or a known length.
        while !is_whole(&bytes) && stream.read_buf(&mut bytes).await.unwrap_or(0) > 0 {}
    };
    tokio::time::timeout(NEVER / 2, reading).await.expect("it ends");
    let text = String::from_utf8(bytes).unwrap();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return Got::Nothing };
    match head.split(' ').nth(1) {
        Some("200") => Got::Body(body.to_owned()),
        status => Got::Status(status.unwrap().parse().unwrap()),
    }
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| body.len() >= length.parse().unwrap())
}

/// The text that a response says to the user.
pub(super) async fn said(stream: TcpStream) -> String {
    match got(stream).await {
        Got::Body(body) => text_in(&body),
        other => format!("{other:?}"),
    }
}

pub(super) fn text_in(xml: &str) -> String {
    let Some((_, rest)) = xml.split_once("<Content><![CDATA[") else { return xml.to_owned() };
    rest.split("]]></Content>").next().unwrap().to_owned()
}

pub(super) fn text_push(id: u32, text: &str) -> String {
    made("text", &format!("<Content><![CDATA[{text}]]></Content><MsgId>{id}</MsgId>"))
}

/// The body of a push that was made now.
pub(super) fn made(kind: &str, rest: &str) -> String {
    let now = now_s();
    format!(
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>oUser</FromUserName><CreateTime>{now}</CreateTime>\
         <MsgType>{kind}</MsgType>{rest}</xml>"
    )
}

pub(super) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
