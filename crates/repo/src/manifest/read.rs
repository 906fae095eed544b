//! Reads a manifest as a stream, of any version of pgBackRest and in any order of sections (`docs/format/manifest.md`).
//!
//! Defaults of owners and modes may come after the entries they apply to, so entries remember what they left open and
//! are completed at the end.

use std::io::BufRead;

use super::owner::OwnerId;
use super::read_file::{File, FileFields, Given, NOTHING, SetSize};
use super::read_header;
use super::table::Attributes;
use super::{BackupHeader, BackupOptions, Link, Manifest, PG_DATA, Path, PgInfo};
use crate::backup_info::read_annotations;
use crate::backup_label::BackupLabel;
use crate::backup_type::BackupType;
use crate::error::{Error, Result};
use crate::info_file;
use crate::info_file::json::JsonReader;

/// What is collected while the file is read.
struct Reader {
    manifest: Manifest,
    /// `[backup] backup-reference` was there; else the list is made from the files' references.
    has_references: bool,
    path_given: Vec<Given>,
    link_given: Vec<Given>,
    file_default: Given,
    path_default: Given,
    link_default: Given,
    name: Vec<u8>,
    size: SetSize,
}

impl Manifest {
    /// Parses plain text.
    pub fn parse(input: &mut dyn BufRead) -> Result<Self> {
        let backup = BackupHeader::new(BackupType::Full, 0);
        let mut reader = Reader {
            manifest: Self::new(backup, PgInfo::default(), BackupOptions::default()),
            has_references: false,
            path_given: Vec::new(),
            link_given: Vec::new(),
            file_default: NOTHING,
            path_default: NOTHING,
            link_default: NOTHING,
            name: Vec::new(),
            size: SetSize::default(),
        };
        let header = info_file::read(input, &mut |section, key, value| {
            reader.entry(section, key, value)
        })?;
        reader.manifest.version = header.version;
        reader.manifest.cipher_pass = header.cipher_pass;
        reader.finish()
    }
}

