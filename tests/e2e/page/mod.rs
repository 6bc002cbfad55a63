//! A person with a browser, at both pages.

pub(crate) mod browser;
pub(crate) mod looks;

mod operations;
mod operations_dead;
mod operations_journal;
mod operations_load;
mod operations_login;
mod operations_looks;
mod operations_pause;
mod pictures;
mod sandbox_chat;
mod sandbox_inspector;
mod sandbox_looks;
mod sandbox_messages;
mod sandbox_panels;
mod sandbox_trouble;
