//! People who write at moments of their own, and fetch what waits for them when they read that more does.
//!
//! Each answer is read as on a phone: a link of WeChat's at its end is tapped after a moment, or its words are typed, or it is
//! overlooked. So pushes of one user cross each other, as they do when people are impatient.

use std::collections::BTreeMap;
use std::time::Duration;

use huixin_queue::{Lane, Queue};
use huixin_sandbox::{HangUp, Push, PushKind, PushReport, Sandbox, TryOutcome};
use huixin_wechat::passive::FETCH_MENU_ID;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;
use url::Url;

use super::words::Ask;
use crate::harness::Name;

/// One of the `fetch_words` that isn't the link's.
const TYPED: &str = "继续";
/// How long after reading one acts.
const REACTS_WITHIN_MS: u64 = 800;
/// One of this many responses is read by somebody who doesn't act.
const ONE_OVERLOOKED_OF: u32 = 30;
/// One of this many pushes has a try in which WeChat hangs up.
const ONE_CUT_OF: u32 = 6;

/// A user of an account.
#[derive(Clone)]
pub(super) struct User {
    pub(super) account: &'static str,
    pub(super) number: usize,
}

/// Who writes, and how much.
#[derive(Clone)]
pub(super) struct Crowd {
    pub(super) users: Vec<User>,
    /// How many messages each of them writes, in this time.
    pub(super) each: usize,
    pub(super) lasting: Duration,
    /// How long the answer to one takes at most.
    pub(super) takes_max_ms: u64,
    pub(super) seed: u64,
}

impl User {
    pub(super) fn open_id(&self) -> String {
        format!("oUser{}", self.number)
    }

    pub(super) fn lane(&self) -> Lane {
        Lane::new(format!("{}/{}", self.account, self.open_id())).expect("it is short")
    }

    pub(super) fn asks(&self, ask: Ask) -> Push {
        Push::text(self.account, self.open_id(), ask.to_string())
    }

    pub(super) fn taps(&self, link: Link) -> Push {
        let (content, menu_id) = (link.content, Some(link.menu_id));
        Push::new(self.account, self.open_id(), PushKind::Text { content, menu_id })
    }

    /// Pushes, and taps at once for as long as the answers say that more waits. Gives how many it got.
    pub(super) async fn insists(&self, wechat: &Sandbox, mut push: Push) -> usize {
        let mut answers = 1;
        while let Some(link) = link_in(&wechat.push(push).await) {
            push = self.taps(link);
            answers += 1;
        }
        answers
    }
}

impl Crowd {
    /// All write all they have to say, and follow what their answers tell them.
    pub(super) async fn write(self, wechat: Sandbox) {
        let mut users = JoinSet::new();
        for user in self.users.clone() {
            let chance = StdRng::seed_from_u64(self.seed ^ (user.number as u64).wrapping_mul(0x9e37_79b9));
            users.spawn(self.clone().one_writes(user, wechat.clone(), chance));
        }
        users.join_all().await;
    }

    async fn one_writes(self, user: User, wechat: Sandbox, mut chance: StdRng) {
        let pause_ms = self.lasting.as_millis() as u64 / self.each as u64;
        let mut pushes = JoinSet::new();
        for number in 0..self.each {
            tokio::time::sleep(Duration::from_millis(chance.random_range(0..2 * pause_ms))).await;
            let ask = Ask {
                name: Name { user: user.number, number },
                parts: 1 + usize::from(chance.random_ratio(3, 10)),
                takes_ms: chance.random_range(0..self.takes_max_ms),
            };
            if chance.random_ratio(1, ONE_CUT_OF) {
                wechat.faults().hang_up(any_hang_up(&mut chance), 1);
            }
            let push = user.asks(ask);
            let chance = StdRng::seed_from_u64(chance.random());
            pushes.spawn(talk(wechat.clone(), user.clone(), push, chance));
        }
        pushes.join_all().await;
    }
}

fn any_hang_up(chance: &mut StdRng) -> HangUp {
    match chance.random_range(0..3) {
        0 => HangUp::Before(Duration::from_millis(chance.random_range(0..4_500))),
        1 => HangUp::Within,
        _ => HangUp::After,
    }
}

/// Pushes, and fetches for as long as the answers say that more waits.
async fn talk(wechat: Sandbox, user: User, mut push: Push, mut chance: StdRng) {
    while let Some(link) = link_in(&wechat.push(push).await) {
        if chance.random_ratio(1, ONE_OVERLOOKED_OF) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..REACTS_WITHIN_MS))).await;
        push = match chance.random_ratio(1, 4) {
            true => Push::text(user.account, user.open_id(), TYPED),
            false => user.taps(link),
        };
    }
}

/// Taps on the link of old until nothing of the user is in the queue.
pub(super) async fn fetch_the_rest(wechat: &Sandbox, queue: &dyn Queue, user: &User) {
    // On a busy machine the queue may be too slow to say.
    while !matches!(queue.lane(&user.lane()).await, Ok(None)) {
        wechat.push(user.taps(Link { content: TYPED.to_owned(), menu_id: FETCH_MENU_ID.to_owned() })).await;
    }
}

/// What a tap on a link says.
#[derive(Debug, PartialEq)]
pub(super) struct Link {
    pub(super) content: String,
    pub(super) menu_id: String,
}

/// The link in the response that a push got.
pub(super) fn link_in(report: &PushReport) -> Option<Link> {
    match &report.tries.last()?.outcome {
        TryOutcome::PassiveReply(text) => Link::of(text),
        _ => None,
    }
}

impl Link {
    fn of(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("<a href=\"")?;
        let url = Url::parse(rest.split('"').next()?).ok()?;
        let is_tap = url.scheme() == "weixin" && url.host_str() == Some("bizmsgmenu");
        let mut query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let mut take = |name| query.remove(name).filter(|_| is_tap);
        Some(Self { content: take("msgmenucontent")?, menu_id: take("msgmenuid")? })
    }
}

#[test]
fn the_link_of_an_answer_is_read_as_a_phone_reads_it() {
    let text = format!("3/7 1/2\n{}", huixin_wechat::passive::fetch_link("查看回复"));
    let link = Link { content: "查看回复".to_owned(), menu_id: "huixin".to_owned() };
    assert_eq!(Link::of(&text), Some(link));
    for none in ["3/7 1/2", "<a href=\"https://example.com/\">x</a>"] {
        assert_eq!(Link::of(none), None, "{none}");
    }
}
