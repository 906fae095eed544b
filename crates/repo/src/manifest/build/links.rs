//! What becomes of links: each leads to a target of the manifest, tablespaces included, and none to another link.

use pgkeep_postgres::data_dir::TABLESPACE_LINKS;
use pgkeep_storage::{FileInfo, FileType};

use super::found_link::{Destination, FoundLink, LinkedEntry};
use super::visit::{Place, Visitor};
use crate::error::{Error, ErrorType, Result};
use crate::manifest::path::{absolute, base, parent};
use crate::manifest::{Link, PG_DATA, PG_TBLSPC, Path, Target, TargetKind, pg_name};

impl Visitor<'_> {
    pub(super) fn link(
        &mut self,
        place: Place<'_>,
        base: &[u8],
        name: &[u8],
        info: &FileInfo,
    ) -> Result<()> {
        let written = info.link_destination.clone().unwrap_or_default();
        let (user, group) = self.owners(info);
        let tablespace = if place.parent == TABLESPACE_LINKS {
            let oid = std::str::from_utf8(base)
                .ok()
                .and_then(|oid| oid.parse().ok())
                .ok_or_else(|| {
                    let base = String::from_utf8_lossy(base).into_owned();
                    Error::format(format!(
                        "unable to convert base 10 string '{base}' to unsigned int"
                    ))
                })?;
            Some(oid)
        } else {
            None
        };
        self.manifest.add_link(Link {
            name: name.to_vec(),
            destination: written.clone(),
            user,
            group,
        });
        self.links.push(FoundLink {
            name: name.to_vec(),
            pg_path: place.pg_path.to_vec(),
            destination: absolute(&written, place.pg_path),
            written,
            tablespace,
        });
        Ok(())
    }

    /// Links found since the last call.
    pub(super) fn take_links(&mut self) -> Vec<FoundLink> {
        std::mem::take(&mut self.links)
    }

    /// The directory of this cluster in a tablespace.
    pub(super) fn tablespace_directory(&self, link: &FoundLink) -> Option<&[u8]> {
        link.tablespace.map(|_| self.rules.tablespace_dir())
    }

    /// Refuses a link whose destination is a link.
    pub(super) fn refuse_chain(&self, link: &FoundLink) -> Error {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Error::new(
            ErrorType::LinkDestination,
            format!(
                "link '{}/{}' cannot reference another link '{}'",
                lossy(&link.pg_path),
                lossy(base(&link.name)),
                lossy(&link.destination)
            ),
        )
    }

    /// Records where a link leads and checks it; returns how its destination is to be walked.
    pub(super) fn linked(
        &mut self,
        link: &FoundLink,
        destination: &Destination,
    ) -> Result<LinkedEntry> {
        let target = match (link.tablespace, destination) {
            (Some(oid), _) => {
                let name = self.tablespace_name(oid)?;
                self.add_tablespace_paths(link);
                Target {
                    name: pg_name(&link.name).to_vec(),
                    path: link.written.clone(),
                    kind: TargetKind::Tablespace { oid, name },
                }
            }
            (None, Destination::Entry(info)) if info.kind != FileType::Path => Target {
                name: link.name.clone(),
                path: parent(&link.written).to_vec(),
                kind: TargetKind::Link {
                    file: Some(base(&link.written).to_vec()),
                },
            },
            (None, _) => Target {
                name: link.name.clone(),
                path: link.written.clone(),
                kind: TargetKind::Link { file: None },
            },
        };
        self.manifest.add_target(target.clone());
        self.link_check.add(&self.manifest, &target)?;
        Ok(match link.tablespace {
            None => LinkedEntry {
                parent: parent(&link.name).to_vec(),
                pg_path: link.pg_path.clone(),
                name: base(&link.name).to_vec(),
            },
            Some(_) => LinkedEntry {
                parent: pg_name(&link.name).to_vec(),
                pg_path: [&link.pg_path, &b"/"[..], base(&link.name)].concat(),
                name: self.rules.tablespace_dir().to_vec(),
            },
        })
    }

    fn tablespace_name(&self, oid: u32) -> Result<Vec<u8>> {
        let Some(tablespaces) = &self.settings.tablespaces else {
            return Ok(format!("ts{oid}").into_bytes());
        };
        let found = tablespaces.iter().find(|tablespace| tablespace.oid == oid);
        found
            .map(|tablespace| tablespace.name.clone())
            .ok_or_else(|| {
                Error::new(
                    ErrorType::Assert,
                    format!("tablespace with oid {oid} not found in tablespace map"),
                )
                .with_hint("was a tablespace created or dropped during the backup?")
            })
    }

    /// The format has entries for the tablespaces' directory and for each tablespace, which restore ignores.
    fn add_tablespace_paths(&mut self, link: &FoundLink) {
        if self.manifest.path(PG_TBLSPC).is_none()
            && let Some(base) = self.manifest.path(PG_DATA).cloned()
        {
            self.manifest.add_path(Path {
                name: PG_TBLSPC.to_vec(),
                ..base
            });
        }
        if let Some(links) = self.manifest.path(TABLESPACE_LINKS).cloned() {
            self.manifest.add_path(Path {
                name: pg_name(&link.name).to_vec(),
                ..links
            });
        }
    }
}
