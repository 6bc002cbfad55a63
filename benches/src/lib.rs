//! What measures Huixin from outside: a client that pushes like WeChat, and a sink that takes what a worker sends.
//!
//! `benches/run` measures real processes with it, and `tests/budget/` counts what one message costs. Every push has a number
//! and the time of its sending in its text, and every answer repeats the text: so the sink knows which messages were answered,
//! which twice, and how long each took. Load and sink share the machine with what they measure, so they do as little as they
//! can: requests are made before the time counts, and HTTP is read no further than to the end of a message.

pub mod client;
mod http;
pub mod pushes;
pub mod sink;
