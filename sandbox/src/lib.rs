//! A pretend WeChat: it pushes messages by WeChat's rules, answers WeChat's API, and shows a chat page.
//!
//! Nothing here talks to the real WeChat. One listener serves three things:
//!
//! - **the API** that a worker calls: `token`, `stable_token`, `message/custom/send`, `message/custom/typing`,
//!   `media/upload` and `media/get` under `/cgi-bin/`, and what other programs of the account ask (menus, quotas,
//!   addresses), with WeChat's error codes, checks, reply windows and limits
//!   ([`Faults`] adds trouble, [`Sandbox::move_clock`] saves waiting);
//! - **the control API** under `/sandbox/`, by which a person or a script plays the user (see `control`);
//! - **the chat page** at `/`, which is a client of the control API and of nothing else.
//!
//! And it is WeChat's other half too: [`Sandbox::push`] signs a message and posts it to the receiver, five seconds a try,
//! three tries, then the fault notice.
//!
//! Everything that happens is one line in one [`Transcript`]. Tests wait on it, the page draws it, and neither has another
//! source: what a person sees is what a test asserts. Separate counters and channels per concern were rejected, because
//! they would have let the page and the tests disagree.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use huixin_sandbox::{Push, RunningSandbox, SandboxConfig};
//! use std::time::Duration;
//!
//! let wechat = RunningSandbox::start(SandboxConfig::default()).await?;
//! wechat.sandbox.set_push_url("main", "http://127.0.0.1:8080/wechat/main".parse()?);
//! let report = wechat.sandbox.push(Push::text("main", "oHuixinXiaoming0000000000001", "?18-546")).await;
//! assert!(report.acked);
//! wechat.sandbox.transcript().wait_for_sends("oHuixinXiaoming0000000000001", 1, Duration::from_secs(5)).await?;
//! # Ok(()) }
//! ```

mod account;
mod api;
mod asked;
mod attempts;
mod backstage;
mod calls;
mod clock;
mod config;
mod control;
mod endpoint;
mod envelope;
mod faults;
mod flood;
mod ip_list;
mod limits;
mod mark_fail;
mod media;
mod menu;
mod openid;
mod passive;
mod push;
mod report;
mod rights;
mod rules;
mod running;
mod sandbox;
mod served;
mod server;
mod stories;
mod story;
mod tokens;
mod transcript;
mod users;

pub use backstage::{Backstage, PausedInterface, UserCounts};
pub use calls::{CallCount, CallCounts};
pub use config::{ExamplePush, Mode, SampleUser, SandboxAccount, SandboxConfig, SendWindow};
pub use endpoint::Endpoint;
pub use faults::{Fault, FaultForm, FaultOrder, FaultState, Faults, HangUp, HangUpAt, When};
pub use flood::{FloodLoad, FloodReport, flood};
pub use limits::{CallLimit, CallLimits};
pub use mark_fail::MarkFail;
pub use media::MediaKind;
pub use menu::MenuButton;
pub use openid::OpenId;
pub use push::{Push, PushKind};
pub use report::{PushReport, TryOutcome, TryReport};
pub use rights::{Opener, RightState};
pub use rules::AccountRules;
pub use running::RunningSandbox;
pub use sandbox::{Elsewhere, Sandbox};
pub use server::run;
pub use story::{Exchange, MessageStage};
pub use transcript::{SaidCard, TimedOut, Transcript, TranscriptEntry, What};

/// What the user sees when the account's server has failed, in the words that clients show.
pub const FAULT_NOTICE: &str = "该公众号提供的服务出现故障，请稍后再试";
