//! Which replies can be the response to a push, the only way to the users of an account without the right to WeChat's API: WeChat
//! takes fewer types there, and what is not with WeChat yet can't get there.

use huixin_wechat::{Media, MediaKind, Outgoing};

use super::ReplyError;

/// WeChat's names of what a response may be.
const TYPES: [&str; 7] = ["text", "image", "voice", "video", "music", "news", "transfer_customer_service"];

/// Checks the message at `place`.
pub(super) fn part(place: &str, part: &Outgoing) -> Result<(), ReplyError> {
    let kind = part.content.msgtype();
    if !TYPES.contains(&kind) {
        let problem =
            format!("type {kind} can't be the response to a push; give one of {}", TYPES.join(", "));
        return Err(ReplyError::new(place, problem));
    }
    let Some((kind, _)) = part.media().find(|(_, media)| !matches!(media, Media::Id(_))) else {
        return Ok(());
    };
    let (kind, key) = (kind.as_str(), if kind == MediaKind::Thumb { "thumb_media_id" } else { "media_id" });
    let problem = format!(
        "this account answers in the response to a push and can't upload: give the {kind} as `{key}`"
    );
    Err(ReplyError::new(place, problem))
}
