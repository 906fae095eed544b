//! The contract of a storage over a connection to another host.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pgkeep_protocol::{Download, Lane};
use pgkeep_repo::layout;
use pgkeep_storage::ticket::Written;
use pgkeep_storage::{
    Durability, FileInfo, Found, HardLinks, InfoLevel, ListOptions, Operation, PathSync, Paths,
    PipelineRead, Protection, RateLimit, ReadOptions, Removed, Result, Space, Storage, StorageKind,
    StoragePath, StorageWrite, SymbolicLinks, Ticket, WriteMode, WriteOptions,
};

use super::reach::{Doing, Reach};
use super::read::{PlainInfo, RemoteRead};
use super::write::RemoteWrite;
use crate::remote::link::Link;
use crate::remote::wire::entry::{Entries, WireEntry};
use crate::remote::wire::greeting::RepositoryAnswer;
use crate::remote::wire::path::WireBytes;
use crate::remote::wire::storage::{
    self, Count, Done, Grade, Infos, RemovedMany, SpaceOf, StorageRequest, WireList,
};

/// Entries of one directory that are believed; more are no directory of a repository.
const MOST_OF_A_DIRECTORY: usize = 10_000_000;

/// A repository on another host.
#[derive(Debug)]
pub struct RemoteStorage {
    pub(super) reach: Arc<Reach>,
    pub(super) unanswered: Arc<AtomicU64>,
    /// Info files and manifests are asked for in plain text: this host is not to have the passphrase.
    plain_info: Option<PlainInfo>,
    /// Level of the compression for the way between the hosts (`compress-level-network`); 0: none.
    pub(super) network_level: i32,
    /// How fast WAL is pushed.
    pub(super) push_limit: Option<Arc<RateLimit>>,
}

impl RemoteStorage {
    /// The repository behind `link`. `shown` names its root in messages until the host has said its name. Nothing is connected
    /// yet.
    #[must_use]
    pub fn new(link: Arc<Link>, shown: impl Into<String>) -> Self {
        Self {
            reach: Arc::new(Reach::new(link, shown.into())),
            unanswered: Arc::default(),
            plain_info: None,
            network_level: 0,
            push_limit: None,
        }
    }

    /// The same for a run that reads, and is not to have the passphrase: the other host decrypts info files and manifests.
    #[must_use]
    pub fn with_plain_info(self, info: PlainInfo) -> Self {
        Self {
            plain_info: Some(info),
            ..self
        }
    }

    /// What the host has said of its repository.
    ///
    /// # Errors
    /// The host cannot be reached, or refuses.
    pub fn answer(&self) -> Result<&RepositoryAnswer> {
        self.reach
            .answer((Operation::Connect, &StoragePath::root()))
    }

    /// Whether the repository has it. A host that cannot be asked counts as one that has: the call itself then tells why.
    fn has(&self, what: fn(&RepositoryAnswer) -> bool) -> bool {
        self.answer().map_or(true, what)
    }

    fn begin_list(&self, request: &StorageRequest, doing: Doing<'_>) -> Result<Download> {
        let client = self.reach.client(doing)?;
        client
            .read(Lane::Own, request)
            .map_err(|error| self.reach.error(&error, doing))
    }

    fn each_entry(
        &self,
        request: &StorageRequest,
        doing: Doing<'_>,
        each: &mut dyn FnMut(FileInfo) -> Result<()>,
    ) -> Result<Found> {
        let mut listing = self.begin_list(request, doing)?;
        loop {
            let some: Entries = listing
                .answer()
                .map_err(|error| self.reach.error(&error, doing))?;
            for entry in some.entries {
                let info = entry.info();
                each(info.map_err(|error| self.reach.nonsense(&error.message, doing))?)?;
            }
            match some.found {
                Some(true) => return Ok(Found::Found),
                Some(false) => return Ok(Found::Missing),
                None => {}
            }
        }
    }

    fn removed(
        &self,
        paths: &[StoragePath],
        operation: Operation,
        request: impl Fn(Vec<WireBytes>) -> StorageRequest,
    ) -> Result<Vec<Removed>> {
        let answers = self
            .reach
            .ask_many::<RemovedMany>(paths, operation, request)?;
        let mut all = Vec::with_capacity(paths.len());
        for (count, answer) in answers {
            let doing = (operation, &paths[all.len()]);
            self.expect(count, answer.removed.len(), doing)?;
            all.extend(answer.removed.iter().map(|removed| match removed {
                true => Removed::Removed,
                false => Removed::Missing,
            }));
        }
        Ok(all)
    }

