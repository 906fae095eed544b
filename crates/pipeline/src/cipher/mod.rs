//! AES-256-CBC as `openssl enc -md sha1` writes it (docs/format/compression-and-encryption.md): `Salted__` and salt, or the salt alone in
//! raw form, then ciphertext with PKCS#7 padding.
//!
//! Key and IV come from the passphrase and the salt by one round of EVP_BytesToKey with SHA-1. The repository's format
//! fixes that; it is not a choice. Passphrases stay in `SecretString`, and no error tells anything about them.

use aws_lc_rs::cipher::{
    AES_256, DecryptionContext, EncryptionContext, StreamingDecryptingKey, StreamingEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Result};
use crate::report::Report;
use crate::transform::Transform;

/// How encrypted bytes begin, but in raw form.
pub const MAGIC: &[u8; 8] = b"Salted__";
const SALT_SIZE: usize = 8;
const KEY_SIZE: usize = 32;
const BLOCK_SIZE: usize = 16;

/// Makes a passphrase for an info file's `[cipher]` section: 48 random bytes as 64 characters of base64.
pub fn generate_pass() -> Result<SecretString> {
    let mut bytes = [0; 48];
    rand::fill(&mut bytes).map_err(|_| Error::crypto("unable to generate random bytes"))?;
    Ok(SecretString::from(STANDARD.encode(bytes)))
}

/// Size of `plain_size` bytes after encryption, header and padding included.
pub fn encrypted_size(plain_size: u64, raw: bool) -> u64 {
    let header = if raw {
        SALT_SIZE
    } else {
        MAGIC.len() + SALT_SIZE
    };
    header as u64 + BLOCK_SIZE as u64 * (plain_size / BLOCK_SIZE as u64 + 1)
}

/// EVP_BytesToKey: three SHA-1 values, each over the one before, the passphrase and the salt.
fn key_and_iv(pass: &SecretString, salt: &[u8]) -> Result<(UnboundCipherKey, [u8; BLOCK_SIZE])> {
    let mut stream = Vec::with_capacity(60);
    let mut last: Option<digest::Digest> = None;
    while stream.len() < KEY_SIZE + BLOCK_SIZE {
        let mut sha1 = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        if let Some(last) = &last {
            sha1.update(last.as_ref());
        }
        sha1.update(pass.expose_secret().as_bytes());
        sha1.update(salt);
        let digest = sha1.finish();
        stream.extend_from_slice(digest.as_ref());
        last = Some(digest);
    }
    let key = UnboundCipherKey::new(&AES_256, &stream[..KEY_SIZE])
        .map_err(|_| Error::crypto("unable to initialize cipher"))?;
    let iv = stream[KEY_SIZE..][..BLOCK_SIZE]
        .try_into()
        .expect("three digests are longer than key and IV");
    Ok((key, iv))
}

pub(crate) struct Encryptor {
    pass: SecretString,
    raw: bool,
    /// `None` until the first byte or the end; the salt is made then.
    key: Option<StreamingEncryptingKey>,
}

