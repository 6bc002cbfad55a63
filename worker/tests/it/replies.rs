//! What a handler says is what the user gets.

use huixin_sandbox::Push;
use huixin_wechat::{Article, Content, Media};
use huixin_worker::handlers::ReplyHandler;
use huixin_worker::{Condition, Outcome, Route};
use regex::Regex;
use serde_json::{Value, json};

use crate::support::{Engine, Stage, act, assert_texts, on_both_engines, text};

on_both_engines! {
    a_list_of_replies_of_every_type_arrives_whole_and_in_order
    a_message_that_no_route_matches_ends_without_a_reply
    the_first_route_that_matches_answers_with_what_it_captured
}

async fn a_list_of_replies_of_every_type_arrives_whole_and_in_order(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("anna");
    stage.sandbox.plant_media(stage.account(), "MEDIA", huixin_sandbox::MediaKind::Image, "");
    stage.start([Route::new(
        "all",
        act(async |_, _| {
            let article = Article {
                title: "标题 <&\"😀".into(),
                description: "two\nlines".into(),
                url: "https://example.com/?a=1&b=2".into(),
                picurl: String::new(),
            };
            Outcome::Reply(vec![
                text("你好 😀 \"quoted\" \\ back\nslash"),
                Content::Image { media: Media::Id("MEDIA".into()) }.into(),
                Content::News { articles: vec![article] }.into(),
                text("last"),
            ])
        }),
    )]);
    stage.say(&user, "hello").await;
    stage.rest().await;
    let article = json!({
        "title": "标题 <&\"😀", "description": "two\nlines", "url": "https://example.com/?a=1&b=2", "picurl": ""
    });
    assert_eq!(
        stage.messages_to(&user),
        [
            json!({"msgtype": "text", "text": {"content": "你好 😀 \"quoted\" \\ back\nslash"}}),
            json!({"msgtype": "image", "image": {"media_id": "MEDIA"}}),
            json!({"msgtype": "news", "news": {"articles": [article]}}),
            json!({"msgtype": "text", "text": {"content": "last"}}),
        ]
    );
    assert_eq!(stage.ended("answered"), 1);
    stage.finish().await;
}

#[tokio::test]
async fn texts_are_trimmed_and_blank_ones_never_sent() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let (some, none) = (stage.user("some"), stage.user("none"));
    stage.start([Route::new(
        "blank",
        act(async |content, _| match content.as_str() {
            "some" => Outcome::Reply(["", " \n", "\u{3000}words \t", "\t"].map(text).into()),
            _ => Outcome::Reply(["", " \n\u{3000}"].map(text).into()),
        }),
    )]);
    stage.say(&some, "some").await;
    stage.say(&none, "none").await;
    stage.rest().await;
    assert_texts(&stage.texts(&some, 1).await, &["words"]);
    assert_eq!(stage.sent_to(&none), 0);
    assert_eq!((stage.ended("answered"), stage.ended("no_reply")), (1, 1));
    assert_eq!(stage.refusals(&none), [0_i64; 0]);
    stage.finish().await;
}

async fn a_message_that_no_route_matches_ends_without_a_reply(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let user = stage.user("anna");
    let says = |text: &str| ReplyHandler::new(&Value::from(text)).unwrap();
    stage.start([
        Route::new("orders", says("never")).when_text(Regex::new("^order$").unwrap()),
        Route::new("others", says("never"))
            .when(Condition { account: Some("another".into()), ..Condition::default() }),
    ]);
    stage.say(&user, "no order").await;
    stage.push(Push::click(stage.account(), user.as_str(), "order")).await;
    stage.rest().await;
    assert_eq!(stage.ended("unmatched"), 2);
    assert_eq!(stage.sent_to(&user), 0);
    stage.finish().await;
}

async fn the_first_route_that_matches_answers_with_what_it_captured(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (asks, taps, talks) = (stage.user("asks"), stage.user("taps"), stage.user("talks"));
    let (speaks, follows) = (stage.user("speaks"), stage.user("follows"));
    let says = |reply: Value| ReplyHandler::new(&reply).unwrap();
    stage.start([
        Route::new("lookup", says(json!(["[{{ captures.code }}]", "{{ content }} of {{ account }}"])))
            .when_text(Regex::new(r"^\?(?<code>\d+-\d+)$").unwrap()),
        Route::new("menu", says(json!("key {{ key }}")))
            .when(Condition { event: Some("click".into()), ..Condition::default() }),
        Route::new("spoken", says(json!("heard {{ captures.code }}"))).when(Condition {
            speech: Some(Regex::new(r"查询(?<code>\d+)").unwrap()),
            ..Condition::default()
        }),
        Route::new("poster", says(json!("shop {{ captures['1'] }}"))).when(Condition {
            event: Some("subscribe".into()),
            event_key_pattern: Some(Regex::new(r"^qrscene_shop-(\d+)$").unwrap()),
            ..Condition::default()
        }),
        Route::new("rest", says(json!("echo {{ content }}"))),
    ]);
    stage.say(&asks, " ？18-546").await;
    stage.push(Push::click(stage.account(), taps.as_str(), "pay")).await;
    stage.say(&talks, "18-546").await;
    stage.push(Push::voice(stage.account(), speaks.as_str(), Some("查询１２。"))).await;
    stage.push(Push::subscribe(stage.account(), follows.as_str(), Some("shop-7"))).await;
    assert_texts(&stage.texts(&asks, 2).await, &["[18-546]", &format!("？18-546 of {}", stage.account())]);
    assert_texts(&stage.texts(&taps, 1).await, &["key pay"]);
    assert_texts(&stage.texts(&talks, 1).await, &["echo 18-546"]);
    assert_texts(&stage.texts(&speaks, 1).await, &["heard 12"]);
    assert_texts(&stage.texts(&follows, 1).await, &["shop 7"]);
    stage.finish().await;
}
