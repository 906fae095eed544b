//! `repo-ls`: lists a directory of a repository, as names or as JSON.

use pgkeep_config::option;
use pgkeep_storage::{FileInfo, FileType, InfoLevel, ListOptions, Storage, StoragePath};
use regex::bytes::Regex;

use crate::error::{Error, ErrorCode, Result};
use crate::hosts::repository;
use crate::report::json_string::write_string;
use crate::run::summary::count;
use crate::run::{Context, repo_path};

/// Lists the path of the command line, or the root of the repository.
///
/// # Errors
/// A path or expression that is not valid; a storage that cannot be listed.
pub fn run(context: &Context) -> Result<()> {
    let config = &context.config;
    let repository = repository::open(context, repository::default_key(config))?;
    let storage = &*repository.storage;
    let path = repo_path::only(storage, config.parameters())?;
    let filter = config.string(option::FILTER).map(expression).transpose()?;
    let matches = |name: &[u8]| filter.as_ref().is_none_or(|filter| filter.is_match(name));
    let mut out = Listing {
        json: config.string(option::OUTPUT) == Some("json"),
        bytes: Vec::new(),
        first: true,
        entries: 0,
    };

    let level = if out.json {
        InfoLevel::Detail
    } else {
        InfoLevel::Exists
    };
    match storage.info(&path, InfoLevel::Detail)? {
        Some(info) if info.kind == FileType::File => {
            if matches(storage.display(&path).as_bytes()) {
                out.add(&FileInfo {
                    name: StoragePath::from("."),
                    ..info
                });
            }
        }
        _ => {
            // A storage without directories cannot tell a missing path from an empty one, so both look alike everywhere.
            if out.json && matches(b".") {
                out.add(&this_path());
            }
            let mut entries = entries(storage, &path, level, config.boolean(option::RECURSE))?;
            entries.retain(|info| matches(info.name.as_bytes()));
            match config.string(option::SORT) {
                Some("none") => {}
                Some("desc") => entries.sort_by(|a, b| b.name.cmp(&a.name)),
                _ => entries.sort_by(|a, b| a.name.cmp(&b.name)),
            }
            entries.iter().for_each(|info| out.add(info));
        }
    }
    context.summary.done(format!(
        "{} in {} of {}",
        count(out.entries, "entry"),
        storage.display(&path),
        repository.name()
    ));
    context.output.write(&out.finish())
}

fn expression(text: &str) -> Result<Regex> {
    Regex::new(text).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim().to_owned();
        Error::new(
            ErrorCode::Format,
            format!("'{text}' is not a valid regular expression: {reason}"),
        )
    })
}

fn entries(
    storage: &dyn Storage,
    path: &StoragePath,
    level: InfoLevel,
    recurse: bool,
) -> Result<Vec<FileInfo>> {
    let options = ListOptions {
        level,
        ..ListOptions::default()
    };
    if !recurse {
        return Ok(storage.list(path, &options)?.unwrap_or_default());
    }
    let mut entries = Vec::new();
    storage.list_tree(path, &options, &mut |info| {
        entries.push(info);
        Ok(())
    })?;
    Ok(entries)
}

fn this_path() -> FileInfo {
    FileInfo {
        name: StoragePath::from("."),
        kind: FileType::Path,
        size: 0,
        modified: 0,
        mode: 0,
        owner: None,
        link_destination: None,
    }
}

struct Listing {
    json: bool,
    bytes: Vec<u8>,
    first: bool,
    entries: u64,
}

impl Listing {
    fn add(&mut self, info: &FileInfo) {
        self.entries += 1;
        if !self.json {
            self.bytes.extend_from_slice(info.name.as_bytes());
            self.bytes.push(b'\n');
            return;
        }
        self.bytes.push(if self.first { b'{' } else { b',' });
        self.first = false;
        write_string(&mut self.bytes, info.name.as_bytes());
        let kind = match info.kind {
            FileType::File => "file",
            FileType::Path => "path",
            FileType::Link => "link",
            FileType::Special => "special",
        };
        self.bytes
            .extend_from_slice(format!(":{{\"type\":\"{kind}\"").as_bytes());
        if info.kind == FileType::File {
            self.bytes.extend_from_slice(
                format!(",\"size\":{},\"time\":{}", info.size, info.modified).as_bytes(),
            );
        }
        if let (FileType::Link, Some(destination)) = (info.kind, &info.link_destination) {
            self.bytes.extend_from_slice(b",\"destination\":");
            write_string(&mut self.bytes, destination);
        }
        self.bytes.push(b'}');
    }

    fn finish(mut self) -> Vec<u8> {
        if self.json {
            if self.first {
                self.bytes.push(b'{');
            }
            self.bytes.extend_from_slice(b"}\n");
        }
        self.bytes
    }
}
