//! Writes a manifest as a stream, byte for byte as pgBackRest would (`docs/format/manifest.md`).

use std::io::Write;

use super::defaults::Defaults;
use super::file::{FileRef, PageCheck};
use super::owner::OwnerId;
use super::target::TargetKind;
use super::{BLOCK_CHECKSUM_MIN, BLOCK_UNIT, Manifest, PG_DATA};
use crate::backup_info::{check_annotations, write_annotations};
use crate::error::{Error, Result};
use crate::info_file::InfoWriter;
use crate::info_file::json::{self, ObjectWriter};

impl Manifest {
    /// Writes plain text, naming `version` as the program that wrote it.
    ///
    /// Fails when the backup has no label or the manifest no data directory.
    pub fn write(&self, out: impl Write, version: &str) -> Result<()> {
        check_annotations(&self.annotations)?;
        let base = self
            .path(PG_DATA)
            .ok_or_else(|| Error::format("manifest has no data directory"))?;
        let defaults = Defaults::of(base);
        let mut writer = InfoWriter::new(out, version, self.cipher_pass.as_ref())?;
        self.write_backup(&mut writer)?;
        self.write_options(&mut writer)?;
        self.write_targets(&mut writer)?;
        for database in &self.databases {
            writer.value("db", &database.name, |out| {
                let mut object = ObjectWriter::begin(out);
                object.u64("db-id", database.oid.into());
                object.u64("db-last-system-id", database.last_system_oid.into());
                object.end();
            })?;
        }
        if !self.annotations.is_empty() {
            writer.value("metadata", b"annotation", |out| {
                write_annotations(out, &self.annotations)
            })?;
        }
        let mut name = Vec::new();
        for file in self.files() {
            name.clear();
            file.name.write(&mut name);
            writer.value("target:file", &name, |out| {
                write_file(out, &file, &defaults)
            })?;
        }
        self.write_defaults(
            &mut writer,
            "target:file:default",
            &defaults,
            Some(defaults.file_mode),
        )?;
        for link in &self.links {
            writer.value("target:link", &link.name, |out| {
                let mut object = ObjectWriter::begin(out);
                object.string("destination", &link.destination);
                self.write_owner(&mut object, "group", link.group, defaults.group);
                self.write_owner(&mut object, "user", link.user, defaults.user);
                object.end();
            })?;
        }
        if !self.links.is_empty() {
            self.write_defaults(&mut writer, "target:link:default", &defaults, None)?;
        }
        for path in &self.paths {
            writer.value("target:path", &path.name, |out| {
                let mut object = ObjectWriter::begin(out);
                self.write_owner(&mut object, "group", path.group, defaults.group);
                if path.mode != defaults.path_mode {
                    write_mode(object.key("mode"), path.mode);
                }
                self.write_owner(&mut object, "user", path.user, defaults.user);
                object.end();
            })?;
        }
        self.write_defaults(
            &mut writer,
            "target:path:default",
            &defaults,
            Some(defaults.path_mode),
        )?;
        writer.finish()?.flush()?;
        Ok(())
    }

