//! Copies files from one storage to the other and verifies them on the way. Runs on the workers.
//!
//! A worker gets several files at once. It opens those that follow before it reads the first, and goes on while the target still
//! writes what it has, so on a network with latency no file waits for a round trip of its own. A file gets its name in the target
//! only when all of it is there and sound: so whatever has its name and its size is not copied again.

use std::io::{ErrorKind, Read, Write as _};
use std::sync::Arc;

use pgkeep_pipeline::{Pipeline, Running, Stage};
use pgkeep_storage::{PipelineRead, ReadOptions, Storage, Ticket, WriteOptions};
use secrecy::SecretString;

use super::checks::Checks;
use super::piece::{CopyFile, Fault, READ_MOST};
use crate::error::{Error, Result};
use crate::jobs::{self, Buffers, OpenedAhead, Outcome};
use crate::run::cancel::Cancel;
use crate::run::moved::{Count, Moved};

/// What all workers share.
#[derive(Debug)]
pub(super) struct Worker {
    pub from: Arc<dyn Storage>,
    pub to: Arc<dyn Storage>,
    pub cancel: Cancel,
    pub buffer_size: usize,
    pub buffers: Buffers,
    pub moved: Arc<Moved>,
}

/// What became of each file of a job: `None`: it was copied.
pub(super) type Faults = Vec<Option<Fault>>;

type Opened = pgkeep_storage::Result<Box<dyn PipelineRead>>;

impl Worker {
    /// Copies files in the order given.
    ///
    /// # Errors
    /// A source out of reach, everything that is wrong with the target, a stop. All else is a fault of its file.
    pub(super) fn run(&self, files: &[CopyFile]) -> Result<Outcome<Faults>> {
        let mut buffer = self.buffers.take(self.buffer_size.clamp(4096, READ_MOST));
        let result = self.run_with(files, &mut buffer);
        self.buffers.put_back(buffer);
        result
    }

    fn run_with(&self, files: &[CopyFile], buffer: &mut [u8]) -> Result<Outcome<Faults>> {
        let mut count = Count::new(&self.moved);
        let (mut faults, mut tickets) = (Vec::with_capacity(files.len()), Vec::new());
        for (file, read) in OpenedAhead::new(files, |file| file.size, |file| self.open(file)) {
            count.begin(|| file.path.to_string(), file.size);
            let copied = match read.map_err(Error::from) {
                Ok(read) => self.copy(file, read, buffer, &mut count)?,
                Err(error) => Err(fault(error)?),
            };
            count.finish();
            match copied {
                Ok(ticket) => {
                    tickets.push(ticket);
                    faults.push(None);
                }
                Err(fault) => faults.push(Some(fault)),
            }
        }
        count.keep();
        Ok(match jobs::all(tickets) {
            Some(ticket) => Outcome::Written(faults, ticket),
            None => Outcome::Done(faults),
        })
    }

    fn open(&self, file: &CopyFile) -> Opened {
        let options = ReadOptions {
            expect: Some(file.size),
            lazy_open: true,
            ..ReadOptions::default()
        };
        self.from.open_read(&file.path, &options)
    }

    /// The inner error is the file's. Then the writer is dropped, which leaves nothing.
    fn copy(
        &self,
        file: &CopyFile,
        mut read: Box<dyn PipelineRead>,
        buffer: &mut [u8],
        count: &mut Count<'_>,
    ) -> Result<std::result::Result<Ticket, Fault>> {
        let mut checks = match Checks::new(&file.pieces, self.buffer_size) {
            Ok(checks) => checks,
            Err(fault) => return Ok(Err(fault)),
        };
        let recode = file.recode.as_ref();
        let mut decrypt = self.cipher(recode.and_then(|recode| recode.decrypt.as_ref()), decrypt);
        let mut encrypt = self.cipher(recode.and_then(|recode| recode.encrypt.as_ref()), encrypt);
        let options = WriteOptions {
            // The directories are made durable together, before anything refers to what is in them.
            sync_path: false,
            ..WriteOptions::default()
        };
        let mut write = self.to.open_write(&file.path, &options)?;
        let mut plain = Vec::new();
        loop {
            self.cancel.check()?;
            let got = match read.read(buffer) {
                Ok(got) => got,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Ok(Err(fault(error.into())?)),
            };
            let mut bytes = &buffer[..got];
            if let Some(running) = decrypt.take() {
                plain.clear();
                match through(running, bytes, &mut plain) {
                    Ok(rest) => decrypt = rest,
                    Err(error) => return Ok(Err(error.into())),
                }
                bytes = &plain;
            }
            if let Err(fault) = checks.update(bytes) {
                return Ok(Err(fault));
            }
            match &mut encrypt {
                Some(running) => running.push_into(bytes, &mut write)?,
                None => write.write_all(bytes)?,
            }
            self.moved.stored(bytes.len() as u64);
            count.add(got as u64);
            if got == 0 {
                break;
            }
        }
        if let Err(fault) = checks.finish() {
            return Ok(Err(fault));
        }
        if let Some(running) = encrypt {
            running.finish_into(&mut write)?;
        }
        Ok(Ok(write.finish()?))
    }

    fn cipher(
        &self,
        pass: Option<&SecretString>,
        stage: fn(SecretString) -> Stage,
    ) -> Option<Running> {
        let stages = vec![stage(pass?.clone())];
        Some(Pipeline::new(stages).start(self.buffer_size))
    }
}

fn decrypt(pass: SecretString) -> Stage {
    Stage::Decrypt { pass, raw: false }
}

fn encrypt(pass: SecretString) -> Stage {
    Stage::Encrypt { pass, raw: false }
}

/// Pushes bytes through; none are the end, after which nothing more comes.
fn through(mut running: Running, bytes: &[u8], out: &mut Vec<u8>) -> Result<Option<Running>> {
    if bytes.is_empty() {
        running.finish(out)?;
        return Ok(None);
    }
    running.push(bytes, out)?;
    Ok(Some(running))
}

/// What is wrong with a file; an error where it is the storage's.
fn fault(error: Error) -> Result<Fault> {
    match error.is_about_the_storage() {
        true => Err(error),
        false => Ok(error.into()),
    }
}
