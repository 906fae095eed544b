//! Reads the data directory, its tablespaces and what its links lead to, and hands every entry to the visitor.

use std::collections::HashSet;

use pgkeep_storage::{
    Error as StorageError, ErrorKind, FileInfo, FileType, Found, Operation, StoragePath,
};

use super::found_link::{Destination, FoundLink};
use super::listing::Listing;
use super::visit::{Place, Visitor};
use super::{BuildSettings, Built};
use crate::error::{Error, Result};
use crate::manifest::PG_DATA;
use crate::manifest::path::{absolute, parent};

/// Links to the data directory itself that are followed before giving up, as the operating system does.
const MAX_LINKS: usize = 40;

/// Builds the manifest of a cluster from what its host lists.
pub fn build(host: &dyn Listing, settings: &BuildSettings) -> Result<Built> {
    let base = follow(host, &settings.pg_path)?.ok_or_else(|| missing(host, &settings.pg_path))?;
    let mut visitor = Visitor::new(settings, &base.1);
    walk(host, &mut visitor, PG_DATA, &settings.pg_path, &base.0)?;
    let mut links = visitor.take_links();
    while !links.is_empty() {
        for link in std::mem::take(&mut links) {
            walk_link(host, &mut visitor, &link)?;
        }
        // What a link led to may hold links again.
        links = visitor.take_links();
    }
    visitor.finish()
}

/// Looks a path up, following links; the path returned is no link.
fn follow(host: &dyn Listing, path: &[u8]) -> Result<Option<(Vec<u8>, FileInfo)>> {
    let mut path = path.to_vec();
    for _ in 0..MAX_LINKS {
        let Some(info) = host.entry(&StoragePath::new(&path))? else {
            return Ok(None);
        };
        if info.kind != FileType::Link {
            return Ok(Some((path, info)));
        }
        path = absolute(
            info.link_destination.as_deref().unwrap_or_default(),
            parent(&path),
        );
    }
    Ok(None)
}

fn missing(host: &dyn Listing, path: &[u8]) -> Error {
    let object = host.full_name(&StoragePath::new(path));
    StorageError::new(ErrorKind::NotFound, Operation::Info, object, "").into()
}

/// Walks everything below `path`, whose manifest name is `name` and which the data directory shows as `pg_path`.
fn walk(
    host: &dyn Listing,
    visitor: &mut Visitor<'_>,
    name: &[u8],
    pg_path: &[u8],
    path: &[u8],
) -> Result<()> {
    // Directories that are not entered; what is below them comes all the same.
    let mut closed: HashSet<Vec<u8>> = HashSet::new();
    let mut failure = None;
    let mut inner = Walk {
        name: name.to_vec(),
        pg_path: pg_path.to_vec(),
        directory: Vec::new(),
    };
    let found = host.tree(&StoragePath::new(path), &mut |info| {
        let full = info.name.as_bytes();
        let directory = parent(full);
        if closed.contains(directory) {
            if info.kind == FileType::Path {
                closed.insert(full.to_vec());
            }
            return Ok(());
        }
        inner.enter(name, pg_path, directory);
        let place = Place {
            parent: &inner.name,
            pg_path: &inner.pg_path,
        };
        match visitor.entry(place, info.name.file_name(), &info) {
            Ok(true) => {}
            Ok(false) => {
                if info.kind == FileType::Path {
                    closed.insert(full.to_vec());
                }
            }
            Err(error) => {
                failure = Some(error);
                // Ends the walk; the real error is kept beside it.
                return Err(StorageError::new(
                    ErrorKind::Cancelled,
                    Operation::List,
                    "",
                    "",
                ));
            }
        }
        Ok(())
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    match found? {
        Found::Found => Ok(()),
        Found::Missing => {
            let object = host.full_name(&StoragePath::new(path));
            Err(StorageError::new(ErrorKind::NotFound, Operation::List, object, "").into())
        }
    }
}

/// The directory a walk is in, joined once for all of its entries.
struct Walk {
    name: Vec<u8>,
    pg_path: Vec<u8>,
    directory: Vec<u8>,
}

impl Walk {
    fn enter(&mut self, name: &[u8], pg_path: &[u8], directory: &[u8]) {
        if self.directory == directory {
            return;
        }
        for (out, start) in [(&mut self.name, name), (&mut self.pg_path, pg_path)] {
            out.clear();
            out.extend_from_slice(start);
            if !directory.is_empty() {
                out.push(b'/');
                out.extend_from_slice(directory);
            }
        }
        self.directory.clear();
        self.directory.extend_from_slice(directory);
    }
}

/// Looks at the end of a link and walks what is there.
fn walk_link(host: &dyn Listing, visitor: &mut Visitor<'_>, link: &FoundLink) -> Result<()> {
    let at_end = host.entry(&StoragePath::new(&link.destination))?;
    if at_end
        .as_ref()
        .is_some_and(|info| info.kind == FileType::Link)
    {
        return Err(visitor.refuse_chain(link));
    }
    let mut path = link.destination.clone();
    let destination = match visitor.tablespace_directory(link) {
        // Only this cluster's directory counts: an upgrade leaves the old version's beside it.
        Some(directory) => {
            path.push(b'/');
            path.extend_from_slice(directory);
            host.entry(&StoragePath::new(&path))?
        }
        None => at_end,
    };
    let destination = destination.map_or(Destination::Missing, Destination::Entry);
    // Links into the data directory are reported even when they lead to nothing.
    let linked = visitor.linked(link, &destination)?;
    let Destination::Entry(info) = destination else {
        return Err(missing(
            host,
            &[&linked.pg_path, &b"/"[..], &linked.name].concat(),
        ));
    };
    let place = Place {
        parent: &linked.parent,
        pg_path: &linked.pg_path,
    };
    if visitor.entry(place, &linked.name, &info)? {
        let name = [&linked.parent, &b"/"[..], &linked.name].concat();
        let pg_path = [&linked.pg_path, &b"/"[..], &linked.name].concat();
        walk(host, visitor, &name, &pg_path, &path)?;
    }
    Ok(())
}
