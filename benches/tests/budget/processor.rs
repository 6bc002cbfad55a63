//! What each call for a message costs Redis of a processor, in microseconds.
//!
//! It is printed and not judged, since it depends on the machine: the median of several rounds. "script" is what Redis counts
//! for its scripts, "all" what its main thread uses, the network and the append-only file included.

use std::collections::BTreeMap;

use crate::store::Store;

const ROUNDS: usize = 9;
/// How many messages go in one call.
const TOGETHER: [usize; 3] = [1, 8, 32];

/// A table of both, for one message of each.
pub(crate) fn table() -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut measured: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for together in TOGETHER {
            for (what, spent) in
                runtime.block_on(async { crate::store::round(&Store::new(), together).await })
            {
                measured.entry((what, together)).or_default().push((spent.script_us, spent.all_us));
            }
        }
    }
    let median = |mut figures: Vec<f64>| {
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    let row = |((what, together), figures): (_, Vec<_>)| {
        let (script, all): (Vec<f64>, Vec<f64>) = figures.into_iter().unzip();
        let (script, all) = (median(script), median(all));
        format!("{what:<10} {together:>3} together: script {script:>6.1} µs, all {all:>6.1} µs\n")
    };
    measured.into_iter().map(row).collect()
}
