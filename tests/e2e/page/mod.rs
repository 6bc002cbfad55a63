//! A person with a browser, at both pages.

pub(crate) mod browser;
pub(crate) mod looks;

mod sandbox_chat;
mod sandbox_messages;
