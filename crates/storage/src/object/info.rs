//! Looking entries up: one request each for files, all at the same time; one more for what is no file.

use tokio::task::JoinHandle;

use super::bucket::Bucket;
use super::list::{directory, info, task_error};
use super::store::{ListQuery, Listed, ObjectStore, Outcome};
use crate::{FileInfo, Operation, Result, StoragePath};

/// Facts of many entries, in the order asked.
pub(super) fn look_up<S: ObjectStore>(
    bucket: &Bucket<S>,
    paths: &[StoragePath],
) -> Result<Vec<Option<FileInfo>>> {
    let mut asked: Vec<JoinHandle<Outcome<Option<FileInfo>>>> = Vec::with_capacity(paths.len());
    for path in paths {
        let key = bucket.key(path, Operation::Info)?;
        let prefix = bucket.prefix(path, Operation::Info)?;
        let (own, path) = (bucket.clone(), path.clone());
        asked.push(
            bucket
                .runtime
                .spawn(async move { one(&own, path, key, prefix).await }),
        );
    }
    let mut out = Vec::with_capacity(paths.len());
    for (asked, path) in asked.into_iter().zip(paths) {
        let found = bucket
            .runtime
            .block_on(asked)
            .map_err(|error| task_error(bucket, error, Operation::Info, path))?;
        out.push(found.map_err(|failure| bucket.error(failure, Operation::Info, path))?);
    }
    Ok(out)
}

async fn one<S: ObjectStore>(
    bucket: &Bucket<S>,
    path: StoragePath,
    key: String,
    prefix: String,
) -> Outcome<Option<FileInfo>> {
    if path.is_root() {
        return Ok(Some(directory(path)));
    }
    if let Some(facts) = bucket.facts(&key).await? {
        let entry = Listed {
            key,
            facts: Some(facts),
        };
        return Ok(Some(info(path, &entry)));
    }
    if let Some(past) = &bucket.past {
        let below = past.is_below(&*bucket.store, prefix).await?;
        return Ok(below.then(|| directory(path)));
    }
    let query = ListQuery {
        prefix,
        limit: Some(1),
        ..ListQuery::default()
    };
    let below = bucket.store.list(&query, None).await?;
    Ok((!below.entries.is_empty()).then(|| directory(path)))
}
