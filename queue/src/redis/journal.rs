//! The journal in a stream: an entry for each end, which the script that ends the message adds.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::packed::unpack;
use super::scripts::SCRIPTS;
use super::{Core, RedisQueue};
use crate::clock::micros;
use crate::{
    JOURNAL_SCAN_MAX, Journal, JournalCursor, JournalFilter, JournalPage, JournalRecord, JournalSize, Lane,
    QueueError,
};

/// An entry: its id, which begins with the time in milliseconds, and its fields.
type Entry = (String, HashMap<String, Vec<u8>>);

#[async_trait]
impl Journal for RedisQueue {
    async fn journal(
        &self,
        filter: &JournalFilter,
        after: Option<&JournalCursor>,
        limit: usize,
    ) -> Result<JournalPage, QueueError> {
        let youngest = match (after, filter.until_ms) {
            (Some(after), _) => format!("({}", after.0),
            (None, Some(until_ms)) => format!("({until_ms}-0"),
            (None, None) => "+".to_owned(),
        };
        let oldest = filter.since_ms.map_or("-".to_owned(), |since_ms| since_ms.to_string());
        let entries = self.entries(&youngest, &oldest).await?;
        let mut page = JournalPage::default();
        let last = entries.len().wrapping_sub(1);
        for (n, (id, fields)) in entries.into_iter().enumerate() {
            // What a newer version wrote, it can read.
            let record = record(&id, fields).filter(|record| filter.matches(record));
            page.records.extend(record);
            if page.records.len() >= limit || n == last && n + 1 == JOURNAL_SCAN_MAX {
                page.next = Some(JournalCursor(id));
                break;
            }
        }
        Ok(page)
    }

    async fn trim_journal(&self, max_bytes: u64, keep: Duration) -> Result<JournalSize, QueueError> {
        let mut call = self.core.call(&SCRIPTS.trim);
        call.key(self.core.keys.journal()).arg(max_bytes).arg(micros(keep));
        let (records, bytes, oldest): (u64, u64, String) = self.core.link.run(&call).await?;
        Ok(JournalSize { records, bytes, oldest_ms: ms_of(&oldest) })
    }

    async fn keep_journal(&self, keep: bool) -> Result<(), QueueError> {
        self.set_keeps_journal(keep);
        Ok(())
    }

    async fn forget_journal(&self, lane: &Lane) -> Result<u64, QueueError> {
        let Core { link, keys, .. } = &*self.core;
        let (mut youngest, mut forgotten) = ("+".to_owned(), 0);
        loop {
            let entries = self.entries(&youngest, "-").await?;
            let is_of_lane = |fields: &HashMap<String, Vec<u8>>| {
                fields.get("lane").is_some_and(|name| name == lane.as_str().as_bytes())
            };
            let ids: Vec<&str> =
                entries.iter().filter(|(_, fields)| is_of_lane(fields)).map(|(id, _)| &**id).collect();
            // In a copy that is under way too, which may take the journal's place between the calls.
            for key in [keys.journal(), keys.anew(), keys.journal()].iter().take(3 * ids.len()) {
                let deleted = link.query::<u64>(redis::cmd("XDEL").arg(key).arg(&ids)).await?;
                forgotten += if *key == keys.journal() { deleted } else { 0 };
            }
            let Some((last, _)) = entries.last().filter(|_| entries.len() == JOURNAL_SCAN_MAX) else {
                return Ok(forgotten);
            };
            youngest = format!("({last}");
        }
    }
}

impl RedisQueue {
    /// As [`Journal::keep_journal`].
    pub fn set_keeps_journal(&self, keep: bool) {
        self.core.keeps_journal.store(keep, Ordering::Relaxed);
    }

    async fn entries(&self, youngest: &str, oldest: &str) -> Result<Vec<Entry>, QueueError> {
        let mut command = redis::cmd("XREVRANGE");
        command.arg(self.core.keys.journal()).arg(youngest).arg(oldest).arg("COUNT").arg(JOURNAL_SCAN_MAX);
        self.core.link.query(&command).await
    }
}

fn ms_of(id: &str) -> Option<u64> {
    id.split('-').next()?.parse().ok()
}

fn record(id: &str, mut fields: HashMap<String, Vec<u8>>) -> Option<JournalRecord> {
    let head = unpack(&Bytes::from(fields.remove("head")?)).ok()?;
    let mut text = |name| fields.remove(name).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let lane = Lane::from_stored(text("lane")?);
    let dies_of = text("dies_of");
    let mut number = |name| text(name).and_then(|number| number.parse().ok()).unwrap_or_default();
    let (failures, losses, sent) = (number("failures"), number("losses"), number("sent"));
    Some(JournalRecord {
        id: head.id,
        lane,
        class: head.class,
        arrived_us: head.arrived_us,
        ended_ms: ms_of(id)?,
        dies_of,
        failures,
        losses,
        sent,
        note: fields.remove("note").unwrap_or_default().into(),
    })
}
