use std::time::Duration;

use futures::future::join_all;
use huixin_sandbox::{FAULT_NOTICE, Push, PushKind, SandboxConfig, TryOutcome, What};

use crate::support::{Answer, Receiver, USER, start};

fn impatient() -> SandboxConfig {
    SandboxConfig { push_timeout: Duration::from_millis(100), ..SandboxConfig::default() }
}

#[tokio::test]
async fn an_empty_body_and_success_are_acks() {
    let receiver = Receiver::answering([Answer::ok(""), Answer::ok("success")]);
    let running = start(SandboxConfig::default(), &receiver).await;
    for _ in 0..2 {
        let report = running.sandbox.push(Push::text("main", USER, "你好")).await;
        assert!(report.acked);
        assert!(report.ack_ms.is_some());
        assert_eq!(report.tries.len(), 1);
        assert_eq!(report.tries[0].outcome, TryOutcome::Acked);
    }
    assert_eq!(receiver.seen().len(), 2);
}

#[tokio::test]
async fn three_tries_without_an_answer_end_in_the_fault_notice() {
    let receiver = Receiver::answering(vec![Answer::Never; 4]);
    let running = start(impatient(), &receiver).await;
    let push = Push::text("main", USER, "hello");
    let id = push.msg_id.clone();
    let report = running.sandbox.push(push).await;
    assert!(!report.acked);
    assert_eq!(report.ack_ms, None);
    assert!(report.tries.iter().all(|one| one.outcome == TryOutcome::Timeout), "{report:?}");
    assert_eq!(report.tries.len(), 3);
    // Each try begins when the time of the last one is up, and not before.
    assert!(report.tries[1].started_ms >= 100.0 && report.tries[2].started_ms >= 200.0, "{report:?}");
    let last = running.sandbox.transcript().entries().pop().unwrap();
    assert!(matches!(&last.what, What::FaultNotice { msg_id } if *msg_id == id));
    assert_eq!(FAULT_NOTICE, "该公众号提供的服务出现故障，请稍后再试");
}

#[tokio::test]
async fn every_try_has_the_same_body_and_a_fresh_valid_signature() {
    let receiver =
        Receiver::answering([Answer::Body(503, String::new()), Answer::Never, Answer::ok("success")]);
    let config = SandboxConfig { push_timeout: Duration::from_millis(500), ..SandboxConfig::default() };
    let running = start(config, &receiver).await;
    let report = running.sandbox.push(Push::text("main", USER, "hello")).await;
    assert!(report.acked);
    let outcomes: Vec<_> = report.tries.iter().map(|one| one.outcome.clone()).collect();
    assert_eq!(outcomes, [TryOutcome::Status(503), TryOutcome::Timeout, TryOutcome::Acked]);
    let seen = receiver.seen();
    assert!(seen.iter().all(|request| request.body == seen[0].body));
    let token = &running.sandbox.config().accounts[0].token;
    for request in &seen {
        let query = &request.query;
        let signature = huixin_wechat::signature::sign(&[token, &query["timestamp"], &query["nonce"]]);
        assert_eq!(query["signature"], signature);
        assert_eq!(query["openid"], USER);
    }
    assert!(
        seen[0].query["nonce"] != seen[1].query["nonce"] && seen[1].query["nonce"] != seen[2].query["nonce"]
    );
}

#[tokio::test]
async fn a_server_that_can_not_be_reached_is_tried_three_times() {
    let running = start(SandboxConfig::default(), &Receiver::default()).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    running.sandbox.set_push_url("main", format!("http://{closed}/wechat/main").parse().unwrap());
    let report = running.sandbox.push(Push::text("main", USER, "hello")).await;
    assert_eq!(report.tries.len(), 3);
    assert!(report.tries.iter().all(|one| matches!(one.outcome, TryOutcome::Unreachable(_))), "{report:?}");
}

#[tokio::test]
async fn a_bad_reply_brings_the_fault_notice_at_once() {
    let bad = [
        "ok",
        "success\n",
        "{}",
        "<html></html>",
        "<xml></xml>",
        "<xml><ToUserName>x</ToUserName><FromUserName>y</FromUserName><CreateTime>1</CreateTime></xml>",
    ];
    let receiver = Receiver::answering(bad.map(Answer::ok));
    let running = start(SandboxConfig::default(), &receiver).await;
    for body in bad {
        let report = running.sandbox.push(Push::text("main", USER, "hello")).await;
        assert!(!report.acked, "{body}");
        assert_eq!(report.tries.len(), 1, "{body}");
        assert!(matches!(report.tries[0].outcome, TryOutcome::BadReply(_)), "{body}");
        let last = running.sandbox.transcript().entries().pop().unwrap();
        assert!(matches!(last.what, What::FaultNotice { .. }), "{body}");
    }
}

#[tokio::test]
async fn a_passive_text_reply_is_an_ack_and_reaches_the_user() {
    let reply = format!(
        "<xml><ToUserName><![CDATA[{USER}]]></ToUserName><FromUserName><![CDATA[gh_sandbox_main]]></FromUserName>\
         <CreateTime>1718000011</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[收到]]></Content></xml>"
    );
    let receiver = Receiver::answering([Answer::ok(&reply)]);
    let running = start(SandboxConfig::default(), &receiver).await;
    let report = running.sandbox.push(Push::text("main", USER, "hello")).await;
    assert!(report.acked);
    assert_eq!(report.tries[0].outcome, TryOutcome::PassiveReply("收到".to_owned()));
}

