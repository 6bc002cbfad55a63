//! An account as a worker serves it: its client, its lines to WeChat, its rate.
//!
//! An account that answers in the responses to pushes has no client, so that no path of the worker can call the API for it or fetch a
//! token. Rejected: a client that refuses every call, whose errors would have to be kept apart from WeChat's.

mod interface_state;
mod pauses;

use std::sync::Arc;
use std::time::Duration;

use huixin_queue::{Queue, QueueError};
use huixin_wechat::Client;
use huixin_wechat::passive::fetch_link;
use tokio::sync::{Mutex, Semaphore};

pub(crate) use self::interface_state::PauseCause;
pub use self::interface_state::{AccountPause, Interface, InterfaceState};
pub(crate) use self::pauses::Pauses;
use crate::text;

/// Sends of one account that are under way at once, at most. At WeChat's usual 50 to 100 ms that is thousands a second.
const LINES: usize = 512;
const TYPING_LINES: usize = 64;
/// How long a push is kept open by default.
pub const PUSH_WAIT: Duration = Duration::from_secs(2);
/// WeChat's tries of one push, of five seconds each.
const TRIES_TAKE: Duration = Duration::from_secs(20);

/// How the answers of an account get to its users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum AnswerBy {
    /// By WeChat's API.
    #[default]
    Api,
    /// In the response to the push, if they are ready in time; else by the API.
    Either,
    /// In the response to a push: the one that they answer, or a later one. The API is never called.
    Push,
}

/// An account as a worker serves it.
#[derive(Clone, Debug)]
pub struct Account {
    /// `None`: nothing can call the API for it.
    client: Option<Client>,
    answer_by: AnswerBy,
    /// How long its pushes are kept open for an answer in their response.
    push_wait: Duration,
    text_max_bytes: usize,
    pub(crate) send_rate: Option<SendRate>,
    /// Held while one task asks for a send of the rate: if all asked at once, they would ask again and again for the same send.
    turn: Arc<Mutex<()>>,
    /// A send has one of these while it is under way: each costs a connection, and ten thousand answers may be ready at
    /// once.
    pub(crate) lines: Arc<Semaphore>,
    /// The same for typing, which is skipped if no line is free.
    pub(crate) typing_lines: Arc<Semaphore>,
}

/// How many sends in which time, for all workers together. Unused sends are saved, up to that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendRate {
    /// How many, at least one.
    pub sends: u32,
    /// In which time.
    pub per: Duration,
}

impl Account {
    /// An account whose users are answered through `client`.
    pub fn new(client: Client) -> Self {
        Self::with(Some(client), AnswerBy::Api)
    }

    /// An account whose users are answered in the response to their push if that can be, else through `client`.
    pub fn either(client: Client) -> Self {
        Self::with(Some(client), AnswerBy::Either)
    }

    /// An account without the right to the API, whose users are answered in the responses to their pushes.
    pub fn push() -> Self {
        Self::with(None, AnswerBy::Push)
    }

    fn with(client: Option<Client>, answer_by: AnswerBy) -> Self {
        let lines = |n| Arc::new(Semaphore::new(n));
        Self {
            client,
            answer_by,
            push_wait: PUSH_WAIT,
            text_max_bytes: text::MAX_BYTES,
            send_rate: None,
            turn: Arc::default(),
            lines: lines(LINES),
            typing_lines: lines(TYPING_LINES),
        }
    }

    /// Keeps pushes open for so long, where their response may be the answer.
    #[must_use]
    pub fn push_wait(mut self, push_wait: Duration) -> Self {
        self.push_wait = push_wait;
        self
    }

    /// How old a message may be whose push is still open: a clock or two may be a second off.
    pub(crate) fn open_for(&self) -> Duration {
        match self.answer_by {
            AnswerBy::Push => TRIES_TAKE,
            AnswerBy::Api | AnswerBy::Either => self.push_wait + Duration::from_secs(1),
        }
    }

    /// Leaves room below each text for the link by which users fetch more, which says `word`.
    #[must_use]
    pub fn fetch_word(mut self, word: &str) -> Self {
        self.text_max_bytes = text::max_bytes_above(&fetch_link(word));
        self
    }

    /// The most bytes of a text.
    pub(crate) fn text_max_bytes(&self) -> usize {
        self.text_max_bytes
    }

    /// How its answers get to its users.
    pub fn answer_by(&self) -> AnswerBy {
        self.answer_by
    }

    /// The only way to WeChat's API.
    pub(crate) fn api(&self) -> Option<&Client> {
        self.client.as_ref()
    }

    /// Sends no faster than this.
    #[must_use]
    pub fn send_rate(mut self, rate: SendRate) -> Self {
        self.send_rate = Some(rate);
        self
    }

    /// Asks for one send of the rate that all workers share: zero if it is granted, or how long until there may be one.
    pub(crate) async fn ask_rate(&self, queue: &dyn Queue, name: &str) -> Result<Duration, QueueError> {
        let Some(rate) = self.send_rate else { return Ok(Duration::ZERO) };
        queue.limit(&format!("sends/{name}"), rate.sends, rate.per).await
    }

    /// Waits until the rate has a send left. `ask` asks once, as [`Self::ask_rate`] does.
    pub(crate) async fn wait_for_rate<E, F>(&self, ask: impl Fn() -> F) -> Result<(), E>
    where
        F: Future<Output = Result<Duration, E>>,
    {
        let _turn = self.turn.lock().await;
        loop {
            match ask().await? {
                Duration::ZERO => return Ok(()),
                wait => tokio::time::sleep(wait).await,
            }
        }
    }
}

impl From<Client> for Account {
    fn from(client: Client) -> Self {
        Self::new(client)
    }
}
