//! One message of each kind, as the pretend WeChat pushes it.

use anyhow::Context as _;
use huixin_sandbox::{Push, PushKind, SandboxAccount};
use huixin_wechat::Message;

use crate::report::Failure;

/// A message to try a service with.
pub(super) struct SampleMessage {
    /// Its name for people.
    pub(super) name: &'static str,
    /// The `MsgId`, which events have here too.
    pub(super) id: String,
    pub(super) message: Message,
}

const ACCOUNT: &str = "main";

/// Each with a user of its own, the text first.
///
/// # Errors
/// When the text can't be part of a push.
pub(super) fn all(text: &str) -> Result<Vec<SampleMessage>, Failure> {
    let to = SandboxAccount::named(ACCOUNT).original_id;
    let made = pushes(text).into_iter().enumerate().map(|(n, (name, push))| {
        let push = Push { user: format!("oHandlerTest{n:016}").into(), ..push };
        let message = Message::parse(push.body(&to).as_bytes()).context("the text can't be pushed")?;
        Ok(SampleMessage { name, id: push.msg_id, message })
    });
    made.collect()
}

fn pushes(text: &str) -> Vec<(&'static str, Push)> {
    let user = "o";
    let tapped = PushKind::Text { content: text.to_owned(), menu_id: Some("1".to_owned()) };
    let description = "一个例子";
    vec![
        ("text", Push::text(ACCOUNT, user, text)),
        ("text, tapped in a menu", Push::new(ACCOUNT, user, tapped)),
        ("image", Push::image(ACCOUNT, user)),
        ("voice", Push::voice(ACCOUNT, user, Some(text))),
        ("voice, not recognised", Push::voice(ACCOUNT, user, None)),
        ("video", Push::video(ACCOUNT, user)),
        ("shortvideo", Push::shortvideo(ACCOUNT, user)),
        ("location", Push::location(ACCOUNT, user, 23.134_521, 113.358_803, "广州市天河区")),
        ("link", Push::link(ACCOUNT, user, "标题", description, "https://example.com/")),
        ("subscribe", Push::subscribe(ACCOUNT, user, None)),
        ("subscribe by a code", Push::subscribe(ACCOUNT, user, Some("shop-1"))),
        ("SCAN", Push::scan(ACCOUNT, user, "shop-1")),
        ("CLICK", Push::click(ACCOUNT, user, "menu")),
        ("VIEW", Push::view(ACCOUNT, user, "https://example.com/")),
        ("LOCATION", Push::location_event(ACCOUNT, user, 23.134_521, 113.358_803)),
        ("unsubscribe", Push::unsubscribe(ACCOUNT, user)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_message_of_each_type_and_event_with_an_id_and_a_user_of_its_own() {
        let kinds = all("?18-546 <&>").unwrap();
        let unique = |what: fn(&SampleMessage) -> &str| {
            kinds.iter().map(what).collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!(unique(|kind| &kind.id), kinds.len());
        assert_eq!(unique(|kind| &kind.message.from), kinds.len());
        for kind in &kinds {
            let called = kind.name.split([' ', ',']).next().unwrap();
            assert_eq!(kind.message.event().unwrap_or(kind.message.msg_type()), called);
            assert!(kind.message.typed_json().is_object(), "{called} is a documented kind");
        }
        assert_eq!(kinds[0].message.content(), Some("?18-546 <&>"));
        assert_eq!(kinds[3].message.recognition(), Some("?18-546 <&>"));
    }
}