    pub(super) fn expect(&self, asked: usize, came: usize, doing: Doing<'_>) -> Result<()> {
        if asked == came {
            return Ok(());
        }
        let what = format!("it gave {came} answers about {asked} paths");
        Err(self.reach.nonsense(&what, doing))
    }

    fn one<T>(&self, all: Vec<T>, doing: Doing<'_>) -> Result<T> {
        let one = all.into_iter().next();
        one.ok_or_else(|| self.reach.nonsense("it gave no answer", doing))
    }
}

fn wire_list(path: &StoragePath, list: &ListOptions) -> WireList {
    WireList {
        path: path.into(),
        level: list.level.into(),
        sort: list.sort,
    }
}

/// Whether it is an info file, a manifest or a copy of one.
fn is_info(path: &StoragePath) -> bool {
    let name = path.file_name();
    let name = name.strip_suffix(b".copy").unwrap_or(name);
    [layout::ARCHIVE_INFO, layout::BACKUP_INFO, layout::MANIFEST]
        .iter()
        .any(|info| info.as_bytes() == name)
}

impl Storage for RemoteStorage {
    fn kind(&self) -> StorageKind {
        let said = self.answer().map(|answer| answer.kind.as_str());
        match said.unwrap_or_default() {
            "cifs" => StorageKind::Cifs,
            "sftp" => StorageKind::Sftp,
            "s3" => StorageKind::S3,
            "azure" => StorageKind::Azure,
            "gcs" => StorageKind::Gcs,
            "memory" => StorageKind::Memory,
            _ => StorageKind::Posix,
        }
    }

    fn has_latency(&self) -> bool {
        true
    }

    fn only_adds(&self) -> bool {
        self.answer().is_ok_and(|answer| answer.only_adds)
    }

    fn durability(&self, mode: WriteMode) -> Result<Durability> {
        let root = StoragePath::root();
        let doing = (Operation::Info, &root);
        let mode = mode.into();
        let answer: Grade = self
            .reach
            .ask(&StorageRequest::Durability { mode }, doing)?;
        // What is not known here promises nothing.
        Ok(Durability::from_name(&answer.grade).unwrap_or(Durability::Trusted))
    }

    fn announce(&self, bytes: u64) {
        let root = StoragePath::root();
        if let Ok(client) = self.reach.client((Operation::Info, &root))
            && let Ok(pending) =
                client.ask::<_, Done>(Lane::Own, &StorageRequest::Announce { bytes })
        {
            // Nobody waits for it, and it is no matter if it fails.
            pending.notify(drop);
        }
    }

    fn unanswered(&self) -> u64 {
        self.unanswered.load(Ordering::Relaxed)
    }

    fn remove_left_overs(&self, path: &StoragePath, deep: bool) -> Result<usize> {
        let doing = (Operation::List, path);
        let path = path.into();
        let request = StorageRequest::RemoveLeftOvers { path, deep };
        let answer: Count = self.reach.ask(&request, doing)?;
        Ok(usize::try_from(answer.count).unwrap_or(usize::MAX))
    }

    fn space(&self, path: &StoragePath) -> Result<Option<Space>> {
        let request = StorageRequest::Space { path: path.into() };
        let answer: SpaceOf = self.reach.ask(&request, (Operation::Info, path))?;
        Ok(answer.space.map(Space::from))
    }

    fn display(&self, path: &StoragePath) -> String {
        self.reach.display(path)
    }

    fn info(&self, path: &StoragePath, want: InfoLevel) -> Result<Option<FileInfo>> {
        let found = self.info_many(std::slice::from_ref(path), want)?;
        self.one(found, (Operation::Info, path))
    }

    fn info_many(&self, paths: &[StoragePath], want: InfoLevel) -> Result<Vec<Option<FileInfo>>> {
        let request = |paths| StorageRequest::Info {
            paths,
            level: want.into(),
        };
        let answers = self
            .reach
            .ask_many::<Infos>(paths, Operation::Info, request)?;
        let mut all = Vec::with_capacity(paths.len());
        for (count, answer) in answers {
            self.expect(
                count,
                answer.infos.len(),
                (Operation::Info, &paths[all.len()]),
            )?;
            for entry in answer.infos {
                let path = &paths[all.len()];
                let info = entry.map(|entry: WireEntry| entry.named(path.clone()));
                let info = info.transpose().map_err(|error| {
                    let doing = (Operation::Info, path);
                    self.reach.nonsense(&error.message, doing)
                })?;
                all.push(info);
            }
        }
        Ok(all)
    }

