//! Reading a spool by lanes.

use std::collections::HashMap;

use huixin_queue::spool::{SpoolEntry, SpoolError};

use super::super::lanes::LaneKey;
use super::{FolderDrain, PAGE, PAGE_BYTES};

/// The pending entries of a lane, in their order, up to its suspect.
pub(super) struct Chain {
    pub(super) key: LaneKey,
    /// Whether the first of them is no suspect.
    pub(super) goes_on: bool,
    pub(super) entries: Vec<SpoolEntry>,
}

impl FolderDrain {
    /// Pending entries by lane, nothing behind a suspect. Pages are read until there is a chain that is enough.
    pub(super) async fn chains(
        &self,
        first_page: usize,
        most_pages: usize,
        is_enough: impl Fn(&Chain) -> bool,
    ) -> Result<Vec<Chain>, SpoolError> {
        let mut chains: Vec<Chain> = Vec::new();
        let mut places = HashMap::new();
        let (mut last, mut page) = (0, first_page);
        for _ in 0..most_pages {
            let entries = self.spool.next_after(last, page, PAGE_BYTES).await?;
            let Some(end) = entries.last() else { break };
            (last, page) = (end.seq, PAGE);
            for entry in entries {
                let key = self.lanes.key(&entry.message.lane);
                let suspect = self.suspects.get(&key).map(|suspect| suspect.seq);
                if suspect.is_some_and(|suspect| entry.seq > suspect) {
                    continue;
                }
                let place = *places.entry(key).or_insert(chains.len());
                if place == chains.len() {
                    chains.push(Chain { key, goes_on: suspect != Some(entry.seq), entries: Vec::new() });
                }
                chains[place].entries.push(entry);
            }
            if chains.iter().any(&is_enough) {
                break;
            }
        }
        Ok(chains)
    }
}
