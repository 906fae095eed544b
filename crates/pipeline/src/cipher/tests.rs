use super::*;
use crate::run::Running;
use crate::stage::{Pipeline, Stage};

const SALT: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn pass(text: &str) -> SecretString {
    SecretString::from(text)
}

fn encrypted(plain: &[u8], raw: bool) -> Vec<u8> {
    let mut encryptor = Encryptor::new(pass("secret"), raw);
    let mut out = Vec::new();
    encryptor.begin_with(&SALT, &mut out).unwrap();
    encryptor.run(plain, &mut out, usize::MAX).unwrap();
    encryptor.finish(&mut out).unwrap();
    out
}

fn decryption(raw: bool) -> Running {
    Pipeline::new(vec![Stage::Decrypt {
        pass: pass("secret"),
        raw,
    }])
    .start(1000)
}

fn decrypted(bytes: &[u8], raw: bool, piece: usize) -> Result<Vec<u8>> {
    let mut running = decryption(raw);
    let mut out = Vec::new();
    for piece in bytes.chunks(piece) {
        running.push(piece, &mut out)?;
    }
    running.finish(&mut out)?;
    Ok(out)
}

#[test]
fn known_plain_text_has_known_ciphertext() {
    let cipher = "5db2e42e5e9109cec577306d654f9b9f";
    let normal = unhex(&format!("53616c7465645f5f0102030405060708{cipher}"));
    let raw = unhex(&format!("0102030405060708{cipher}"));
    assert_eq!(encrypted(b"hello\n", false), normal);
    assert_eq!(encrypted(b"hello\n", true), raw);
    for piece in [1, 7, 8, 100] {
        assert_eq!(decrypted(&normal, false, piece).unwrap(), b"hello\n");
        assert_eq!(decrypted(&raw, true, piece).unwrap(), b"hello\n");
    }
}

#[test]
fn key_and_iv_are_those_of_openssl() {
    let (_, iv) = key_and_iv(&pass("secret"), &SALT).unwrap();
    assert_eq!(iv.to_vec(), unhex("9afbddd979490616b897b6510bab48e5"));
}

#[test]
fn size_of_ciphertext_is_foretold() {
    for size in [0, 1, 15, 16, 17, 1000] {
        for raw in [false, true] {
            assert_eq!(
                encrypted(&vec![9; size], raw).len() as u64,
                encrypted_size(size as u64, raw)
            );
        }
    }
    assert_eq!(encrypted_size(0, false), 32);
    assert_eq!(encrypted_size(0, true), 24);
}

#[test]
fn broken_ciphertext_gives_the_errors_of_pgbackrest() {
    let good = encrypted(b"hello\n", false);
    let error = |bytes: &[u8], raw| decrypted(bytes, raw, 5).unwrap_err();
    for (bytes, raw, message) in [
        (&b""[..], false, "cipher header missing"),
        (&b""[..], true, "cipher header missing"),
        (&good[..15], false, "cipher header missing"),
        (&b"Salted-_01234567"[..], false, "cipher header invalid"),
        (&good[..16], false, "unable to flush"),
        (&good[..31], false, "unable to flush"),
        (&good[8..30], true, "unable to flush"),
    ] {
        assert_eq!(error(bytes, raw).to_string(), message);
        assert_eq!(error(bytes, raw).kind(), crate::ErrorKind::Crypto);
    }
}

#[test]
fn wrong_pass_does_not_give_the_plain_text() {
    let mut running = Pipeline::new(vec![Stage::Decrypt {
        pass: pass("Secret"),
        raw: false,
    }])
    .start(1000);
    let mut out = Vec::new();
    running
        .push(&encrypted(b"hello\n", false), &mut out)
        .unwrap();
    assert_eq!(
        running.finish(&mut out).unwrap_err().to_string(),
        "unable to flush"
    );
}

#[test]
fn empty_input_still_has_header_and_padding_and_salts_differ() {
    let encrypt = || {
        let mut out = Vec::new();
        let stage = Stage::Encrypt {
            pass: pass("secret"),
            raw: false,
        };
        Pipeline::new(vec![stage])
            .start(1000)
            .finish(&mut out)
            .unwrap();
        out
    };
    let (one, two) = (encrypt(), encrypt());
    assert_eq!(one.len(), 32);
    assert_ne!(one, two);
    assert_eq!(decrypted(&one, false, 100).unwrap(), b"");
}

#[test]
fn generated_passes_are_64_characters_and_differ() {
    let (one, two) = (generate_pass().unwrap(), generate_pass().unwrap());
    assert_eq!(one.expose_secret().len(), 64);
    assert!(!one.expose_secret().contains('='));
    assert_ne!(one.expose_secret(), two.expose_secret());
}
