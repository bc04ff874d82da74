//! Work that waits for a disk, a database or a lock, beside the threads that answer.

use crate::problem::Problem;

/// Runs what may block, such as anything of the registry.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::failure("a request panicked"))
}