    fn write_backup<W: Write>(&self, writer: &mut InfoWriter<W>) -> Result<()> {
        const SECTION: &str = "backup";
        let backup = &self.backup;
        let label = backup
            .label
            .as_ref()
            .ok_or_else(|| Error::format("manifest has no backup label"))?;
        let text = |writer: &mut InfoWriter<W>, key: &str, text: Option<&str>| match text {
            Some(text) => writer.string(SECTION, key.as_bytes(), text.as_bytes()),
            None => Ok(()),
        };
        let flag = |writer: &mut InfoWriter<W>, key: &str, flag: bool| match flag {
            true => writer.bool(SECTION, key.as_bytes(), true),
            false => Ok(()),
        };
        text(
            writer,
            "backup-archive-start",
            backup.archive_start.as_deref(),
        )?;
        text(
            writer,
            "backup-archive-stop",
            backup.archive_stop.as_deref(),
        )?;
        flag(writer, "backup-block-incr", backup.block_incr)?;
        flag(writer, "backup-bundle", backup.bundle)?;
        flag(writer, "backup-bundle-raw", backup.bundle_raw)?;
        text(writer, "backup-label", Some(label.as_str()))?;
        text(writer, "backup-lsn-start", backup.lsn_start.as_deref())?;
        text(writer, "backup-lsn-stop", backup.lsn_stop.as_deref())?;
        text(
            writer,
            "backup-prior",
            backup.prior.as_ref().map(|prior| prior.as_str()),
        )?;
        let references: Vec<&str> = self.references.iter().map(|label| label.as_str()).collect();
        text(writer, "backup-reference", Some(&references.join(",")))?;
        for (key, time) in [
            ("backup-timestamp-copy-start", backup.timestamp_copy_start),
            ("backup-timestamp-start", backup.timestamp_start),
            ("backup-timestamp-stop", backup.timestamp_stop),
        ] {
            writer.value(SECTION, key.as_bytes(), |out| json::write_i64(out, time))?;
        }
        text(writer, "backup-type", Some(backup.backup_type.name()))?;

        const DB: &str = "backup:db";
        writer.u64(DB, b"db-catalog-version", self.pg.catalog_version.into())?;
        writer.u64(DB, b"db-control-version", self.pg.control_version.into())?;
        writer.u64(DB, b"db-id", self.pg.id.into())?;
        writer.u64(DB, b"db-system-id", self.pg.system_id)?;
        writer.string(DB, b"db-version", self.pg.version.as_bytes())
    }

    fn write_options<W: Write>(&self, writer: &mut InfoWriter<W>) -> Result<()> {
        const SECTION: &str = "backup:option";
        let options = &self.options;
        let flag = |writer: &mut InfoWriter<W>, key: &str, value: Option<bool>| match value {
            Some(value) => writer.bool(SECTION, key.as_bytes(), value),
            None => Ok(()),
        };
        let number = |writer: &mut InfoWriter<W>, key: &str, value: Option<u32>| match value {
            Some(value) => writer.u64(SECTION, key.as_bytes(), value.into()),
            None => Ok(()),
        };
        flag(writer, "option-archive-check", Some(options.archive_check))?;
        flag(writer, "option-archive-copy", Some(options.archive_copy))?;
        flag(writer, "option-backup-standby", options.backup_standby)?;
        number(writer, "option-buffer-size", options.buffer_size)?;
        flag(writer, "option-checksum-page", options.checksum_page)?;
        let compress_type = options.compress_type;
        flag(
            writer,
            "option-compress",
            Some(compress_type != pgkeep_pipeline::CompressType::None),
        )?;
        // The field is unsigned: a negative level is written as its two's complement, as pgBackRest does.
        number(
            writer,
            "option-compress-level",
            options.compress_level.map(i32::cast_unsigned),
        )?;
        number(
            writer,
            "option-compress-level-network",
            options.compress_level_network.map(i32::cast_unsigned),
        )?;
        writer.string(
            SECTION,
            b"option-compress-type",
            compress_type.name().as_bytes(),
        )?;
        flag(writer, "option-delta", options.delta)?;
        flag(writer, "option-hardlink", Some(options.hardlink))?;
        flag(writer, "option-online", Some(options.online))?;
        number(writer, "option-process-max", options.process_max)
    }

    fn write_targets<W: Write>(&self, writer: &mut InfoWriter<W>) -> Result<()> {
        for target in &self.targets {
            writer.value("backup:target", &target.name, |out| {
                let mut object = ObjectWriter::begin(out);
                if let Some(file) = target.file() {
                    object.string("file", file);
                }
                object.string("path", &target.path);
                if let TargetKind::Tablespace { oid, name } = &target.kind {
                    object.string("tablespace-id", oid.to_string());
                    object.string("tablespace-name", name);
                }
                object.string("type", if target.is_link() { "link" } else { "path" });
                object.end();
            })?;
        }
        Ok(())
    }

