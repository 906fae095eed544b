//! How fast: bytes in both directions and small files, with the storage that backups use.
//!
//! Each is measured with growing amounts until one takes long enough to say something, so a slow network is not busy for
//! minutes and a fast one shows what it can do.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgkeep_storage::{ReadOptions, Storage, StoragePath, Ticket, WriteOptions};

use crate::error::{Error, Result};
use crate::run::Context;

/// A measurement that takes this long is the last.
const ENOUGH: Duration = Duration::from_millis(1500);
/// Files that bytes travel in at the same time, as with several workers.
const STREAMS: u64 = 4;
const FIRST_SIZE: u64 = 1 << 20;
const CHUNK: usize = 256 * 1024;
/// Size of a small file: a compressed catalog file.
const SMALL: usize = 16 * 1024;
const FIRST_FILES: usize = 32;
const MOST_FILES: usize = 2048;

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Speed {
    pub(super) sent: Rate,
    pub(super) fetched: Rate,
    pub(super) files: Rate,
    pub(super) removed: Rate,
}

/// So much in so long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate {
    /// Bytes or files.
    pub(super) amount: u64,
    pub(super) seconds: f64,
}

impl Rate {
    fn of(amount: u64, time: Duration) -> Self {
        Self {
            amount,
            seconds: time.as_secs_f64().max(0.000_001),
        }
    }

    pub(super) fn per_second(self) -> f64 {
        self.amount as f64 / self.seconds
    }
}

/// Works in `directory`, which the caller removes; the small files are removed here, because that is measured too.
pub(super) fn measure(
    context: &Context,
    storage: &Arc<dyn Storage>,
    directory: &StoragePath,
    most: u64,
) -> Result<Speed> {
    let mut size = FIRST_SIZE.min(most);
    let (sent, last) = loop {
        context.cancel.check()?;
        let place = directory.join(format!("bytes-{size}"));
        let began = Instant::now();
        send(&**storage, &place, size)?;
        let took = began.elapsed();
        if took >= ENOUGH || size >= most {
            break (Rate::of(size, took), place);
        }
        size = (size * 4).min(most);
    };
    context.cancel.check()?;
    let began = Instant::now();
    fetch(&**storage, &last)?;
    let fetched = Rate::of(size, began.elapsed());

    let mut count = FIRST_FILES;
    let (files, place) = loop {
        context.cancel.check()?;
        let place = directory.join(format!("files-{count}"));
        let began = Instant::now();
        small_files(&**storage, &place, count)?;
        let took = began.elapsed();
        if took >= ENOUGH || count >= MOST_FILES {
            break (Rate::of(count as u64, took), place);
        }
        count *= 4;
    };
    let began = Instant::now();
    storage.remove_tree(&place)?;
    Ok(Speed {
        sent,
        fetched,
        files,
        removed: Rate::of(files.amount, began.elapsed()),
    })
}

fn options() -> WriteOptions {
    WriteOptions {
        create_path: true,
        sync: true,
        ..WriteOptions::default()
    }
}

fn wait(tickets: Vec<Ticket>) -> Result<()> {
    for ticket in tickets {
        ticket.wait()?;
    }
    Ok(())
}

fn send(storage: &dyn Storage, place: &StoragePath, size: u64) -> Result<()> {
    let data = vec![0x5a; CHUNK];
    let mut streams = (0..STREAMS)
        .map(|number| {
            let write = WriteOptions {
                expect: Some(size / STREAMS),
                ..options()
            };
            storage.open_write(&place.join(number.to_string()), &write)
        })
        .collect::<pgkeep_storage::Result<Vec<_>>>()?;
    let mut left = size / STREAMS;
    while left > 0 {
        let now = left.min(CHUNK as u64);
        for stream in &mut streams {
            stream
                .write_all(&data[..now as usize])
                .map_err(Error::from)?;
        }
        left -= now;
    }
    wait(
        streams
            .into_iter()
            .map(|stream| stream.finish())
            .collect::<pgkeep_storage::Result<Vec<_>>>()?,
    )
}

fn fetch(storage: &dyn Storage, place: &StoragePath) -> Result<()> {
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..STREAMS)
            .map(|number| {
                scope.spawn(move || {
                    let path = place.join(number.to_string());
                    let mut read = storage.open_read(&path, &ReadOptions::default())?;
                    let mut buffer = vec![0; CHUNK];
                    while read.read(&mut buffer).map_err(Error::from)? > 0 {}
                    Ok(())
                })
            })
            .collect();
        readers
            .into_iter()
            .try_for_each(|reader| reader.join().expect("reading does not panic"))
    })
}

fn small_files(storage: &dyn Storage, place: &StoragePath, count: usize) -> Result<()> {
    let data = vec![0x5a; SMALL];
    let mut tickets = Vec::with_capacity(count);
    for number in 0..count {
        let write = WriteOptions {
            expect: Some(SMALL as u64),
            ..options()
        };
        let mut file = storage.open_write(&place.join(number.to_string()), &write)?;
        file.write_all(&data).map_err(Error::from)?;
        tickets.push(file.finish()?);
    }
    wait(tickets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pgkeep_storage::memory::MemoryStorage;

    #[test]
    fn bytes_and_files_are_written_and_read_whole() {
        let storage = MemoryStorage::new();
        let place = StoragePath::new("p");
        send(&storage, &place, 3 << 20).unwrap();
        fetch(&storage, &place).unwrap();
        small_files(&storage, &place.join("s"), 5).unwrap();
        let mut sizes = Vec::new();
        let each = &mut |file: pgkeep_storage::FileInfo| {
            sizes.push(file.size);
            Ok(())
        };
        storage
            .list_tree(&place, &pgkeep_storage::ListOptions::default(), each)
            .unwrap();
        assert_eq!(sizes.iter().sum::<u64>(), (3 << 20) + 5 * SMALL as u64);
    }
}
