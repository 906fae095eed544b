//! Saves manifests, in the order that makes a backup exist only when all of it does.

use std::io::{BufWriter, Write};

use pgkeep_pipeline::{CompressType, Pipeline, Running, Stage};
use pgkeep_storage::{Storage, StoragePath, StorageWrite, Ticket, WriteOptions};
use secrecy::SecretString;

use super::Manifest;
use crate::backup_label::BackupLabel;
use crate::error::Result;
use crate::info_file::{PROGRAM_VERSION, StoredWriter};
use crate::layout;
use crate::stanza::Stanza;

/// Bytes gathered before the storage is asked to write.
const BUFFER: usize = 64 * 1024;
/// Version in the manifest of a set that is being copied.
const FROM_ELSEWHERE: &str = "pgkeep repo-copy";
/// Version in the manifest of a set that nobody is to resume.
const NOT_RESUMED: &str = "pgkeep --no-resume";
/// Level of the history: written once, kept for years.
const HISTORY_LEVEL: i32 = 9;

/// Where a backup was made, which decides the version that its manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// By this program.
    Here,
    /// By this program, and not to be resumed: while it is not finished the version is that of no program. Its copy shows an `expire` on
    /// another host that it runs.
    HereOnce,
    /// It is brought from another repository. While it is not finished the version is that of no program, so that none takes the set
    /// for one of its own to resume; afterwards that of the program that made it.
    Elsewhere,
}

impl Manifest {
    /// Saves the manifest as `path` atomically and durably; `pass` is the manifest passphrase of `backup.info`.
    pub fn save_file(
        &self,
        storage: &dyn Storage,
        path: &StoragePath,
        pass: Option<&SecretString>,
    ) -> Result<()> {
        self.begin_file(storage, path, pass, PROGRAM_VERSION)?
            .wait()?;
        Ok(())
    }

    fn begin_file(
        &self,
        storage: &dyn Storage,
        path: &StoragePath,
        pass: Option<&SecretString>,
        version: &str,
    ) -> Result<Ticket> {
        let write = storage.open_write(path, &WriteOptions::default())?;
        let mut stored = StoredWriter::new(BufWriter::with_capacity(BUFFER, write), pass);
        self.write(&mut stored, version)?;
        let write = stored
            .finish()?
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        Ok(write.finish()?)
    }

    /// Saves only `backup.manifest.copy`: the set is in progress, and can be resumed from here once the ticket has resolved.
    pub fn begin_copy(
        &self,
        storage: &dyn Storage,
        stanza: &Stanza,
        label: &BackupLabel,
        (pass, made): (Option<&SecretString>, Made),
    ) -> Result<Ticket> {
        let path = layout::manifest_copy(stanza, label);
        let version = match made {
            Made::Here => PROGRAM_VERSION,
            Made::HereOnce => NOT_RESUMED,
            Made::Elsewhere => FROM_ELSEWHERE,
        };
        self.begin_file(storage, &path, pass, version)
    }

    /// Saves `backup.manifest.copy` and then, once that is durable, `backup.manifest`: from then on the backup exists.
    pub fn save(
        &self,
        storage: &dyn Storage,
        stanza: &Stanza,
        label: &BackupLabel,
        pass: Option<&SecretString>,
    ) -> Result<()> {
        self.begin(storage, stanza, label, pass, (None, PROGRAM_VERSION))?
            .publish()
    }

    /// Begins to save the manifest of a finished backup, its copy and its history file: their bytes travel together, their
    /// names have to wait.
    pub fn stage(
        &self,
        storage: &dyn Storage,
        stanza: &Stanza,
        label: &BackupLabel,
        (pass, made): (Option<&SecretString>, Made),
    ) -> Result<StagedManifest> {
        let write = storage.open_write(
            &layout::history_manifest(stanza, label),
            &WriteOptions::default(),
        )?;
        let version = match made {
            Made::Here | Made::HereOnce => PROGRAM_VERSION,
            Made::Elsewhere => &self.version,
        };
        self.begin(storage, stanza, label, pass, (Some(write), version))
    }

