//! No link may lead into the data directory or to the same place as another (`docs/format/manifest.md`).
//!
//! Several links to different files of one directory are fine, and so is a directory link below such a directory.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::super::{Manifest, Target, pg_name};
use crate::error::{Error, ErrorType, Result};

/// What is known to lead to one directory.
#[derive(Debug)]
enum Place {
    /// A link to the directory itself: name of the target.
    Directory(Vec<u8>),
    /// Links to files in it: file and name of the target.
    Files(Vec<(Vec<u8>, Vec<u8>)>),
}

/// Destinations so far, by path with a slash at the end so that only whole names match.
#[derive(Debug, Default)]
pub(super) struct LinkCheck {
    places: BTreeMap<Vec<u8>, Place>,
}

fn error(message: String) -> Error {
    Error::new(ErrorType::LinkDestination, message)
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn with_slash(mut path: Vec<u8>) -> Vec<u8> {
    if !path.ends_with(b"/") {
        path.push(b'/');
    }
    path
}

impl LinkCheck {
    /// Checks `target` of `manifest` against the data directory and all targets before it.
    pub(super) fn add(&mut self, manifest: &Manifest, target: &Target) -> Result<()> {
        if !target.is_link() {
            return Ok(());
        }
        let destination = manifest.target_path(target);
        let path = with_slash(destination.clone());
        let base = manifest
            .base_target()
            .map(|base| with_slash(base.path.clone()))
            .unwrap_or_default();
        let name = show(pg_name(&target.name));
        let shown = show(&destination);
        if path.starts_with(&base) {
            return Err(error(format!(
                "link '{name}' destination '{shown}' is in PGDATA"
            )));
        }
        let other_of = |other: &[u8]| {
            let path = manifest
                .target(other)
                .map(|other| manifest.target_path(other))
                .unwrap_or_default();
            (show(pg_name(other)), show(&path))
        };
        let same_directory = |other: &[u8]| {
            let (other, other_path) = other_of(other);
            error(format!(
                "link '{name}' ({shown}) destination is the same directory as link '{other}' ({other_path})"
            ))
        };
        match (self.places.get_mut(&path), target.file()) {
            (Some(Place::Files(files)), Some(file)) => {
                if let Some((_, other)) = files.iter().find(|(other, _)| other == file) {
                    let (other, other_path) = other_of(other);
                    let file = show(file);
                    return Err(error(format!(
                        "link '{name}' ({shown}/{file}) destination is the same file as link '{other}' \
                         ({other_path}/{file})"
                    )));
                }
                files.push((file.to_vec(), target.name.clone()));
                return Ok(());
            }
            (Some(Place::Files(files)), None) => return Err(same_directory(&files[0].1)),
            (Some(Place::Directory(other)), _) => return Err(same_directory(other)),
            (None, Some(file)) => {
                self.places.insert(
                    path,
                    Place::Files(vec![(file.to_vec(), target.name.clone())]),
                );
                return Ok(());
            }
            (None, None) => {}
        }
        let directory = |(path, place): (&Vec<u8>, &Place)| match place {
            Place::Directory(name) => Some((path.clone(), name.clone())),
            Place::Files(_) => None,
        };
        // The nearest directory link before is the only one that can be a parent, the nearest behind the only child.
        if let Some((before, other)) = self.places.range(..path.clone()).rev().find_map(directory)
            && path.starts_with(&before)
        {
            let (other, other_path) = other_of(&other);
            return Err(error(format!(
                "link '{name}' ({shown}) destination is a subdirectory of link '{other}' ({other_path})"
            )));
        }
        let behind = (Bound::Excluded(path.clone()), Bound::Unbounded);
        if let Some((after, other)) = self.places.range::<Vec<u8>, _>(behind).find_map(directory)
            && after.starts_with(&path)
        {
            let (other, other_path) = other_of(&other);
            return Err(error(format!(
                "link '{other}' ({other_path}) destination is a subdirectory of link '{name}' ({shown})"
            )));
        }
        self.places
            .insert(path, Place::Directory(target.name.clone()));
        Ok(())
    }
}

/// Checks all links of a manifest, for example after restore has moved some.
pub fn check_links(manifest: &Manifest) -> Result<()> {
    let mut check = LinkCheck::default();
    manifest
        .targets()
        .iter()
        .try_for_each(|target| check.add(manifest, target))
}
