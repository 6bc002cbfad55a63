//! An account as a worker serves it: its client, its lines to WeChat, its rate.

mod interface_state;
mod pauses;

use std::sync::Arc;
use std::time::Duration;

use huixin_queue::{Queue, QueueError};
use huixin_wechat::Client;
use tokio::sync::{Mutex, Semaphore};

pub(crate) use self::interface_state::PauseCause;
pub use self::interface_state::{AccountPause, Interface, InterfaceState};
pub(crate) use self::pauses::Pauses;

/// Sends of one account that are under way at once, at most. At WeChat's usual 50 to 100 ms that is thousands a second.
const LINES: usize = 512;
const TYPING_LINES: usize = 64;

/// An account as a worker serves it.
#[derive(Clone, Debug)]
pub struct Account {
    pub(crate) client: Client,
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
    /// An account that is answered through `client`.
    pub fn new(client: Client) -> Self {
        let lines = |n| Arc::new(Semaphore::new(n));
        Self {
            client,
            send_rate: None,
            turn: Arc::default(),
            lines: lines(LINES),
            typing_lines: lines(TYPING_LINES),
        }
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
