//! WeChat's side: pushes at a steady rate, whatever becomes of the pushes before.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use huixin_queue::MessageId;
use huixin_sandbox::{Push, Sandbox, TryOutcome};
use huixin_wechat::Message;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;

use super::user_id;
use crate::harness::{History, Name, Step, Verdict, now_us};

/// One of this many pushes loses its first ack.
const ONE_ACK_LOST_OF: usize = 7;
/// A refused connection costs no time, unlike WeChat's timeout, but a killed receiver needs some to be back.
const BEFORE_NEXT_TRY: Duration = Duration::from_secs(1);

/// Which message each id is.
pub(super) type Ids = HashMap<MessageId, Name>;

/// What is written, by whom, how often.
#[derive(Clone, Copy)]
pub(super) struct Traffic {
    /// Whether all pushes of a user go to one receiver.
    pub(super) pinned: bool,
    pub(super) per_second: usize,
    pub(super) messages: usize,
    pub(super) users: usize,
    pub(super) seed: u64,
}

impl Traffic {
    pub(super) fn lasting(self) -> Duration {
        Duration::from_secs_f64(self.messages as f64 / self.per_second as f64)
    }

    /// What is wrong with this verdict on the traffic.
    pub(super) fn wrongs(self, verdict: &Verdict) -> Vec<String> {
        let mut wrongs = verdict.wrongs();
        wrongs.extend(verdict.standing_still());
        if self.pinned {
            wrongs.extend(verdict.out_of_order());
        }
        // A receiver that is killed refuses connections until it is back; what Redis can't take goes to the spool.
        if verdict.pushed != self.messages || verdict.acked < self.messages - self.messages / 20 {
            wrongs.push("too few were pushed or acked".to_owned());
        }
        wrongs
    }

    /// Pushes it all, by one pusher to each receiver. Gives what was seen, and each message's id.
    pub(super) async fn push(self, pushers: [Sandbox; 2]) -> (History, Ids) {
        let history = Arc::new(Mutex::new(History::default()));
        let mut chance = StdRng::seed_from_u64(self.seed);
        let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / self.per_second as f64));
        let mut pushes = JoinSet::new();
        let mut written = vec![0; self.users];
        let mut ids = Ids::new();
        let to = pushers[0].config().accounts[0].original_id.clone();
        for n in 0..self.messages {
            ticks.tick().await;
            let user = chance.random_range(0..self.users);
            let name = Name { user, number: written[user] };
            written[user] += 1;
            let turns = if self.pinned { [user % 2; 3] } else { [n % 2, (n + 1) % 2, n % 2] };
            let tries = turns.map(|receiver| pushers[receiver].clone());
            if n % ONE_ACK_LOST_OF == 0 {
                tries[0].faults().lose_acks(1);
            }
            let push = Push::text("main", user_id(user), name.to_string());
            ids.insert(id_of(&push, &to), name);
            let history = history.clone();
            pushes.spawn(async move {
                let note = |step| {
                    history.lock().unwrap_or_else(PoisonError::into_inner).add(now_us(), name, step);
                };
                note(Step::Pushed);
                if is_acked(&tries, &push).await {
                    note(Step::Acked);
                }
            });
            // Takes out those that have ended: otherwise all of them are kept until the end.
            while pushes.try_join_next().is_some() {}
        }
        pushes.join_all().await;
        let history = Arc::into_inner(history).expect("all pushes have ended");
        (history.into_inner().expect("none panicked"), ids)
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users = if self.pinned { "pinned" } else { "at both receivers" };
        write!(f, "seed {}, {}/s for {:?}, users {users}", self.seed, self.per_second, self.lasting())
    }
}

/// The id that the queue knows a push by. What it depends on is in this body; the rest is left out.
fn id_of(push: &Push, to: &str) -> MessageId {
    let (from, number) = (&push.user, &push.msg_id);
    let body = format!(
        "<xml><ToUserName>{to}</ToUserName><FromUserName>{from}</FromUserName><CreateTime>1</CreateTime>\
         <MsgType>text</MsgType><Content>1</Content><MsgId>{number}</MsgId></xml>"
    );
    let message = Message::parse(body.as_bytes()).expect("it is a message");
    let id = message.dedup_key("main", body.as_bytes()).opaque_id();
    MessageId::new(id).expect("an opaque id is one")
}

/// Whether one of the tries is acked.
async fn is_acked(tries: &[Sandbox; 3], push: &Push) -> bool {
    for pusher in tries {
        let outcome = pusher.push_once(push).await.outcome;
        if !outcome.is_retried() {
            return outcome.is_ack();
        }
        if matches!(outcome, TryOutcome::Unreachable(_)) {
            tokio::time::sleep(BEFORE_NEXT_TRY).await;
        }
    }
    false
}
