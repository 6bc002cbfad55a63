//! Draining by command.

use std::sync::Arc;
use std::time::{Duration, Instant};

use huixin_queue::Queue;
use huixin_queue::spool::Spool;

use super::{DrainError, FolderDrain, Round};

/// Carries everything in a spool to the queue, for a person who asked for it: the quarantined entries are tried too.
/// Gives how many entries are left.
///
/// # Errors
/// When the spool can't be read, or the queue takes nothing for ten seconds.
pub async fn drain_all(
    queue: Arc<dyn Queue>,
    spool: Arc<Spool>,
    max_age: Duration,
) -> Result<usize, DrainError> {
    const PATIENCE: Duration = Duration::from_secs(10);
    const PAUSE: Duration = Duration::from_millis(100);
    spool.release_quarantined().await?;
    let mut drain = FolderDrain::new(queue, spool.clone(), Arc::default(), Arc::default(), max_age);
    let (mut drained, mut progress) = (0, Instant::now());
    while spool.counts().await?.entries > 0 {
        let round = drain.run_once().await;
        let trouble = match round {
            Ok(Round { taken: 0, forgotten: 0 }) => {
                DrainError::Queue("it refuses the entries that are left".to_owned())
            }
            Ok(round) => {
                drained += round.forgotten;
                progress = Instant::now();
                continue;
            }
            Err(DrainError::Queue(reason)) => {
                drain.pending_again();
                DrainError::Queue(reason)
            }
            Err(error) => return Err(error),
        };
        if progress.elapsed() > PATIENCE {
            return Err(trouble);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(drained)
}