#[tokio::test]
async fn background_events_fail_in_silence() {
    let receiver = Receiver::answering(vec![Answer::Body(500, "no".to_owned()); 9]);
    let running = start(SandboxConfig::default(), &receiver).await;
    let pushes = [
        Push::location_event("main", USER, 1.0, 2.0),
        Push::view("main", USER, "https://example.com/"),
        Push::unsubscribe("main", USER),
    ];
    for push in pushes {
        let report = running.sandbox.push(push).await;
        assert_eq!(report.tries.len(), 3);
    }
    let entries = running.sandbox.transcript().entries();
    assert!(!entries.iter().any(|entry| matches!(entry.what, What::FaultNotice { .. })));
    assert_eq!(entries.iter().filter(|entry| matches!(entry.what, What::GivenUp { .. })).count(), 3);
}

#[tokio::test]
async fn the_same_push_three_times_at_once_is_said_once() {
    let receiver = Receiver::default();
    let running = start(SandboxConfig::default(), &receiver).await;
    let push = Push::text("main", USER, "hello");
    let tries = join_all((0..3).map(|_| running.sandbox.push_once(&push))).await;
    assert!(tries.iter().all(|one| one.outcome == TryOutcome::Acked));
    let seen = receiver.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|request| request.body == seen[0].body));
    let said = running.sandbox.transcript().entries();
    assert_eq!(said.iter().filter(|entry| matches!(entry.what, What::Said { .. })).count(), 1);
}

#[tokio::test]
async fn a_lost_ack_is_a_timeout_to_wechat_and_the_message_comes_again() {
    let receiver = Receiver::default();
    let running = start(SandboxConfig::default(), &receiver).await;
    running.sandbox.faults().lose_acks(1);
    let report = running.sandbox.push(Push::text("main", USER, "hello")).await;
    assert!(report.acked);
    assert_eq!(report.tries[0].outcome, TryOutcome::Timeout);
    assert_eq!(receiver.seen().len(), 2);
}

#[test]
fn bodies_have_the_shape_of_the_documentation() {
    let body = |push: Push| {
        let push = push.created_at(1718000010);
        push.body("gh_x").replace(&push.msg_id, "ID")
    };
    let around = |middle: &str| {
        format!(
            "<xml><ToUserName><![CDATA[gh_x]]></ToUserName>\n<FromUserName><![CDATA[o1]]></FromUserName>\n\
             <CreateTime>1718000010</CreateTime>\n{middle}\n</xml>"
        )
    };
    let text =
        "<MsgType><![CDATA[text]]></MsgType>\n<Content><![CDATA[a <b> & 你😀]]></Content>\n<MsgId>ID</MsgId>";
    assert_eq!(body(Push::text("main", "o1", "a <b> & 你😀")), around(text));
    let click = "<MsgType><![CDATA[event]]></MsgType>\n<Event><![CDATA[CLICK]]></Event>\n<EventKey><![CDATA[k]]></EventKey>";
    assert_eq!(body(Push::click("main", "o1", "k")), around(click));
    let location = "<MsgType><![CDATA[location]]></MsgType>\n<Location_X>23.13</Location_X>\n<Location_Y>113.26</Location_Y>\n\
                    <Scale>16</Scale>\n<Label><![CDATA[广州]]></Label>\n<MsgId>ID</MsgId>";
    assert_eq!(body(Push::location("main", "o1", 23.13, 113.26, "广州")), around(location));
    let follow = "<MsgType><![CDATA[event]]></MsgType>\n<Event><![CDATA[subscribe]]></Event>\n\
                  <EventKey><![CDATA[qrscene_7]]></EventKey>\n<Ticket><![CDATA[TICKET_7]]></Ticket>";
    assert_eq!(body(Push::subscribe("main", "o1", Some("7"))), around(follow));
}

#[test]
fn every_kind_of_body_is_read_back_by_the_parser() {
    let pushes = [
        Push::text("main", USER, "a]]>b <c>&"),
        Push::image("main", USER),
        Push::voice("main", USER, Some("你好")),
        Push::voice("main", USER, None),
        Push::video("main", USER),
        Push::shortvideo("main", USER),
        Push::location("main", USER, 23.13, 113.26, "广州"),
        Push::link("main", USER, "t", "d", "https://example.com/?a=1&b=2"),
        Push::subscribe("main", USER, None),
        Push::unsubscribe("main", USER),
        Push::scan("main", USER, "7"),
        Push::location_event("main", USER, 23.13, 113.26),
        Push::click("main", USER, "menu"),
        Push::view("main", USER, "https://example.com/?a=1&b=2"),
    ];
    for push in pushes {
        let body = push.body("gh_x");
        let tree = huixin_wechat::xml::parse(body.as_bytes()).unwrap();
        assert_eq!(tree.text_of("FromUserName"), Some(USER));
        let is_event = tree.text_of("MsgType") == Some("event");
        assert_eq!(tree.get("MsgId").is_none(), is_event, "{body}");
        if let PushKind::Text { content, .. } = &push.kind {
            assert_eq!(tree.text_of("Content"), Some(content.as_str()));
        }
    }
}

#[test]
fn message_ids_have_17_digits_and_rise() {
    let ids: Vec<u64> = (0..1000).map(|_| Push::image("main", USER).msg_id.parse().unwrap()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(ids.iter().all(|id| id.to_string().len() == 17));
}
