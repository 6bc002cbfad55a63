//! The users of one account: who they are, and what the account may do to them. Anything else is an `errcode`: 40003 for a
//! user it has never heard of, 45015 and 45047 without a right to write, and for typing 45080 when nothing was exchanged in
//! the last 30 s and 45081 when the indicator is on already.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    OpenId, Opener, RightState, SandboxConfig, SendWindow,
    asked::AskedPushes,
    push::PushTrigger,
    rights::{UserRight, windows},
};

/// How long the typing indicator stays on by itself.
pub(crate) const TYPING_LASTS: Duration = Duration::from_secs(15);
/// How recent the last exchange must be for the typing indicator.
const EXCHANGE_LASTS: Duration = Duration::from_secs(30);
/// How many of a user's pushes are remembered, so that a repeated push opens no window again.
const MAX_REMEMBERED_PUSHES: usize = 64;

/// The users of one account, each by OpenID.
#[derive(Debug)]
pub(crate) struct Users {
    known: HashMap<OpenId, User>,
    /// In the order of their first push; the front is forgotten when there are too many.
    order: VecDeque<OpenId>,
    max_users: usize,
    enforce: bool,
    /// Whether a trigger ends what the ones before it allowed.
    newest_alone: bool,
    /// By [`Opener`].
    windows: [SendWindow; 4],
}

#[derive(Debug, Default)]
struct User {
    /// `None` before the first trigger and after an unfollow.
    right: Option<UserRight>,
    last_exchange: Option<Instant>,
    typing_until: Option<Instant>,
    pushes: VecDeque<SeenPush>,
    asked: AskedPushes,
}

#[derive(Debug)]
struct SeenPush {
    msg_id: String,
    /// Whether a response to it has been shown.
    answered: bool,
}

/// What a send was to its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SendCount {
    /// Which send since the last trigger, from 1; 0 without a trigger, when windows aren't enforced.
    pub(crate) nth: u32,
    /// Whether the typing indicator was on until now.
    pub(crate) was_typing: bool,
    /// The push that it answers, if that is known.
    pub(crate) answers: Option<String>,
}

impl Users {
    pub(crate) fn new(config: &SandboxConfig) -> Users {
        Users {
            known: HashMap::new(),
            order: VecDeque::new(),
            max_users: config.max_users.max(1),
            enforce: config.enforce_windows,
            newest_alone: config.newest_trigger_alone,
            windows: windows(config),
        }
    }

    /// The user did something. False when this push was seen before, and so changes nothing.
    pub(crate) fn acted(
        &mut self,
        openid: &OpenId,
        msg_id: &str,
        trigger: PushTrigger,
        now: Instant,
    ) -> bool {
        self.make_room_for(openid);
        let user = self.known.entry(openid.clone()).or_default();
        if user.pushes.iter().any(|seen| seen.msg_id == msg_id) {
            return false;
        }
        if user.pushes.len() >= MAX_REMEMBERED_PUSHES {
            user.pushes.pop_front();
        }
        user.pushes.push_back(SeenPush { msg_id: msg_id.to_owned(), answered: false });
        match trigger {
            PushTrigger::Opens(by) => {
                let new = UserRight::opened(by, self.windows[by as usize], now);
                let earlier = user.right.take().filter(|_| !self.newest_alone);
                user.right = Some(match earlier {
                    Some(earlier) => new.beside(&earlier, now),
                    None => new,
                });
            }
            PushTrigger::Leave => user.right = None,
            PushTrigger::Background => return true,
        }
        user.asked.ask(msg_id);
        user.last_exchange = Some(now);
        true
    }

    /// A push's response has an answer for the user. False when one was shown for this push already.
    pub(crate) fn answered(&mut self, openid: &str, msg_id: &str) -> bool {
        let Some(user) = self.known.get_mut(openid) else { return true };
        let push = user.pushes.iter_mut().find(|seen| seen.msg_id == msg_id);
        let is_first = push.is_none_or(|push| !std::mem::replace(&mut push.answered, true));
        // What isn't shown ends nothing.
        if is_first {
            user.typing_until = None;
            user.asked.answered_by_response(msg_id);
        }
        is_first
    }

    /// Another window for a trigger, from the next one on.
    pub(crate) fn set_window(&mut self, opener: Opener, window: SendWindow) {
        self.windows[opener as usize] = window;
    }

    /// What the user's last trigger allows, if it allows anything.
    pub(crate) fn right(&self, openid: &str, now: Instant) -> Option<RightState> {
        self.known.get(openid)?.right.as_ref().map(|right| right.state(now))
    }

    /// A message is sent to the user: uses one send, and ends the typing indicator.
    pub(crate) fn send(&mut self, openid: &str, now: Instant) -> Result<SendCount, i64> {
        let enforce = self.enforce;
        let user = self.user(openid)?;
        let nth = match user.right.as_mut() {
            Some(right) if enforce => right.spend(now)?,
            Some(right) => right.count(),
            None if enforce => return Err(45015),
            None => 0,
        };
        user.last_exchange = Some(now);
        let was_typing = user.typing_until.take().is_some_and(|until| until > now);
        Ok(SendCount { nth, was_typing, answers: user.asked.answer() })
    }

    /// A worker begins to handle this push of the user.
    pub(crate) fn begin_answer(&mut self, openid: &str, msg_id: &str) {
        if let Some(user) = self.known.get_mut(openid) {
            user.asked.begin(msg_id);
        }
    }

    /// A worker lets it go.
    pub(crate) fn end_answer(&mut self, openid: &str, msg_id: &str) {
        if let Some(user) = self.known.get_mut(openid) {
            user.asked.end(msg_id);
        }
    }

