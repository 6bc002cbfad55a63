//! Neither token nor secret may be seen in anything that is printed.

use std::error::Error;
use std::fmt::{Debug, Write};
use std::sync::Mutex;
use std::time::Duration;

use huixin_wechat::{ApiError, Client, Outgoing};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::pretend::{APP_SECRET, Pretend, client};

/// Everything that an error can show: `Display`, `Debug`, and the same of its sources.
fn shown(error: &ApiError) -> String {
    let mut all = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(cause) = source {
        write!(all, " {cause} {cause:?} {cause:#?}").unwrap();
        source = cause.source();
    }
    all
}

fn assert_hides(text: &str) {
    for secret in ["do-not-show", "access_token="] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(!text.contains(APP_SECRET));
}

async fn send(client: &Client) -> ApiError {
    client.send("oUser", &Outgoing::text("x")).await.unwrap_err()
}

#[tokio::test]
async fn no_failed_call_shows_the_token_or_the_secret() {
    let wechat = Pretend::start(|_| ()).await;
    let quick = client(wechat.base.clone(), Duration::from_millis(300));
    quick.token().await.unwrap();
    assert_hides(&format!("{quick:?} {:?}", quick.token().await));

    // Refused, with a message that quotes the token and the secret.
    let echo = format!(r#"{{"errcode":40003,"errmsg":"token-1-do-not-show and {APP_SECRET} rid: 66f0-1"}}"#);
    wechat.set(|o| o.send_answer = (200, echo));
    let refused = send(&quick).await;
    assert!(matches!(refused, ApiError::Refused { code: 40003, .. }));
    assert_hides(&shown(&refused));

    // A gateway's page that quotes the address.
    let page = "<p>/cgi-bin/message/custom/send?access_token=token-1-do-not-show".to_owned();
    wechat.set(|o| o.send_answer = (502, page.clone()));
    assert_hides(&shown(&send(&quick).await));
    wechat.set(|o| o.send_answer = (200, page));
    assert_hides(&shown(&send(&quick).await));

    // Timed out.
    wechat.set(|o| o.send_delay = Duration::from_secs(3));
    let late = send(&quick).await;
    assert!(matches!(&late, ApiError::Unsure(cause) if cause.is_timeout()));
    assert!(shown(&late).contains("took too long"));
    assert_hides(&shown(&late));

    // The token endpoint refuses, quotes the secret, and can't be reached.
    let echo = format!(r#"{{"errcode":40125,"errmsg":"invalid {APP_SECRET}"}}"#);
    wechat.set(|o| o.token_answer = Some((200, echo)));
    assert_hides(&shown(&wechat.client().token().await.unwrap_err()));
    let nowhere = client("http://127.0.0.1:1".parse().unwrap(), Duration::from_secs(2));
    assert_hides(&shown(&nowhere.token().await.unwrap_err()));

    // An early refresh that fails is logged.
    let wechat = Pretend::start(|o| o.expires_in = "4".to_owned()).await;
    let client = wechat.client();
    client.token().await.unwrap();
    let echo = format!(r#"{{"errcode":-1,"errmsg":"{APP_SECRET}"}}"#);
    wechat.set(|o| o.token_answer = Some((200, echo)));
    tokio::time::sleep(Duration::from_millis(2100)).await;
    client.token().await.unwrap();

    let logged = LOG.text.lock().unwrap().clone();
    assert!(logged.contains("could not be refreshed early"), "{logged}");
    assert!(logged.contains("access token fetched"));
    assert_hides(&logged);
}

/// Collects, from here on, what all tests of this process make the crate log.
pub(crate) fn listen() {
    // The second call and all later ones find it done.
    let _ = tracing::subscriber::set_global_default(&LOG);
}

static LOG: Log = Log { text: Mutex::new(String::new()) };

struct Log {
    text: Mutex<String>,
}

impl Subscriber for &'static Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("huixin_wechat")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.text.lock().unwrap().push_str(&line.0);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0, "{field}={value:?}").unwrap();
    }

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        writeln!(self.0, "{field}={error}").unwrap();
        let mut source = error.source();
        while let Some(cause) = source {
            writeln!(self.0, "{cause}").unwrap();
            source = cause.source();
        }
    }
}
