//! What a statement may name: the captures of the route's pattern, and what every message says of itself.
//!
//! All values are texts, as they were typed; what the message doesn't have is NULL. Numbers were rejected, because the
//! type of a value would then depend on what somebody typed, and PostgreSQL prepares a statement for its types.

use huixin_wechat::Message;

use crate::handler::Context;

/// What every message could have.
const OWN: &str = "content user account key type event";
/// Fields of single kinds of message, by their names in `typed`.
const TYPED: &str = "\
    app_id description file_key format label latitude longitude media_id menu_id page page_path pic_url \
    poi_name precision recognition scale scan_result scan_type scene thumb_media_id thumb_url ticket \
    title url";

/// The names that need no capture.
pub fn known() -> impl Iterator<Item = &'static str> {
    OWN.split(' ').chain(TYPED.split(' '))
}

/// Whether a capture can't have this name, because every message has a value of this name.
pub fn is_given(name: &str) -> bool {
    OWN.split(' ').any(|own| own == name)
}

/// The values of these names; `None` is NULL.
pub(super) fn values(names: &[String], message: &Message, context: &Context) -> Vec<Option<String>> {
    let value = |name: &String| match name.as_str() {
        "content" => message.content().or_else(|| message.recognition()).map(str::to_owned),
        "user" => Some(message.from.clone()),
        "account" => Some(context.account.clone()),
        "key" => message.event_key().map(str::to_owned),
        "type" => Some(message.msg_type().to_owned()),
        "event" => message.event().map(str::to_owned),
        name => context.captures.get(name).cloned().or_else(|| typed(name, message)),
    };
    names.iter().map(value).collect()
}

fn typed(name: &str, message: &Message) -> Option<String> {
    let name = TYPED.split(' ').find(|typed| *typed == name)?;
    message.typed_json().get(name)?.as_str().map(str::to_owned)
}
