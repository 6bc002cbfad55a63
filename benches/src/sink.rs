//! A WeChat that takes every answer, and a service that gives one, at once or later. It counts, and keeps no texts.
//!
//! `POST /answer/MS` is the service, which takes so many milliseconds; `GET /counts` tells what came, and `GET /numbers`
//! which messages were answered, as bits; all else is WeChat's API.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use crate::client::{bits, quantiles};
use crate::http::Reader;
use crate::pushes::{NUMBER_MARK, TIME_MARK, marked, now_us};

/// More values of a kind are counted, and their times not kept.
const TIMES_MAX: usize = 1_000_000;
/// What WeChat's API says of a send.
const OK: &str = r#"{"errcode":0,"errmsg":"ok"}"#;

/// What came.
#[derive(Debug, Default)]
struct Came {
    /// By the number of the push: how often it was answered.
    sent: HashMap<u64, u32>,
    asked: u64,
    asking: u64,
    asking_max: u64,
    unmarked: u64,
    first_sent_us: u64,
    last_sent_us: u64,
    sent_after_us: Vec<u64>,
    asked_after_us: Vec<u64>,
}

/// What came, as it is reported.
#[derive(Debug, Default, Serialize)]
struct Counts {
    sent: u64,
    distinct: u64,
    asked: u64,
    asking: u64,
    asking_max: u64,
    unmarked: u64,
    first_sent_us: u64,
    last_sent_us: u64,
    sent_after_us: [u64; 3],
    asked_after_us: [u64; 3],
}

/// Serves on one thread, until the process ends.
///
/// # Errors
/// When the listener can't be used.
pub fn serve(listener: std::net::TcpListener) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::from_std(listener)?;
        let came = Rc::new(RefCell::new(Came::default()));
        loop {
            let (stream, _) = listener.accept().await?;
            // A client that goes is no trouble: what it was sent counts all the same.
            tokio::task::spawn_local(connection(stream, came.clone()));
        }
    })
}

async fn connection(mut stream: TcpStream, came: Rc<RefCell<Came>>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = Reader::default();
    while let Some(parts) = reader.next(&mut stream).await? {
        let path = reader.first_line(&parts).split(' ').nth(1).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default();
        let body = reader.body(&parts);
        let answer: Vec<u8> = match path {
            "/cgi-bin/message/custom/send" => {
                came.borrow_mut().send(body);
                OK.into()
            }
            "/cgi-bin/stable_token" | "/cgi-bin/token" => {
                r#"{"access_token":"a-token-of-some-length-as-they-are","expires_in":7200}"#.into()
            }
            "/counts" => serde_json::to_vec(&came.borrow().counts())?,
            "/numbers" => bits(came.borrow().sent.keys().filter_map(|number| usize::try_from(*number).ok())),
            other => match other.strip_prefix("/answer/").and_then(|ms| ms.parse().ok()) {
                Some(after_ms) => answer(&came, body, after_ms).await.into_bytes(),
                None => OK.into(),
            },
        };
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
        let head = format!("{head}{}\r\n\r\n", answer.len());
        stream.write_all(&[head.as_bytes(), &answer].concat()).await?;
    }
    Ok(())
}

/// The service: its answer names the message, so that the send can be distinguished from others.
async fn answer(came: &RefCell<Came>, body: &[u8], after_ms: u64) -> String {
    came.borrow_mut().ask(body);
    let (number, time) = (marked(body, NUMBER_MARK), marked(body, TIME_MARK));
    if after_ms > 0 {
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
    }
    let mut came = came.borrow_mut();
    came.asking = came.asking.saturating_sub(1);
    let (number, time) = (number.unwrap_or_default(), time.unwrap_or_default());
    format!(r#"{{"replies":["工单 {NUMBER_MARK}{number:09} {TIME_MARK}{time:016} 已经发出"]}}"#)
}

impl Came {
    fn send(&mut self, body: &[u8]) {
        match marked(body, NUMBER_MARK) {
            Some(number) => *self.sent.entry(number).or_default() += 1,
            None => self.unmarked += 1,
        }
        self.last_sent_us = now_us();
        if self.first_sent_us == 0 {
            self.first_sent_us = self.last_sent_us;
        }
        note_time(&mut self.sent_after_us, body);
    }

    fn ask(&mut self, body: &[u8]) {
        self.asked += 1;
        self.asking += 1;
        self.asking_max = self.asking_max.max(self.asking);
        note_time(&mut self.asked_after_us, body);
    }

    fn counts(&self) -> Counts {
        Counts {
            sent: self.sent.values().map(|times| u64::from(*times)).sum::<u64>() + self.unmarked,
            distinct: self.sent.len() as u64,
            asked: self.asked,
            asking: self.asking,
            asking_max: self.asking_max,
            unmarked: self.unmarked,
            first_sent_us: self.first_sent_us,
            last_sent_us: self.last_sent_us,
            sent_after_us: quantiles(&mut self.sent_after_us.clone()),
            asked_after_us: quantiles(&mut self.asked_after_us.clone()),
        }
    }
}

/// How long ago the message that a body repeats was pushed, where it says so.
fn note_time(times: &mut Vec<u64>, body: &[u8]) {
    let pushed = marked(body, TIME_MARK).filter(|us| *us > 0);
    if let Some(pushed) = pushed.filter(|_| times.len() < TIMES_MAX) {
        times.push(now_us().saturating_sub(pushed));
    }
}
