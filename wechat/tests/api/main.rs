//! The client against a pretend WeChat on a real socket.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod pretend;
mod secrecy;
mod send;
mod token;
mod upload;
