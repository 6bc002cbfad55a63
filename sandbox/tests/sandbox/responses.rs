//! Answers in the response to a push: the only way out for an account without the customer-service right.

use std::time::Duration;

use futures::future::join_all;
use huixin_sandbox::{
    AccountRules, MediaKind, Mode, Opener, Push, PushReport, RunningSandbox, SandboxAccount, SandboxConfig,
    TryOutcome, What,
};
use huixin_wechat::{
    AesKey,
    passive::{Form, NewsItem, Reply, Sealer},
};
use serde_json::{Value, json};

use crate::support::{Answer, Client, Receiver, USER, control, start, start_with_user};

const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

fn reply(form: Form) -> Reply {
    let (to, from) = (USER.to_owned(), "gh_sandbox_main".to_owned());
    Reply { to, from, created_at: 1_718_000_011, to_event: true, form }
}

fn text(content: &str) -> String {
    reply(Form::Text { content: content.to_owned() }).to_xml().unwrap()
}

fn impatient() -> SandboxConfig {
    SandboxConfig { push_timeout: Duration::from_millis(500), ..SandboxConfig::default() }
}

/// What was shown of responses: the try, and the message.
fn shown(running: &RunningSandbox) -> Vec<(u32, Value)> {
    let entries = running.sandbox.transcript().entries();
    let replied = |what: &What| match what {
        What::Replied { n, message, .. } => Some((*n, message.clone())),
        _ => None,
    };
    entries.iter().filter_map(|entry| replied(&entry.what)).collect()
}

fn fault_of(report: &PushReport) -> &str {
    match &report.tries[0].outcome {
        TryOutcome::BadReply(reason) => reason,
        other => panic!("{other:?} is no bad reply"),
    }
}

#[tokio::test]
async fn an_account_without_the_right_may_neither_send_nor_type() {
    let (running, client) = start_with_user(SandboxConfig::default()).await;
    let (status, _) = control(&running, "POST", "sandbox/rules", &json!({"may_send": false})).await;
    assert_eq!(status, 204);
    assert_eq!(client.send_text("hello").await, 48001);
    assert_eq!(client.typing(USER, "Typing").await, 48001);
    let refused = running.sandbox.transcript().entries().into_iter().any(|entry| {
        matches!(&entry.what, What::Refused { code: 48001, reason, .. } if reason.contains("api unauthorized"))
    });
    assert!(refused);
    running.sandbox.set_rules("main", AccountRules::default());
    assert_eq!(client.send_text("hello").await, 0);
}

#[tokio::test]
async fn each_of_the_seven_forms_is_shown_as_the_message_that_it_is() {
    let id = |name: &str| name.to_owned();
    let article = |title: &str| NewsItem { title: title.to_owned(), ..NewsItem::default() };
    let forms = [
        (Form::Text { content: "a ]]> b".to_owned() }, json!({"content": "a ]]> b"})),
        (Form::Image { media_id: id("I") }, json!({"media_id": "I"})),
        (Form::Voice { media_id: id("V") }, json!({"media_id": "V"})),
        (
            Form::Video { media_id: id("F"), title: Some("film".to_owned()), description: None },
            json!({"media_id": "F", "title": "film", "description": null}),
        ),
        (
            Form::Music {
                title: None,
                description: None,
                music_url: Some("http://m/".to_owned()),
                hq_music_url: None,
                thumb_media_id: id("I"),
            },
            json!({"title": null, "description": null, "musicurl": "http://m/", "hqmusicurl": null, "thumb_media_id": "I"}),
        ),
        (
            Form::News { articles: vec![article("one"), article("two")] },
            json!({"articles": [
                {"title": "one", "description": "", "url": "", "picurl": ""},
                {"title": "two", "description": "", "url": "", "picurl": ""},
            ]}),
        ),
        (Form::Transfer { kf_account: Some("test1@test".to_owned()) }, json!({"kf_account": "test1@test"})),
    ];
    let names = ["text", "image", "voice", "video", "music", "news", "transfer_customer_service"];
    let bodies: Vec<_> =
        forms.iter().map(|(form, _)| Answer::ok(&reply(form.clone()).to_xml().unwrap())).collect();
    let running = start(SandboxConfig::default(), &Receiver::answering(bodies)).await;
    for (id, kind) in [("I", MediaKind::Image), ("V", MediaKind::Voice), ("F", MediaKind::Video)] {
        running.sandbox.plant_media("main", id, kind, Vec::new());
    }
    for name in names {
        let report = running.sandbox.push(Push::click("main", USER, name)).await;
        assert!(report.acked, "{name}: {report:?}");
    }
    for ((n, message), (name, (_, wanted))) in shown(&running).into_iter().zip(names.iter().zip(forms)) {
        assert_eq!(n, 1);
        assert_eq!(message, json!({"touser": USER, "msgtype": name, (*name): wanted}));
    }
    assert_eq!(shown(&running).len(), 7);
    assert_eq!(running.sandbox.transcript().texts_to(USER), ["a ]]> b"]);
}