    fn begin(
        &self,
        storage: &dyn Storage,
        stanza: &Stanza,
        label: &BackupLabel,
        pass: Option<&SecretString>,
        (history, version): (Option<Box<dyn StorageWrite>>, &str),
    ) -> Result<StagedManifest> {
        let open = |path| storage.open_write(&path, &WriteOptions::default());
        // Where a file can only be written once, the copy is what the set began with. It shows that a backup runs, and whoever
        // keeps the repository brings it up to date. The main manifest is published last there, too: with it the set exists,
        // and a set without one is unfinished.
        let pair = Pair {
            copy: match storage.only_adds() {
                true => None,
                false => Some(open(layout::manifest_copy(stanza, label))?),
            },
            main: open(layout::manifest(stanza, label))?,
        };
        let mut out = Texts {
            stored: StoredWriter::new(BufWriter::with_capacity(BUFFER, pair), pass),
            history: history.map(|write| History::new(write, pass)),
        };
        self.write(&mut out, version)?;
        let Texts { stored, history } = out;
        let Pair { mut copy, mut main } = stored
            .finish()?
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?;
        let mut history = history.map(History::finish).transpose()?;
        let files = [copy.as_mut(), Some(&mut main), history.as_mut()];
        for write in files.into_iter().flatten() {
            write.stage()?;
        }
        Ok(StagedManifest {
            copy,
            main,
            history,
        })
    }
}

/// The files of a manifest whose bytes are with the storage, but which have no names yet. Dropping it leaves nothing.
pub struct StagedManifest {
    copy: Option<Box<dyn StorageWrite>>,
    main: Box<dyn StorageWrite>,
    history: Option<Box<dyn StorageWrite>>,
}

impl std::fmt::Debug for StagedManifest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StagedManifest")
    }
}

impl StagedManifest {
    /// Gives the files their names; all are durable on return.
    ///
    /// Copy first, main last, the reverse of the other info files: a backup exists from the instant its `backup.manifest`
    /// exists, and a reader that finds it damaged must not find the unfinished copy of the time before. The history, which is
    /// only read for labels, may appear with the main file.
    pub fn publish(self) -> Result<()> {
        if let Some(copy) = self.copy {
            copy.finish()?.wait()?;
        }
        let main = self.main.finish()?;
        let history = self.history.map(StorageWrite::finish).transpose()?;
        main.wait()?;
        if let Some(history) = history {
            history.wait()?;
        }
        Ok(())
    }
}

/// The same bytes into the main file and its copy.
struct Pair {
    copy: Option<Box<dyn StorageWrite>>,
    main: Box<dyn StorageWrite>,
}

impl Write for Pair {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Some(copy) = &mut self.copy {
            copy.write_all(bytes)?;
        }
        self.main.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if let Some(copy) = &mut self.copy {
            copy.flush()?;
        }
        self.main.flush()
    }
}

/// The history file: the same text, gz, encrypted alike.
struct History {
    running: Running,
    write: Box<dyn StorageWrite>,
}

impl History {
    fn new(write: Box<dyn StorageWrite>, pass: Option<&SecretString>) -> Self {
        let mut stages = vec![Stage::Compress {
            kind: CompressType::Gz,
            level: HISTORY_LEVEL,
            raw: false,
        }];
        stages.extend(pass.map(|pass| Stage::Encrypt {
            pass: pass.clone(),
            raw: false,
        }));
        Self {
            running: Pipeline::new(stages).start(BUFFER),
            write,
        }
    }

    fn finish(mut self) -> Result<Box<dyn StorageWrite>> {
        self.running.finish_into(&mut self.write)?;
        Ok(self.write)
    }
}

/// Plain text, as it goes into all files.
struct Texts {
    stored: StoredWriter<BufWriter<Pair>>,
    history: Option<History>,
}

impl Write for Texts {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stored.write_all(bytes)?;
        if let Some(History { running, write }) = &mut self.history {
            running.push_into(bytes, write)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stored.flush()
    }
}