impl Reader {
    fn entry(&mut self, section: &[u8], key: &[u8], value: &[u8]) -> Result<()> {
        let mut json = JsonReader::new(value);
        let json = &mut json;
        match section {
            b"target:file" => self.file(key, json),
            b"target:path" => self.path(key, json),
            b"target:link" => self.link(key, json),
            b"target:file:default" => {
                default(&mut self.manifest, &mut self.file_default, key, json)
            }
            b"target:path:default" => {
                default(&mut self.manifest, &mut self.path_default, key, json)
            }
            b"target:link:default" => {
                default(&mut self.manifest, &mut self.link_default, key, json)
            }
            b"backup" => self.backup(key, json),
            b"backup:db" => read_header::pg(&mut self.manifest.pg, key, json),
            b"backup:option" => read_header::option(&mut self.manifest.options, key, json),
            b"backup:target" => {
                let target = read_header::target(key, json)?;
                self.manifest.targets.push(target);
                Ok(())
            }
            b"db" => {
                let database = read_header::database(key, json)?;
                self.manifest.databases.push(database);
                Ok(())
            }
            b"metadata" if key == b"annotation" => {
                self.manifest.annotations = read_annotations(json)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn file(&mut self, name: &[u8], json: &mut JsonReader<'_>) -> Result<()> {
        let mut fields = FileFields::default();
        json.begin_object()?;
        while let Some(key) = json.next_key()? {
            self.file_field(&mut fields, key, json).map_err(|error| {
                let (key, file) = (String::from_utf8_lossy(key), String::from_utf8_lossy(name));
                error.with_prefix(&format!("invalid '{key}' of file '{file}': "))
            })?;
        }
        let File { data, given } = fields.finish(name)?;
        self.size.add(&data, name)?;
        self.manifest.files.push(name, &given, &data);
        Ok(())
    }

    fn file_field(
        &mut self,
        fields: &mut FileFields,
        key: &[u8],
        json: &mut JsonReader<'_>,
    ) -> Result<()> {
        match key {
            b"reference" => fields.data.reference = Some(self.reference(json)?),
            b"group" => fields.given.group = Some(self.owner(json)?),
            b"user" => fields.given.user = Some(self.owner(json)?),
            _ => fields.take(key, json)?,
        }
        Ok(())
    }

    fn owner(&mut self, json: &mut JsonReader<'_>) -> Result<Option<OwnerId>> {
        let name = json.read_owner()?;
        Ok(self.manifest.owner_id(name.as_deref()))
    }

    fn reference(&mut self, json: &mut JsonReader<'_>) -> Result<super::LabelId> {
        self.name.clear();
        self.name.extend_from_slice(&json.read_string()?);
        let label = std::str::from_utf8(&self.name)
            .map_err(|_| Error::format("backup label is not valid UTF-8"))?
            .parse::<BackupLabel>()?;
        if !self.has_references && !self.manifest.references.contains(&label) {
            self.manifest.references.push(label.clone());
        }
        Ok(self.manifest.label_id(&label))
    }

    fn path(&mut self, name: &[u8], json: &mut JsonReader<'_>) -> Result<()> {
        let given = self.given(json, None)?;
        self.path_given.push(given);
        self.manifest.paths.push(Path {
            name: name.to_vec(),
            mode: 0,
            user: None,
            group: None,
        });
        Ok(())
    }

    fn link(&mut self, name: &[u8], json: &mut JsonReader<'_>) -> Result<()> {
        let mut destination = None;
        let given = self.given(json, Some(&mut destination))?;
        self.link_given.push(given);
        let destination =
            destination.ok_or_else(|| Error::json("required key 'destination' not found"))?;
        self.manifest.links.push(Link {
            name: name.to_vec(),
            destination,
            user: None,
            group: None,
        });
        Ok(())
    }

    fn given(
        &mut self,
        json: &mut JsonReader<'_>,
        mut destination: Option<&mut Option<Vec<u8>>>,
    ) -> Result<Given> {
        let mut given = NOTHING;
        json.begin_object()?;
        while let Some(key) = json.next_key()? {
            match key {
                b"destination" if destination.is_some() => {
                    let text = json.read_string()?.into_owned();
                    if let Some(destination) = &mut destination {
                        **destination = Some(text);
                    }
                }
                b"group" => given.group = Some(self.owner(json)?),
                b"mode" => given.mode = Some(json.read_mode()?),
                b"user" => given.user = Some(self.owner(json)?),
                _ => json.skip()?,
            }
        }
        Ok(given)
    }

    fn backup(&mut self, key: &[u8], json: &mut JsonReader<'_>) -> Result<()> {
        if key == b"backup-reference" {
            let list = json.read_text()?;
            self.manifest.references = list.split(',').map(str::parse).collect::<Result<_>>()?;
            self.has_references = true;
            return Ok(());
        }
        read_header::backup(&mut self.manifest.backup, key, json)
    }

    /// Completes entries from the defaults and puts everything in order.
    fn finish(mut self) -> Result<Manifest> {
        let manifest = &mut self.manifest;
        for (path, given) in manifest.paths.iter_mut().zip(&self.path_given) {
            path.mode = given.mode.or(self.path_default.mode).unwrap_or(0);
            path.user = given.user.or(self.path_default.user).flatten();
            path.group = given.group.or(self.path_default.group).flatten();
        }
        for (link, given) in manifest.links.iter_mut().zip(&self.link_given) {
            link.user = given.user.or(self.link_default.user).flatten();
            link.group = given.group.or(self.link_default.group).flatten();
        }
        manifest.files.resolve(&Attributes {
            mode: Some(self.file_default.mode.unwrap_or(0)),
            user: Some(self.file_default.user.flatten()),
            group: Some(self.file_default.group.flatten()),
        });
        // Another program's collation may have written them in another order.
        manifest.files.sort();
        manifest.databases.sort_by(|a, b| a.name.cmp(&b.name));
        manifest.targets.sort_by(|a, b| a.name.cmp(&b.name));
        manifest.paths.sort_by(|a, b| a.name.cmp(&b.name));
        manifest.links.sort_by(|a, b| a.name.cmp(&b.name));
        if !self.has_references
            && let Some(label) = &manifest.backup.label
            && !manifest.references.contains(label)
        {
            manifest.references.push(label.clone());
        }
        if manifest.target(PG_DATA).is_none() {
            return Err(Error::format("manifest has no target 'pg_data'"));
        }
        if manifest.pg.version.is_empty() {
            return Err(Error::format("manifest has no 'db-version'"));
        }
        if let Some(name) = manifest.files.duplicate() {
            return Err(Error::format(format!(
                "file '{name}' is in the manifest twice"
            )));
        }
        Ok(self.manifest)
    }
}

fn default(
    manifest: &mut Manifest,
    default: &mut Given,
    key: &[u8],
    json: &mut JsonReader<'_>,
) -> Result<()> {
    match key {
        b"mode" => default.mode = Some(json.read_mode()?),
        b"group" => {
            default.group = Some(
                json.read_owner()?
                    .map(|name| manifest.names.intern_owner(&name)),
            )
        }
        b"user" => {
            default.user = Some(
                json.read_owner()?
                    .map(|name| manifest.names.intern_owner(&name)),
            )
        }
        _ => {}
    }
    Ok(())
}
