//! Encryption of info files: the ordinary salted stream around the whole file
//! (`docs/format/compression-and-encryption.md`).

use std::io::{BufRead, BufReader, Read, Write};

use pgkeep_pipeline::{Pipeline, Running, RunningReader, Stage};
use secrecy::SecretString;

use crate::error::Result;

/// Bytes read at once; also enough that most info files are one read.
const BUFFER: usize = 64 * 1024;

/// The plain text of a file that is encrypted if there is a passphrase.
pub(crate) fn plain_reader<'a>(
    read: Box<dyn Read + 'a>,
    pass: Option<&SecretString>,
) -> Box<dyn BufRead + 'a> {
    match pass {
        None => Box::new(BufReader::with_capacity(BUFFER, read)),
        Some(pass) => {
            let running = Pipeline::new(vec![Stage::Decrypt {
                pass: pass.clone(),
                raw: false,
            }])
            .start(BUFFER);
            Box::new(BufReader::with_capacity(
                BUFFER,
                RunningReader::new(read, running, BUFFER),
            ))
        }
    }
}

/// The bytes of a file as they are stored: encrypted if there is a passphrase.
pub(super) fn encrypt(plain: Vec<u8>, pass: Option<&SecretString>) -> Result<Vec<u8>> {
    let Some(pass) = pass else { return Ok(plain) };
    let mut stored = Vec::with_capacity(plain.len() + 32);
    let mut running = encryption(pass);
    running.push(&plain, &mut stored)?;
    running.finish(&mut stored)?;
    Ok(stored)
}

fn encryption(pass: &SecretString) -> Running {
    Pipeline::new(vec![Stage::Encrypt {
        pass: pass.clone(),
        raw: false,
    }])
    .start(BUFFER)
}

/// Encrypts what is written through it if there is a passphrase; [`Self::finish`] ends the stream.
pub(crate) struct StoredWriter<W: Write> {
    out: W,
    running: Option<Running>,
}

impl<W: Write> StoredWriter<W> {
    pub(crate) fn new(out: W, pass: Option<&SecretString>) -> Self {
        Self {
            out,
            running: pass.map(encryption),
        }
    }

    pub(crate) fn finish(mut self) -> Result<W> {
        if let Some(running) = self.running.take() {
            let mut rest = Vec::new();
            running.finish(&mut rest)?;
            self.out.write_all(&rest)?;
        }
        Ok(self.out)
    }
}

impl<W: Write> Write for StoredWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match &mut self.running {
            None => self.out.write(bytes),
            Some(running) => running
                .push_into(bytes, &mut self.out)
                .map(|()| bytes.len()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
