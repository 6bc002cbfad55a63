//! Answers in the responses to pushes, under load: how soon they are out, and what many open pushes cost.
//!
//! The short forms keep the measures from rotting. The long ones assert, with the machine for themselves, and are best read of
//! the release build:
//!
//! ```text
//! cargo build --release --bin huixin
//! E2E_HUIXIN=$PWD/target/release/huixin LONG_TESTS=1 cargo test --test e2e push_load -- --nocapture --test-threads 1
//! ```

mod beside_the_api;
mod figures;
mod many_open;
mod pusher;
mod service;
