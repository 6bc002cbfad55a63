//! The two lines in front of the writer thread.
//!
//! *Urgent* is what somebody outside waits for, or what must not come late: a push, which WeChat gives five seconds, and the
//! renewal of leases. All else is *ordinary*, mostly what a worker writes about its messages: hundreds of such calls may wait
//! at a time, and in one line with them a push would wait for them all. Both lines are bounded: when the disk is slower
//! than the callers, these wait here, in memory that is bounded too.

use tokio::sync::mpsc;

use super::work::{Access, Work};

/// How many calls may stand in a line before callers wait to get into it.
const LINE: usize = 1_024;

/// The callers' side.
pub(crate) struct Entrances {
    urgent: mpsc::Sender<Box<dyn Work>>,
    ordinary: mpsc::Sender<Box<dyn Work>>,
}

/// The writer thread's side.
pub(crate) struct CallLines {
    urgent: Line,
    ordinary: Line,
}

struct Line {
    calls: mpsc::Receiver<Box<dyn Work>>,
    /// The first, once it was looked at.
    head: Option<Box<dyn Work>>,
}

/// Both sides of both lines. A caller that has joined one, or has dropped the entrances, must unpark the thread that waits.
pub(crate) fn lines() -> (Entrances, CallLines) {
    let (urgent, urgent_calls) = mpsc::channel(LINE);
    let (ordinary, ordinary_calls) = mpsc::channel(LINE);
    let line = |calls| Line { calls, head: None };
    (Entrances { urgent, ordinary }, CallLines { urgent: line(urgent_calls), ordinary: line(ordinary_calls) })
}

impl Entrances {
    /// Joins the line of its kind. False: nobody serves it any more.
    pub(crate) async fn join(&self, call: Box<dyn Work>) -> bool {
        let line = match call.kind() {
            Access::Urgent { .. } => &self.urgent,
            Access::Look | Access::Change { .. } | Access::Rewrite => &self.ordinary,
        };
        line.send(call).await.is_ok()
    }
}

impl CallLines {
    /// Waits until somebody stands in a line. False: nobody will any more.
    pub(crate) fn wait(&mut self) -> bool {
        loop {
            // Asked first: what joins before the end is served.
            let is_over = self.urgent.calls.is_closed() && self.ordinary.calls.is_closed();
            if self.is_urgent() || self.next_kind().is_some() {
                return true;
            }
            if is_over {
                return false;
            }
            std::thread::park();
        }
    }

    /// Whether an urgent call waits.
    pub(crate) fn is_urgent(&mut self) -> bool {
        self.urgent.kind().is_some()
    }

    /// What the first ordinary call does.
    pub(crate) fn next_kind(&mut self) -> Option<Access> {
        self.ordinary.kind()
    }

    pub(crate) fn urgent(&mut self) -> Option<Box<dyn Work>> {
        self.urgent.next()
    }

    pub(crate) fn ordinary(&mut self) -> Option<Box<dyn Work>> {
        self.ordinary.next()
    }
}

impl Line {
    fn kind(&mut self) -> Option<Access> {
        self.head = self.next();
        self.head.as_ref().map(|call| call.kind())
    }

    /// The first whose caller is still there.
    fn next(&mut self) -> Option<Box<dyn Work>> {
        loop {
            let call = self.head.take().or_else(|| self.calls.try_recv().ok())?;
            if !call.is_abandoned() {
                return Some(call);
            }
        }
    }
}
