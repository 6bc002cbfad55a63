//! The body of the response to a push.

use super::{Form, PassiveReplyError, Reply, Sealer};
use crate::authentication::PushKeys;
use crate::message::Message;
use crate::secret::Secret;
use crate::signature::PushQuery;

/// The body that answers a push with `form`: plain if it came plain, else sealed with the key that opened it
/// (`opened_with`, as in [`PushBody::Opened`](crate::PushBody::Opened)) and signed with the token that signed it: while either is
/// changed, WeChat may still have the previous one. In compatible mode WeChat takes a sealed body too. `now` is in Unix seconds.
///
/// # Errors
/// [`PassiveReplyError`]: what WeChat wouldn't take.
pub fn respond(
    keys: &PushKeys,
    opened_with: Option<usize>,
    query: &PushQuery,
    message: &Message,
    form: Form,
    now: u64,
) -> Result<String, PassiveReplyError> {
    let xml = Reply::to(message, now, form).to_xml()?;
    let Some(index) = opened_with else { return Ok(xml) };
    let mut tokens = keys.tokens.iter().map(Secret::expose);
    let (token, key) = tokens
        .find(|token| query.is_signed_with(&[token]))
        .zip(keys.aes_keys.get(index))
        .ok_or(PassiveReplyError::NoKey)?;
    Ok(Sealer { token, key, app_id: &keys.app_id }.seal(&xml, now, &query.nonce))
}
