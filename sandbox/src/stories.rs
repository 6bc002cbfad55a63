//! The stories of the newest messages, as many as there is room for.
//!
//! A message is found by the id of its push; ids are unique in a process, for events too. The worker's side doesn't know that
//! id, since an event's XML has none: there it is found by its body, byte for byte, which is what a receiver stores. Of two
//! messages with one body, which only a test can make, the younger is meant.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use crate::{OpenId, Push, story::Story};

/// How many messages are remembered.
const MAX_STORIES: usize = 2_000;
/// About how much they may weigh together.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The stories of the newest messages.
#[derive(Debug, Default)]
pub(crate) struct Stories {
    kept: VecDeque<KeptStory>,
    /// The number of the oldest that is kept; each has the next number.
    first: u64,
    by_id: HashMap<String, u64>,
    by_body: HashMap<Bytes, u64>,
    bytes: usize,
}

#[derive(Debug)]
struct KeptStory {
    story: Story,
    account: String,
    user: OpenId,
    msg_id: String,
    body: Option<Bytes>,
    bytes: usize,
}

impl Stories {
    /// A message begins. One that is known goes on.
    pub(crate) fn begin(&mut self, push: &Push) {
        if self.by_id.contains_key(&push.msg_id) {
            return;
        }
        let story = Story::new(push);
        let bytes = story.bytes();
        self.by_id.insert(push.msg_id.clone(), self.first + self.kept.len() as u64);
        self.bytes += bytes;
        let (account, user, msg_id) = (push.account.clone(), push.user.clone(), push.msg_id.clone());
        self.kept.push_back(KeptStory { story, account, user, msg_id, body: None, bytes });
        self.make_room();
    }

    /// A try of a message is posted with this body. It is found by that from now on.
    pub(crate) fn posted(&mut self, msg_id: &str, url: &str, body: &Bytes, posted: &Bytes) {
        let Some(&number) = self.by_id.get(msg_id) else { return };
        self.by_body.insert(body.clone(), number);
        let Some(kept) = self.at(number) else { return };
        let before = kept.body.replace(body.clone());
        if let Some(before) = before.filter(|before| before != body) {
            self.forget_body(&before, number);
        }
        self.change(msg_id, |story| story.posted(url, body, posted));
    }

    /// Changes the story of a message, if it is remembered.
    pub(crate) fn change(&mut self, msg_id: &str, change: impl FnOnce(&mut Story)) {
        let Some(&number) = self.by_id.get(msg_id) else { return };
        let Some(kept) = self.at(number) else { return };
        change(&mut kept.story);
        let body = kept.body.as_ref().map_or(0, Bytes::len);
        let (before, after) = (kept.bytes, body + kept.story.bytes());
        kept.bytes = after;
        self.bytes = self.bytes + after - before;
        self.make_room();
    }

    /// The user and the id of the message of this account that has this body.
    pub(crate) fn find(&mut self, account: &str, body: &[u8]) -> Option<(OpenId, String)> {
        let number = *self.by_body.get(body)?;
        let kept = self.at(number).filter(|kept| kept.account == account)?;
        Some((kept.user.clone(), kept.msg_id.clone()))
    }

    /// The story of a message of this account.
    pub(crate) fn get(&self, account: &str, msg_id: &str) -> Option<&Story> {
        let place = usize::try_from(self.by_id.get(msg_id)? - self.first).ok()?;
        self.kept.get(place).filter(|kept| kept.account == account).map(|kept| &kept.story)
    }

    fn at(&mut self, number: u64) -> Option<&mut KeptStory> {
        self.kept.get_mut(usize::try_from(number - self.first).ok()?)
    }

    fn make_room(&mut self) {
        while self.kept.len() > MAX_STORIES || (self.bytes > MAX_BYTES && self.kept.len() > 1) {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.by_id.remove(&oldest.msg_id);
            if let Some(body) = &oldest.body {
                self.forget_body(body, self.first);
            }
            self.bytes -= oldest.bytes;
            self.first += 1;
        }
    }

    fn forget_body(&mut self, body: &Bytes, number: u64) {
        if self.by_body.get(body) == Some(&number) {
            self.by_body.remove(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exchange, MessageStage};

    fn exchange(bytes: usize) -> Exchange {
        let (method, url) = ("POST".to_owned(), "http://service/".to_owned());
        let request = "长".repeat(bytes / 3);
        Exchange {
            attempt: 1,
            at_ms: 0,
            took_ms: 1.0,
            method,
            url,
            request,
            status: None,
            response: None,
            error: None,
        }
    }

    fn pushed(stories: &mut Stories, text: &str) -> Push {
        let push = Push::text("main", "oUser", text);
        stories.begin(&push);
        let body = Bytes::from(push.body("gh"));
        stories.posted(&push.msg_id, "http://receiver/", &body, &body);
        push
    }

    #[test]
    fn the_oldest_messages_are_forgotten_first_with_all_that_leads_to_them() {
        let mut stories = Stories::default();
        let first = pushed(&mut stories, "first");
        assert!(stories.find("main", first.body("gh").as_bytes()).is_some());
        let last = (0..MAX_STORIES).map(|n| pushed(&mut stories, &n.to_string())).last().unwrap();
        assert!(stories.get("main", &first.msg_id).is_none());
        assert!(stories.find("main", first.body("gh").as_bytes()).is_none());
        stories.change(&first.msg_id, |_| panic!("it is gone"));
        let found = stories.find("main", last.body("gh").as_bytes());
        assert_eq!(found, Some((OpenId::from("oUser"), last.msg_id.clone())));
        assert!(stories.get("other", &last.msg_id).is_none(), "it is another account's");
        assert_eq!([stories.kept.len(), stories.by_id.len(), stories.by_body.len()], [MAX_STORIES; 3]);
    }

    #[test]
    fn what_messages_weigh_together_has_a_bound_and_what_one_weighs_too() {
        let mut stories = Stories::default();
        for n in 0..200 {
            let push = pushed(&mut stories, &n.to_string());
            for _ in 0..100 {
                stories.change(&push.msg_id, |story| story.exchanged(exchange(64 * 1024)));
                stories.change(&push.msg_id, |story| story.staged(MessageStage::Taken));
                stories.change(&push.msg_id, |story| story.called("/".to_owned(), b"{}", None, None));
            }
            assert!(stories.get("main", &push.msg_id).unwrap().bytes() < 2 * 1024 * 1024);
        }
        assert!(stories.bytes <= MAX_BYTES && stories.kept.len() < 200);
        assert_eq!(stories.bytes, stories.kept.iter().map(|kept| kept.bytes).sum::<usize>());
    }

    #[test]
    fn of_two_messages_with_one_body_the_younger_is_meant() {
        let mut stories = Stories::default();
        let raw = |_| Push::raw("main", "oUser", "<xml></xml>");
        let [older, younger] = [0, 1].map(raw);
        let body = Bytes::from_static(b"<xml></xml>");
        for push in [&older, &younger] {
            stories.begin(push);
            stories.posted(&push.msg_id, "http://receiver/", &body, &body);
        }
        assert_eq!(stories.find("main", &body).map(|(_, id)| id), Some(younger.msg_id));
    }
}