    /// The push of the user that a call is about, if that is known.
    pub(crate) fn subject(&self, openid: &str) -> Option<String> {
        self.known.get(openid)?.asked.subject().map(str::to_owned)
    }

    /// The typing indicator goes on.
    pub(crate) fn type_on(&mut self, openid: &str, now: Instant) -> Result<(), i64> {
        let enforce = self.enforce;
        let user = self.user(openid)?;
        if enforce {
            let right = user.right.as_ref().ok_or(45015)?;
            right.check_open(now)?;
            if user.last_exchange.is_none_or(|at| now.duration_since(at) > EXCHANGE_LASTS) {
                return Err(45080);
            }
            if user.typing_until.is_some_and(|until| until > now) {
                return Err(45081);
            }
        }
        user.typing_until = Some(now + TYPING_LASTS);
        Ok(())
    }

    /// The typing indicator goes off.
    pub(crate) fn type_off(&mut self, openid: &str) -> Result<(), i64> {
        self.user(openid)?.typing_until = None;
        Ok(())
    }

    fn user(&mut self, openid: &str) -> Result<&mut User, i64> {
        self.known.get_mut(openid).ok_or(40003)
    }

    fn make_room_for(&mut self, openid: &OpenId) {
        if self.known.contains_key(openid) {
            return;
        }
        while self.known.len() >= self.max_users {
            let Some(first) = self.order.pop_front() else { break };
            self.known.remove(&first);
        }
        self.order.push_back(openid.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "oHuixinXiaoming0000000000001";

    /// The users after one push of this one, and the time it came.
    fn after(trigger: PushTrigger) -> (Users, Instant) {
        let (mut users, start) = (Users::new(&SandboxConfig::default()), Instant::now());
        users.acted(&OpenId::from(USER), "1", trigger, start);
        (users, start)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_message_opens_48_hours_and_a_tap_one_minute() {
        let closed = Err(45015);
        for opener in [Opener::Click, Opener::Scan, Opener::Follow] {
            let (mut tapped, start) = after(PushTrigger::Opens(opener));
            assert_eq!(tapped.send(USER, start + seconds(60)).map(|count| count.nth), Ok(1), "{opener:?}");
            assert_eq!(tapped.send(USER, start + seconds(61)), closed, "{opener:?}");
        }
        let (mut messaged, start) = after(PushTrigger::Opens(Opener::Message));
        assert_eq!(messaged.send(USER, start + seconds(48 * 60 * 60)).map(|count| count.nth), Ok(1));
        assert_eq!(messaged.send(USER, start + seconds(48 * 60 * 60 + 1)), closed);
    }

    #[test]
    fn typing_lasts_15_seconds_and_needs_an_exchange_within_30() {
        let (mut users, start) = after(PushTrigger::Opens(Opener::Message));
        assert_eq!(users.type_on(USER, start), Ok(()));
        assert_eq!(users.type_on(USER, start + seconds(14)), Err(45081));
        assert_eq!(users.type_on(USER, start + seconds(16)), Ok(()));
        let sent = users.send(USER, start + seconds(16));
        assert_eq!(
            sent,
            Ok(SendCount { nth: 1, was_typing: true, answers: Some("1".to_owned()) }),
            "the message ended the indicator"
        );
        assert_eq!(users.type_on(USER, start + seconds(46)), Ok(()), "a send is an exchange");
        assert_eq!(users.type_on(USER, start + seconds(62)), Err(45080));
    }

    #[test]
    fn only_a_response_that_is_shown_ends_the_typing_indicator() {
        let (mut users, start) = after(PushTrigger::Opens(Opener::Message));
        assert_eq!(users.type_on(USER, start), Ok(()));
        assert!(users.answered(USER, "1"));
        assert_eq!(users.type_on(USER, start), Ok(()), "the answer ended the indicator");
        assert!(!users.answered(USER, "1"), "its push is answered");
        assert_eq!(users.type_on(USER, start), Err(45081), "the indicator is still on");
    }

    #[test]
    fn of_two_triggers_the_larger_number_that_is_left_counts_and_the_later_end() {
        let (mut users, start) = after(PushTrigger::Opens(Opener::Message));
        let click = |users: &mut Users, id, at| {
            users.acted(&OpenId::from(USER), id, PushTrigger::Opens(Opener::Click), at);
        };
        assert_eq!(users.send(USER, start).map(|count| count.nth), Ok(1));
        click(&mut users, "2", start);
        for nth in 1..=4 {
            assert_eq!(users.send(USER, start + seconds(3600)).map(|count| count.nth), Ok(nth));
        }
        assert_eq!(users.send(USER, start), Err(45047));
        click(&mut users, "3", start + seconds(3600));
        assert_eq!(users.right(USER, start + seconds(7200)).map(|right| right.of), Some(3));
        assert_eq!(
            users.send(USER, start + seconds(7200)).map(|count| count.nth),
            Ok(1),
            "until the text's end"
        );
    }

    #[test]
    fn the_newest_trigger_can_be_made_to_count_alone() {
        let config = SandboxConfig { newest_trigger_alone: true, ..SandboxConfig::default() };
        let (mut users, start) = (Users::new(&config), Instant::now());
        for (id, by) in [("1", Opener::Message), ("2", Opener::Click)] {
            users.acted(&OpenId::from(USER), id, PushTrigger::Opens(by), start);
        }
        for nth in 1..=3 {
            assert_eq!(users.send(USER, start).map(|count| count.nth), Ok(nth));
        }
        assert_eq!(users.send(USER, start), Err(45047));
        assert_eq!(users.send(USER, start + seconds(61)), Err(45015));
    }
}
