//! The users of one account: who they are, and what the account may do to them.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    OpenId, SandboxConfig, Window,
    push::Trigger,
    rights::{NoRight, Right},
};

/// How long the typing indicator stays on by itself.
pub(crate) const TYPING_LASTS: Duration = Duration::from_secs(15);
/// How recent the last exchange must be for the typing indicator.
const EXCHANGE_LASTS: Duration = Duration::from_secs(30);
/// How many of a user's pushes are remembered, so that one that is pushed again opens no window again.
const MAX_REMEMBERED_PUSHES: usize = 64;

/// The users of one account, each by OpenID.
#[derive(Debug)]
pub(crate) struct Users {
    known: HashMap<OpenId, User>,
    /// In the order of their first push; the front is forgotten when there are too many.
    order: VecDeque<OpenId>,
    rules: Rules,
}

#[derive(Debug)]
struct Rules {
    max_users: usize,
    enforce: bool,
    after_message: Window,
    after_tap: Window,
}

#[derive(Debug, Default)]
struct User {
    /// `None` before the first trigger and after an unfollow.
    right: Option<Right>,
    last_exchange: Option<Instant>,
    typing_until: Option<Instant>,
    pushes: VecDeque<String>,
}

/// Why a send or a typing call is refused on account of its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserRefusal {
    /// 40003: this account has never heard of the user.
    Stranger,
    /// 45015 or 45047.
    NoRight(NoRight),
    /// 45080: nothing was exchanged in the last 30 s.
    NoExchange,
    /// 45081: the indicator is on already.
    AlreadyTyping,
}

impl Users {
    pub(crate) fn new(config: &SandboxConfig) -> Users {
        let rules = Rules {
            max_users: config.max_users.max(1),
            enforce: config.enforce_windows,
            after_message: config.after_message,
            after_tap: config.after_tap,
        };
        Users { known: HashMap::new(), order: VecDeque::new(), rules }
    }

    /// The user did something. False when this push was seen before, and so changes nothing.
    pub(crate) fn acted(&mut self, openid: &OpenId, msg_id: &str, trigger: Trigger) -> bool {
        self.make_room_for(openid);
        let user = self.known.entry(openid.clone()).or_default();
        if user.pushes.iter().any(|seen| seen == msg_id) {
            return false;
        }
        if user.pushes.len() >= MAX_REMEMBERED_PUSHES {
            user.pushes.pop_front();
        }
        user.pushes.push_back(msg_id.to_owned());
        match trigger {
            Trigger::Message => user.right = Some(Right::opened_now(self.rules.after_message)),
            Trigger::Tap => user.right = Some(Right::opened_now(self.rules.after_tap)),
            Trigger::Leave => user.right = None,
            Trigger::Background => return true,
        }
        user.last_exchange = Some(Instant::now());
        true
    }

    /// A message is sent to the user: uses one send, and ends the typing indicator. Gives whether that was on.
    pub(crate) fn send(&mut self, openid: &str) -> Result<bool, UserRefusal> {
        let enforce = self.rules.enforce;
        let user = self.user(openid)?;
        if enforce {
            let right = user.right.as_mut().ok_or(UserRefusal::NoRight(NoRight::Closed))?;
            right.spend().map_err(UserRefusal::NoRight)?;
        }
        let now = Instant::now();
        user.last_exchange = Some(now);
        Ok(user.typing_until.take().is_some_and(|until| until > now))
    }

    /// The typing indicator goes on.
    pub(crate) fn type_on(&mut self, openid: &str) -> Result<(), UserRefusal> {
        let enforce = self.rules.enforce;
        let user = self.user(openid)?;
        let now = Instant::now();
        if enforce {
            let right = user.right.as_ref().ok_or(UserRefusal::NoRight(NoRight::Closed))?;
            right.check_open().map_err(UserRefusal::NoRight)?;
            if user.last_exchange.is_none_or(|at| now.duration_since(at) > EXCHANGE_LASTS) {
                return Err(UserRefusal::NoExchange);
            }
            if user.typing_until.is_some_and(|until| until > now) {
                return Err(UserRefusal::AlreadyTyping);
            }
        }
        user.typing_until = Some(now + TYPING_LASTS);
        Ok(())
    }

    /// The typing indicator goes off.
    pub(crate) fn type_off(&mut self, openid: &str) -> Result<(), UserRefusal> {
        self.user(openid)?.typing_until = None;
        Ok(())
    }

    fn user(&mut self, openid: &str) -> Result<&mut User, UserRefusal> {
        self.known.get_mut(openid).ok_or(UserRefusal::Stranger)
    }

    fn make_room_for(&mut self, openid: &OpenId) {
        if self.known.contains_key(openid) {
            return;
        }
        while self.known.len() >= self.rules.max_users {
            let Some(first) = self.order.pop_front() else { break };
            self.known.remove(&first);
        }
        self.order.push_back(openid.clone());
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const USER: &str = "oHuixinXiaoming0000000000001";

    fn after(trigger: Trigger) -> Users {
        let mut users = Users::new(&SandboxConfig::default());
        users.acted(&OpenId::from(USER), "1", trigger);
        users
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_opens_48_hours_and_a_tap_one_minute() {
        let (mut messaged, mut tapped) = (after(Trigger::Message), after(Trigger::Tap));
        advance(Duration::from_secs(59)).await;
        assert_eq!(tapped.send(USER), Ok(false));
        advance(Duration::from_secs(2)).await;
        assert_eq!(tapped.send(USER), Err(UserRefusal::NoRight(NoRight::Closed)));
        advance(Duration::from_secs(48 * 60 * 60 - 62)).await;
        assert_eq!(messaged.send(USER), Ok(false));
        advance(Duration::from_secs(2)).await;
        assert_eq!(messaged.send(USER), Err(UserRefusal::NoRight(NoRight::Closed)));
    }

    #[tokio::test(start_paused = true)]
    async fn typing_lasts_15_seconds_and_needs_an_exchange_within_30() {
        let mut users = after(Trigger::Message);
        assert_eq!(users.type_on(USER), Ok(()));
        advance(Duration::from_secs(14)).await;
        assert_eq!(users.type_on(USER), Err(UserRefusal::AlreadyTyping));
        advance(Duration::from_secs(2)).await;
        assert_eq!(users.type_on(USER), Ok(()));
        assert_eq!(users.send(USER), Ok(true), "the message ended the indicator");
        advance(Duration::from_secs(31)).await;
        assert_eq!(users.type_on(USER), Err(UserRefusal::NoExchange));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_trigger_counts_alone() {
        let mut users = after(Trigger::Message);
        users.acted(&OpenId::from(USER), "2", Trigger::Tap);
        for _ in 0..3 {
            assert_eq!(users.send(USER), Ok(false));
        }
        assert_eq!(users.send(USER), Err(UserRefusal::NoRight(NoRight::UsedUp)));
    }
}
