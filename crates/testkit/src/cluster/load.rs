//! Write load on a cluster: transactions of known content, one after the other, until stopped.
//!
//! Every transaction that was answered is counted, so a test knows which rows a restored cluster must have.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use super::Cluster;
use crate::error::{During, Error, Result};

/// A client that inserts and updates rows of table `load` until it is stopped.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    committed: Arc<AtomicU64>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Load {
    /// Makes table `load` if need be and starts writing. Transaction n inserts ten rows with `id` = n.
    pub fn start(cluster: &Cluster) -> Result<Self> {
        // The index keeps a transaction quick however many were there before it.
        cluster.sql(
            "create table if not exists load (id bigint, part int, filler text); \
             create index if not exists load_id on load (id)",
        )?;
        let first = cluster
            .sql("select coalesce(max(id), 0) from load")?
            .parse::<u64>()
            .during("read the last id")?;
        let mut client = cluster
            .client("psql")?
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .during("start psql")?;
        let mut input = client.stdin.take().expect("stdin is piped");
        let mut output = BufReader::new(client.stdout.take().expect("stdout is piped"));
        let stop = Arc::new(AtomicBool::new(false));
        let committed = Arc::new(AtomicU64::new(first));
        let (stopping, done) = (Arc::clone(&stop), Arc::clone(&committed));
        let thread = std::thread::spawn(move || {
            let mut id = first;
            while !stopping.load(Ordering::Relaxed) {
                id += 1;
                writeln!(
                    input,
                    "begin; insert into load select {id}, part, md5(({id} * 10 + part)::text) from generate_series(1, 10) part; \
                     update load set filler = md5(filler) where id = {id} and part = 1; commit; select {id};"
                )
                .during("write to psql")?;
                let mut line = String::new();
                output.read_line(&mut line).during("read from psql")?;
                if line.trim() != id.to_string() {
                    break;
                }
                done.store(id, Ordering::Release);
            }
            drop(input);
            let ended = client.wait_with_output().during("wait for psql")?;
            // A server that went away under the load is the test's own doing if it then asks for no result.
            if stopping.load(Ordering::Relaxed) || ended.status.success() {
                Ok(())
            } else {
                Err(Error::Failed(format!(
                    "the load ended: {}",
                    String::from_utf8_lossy(&ended.stderr)
                )))
            }
        });
        Ok(Self {
            stop,
            committed,
            thread: Some(thread),
        })
    }

    /// Number of the last transaction that was answered.
    pub fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// Waits until `count` more transactions were answered.
    pub fn wait_for(&self, count: u64) -> Result<()> {
        let wanted = self.committed() + count;
        while self.committed() < wanted {
            if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
                return Err(Error::failed("the load has ended"));
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        Ok(())
    }

    /// Stops writing; gives the number of the last transaction that was answered.
    pub fn stop(mut self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("the load is stopped once");
        thread
            .join()
            .map_err(|_| Error::failed("the load panicked"))??;
        Ok(self.committed())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A failure of the load has been reported by `stop`, or nobody asked.
            let _ = thread.join();
        }
    }
}