#[tokio::test]
async fn a_message_is_answered_with_the_first_article_alone() {
    let articles = ["one", "two"].map(|title| NewsItem { title: title.to_owned(), ..NewsItem::default() });
    let body = reply(Form::News { articles: articles.to_vec() }).to_xml().unwrap();
    let running = start(SandboxConfig::default(), &Receiver::answering([Answer::ok(&body)])).await;
    running.sandbox.push(Push::text("main", USER, "news")).await;
    assert_eq!(shown(&running)[0].1["news"]["articles"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_wrong_response_is_named_and_the_user_sees_the_fault() {
    let long = "x".repeat(2_048);
    let right = text("hello");
    let wrong = [
        (right.replace(USER, "oSomebodyElse"), "ToUserName is not the user"),
        (right.replace("gh_sandbox_main", "gh_other"), "FromUserName is not the account"),
        (right.replace("1718000011", "1718000011000"), "CreateTime is not in seconds"),
        (right.replace("hello", ""), "Content is empty"),
        (right.replace("hello", &long), "Content is too long"),
        (right.replace("<![CDATA[text]]>", "<![CDATA[texts]]>"), "MsgType is unknown"),
        (format!("debug\n{right}"), "neither an ack nor XML"),
        (format!("\u{feff}{right}"), "neither an ack nor XML"),
        (right.replace("</xml>", ""), "neither an ack nor XML"),
        (
            reply(Form::Image { media_id: "gone".to_owned() }).to_xml().unwrap(),
            "the account has no image gone",
        ),
        (
            reply(Form::News { articles: vec![NewsItem::default()] })
                .to_xml()
                .unwrap()
                .replace("<ArticleCount>1", "<ArticleCount>2"),
            "ArticleCount is not the number",
        ),
    ];
    let receiver = Receiver::answering(wrong.iter().map(|(body, _)| Answer::ok(body)));
    let running = start(SandboxConfig::default(), &receiver).await;
    for (body, reason) in &wrong {
        let report = running.sandbox.push(Push::text("main", USER, "hello")).await;
        assert_eq!((report.acked, report.tries.len()), (false, 1), "{body}");
        assert!(fault_of(&report).starts_with(reason), "{body}: {report:?}");
        let last = running.sandbox.transcript().entries().pop().unwrap();
        assert!(matches!(last.what, What::FaultNotice { .. }), "{body}");
    }
    assert_eq!(shown(&running), []);
}

#[tokio::test]
async fn a_response_is_sealed_as_the_mode_of_the_account_demands() {
    let key = AesKey::decode(KEY).unwrap();
    let account = SandboxAccount::named("main");
    let sealer = Sealer { token: &account.token, key: &key, app_id: &account.app_id };
    let (plain, sealed) = (text("hello"), sealer.seal(&text("hello"), 1_718_000_011, "7"));
    let forged = sealed.replace("<TimeStamp>1718000011", "<TimeStamp>1718000012");
    let foreign = Sealer { app_id: "wxother", ..sealer }.seal(&text("hello"), 1_718_000_011, "7");
    let expected = [
        (Mode::Plain, &plain, None),
        (Mode::Plain, &sealed, Some("it is sealed, and the account is in plain mode")),
        (Mode::Compatible, &plain, None),
        (Mode::Compatible, &sealed, None),
        (Mode::Safe, &plain, Some("it is not sealed")),
        (Mode::Safe, &sealed, None),
        (Mode::Safe, &forged, Some("MsgSignature is wrong")),
        (Mode::Safe, &foreign, Some("Encrypt can't be opened")),
    ];
    for (mode, body, fault) in expected {
        let account = SandboxAccount { mode, aes_key: Some(key.clone()), ..account.clone() };
        let config = SandboxConfig { accounts: vec![account], ..SandboxConfig::default() };
        let running = start(config, &Receiver::answering([Answer::ok(body), Answer::ok("success")])).await;
        let report = running.sandbox.push(Push::text("main", USER, "hello")).await;
        match fault {
            None => assert_eq!(shown(&running).len(), 1, "{mode:?}: {report:?}"),
            Some(fault) => assert!(fault_of(&report).starts_with(fault), "{mode:?}: {report:?}"),
        }
        assert!(running.sandbox.push(Push::text("main", USER, "ack")).await.acked, "an ack is never sealed");
    }
}

#[tokio::test]
async fn the_try_that_was_answered_is_told_and_one_answer_is_shown() {
    let receiver = Receiver::answering([Answer::Never, Answer::ok(&text("late")), Answer::ok(&text("lost"))]);
    let running = start(impatient(), &receiver).await;
    let report = running.sandbox.push(Push::text("main", USER, "hello")).await;
    assert_eq!(report.tries.len(), 2);
    assert_eq!(report.tries[1].outcome, TryOutcome::PassiveReply("late".to_owned()));
    assert_eq!(shown(&running).iter().map(|(n, _)| *n).collect::<Vec<_>>(), [2]);
    // What is lost on the way is no answer, and the next try may be answered otherwise.
    running.sandbox.faults().lose_acks(1);
    assert_eq!(running.sandbox.push(Push::text("main", USER, "again")).await.tries.len(), 2);
    assert_eq!(running.sandbox.transcript().texts_to(USER), ["late"]);
}

#[tokio::test]
async fn the_same_push_at_once_is_answered_once() {
    let receiver = Receiver::answering(["a", "b", "c"].map(|content| Answer::ok(&text(content))));
    let running = start(SandboxConfig::default(), &receiver).await;
    let push = Push::text("main", USER, "hello");
    join_all((0..3).map(|_| running.sandbox.push_once(&push))).await;
    assert_eq!(receiver.seen().len(), 3);
    assert_eq!(shown(&running).len(), 1);
}

#[tokio::test]
async fn a_background_event_is_acked_by_a_reply_that_nobody_sees() {
    let receiver = Receiver::answering([Answer::ok(&text("hello"))]);
    let running = start(SandboxConfig::default(), &receiver).await;
    assert!(running.sandbox.push(Push::location_event("main", USER, 1.0, 2.0)).await.acked);
    assert_eq!(shown(&running), []);
}

#[tokio::test]
async fn a_fourth_try_is_made_where_the_rules_say_so() {
    let receiver = Receiver::answering(vec![Answer::Body(500, String::new()); 4]);
    let running = start(SandboxConfig::default(), &receiver).await;
    let set = async |body| control(&running, "POST", "sandbox/rules", &body).await.0;
    assert_eq!(set(json!({"extra_try": 1.5})).await, 400);
    assert_eq!(set(json!({"extra_try": 1})).await, 204);
    assert_eq!(running.sandbox.push(Push::text("main", USER, "hello")).await.tries.len(), 4);
}

#[tokio::test]
async fn an_account_may_get_taps_without_their_id() {
    let receiver = Receiver::default();
    let running = start(SandboxConfig::default(), &receiver).await;
    let tap = json!({"user": USER, "kind": "text", "content": "continue", "menu_id": "7"});
    for (menu_ids, has_id) in [(true, true), (false, false)] {
        control(&running, "POST", "sandbox/rules", &json!({"menu_ids": menu_ids})).await;
        let (_, answer) = control(&running, "POST", "sandbox/push", &tap).await;
        let acked = |entry: &huixin_sandbox::TranscriptEntry| {
            matches!(entry.what, What::Acked { .. }) && entry.what.msg_id() == answer["msg_id"].as_str()
        };
        running.sandbox.transcript().wait_for_matches(acked, 1, crate::support::SOON).await.unwrap();
        let body = receiver.seen().pop().unwrap().body;
        assert_eq!(body.contains("<bizmsgmenuid><![CDATA[7]]></bizmsgmenuid>"), has_id, "{body}");
        assert_eq!(
            running.sandbox.right("main", USER).unwrap().by,
            Opener::Click,
            "it is a tap all the same"
        );
    }
    assert_eq!(Client::with_token(&running).await.send_text("hello").await, 0);
}
