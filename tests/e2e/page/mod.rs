//! A person with a browser, at both pages.

pub(crate) mod browser;
pub(crate) mod looks;

mod sandbox_chat;
mod sandbox_inspector;
mod sandbox_looks;
mod sandbox_messages;
mod sandbox_panels;
mod sandbox_trouble;