    fn list(&self, path: &StoragePath, list: &ListOptions) -> Result<Option<Vec<FileInfo>>> {
        let doing = (Operation::List, path);
        let mut all = Vec::new();
        let request = StorageRequest::List(wire_list(path, list));
        let found = self.each_entry(&request, doing, &mut |info| {
            if all.len() == MOST_OF_A_DIRECTORY {
                let what = format!("it lists more than {MOST_OF_A_DIRECTORY} entries");
                return Err(self.reach.nonsense(&what, doing));
            }
            all.push(info);
            Ok(())
        })?;
        Ok((found == Found::Found).then_some(all))
    }

    fn list_tree(
        &self,
        path: &StoragePath,
        list: &ListOptions,
        each: &mut dyn FnMut(FileInfo) -> Result<()>,
    ) -> Result<Found> {
        let request = StorageRequest::ListTree(wire_list(path, list));
        self.each_entry(&request, (Operation::List, path), each)
    }

    fn open_read(&self, path: &StoragePath, read: &ReadOptions) -> Result<Box<dyn PipelineRead>> {
        let read = match self.plain_info {
            Some(info) if is_info(path) => RemoteRead::open_info(&self.reach, path, read, info)?,
            _ => {
                let lz4 = self.lz4_of_file(read.compressible, (Operation::OpenRead, path))?;
                match lz4.filter(|_| RemoteRead::is_one_request(read)) {
                    Some(level) => {
                        let read = RemoteRead::open_in_lz4(&self.reach, path, read, level)?;
                        return Ok(Box::new(read));
                    }
                    None => RemoteRead::open(&self.reach, path, read)?,
                }
            }
        };
        Ok(Box::new(read))
    }

    fn open_write(
        &self,
        path: &StoragePath,
        write: &WriteOptions,
    ) -> Result<Box<dyn StorageWrite>> {
        let lz4 = self.lz4_of_file(write.compressible, (Operation::OpenWrite, path))?;
        let writer = RemoteWrite::open(&self.reach, path, write, lz4, &self.unanswered)?;
        Ok(Box::new(writer))
    }

    fn copy_within(&self, from: &StoragePath, to: &StoragePath) -> Result<Ticket> {
        let doing = (Operation::Write, to);
        let request = StorageRequest::CopyWithin {
            from: from.into(),
            to: to.into(),
        };
        let pending = self
            .reach
            .client(doing)?
            .ask::<_, storage::Written>(Lane::Own, &request)
            .map_err(|error| self.reach.error(&error, doing))?;
        let (resolver, ticket) = Ticket::pending();
        let (reach, to) = (Arc::clone(&self.reach), to.clone());
        pending.notify(move |answer| {
            resolver.resolve(match answer {
                Ok(written) => Ok(Written { size: written.size }),
                Err(error) => Err(reach.error(&error, (Operation::Write, &to))),
            });
        });
        Ok(ticket)
    }

    fn remove(&self, path: &StoragePath) -> Result<Removed> {
        let removed = self.remove_many(std::slice::from_ref(path))?;
        self.one(removed, (Operation::Remove, path))
    }

    fn remove_many(&self, paths: &[StoragePath]) -> Result<Vec<Removed>> {
        let request = |paths| StorageRequest::Remove {
            paths,
            untold: false,
        };
        self.removed(paths, Operation::Remove, request)
    }

    fn remove_files(&self, paths: &[StoragePath]) -> Result<()> {
        let request = |paths| StorageRequest::Remove {
            paths,
            untold: true,
        };
        let answers = self
            .reach
            .ask_many::<RemovedMany>(paths, Operation::Remove, request);
        answers.map(drop)
    }

    fn remove_tree(&self, path: &StoragePath) -> Result<Removed> {
        let removed = self.remove_trees(std::slice::from_ref(path))?;
        self.one(removed, (Operation::RemovePath, path))
    }

    fn remove_trees(&self, paths: &[StoragePath]) -> Result<Vec<Removed>> {
        let request = |paths| StorageRequest::RemoveTrees { paths };
        self.removed(paths, Operation::RemovePath, request)
    }

    fn as_paths(&self) -> Option<&dyn Paths> {
        self.has(|answer| answer.paths).then_some(self)
    }

    fn as_path_sync(&self) -> Option<&dyn PathSync> {
        self.has(|answer| answer.path_sync).then_some(self)
    }

    fn as_symbolic_links(&self) -> Option<&dyn SymbolicLinks> {
        self.has(|answer| answer.symbolic_links).then_some(self)
    }

    fn as_protection(&self) -> Option<&dyn Protection> {
        self.has(|answer| answer.protection.is_some())
            .then_some(self)
    }

    fn as_hard_links(&self) -> Option<&dyn HardLinks> {
        self.has(|answer| answer.hard_links).then_some(self)
    }
}
