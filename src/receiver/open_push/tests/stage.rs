//! A receiver with a queue in memory, WeChat's side of its sockets, and a worker's hands.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use huixin_queue::prelude::*;
use huixin_queue::testing::ReferenceQueue;
use huixin_queue::{Class, Clock, Lane, Leased, PushAnswer, Settled, Settlement, TakeRequest, WorkerId};
use huixin_wechat::passive::Form;
use huixin_wechat::{AesKey, PushKeys, sign};
use huixin_worker::Rights;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::wire::{now_s, text_push};
use crate::config::MaxSkew;
use crate::receiver::open_push::{OpenPushes, PushLimits};
use crate::receiver::{Answers, Origins, PushAnswers, Receiver, ReceiverAccount, run_with};

pub(super) const TOKEN: &str = "t0ken";
pub(super) const AES_KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
/// Longer than any test: what must come sooner doesn't come by this.
pub(super) const NEVER: Duration = Duration::from_secs(60);

pub(super) const SOON: Duration = Duration::from_millis(10);

/// What is on stage.
pub(super) struct Stage {
    pub(super) queue: Arc<ReferenceQueue>,
    address: SocketAddr,
    limits: PushLimits,
    room: Arc<Semaphore>,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

/// Limits in which only news brings an answer, and nothing ends by itself.
pub(super) fn patient() -> PushLimits {
    PushLimits { at_once: 64, claim_until: NEVER, grace: NEVER, cut_after: NEVER, look_every: NEVER }
}

/// Limits in which everything ends soon.
pub(super) fn hasty() -> PushLimits {
    PushLimits {
        claim_until: Duration::from_millis(200),
        grace: Duration::from_millis(200),
        cut_after: Duration::from_millis(300),
        ..patient()
    }
}

pub(super) fn push(unanswered: Option<(u32, Duration)>) -> Answers {
    let fetch_words = vec!["查看回复".to_owned(), "继续".to_owned()];
    let (notice, link) = ("later: LINK".to_owned(), "LINK".to_owned());
    Answers::Push(PushAnswers { unanswered, notice, link, fetch_words })
}

pub(super) fn either() -> Answers {
    Answers::Either { push_wait: NEVER }
}

impl Stage {
    pub(super) async fn of(answers: Answers, limits: PushLimits) -> Self {
        Self::with(answers, limits, |queue| (queue.clone(), queue)).await
    }

    /// Open pushes see another queue than the one on stage.
    pub(super) async fn with(
        answers: Answers,
        limits: PushLimits,
        seen: impl FnOnce(Arc<ReferenceQueue>) -> (Arc<dyn Responder>, Arc<dyn Shared>),
    ) -> Self {
        let queue = Arc::new(ReferenceQueue::new(NEVER, Clock::Store));
        let account = |aes_keys| {
            let keys = PushKeys {
                tokens: vec![TOKEN.into()],
                aes_keys,
                app_id: "wx1".to_owned(),
                accept_plain: false,
            };
            ReceiverAccount::new(keys, Class::new("main").unwrap(), answers.clone())
        };
        let sealed = account(vec![AesKey::decode(AES_KEY).unwrap()]);
        let receiver = Receiver {
            queue: queue.clone(),
            claimed_spool: None,
            accounts: HashMap::from([
                ("main".to_owned(), account(Vec::new())),
                ("sealed".to_owned(), sealed),
            ]),
            rights: Rights::default(),
            max_body_bytes: 1 << 20,
            ack_budget: Duration::from_secs(1),
            max_skew: MaxSkew { plain: None, sealed: None },
            origins: Origins::default(),
        };
        let (responder, shared) = seen(queue.clone());
        let open_pushes = OpenPushes::new(responder, shared, limits.clone());
        let room = open_pushes.room.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(run_with(listener, receiver, open_pushes, stop.clone().cancelled_owned()));
        Self { queue, address, limits, room, stop, running }
    }

    /// Posts a text with this id.
    pub(super) async fn post_text(&self, id: u32, text: &str) -> TcpStream {
        self.post("main", &text_push(id, text), 0).await
    }

    /// Posts this `late_s` after it was made.
    pub(super) async fn post(&self, account: &str, body: &str, late_s: u64) -> TcpStream {
        let timestamp = (now_s() + late_s).to_string();
        let signature = sign(&[TOKEN, &timestamp, "n"]);
        let query = format!("signature={signature}&timestamp={timestamp}&nonce=n");
        self.post_with(account, &query, body).await
    }

    pub(super) async fn post_with(&self, account: &str, query: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "POST /wechat/{account}?{query} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Takes the next message, as a worker does.
    pub(super) async fn take(&self) -> Leased {
        let request = |call| TakeRequest {
            max: 1,
            classes: [Class::new("main").unwrap()].into(),
            worker: WorkerId::new("w"),
            call,
            lease_for: NEVER,
            suspect: true,
        };
        for call in 1.. {
            if let Some(leased) = self.queue.take(&request(call)).await.unwrap().messages.pop() {
                return leased;
            }
            self.queue.wait(NEVER).await.unwrap();
        }
        unreachable!("calls don't end")
    }

    /// Holds a message with its answer.
    pub(super) async fn hold(&self, leased: &Leased, parts: &[&str]) {
        let reason = "nobody fetched it".to_owned();
        let answer = Some(Box::new(answer(parts)));
        let hold = Settlement::Hold { wakes: 0, hold_for: NEVER, refused: false, reason, answer };
        assert_eq!(self.queue.settle(&leased.lease, hold).await.unwrap(), Settled::AsAsked);
    }

    pub(super) async fn offer(&self, leased: &Leased, part: &str) -> Settled {
        let offer = Settlement::Offer { answer: Box::new(answer(&[part])) };
        self.queue.settle(&leased.lease, offer).await.unwrap()
    }

    /// Ends a message without a reply.
    pub(super) async fn complete(&self, leased: &Leased) {
        self.queue.settle(&leased.lease, Settlement::Complete).await.unwrap();
        self.queue.announce(&leased.lease.lane).await.unwrap();
    }

    /// Returns when so many pushes are open.
    pub(super) async fn until_open(&self, pushes: usize) {
        while self.room.available_permits() != self.limits.at_once - pushes {
            tokio::task::yield_now().await;
        }
    }

    /// How many messages are stored.
    pub(super) async fn stored(&self) -> u64 {
        self.queue.counts().await.unwrap().open_total()
    }

    /// Returns when a step of the queue that a task makes has been made.
    pub(super) async fn until_stored(&self, messages: u64) {
        while self.stored().await != messages {
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    pub(super) async fn stopped(self) -> anyhow::Result<()> {
        self.running.await.unwrap()
    }
}

pub(super) fn lane() -> Lane {
    Lane::new("main/oUser").unwrap()
}

fn answer(parts: &[&str]) -> PushAnswer {
    let part =
        |text: &&str| Bytes::from(serde_json::to_vec(&Form::Text { content: (*text).to_owned() }).unwrap());
    PushAnswer {
        replies: Some(Bytes::from_static(b"replies")),
        memory: None,
        sent: 0,
        parts: parts.iter().map(part).collect(),
        total: parts.len().try_into().unwrap(),
        dies_of: None,
        resend: true,
    }
}
