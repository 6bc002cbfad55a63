//! Tries that are not answered, or whose answer WeChat doesn't wait for.

use std::{sync::Arc, time::Duration};

use huixin_sandbox::{Push, PushReport, RunningSandbox, SandboxConfig, TranscriptEntry, TryOutcome, What};
use huixin_wechat::passive::{Form, Reply};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{Answer, Receiver, USER, control, start};

async fn say(running: &RunningSandbox) -> PushReport {
    running.sandbox.push(Push::text("main", USER, "hello")).await
}

fn entries(running: &RunningSandbox, wanted: impl Fn(&What) -> bool) -> Vec<Arc<TranscriptEntry>> {
    running.sandbox.transcript().entries().into_iter().filter(|entry| wanted(&entry.what)).collect()
}

#[tokio::test]
async fn many_unanswered_tries_bring_an_alarm_and_more_of_them_a_minute_without_pushes() {
    let receiver = Receiver::answering(vec![Answer::Body(500, String::new()); 5]);
    let running = start(SandboxConfig::default(), &receiver).await;
    let rule = json!({"mark_fail": {"alarm_at": 3, "stop_at": 5}});
    assert_eq!(control(&running, "POST", "sandbox/rules", &rule).await.0, 204);
    assert_eq!(say(&running).await.tries.len(), 3);
    assert_eq!(entries(&running, |what| matches!(what, What::Alarmed { unanswered: 3 })).len(), 1);
    let second = say(&running).await;
    assert_eq!((second.acked, second.tries.len()), (false, 2), "the third try is not made");
    assert_eq!(entries(&running, |what| matches!(what, What::Stopped { unanswered: 5, .. })).len(), 1);
    let third = say(&running).await;
    assert_eq!((third.acked, third.tries.len()), (false, 0));
    assert_eq!(entries(&running, |what| matches!(what, What::Withheld { .. })).len(), 2);
    assert_eq!(entries(&running, |what| matches!(what, What::FaultNotice { .. })).len(), 3);
    assert_eq!(receiver.seen().len(), 5);
    running.sandbox.move_clock(Duration::from_secs(60));
    assert!(say(&running).await.acked, "after a minute it goes on");
}

#[tokio::test]
async fn what_comes_of_unanswered_tries_can_be_switched_off() {
    let receiver = Receiver::answering(vec![Answer::Body(500, String::new()); 63]);
    let running = start(SandboxConfig::default(), &receiver).await;
    assert_eq!(control(&running, "POST", "sandbox/rules", &json!({"mark_fail": false})).await.0, 204);
    for _ in 0..21 {
        assert_eq!(say(&running).await.tries.len(), 3);
    }
    let of_mark_fail = |what: &What| matches!(what, What::Alarmed { .. } | What::Stopped { .. });
    assert!(entries(&running, of_mark_fail).is_empty());
}

#[tokio::test]
async fn wechat_hangs_up_before_within_and_after_a_response_on_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let responses = [
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nsucc",
        "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nsuccess",
    ];
    let receiver = tokio::spawn(async move {
        for (n, response) in responses.into_iter().enumerate() {
            let mut stream = accept(&listener).await;
            stream.write_all(response.as_bytes()).await.unwrap();
            if n == 2 {
                stream.shutdown().await.unwrap();
            }
            // The end of the stream, or a reset: nothing more is written to it, so only its client can have closed it.
            let end = stream.read(&mut [0; 64]).await;
            assert!(end.is_err() || matches!(end, Ok(0)), "{n}: {end:?}");
        }
    });
    let running = start(SandboxConfig::default(), &Receiver::default()).await;
    running.sandbox.set_push_url("main", format!("http://{address}/wechat/main").parse().unwrap());
    for at in ["before", "within", "after"] {
        let fault = json!({"on": "push", "fault": "hang_up", "at": at, "times": 1});
        assert_eq!(control(&running, "POST", "sandbox/faults", &fault).await.0, 200);
    }
    let report = say(&running).await;
    receiver.await.unwrap();
    assert_eq!((report.acked, report.tries.len()), (false, 3));
    let hung_up = TryOutcome::Unreachable("WeChat hung up, as ordered".to_owned());
    assert!(report.tries.iter().all(|one| one.outcome == hung_up), "{report:?}");
    let faults: Vec<_> = entries(&running, |what| matches!(what, What::Faulted { on: "push", .. }));
    let faults: Vec<_> = faults.iter().map(|entry| format!("{:?}", entry.what)).collect();
    assert!(faults[0].contains("Before") && faults[1].contains("Within") && faults[2].contains("After"));
}

#[tokio::test]
async fn a_response_that_comes_after_the_next_try_began_is_not_shown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let receiver = tokio::spawn(async move {
        let (mut first, mut second) = (accept(&listener).await, accept(&listener).await);
        // WeChat has hung up on the first; what is written to it all the same may or may not be an error.
        let _ = first.write_all(&response("too late")).await;
        second.write_all(&response("in time")).await.unwrap();
        (first, second)
    });
    let config = SandboxConfig { push_timeout: Duration::from_millis(500), ..SandboxConfig::default() };
    let running = start(config, &Receiver::default()).await;
    running.sandbox.set_push_url("main", format!("http://{address}/wechat/main").parse().unwrap());
    let report = say(&running).await;
    receiver.await.unwrap();
    let outcomes: Vec<_> = report.tries.into_iter().map(|one| one.outcome).collect();
    assert_eq!(outcomes, [TryOutcome::Timeout, TryOutcome::PassiveReply("in time".to_owned())]);
    assert_eq!(running.sandbox.transcript().texts_to(USER), ["in time"]);
}

/// The next connection, with its request read.
async fn accept(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"</xml>") {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "it ends early");
    }
    stream
}

/// A text for the user in a whole HTTP response.
fn response(content: &str) -> Vec<u8> {
    let form = Form::Text { content: content.to_owned() };
    let (to, from) = (USER.to_owned(), "gh_sandbox_main".to_owned());
    let body = Reply { to, from, created_at: 1, to_event: false, form }.to_xml().unwrap();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[tokio::test]
async fn an_order_to_hang_up_is_for_pushes_alone() {
    let running = start(SandboxConfig::default(), &Receiver::default()).await;
    for wrong in [
        json!({"on": "send", "fault": "hang_up", "at": "before", "times": 1}),
        json!({"on": "push", "fault": "hang_up", "at": "before", "every": 2}),
        json!({"on": "push", "fault": "hang_up", "at": "later", "times": 1}),
    ] {
        assert_eq!(control(&running, "POST", "sandbox/faults", &wrong).await.0, 400, "{wrong}");
    }
}
