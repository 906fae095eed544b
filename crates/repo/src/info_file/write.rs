//! Writes an info file as a stream (`docs/format/info-files.md`): sections, entries, and the checksum at the end.
//!
//! The caller gives sections in ascending order and entries in the order of the format. Nothing is collected, so a
//! manifest of a million files costs no memory here.

use std::io::Write;

use secrecy::{ExposeSecret, SecretString};

use super::checksum::InfoChecksum;
use super::json;
use crate::error::{Error, Result};

/// Writes one info file to any [`Write`].
pub struct InfoWriter<W: Write> {
    out: W,
    checksum: InfoChecksum,
    section: Option<&'static str>,
    cipher_pass: Option<SecretString>,
    line: Vec<u8>,
    value: Vec<u8>,
}

impl<W: Write> std::fmt::Debug for InfoWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InfoWriter")
            .field("section", &self.section)
            .finish_non_exhaustive()
    }
}

impl<W: Write> InfoWriter<W> {
    /// Begins a file with its `[backrest]` section. `cipher_pass` becomes the `[cipher]` section at its place.
    pub fn new(out: W, version: &str, cipher_pass: Option<&SecretString>) -> Result<Self> {
        let mut writer = Self {
            out,
            checksum: InfoChecksum::new(),
            section: None,
            cipher_pass: cipher_pass.cloned(),
            line: Vec::new(),
            value: Vec::new(),
        };
        writer.u64("backrest", b"backrest-format", super::FORMAT)?;
        writer.string("backrest", b"backrest-version", version.as_bytes())?;
        Ok(writer)
    }

    /// Writes one entry; `write` appends the JSON text of the value.
    pub fn value(
        &mut self,
        section: &'static str,
        key: &[u8],
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<()> {
        if section > "cipher"
            && let Some(pass) = self.cipher_pass.take()
        {
            let mut text = Vec::new();
            json::write_string(&mut text, pass.expose_secret().as_bytes());
            self.entry("cipher", b"cipher-pass", &text)?;
        }
        let mut value = std::mem::take(&mut self.value);
        value.clear();
        write(&mut value);
        let result = self.entry(section, key, &value);
        self.value = value;
        result
    }

    pub fn string(&mut self, section: &'static str, key: &[u8], value: &[u8]) -> Result<()> {
        self.value(section, key, |out| json::write_string(out, value))
    }

    pub fn u64(&mut self, section: &'static str, key: &[u8], value: u64) -> Result<()> {
        self.value(section, key, |out| json::write_u64(out, value))
    }

    pub fn bool(&mut self, section: &'static str, key: &[u8], value: bool) -> Result<()> {
        self.value(section, key, |out| {
            out.extend_from_slice(json::bool_text(value))
        })
    }

    fn entry(&mut self, section: &'static str, key: &[u8], value: &[u8]) -> Result<()> {
        debug_assert!(
            value.first() != Some(&b'['),
            "an array as value would read as a section"
        );
        if key.is_empty() || key.contains(&b'\n') {
            let shown = String::from_utf8_lossy(key);
            return Err(Error::format(format!(
                "name '{shown}' in section '{section}' cannot be represented"
            )));
        }
        self.line.clear();
        if self.section != Some(section) {
            debug_assert!(
                self.section.is_none_or(|last| last < section),
                "sections are ascending"
            );
            if self.section.is_some() {
                self.line.push(b'\n');
            }
            self.line.push(b'[');
            self.line.extend_from_slice(section.as_bytes());
            self.line.extend_from_slice(b"]\n");
            self.section = Some(section);
        }
        self.checksum.add(section.as_bytes(), key, value);
        self.line.extend_from_slice(key);
        self.line.push(b'=');
        self.line.extend_from_slice(value);
        self.line.push(b'\n');
        self.out.write_all(&self.line)?;
        Ok(())
    }

    /// Ends the file with its checksum and hands the output back.
    pub fn finish(mut self) -> Result<W> {
        if let Some(pass) = self.cipher_pass.take() {
            let mut text = Vec::new();
            json::write_string(&mut text, pass.expose_secret().as_bytes());
            self.entry("cipher", b"cipher-pass", &text)?;
        }
        let checksum = self.checksum.finish();
        self.out
            .write_all(format!("\n[backrest]\nbackrest-checksum=\"{checksum}\"\n").as_bytes())?;
        Ok(self.out)
    }
}
