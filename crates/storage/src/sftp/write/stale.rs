//! Removes temporary names that lost attempts may have left.
//!
//! Only the server's "done" settles a name. "There is no such file" does not: the process that served the lost connection
//! may open the file later, when it gets to what it was asked for before. Such names are asked for again when the storage
//! ends. What comes later still is removed by `expire`, as all temporary files without a living writer.

use std::sync::Arc;

use crate::sftp::engine::pool::Pool;
use crate::sftp::protocol::message::{Request, Response};

/// Connections that may be lost while the same names are removed.
const LOSSES: usize = 10;

/// Removes what can be removed now; the rest is kept for the end of the storage.
pub(super) async fn remove(pool: &Arc<Pool>, names: Vec<Vec<u8>>, object: &str) {
    let mut left = names;
    ask(pool, &mut left, object).await;
    pool.unsettled.add(left);
}

/// The last look: processes that were late have had the time of the whole run.
pub(crate) async fn remove_unsettled(pool: &Arc<Pool>) {
    let mut left = pool.unsettled.take();
    ask(pool, &mut left, &pool.settings.address()).await;
}

/// Takes those names out of `left` that the server has removed.
async fn ask(pool: &Arc<Pool>, left: &mut Vec<Vec<u8>>, object: &str) {
    if left.is_empty() {
        return;
    }
    let limit = pool.settings.io_timeout / 2;
    let removing = async {
        for _ in 0..LOSSES {
            let Ok(channel) = pool.channel().await else {
                return;
            };
            let mut batch = channel.batch();
            let replies: Vec<_> = left
                .iter()
                .map(|path| batch.ask(&Request::Remove { path }))
                .collect();
            batch.send();
            let mut lost = false;
            let mut kept = Vec::new();
            for (reply, name) in replies.into_iter().zip(&*left) {
                let answer = reply.wait().await;
                lost |= answer.is_err();
                if !matches!(answer, Ok(Response::Ok)) {
                    kept.push(name.clone());
                }
            }
            *left = kept;
            if !lost {
                return;
            }
        }
    };
    if tokio::time::timeout(limit, removing).await.is_err() {
        log::debug!("unable to remove temporary files of '{object}'");
    }
}