impl Encryptor {
    pub(crate) fn new(pass: SecretString, raw: bool) -> Encryptor {
        Encryptor {
            pass,
            raw,
            key: None,
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let mut salt = [0; SALT_SIZE];
        rand::fill(&mut salt).map_err(|_| Error::crypto("unable to generate random bytes"))?;
        self.begin_with(&salt, out)
    }

    fn begin_with(&mut self, salt: &[u8; SALT_SIZE], out: &mut Vec<u8>) -> Result<()> {
        let (key, iv) = key_and_iv(&self.pass, salt)?;
        let context = EncryptionContext::Iv128(FixedLength::from(&iv));
        let key = StreamingEncryptingKey::less_safe_cbc_pkcs7(key, context)
            .map_err(|_| Error::crypto("unable to initialize cipher"))?;
        self.key = Some(key);
        if !self.raw {
            out.extend_from_slice(MAGIC);
        }
        out.extend_from_slice(salt);
        Ok(())
    }
}

impl Transform for Encryptor {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, _limit: usize) -> Result<usize> {
        if self.key.is_none() {
            self.begin(out)?;
        }
        let key = self.key.as_mut().expect("the key was made above");
        let start = out.len();
        out.resize(start + input.len() + BLOCK_SIZE, 0);
        let update = key
            .update(input, &mut out[start..])
            .map_err(|_| Error::crypto("unable to process cipher"))?;
        let written = update.written().len();
        out.truncate(start + written);
        Ok(input.len())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Report> {
        if self.key.is_none() {
            self.begin(out)?;
        }
        let key = self.key.take().expect("the key was made above");
        let mut last = [0; BLOCK_SIZE];
        let (_, update) = key
            .finish(&mut last)
            .map_err(|_| Error::crypto("unable to flush"))?;
        out.extend_from_slice(update.written());
        Ok(Report::None)
    }
}

pub(crate) struct Decryptor {
    pass: SecretString,
    raw: bool,
    header: Vec<u8>,
    /// `None` until the header is complete.
    key: Option<StreamingDecryptingKey>,
}

impl Decryptor {
    pub(crate) fn new(pass: SecretString, raw: bool) -> Decryptor {
        Decryptor {
            pass,
            raw,
            header: Vec::with_capacity(MAGIC.len() + SALT_SIZE),
            key: None,
        }
    }

    /// What is wrong with the header: the files of a later repository format have one of their own.
    fn header_fault(&self) -> &'static str {
        if self.header.starts_with(b"PGBR006_") {
            "cipher header is of repository format 6\n\
             HINT: pgkeep reads and writes format 5; format 6 is marked by its authors as not for production."
        } else {
            "cipher header invalid"
        }
    }

    /// Takes what is missing of the header from the input; gives back the rest of it.
    fn header<'i>(&mut self, input: &'i [u8]) -> Result<&'i [u8]> {
        let expected = if self.raw {
            SALT_SIZE
        } else {
            MAGIC.len() + SALT_SIZE
        };
        let (header, rest) = input.split_at(input.len().min(expected - self.header.len()));
        self.header.extend_from_slice(header);
        if self.header.len() < expected {
            return Ok(rest);
        }
        let salt = if self.raw {
            &self.header[..]
        } else {
            self.header
                .strip_prefix(MAGIC)
                .ok_or_else(|| Error::crypto(self.header_fault()))?
        };
        let (key, iv) = key_and_iv(&self.pass, salt)?;
        let key = StreamingDecryptingKey::cbc_pkcs7(
            key,
            DecryptionContext::Iv128(FixedLength::from(&iv)),
        )
        .map_err(|_| Error::crypto("unable to initialize cipher"))?;
        self.key = Some(key);
        Ok(rest)
    }
}

impl Transform for Decryptor {
    fn run(&mut self, input: &[u8], out: &mut Vec<u8>, _limit: usize) -> Result<usize> {
        let rest = if self.key.is_none() {
            self.header(input)?
        } else {
            input
        };
        if let (Some(key), false) = (&mut self.key, rest.is_empty()) {
            let start = out.len();
            out.resize(start + rest.len() + BLOCK_SIZE, 0);
            let update = key
                .update(rest, &mut out[start..])
                .map_err(|_| Error::crypto("unable to process cipher"))?;
            let written = update.written().len();
            out.truncate(start + written);
        }
        Ok(input.len())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Report> {
        let key = self
            .key
            .take()
            .ok_or_else(|| Error::crypto("cipher header missing"))?;
        let mut last = [0; BLOCK_SIZE];
        let update = key
            .finish(&mut last)
            .map_err(|_| Error::crypto("unable to flush"))?;
        out.extend_from_slice(update.written());
        Ok(Report::None)
    }
}

#[cfg(test)]
mod tests;
