//! Passive replies: the message that may be the answer to a push itself.
//!
//! For an account without the customer-service right it is the only way to a user. [`Form::from_outgoing`] says which answers can
//! go this way, [`respond()`] makes the body of the response to a push. WeChat's five seconds are the caller's to keep.
//!
//! The forms and the order of their elements are those of WeChat's documentation (被动回复用户消息): old servers are said to
//! read by position. Text is in CDATA, numbers are bare, and nothing stands between elements, since WeChat takes blanks for
//! part of the value. It is always XML: JSON counts as a faulty response, whatever the push was.
//!
//! A reply that WeChat can't take is shown to the user as a fault of the account, so what is known to be refused is an
//! error here, by the name of its element.

mod fetch_link;
mod form;
mod from_outgoing;
mod respond;
mod sealed;
mod write;

use std::borrow::Cow;

pub use fetch_link::{FETCH_MENU_ID, fetch_link};
pub use form::{Form, NewsItem};
pub use from_outgoing::NoForm;
pub use respond::respond;
pub use sealed::Sealer;

use crate::message::Message;

/// A reply to one push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The user's OpenID (`ToUserName`).
    pub to: String,
    /// The account's original id, `gh_…` (`FromUserName`).
    pub from: String,
    /// When it was made, in Unix seconds; milliseconds break it.
    pub created_at: u64,
    /// Whether it answers an event. A message can be answered with one article only.
    pub to_event: bool,
    /// What it says.
    pub form: Form,
}

impl Reply {
    /// The most bytes of a text. WeChat's documentation says 2,048; 2,047 were measured.
    pub const MOST_TEXT_BYTES: usize = 2047;
    /// The most articles in answer to an event.
    pub const MOST_ARTICLES: usize = 8;

    /// A reply to `message`, made at `created_at` (Unix seconds).
    pub fn to(message: &Message, created_at: u64, form: Form) -> Reply {
        Reply {
            to: message.from.clone(),
            from: message.to.clone(),
            created_at,
            to_event: message.is_event(),
            form,
        }
    }

    /// The reply as XML: the body to answer with in plain mode, or to seal with [`Sealer`].
    ///
    /// `]]>` is split over two sections, line ends become newlines, and characters that XML forbids are dropped.
    ///
    /// # Errors
    /// [`PassiveReplyError`]: what WeChat wouldn't take.
    pub fn to_xml(&self) -> Result<String, PassiveReplyError> {
        form::needed("ToUserName", &self.to)?;
        form::needed("FromUserName", &self.from)?;
        self.form.check(self.to_event)?;
        Ok(write::xml(self))
    }
}

/// A text as it is sent: line ends are newlines, as any XML reader would have them.
fn sent_text(text: &str) -> Cow<'_, str> {
    let mut text = crate::mend::mend(text.as_bytes()).0;
    if text.contains('\r') {
        text = Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"));
    }
    text
}

/// What WeChat wouldn't take. Shows names and numbers, never a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PassiveReplyError {
    /// An element that must have something in it has nothing, or only white space.
    #[error("{field} must not be empty")]
    Empty {
        /// The element.
        field: &'static str,
    },
    /// A text is too long.
    #[error("{field} has {bytes} bytes; {limit} are allowed")]
    TooLong {
        /// The element.
        field: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A list is too long.
    #[error("{field} has {count} items; {limit} are allowed here")]
    TooMany {
        /// The element.
        field: &'static str,
        /// How many it has.
        count: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The push came sealed, and there is no longer anything to seal its reply with.
    #[error("there is no key to seal it with")]
    NoKey,
}