    fn write_defaults<W: Write>(
        &self,
        writer: &mut InfoWriter<W>,
        section: &'static str,
        defaults: &Defaults,
        mode: Option<u32>,
    ) -> Result<()> {
        writer.value(section, b"group", |out| {
            self.owner_text(out, defaults.group)
        })?;
        if let Some(mode) = mode {
            writer.value(section, b"mode", |out| write_mode(out, mode))?;
        }
        writer.value(section, b"user", |out| self.owner_text(out, defaults.user))
    }

    fn owner_text(&self, out: &mut Vec<u8>, owner: Option<OwnerId>) {
        write_owner_name(out, owner.map(|id| self.names.owner(id)));
    }

    fn write_owner(
        &self,
        object: &mut ObjectWriter<'_>,
        key: &'static str,
        owner: Option<OwnerId>,
        default: Option<OwnerId>,
    ) {
        if owner != default {
            self.owner_text(object.key(key), owner);
        }
    }
}

fn write_owner_name(out: &mut Vec<u8>, owner: Option<&str>) {
    match owner {
        Some(owner) => json::write_string(out, owner.as_bytes()),
        None => out.extend_from_slice(b"false"),
    }
}

fn write_mode(out: &mut Vec<u8>, mode: u32) {
    out.extend_from_slice(format!("\"{mode:04o}\"").as_bytes());
}

fn write_file(out: &mut Vec<u8>, file: &FileRef<'_>, defaults: &Defaults) {
    let mut object = ObjectWriter::begin(out);
    if let Some(block) = file.block {
        object.u64("bi", block.size / BLOCK_UNIT);
        if block.checksum_size != BLOCK_CHECKSUM_MIN {
            object.u64("bic", block.checksum_size.into());
        }
        if block.map_size != 0 {
            object.u64("bim", block.map_size);
        }
    }
    if let Some(bundle) = file.bundle {
        object.u64("bni", bundle.id);
        if bundle.offset != 0 {
            object.u64("bno", bundle.offset);
        }
    }
    if let Some(checksum) = file.checksum
        && file.size != 0
    {
        json::write_hex(object.key("checksum"), &checksum.0);
    }
    match &file.page_check {
        PageCheck::None => {}
        PageCheck::Valid => object.bool("checksum-page", true),
        PageCheck::Invalid(pages) => {
            object.bool("checksum-page", false);
            if let Some(pages) = pages {
                write_pages(object.key("checksum-page-error"), pages);
            }
        }
    }
    if file.group != defaults.group {
        write_owner_name(object.key("group"), file.group_name());
    }
    if file.mode != defaults.file_mode {
        write_mode(object.key("mode"), file.mode);
    }
    if let Some(checksum) = file.repo_checksum {
        json::write_hex(object.key("rck"), &checksum.0);
    }
    if let Some(label) = file.reference_label() {
        object.string("reference", label.as_str());
    }
    if file.repo_size != file.size {
        object.u64("repo-size", file.repo_size);
    }
    object.u64("size", file.size);
    if file.size_original != file.size {
        object.u64("szo", file.size_original);
    }
    json::write_i64(object.key("timestamp"), file.timestamp);
    if file.user != defaults.user {
        write_owner_name(object.key("user"), file.user_name());
    }
    object.end();
}

fn write_pages(out: &mut Vec<u8>, pages: &[super::PageRange]) {
    out.push(b'[');
    for (at, page) in pages.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        if page.first == page.last {
            json::write_u64(out, page.first);
        } else {
            out.push(b'[');
            json::write_u64(out, page.first);
            out.push(b',');
            json::write_u64(out, page.last);
            out.push(b']');
        }
    }
    out.push(b']');
}
