//! Signs with RSA keys through aws-lc-rs.
//!
//! The pure Rust `rsa` crate, which the SSH library would use, leaks timing in private-key operations. This gives
//! aws-lc-rs the same key as PKCS#1 DER; only SHA-2 signatures are made.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaKeyPair};
use russh::client::{Handle, Handler};
use russh::keys::agent::AgentIdentity;
use russh::keys::{HashAlg, PrivateKey};

/// An RSA key ready to sign.
pub(crate) struct RsaSigner(RsaKeyPair);

impl std::fmt::Debug for RsaSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RsaSigner")
    }
}

impl RsaSigner {
    /// `Ok(None)`: not an RSA key.
    pub(super) fn for_key(key: &PrivateKey) -> Result<Option<Self>, String> {
        let Some(rsa) = key.key_data().rsa() else {
            return Ok(None);
        };
        let part = |number: &ssh_key::Mpint| {
            number
                .as_positive_bytes()
                .map(<[u8]>::to_vec)
                .ok_or("a number is negative")
        };
        let (n, e) = (part(rsa.public().n())?, part(rsa.public().e())?);
        let private = rsa.private();
        let (d, p, q, iqmp) = (
            part(private.d())?,
            part(private.p())?,
            part(private.q())?,
            part(private.iqmp())?,
        );
        let exponents = (remainder(&d, &minus_one(&p)), remainder(&d, &minus_one(&q)));
        let mut body = Vec::new();
        for number in [
            &[0][..],
            &n,
            &e,
            &d,
            &p,
            &q,
            &exponents.0,
            &exponents.1,
            &iqmp,
        ] {
            der(0x02, &unsigned(number), &mut body);
        }
        let mut sequence = Vec::new();
        der(0x30, &body, &mut sequence);
        RsaKeyPair::from_der(&sequence)
            .map(|pair| Some(Self(pair)))
            .map_err(|error| format!("the RSA key is not usable (2048 to 8192 bits): {error}"))
    }

    fn sign(&self, hash: Option<HashAlg>, data: &[u8]) -> Result<Vec<u8>, SignError> {
        let (name, algorithm) = match hash {
            Some(HashAlg::Sha256) => ("rsa-sha2-256", &RSA_PKCS1_SHA256),
            _ => ("rsa-sha2-512", &RSA_PKCS1_SHA512),
        };
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(algorithm, &SystemRandom::new(), data, &mut signature)
            .map_err(|_| SignError::Sign)?;
        let mut inner = Vec::new();
        ssh_string(name.as_bytes(), &mut inner);
        ssh_string(&signature, &mut inner);
        let mut out = Vec::new();
        ssh_string(&inner, &mut out);
        Ok(out)
    }
}

/// Why no signature could be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignError {
    #[error("the connection ended during login")]
    Send,
    #[error("unable to sign with the RSA key")]
    Sign,
}

impl From<russh::SendError> for SignError {
    fn from(_: russh::SendError) -> Self {
        Self::Send
    }
}

/// Adapter to the SSH library's interface for signers.
pub(super) struct Signing(pub(super) Arc<RsaSigner>);

impl russh::Signer for Signing {
    type Error = SignError;

    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        mut to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, SignError> {
        let signature = self.0.sign(hash, &to_sign)?;
        to_sign.extend_from_slice(&signature);
        Ok(to_sign)
    }
}

fn ssh_string(value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(
        &u32::try_from(value.len())
            .expect("a signature is short")
            .to_be_bytes(),
    );
    out.extend_from_slice(value);
}

fn der(tag: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    let length = value.len().to_be_bytes();
    let significant = &length[length
        .iter()
        .position(|&b| b != 0)
        .unwrap_or(length.len() - 1)..];
    if value.len() >= 0x80 {
        out.push(0x80 | u8::try_from(significant.len()).expect("a length has at most eight bytes"));
    }
    out.extend_from_slice(significant);
    out.extend_from_slice(value);
}

/// The shortest DER form of an unsigned number.
fn unsigned(number: &[u8]) -> Vec<u8> {
    let number = &number[number.iter().position(|&b| b != 0).unwrap_or(number.len())..];
    let mut out = Vec::with_capacity(number.len() + 1);
    if number.first().is_none_or(|&b| b & 0x80 != 0) {
        out.push(0);
    }
    out.extend_from_slice(number);
    out
}

/// `number - 1`; the factors of a key are odd.
fn minus_one(number: &[u8]) -> Vec<u8> {
    let mut out = number.to_vec();
    if let Some(last) = out.last_mut() {
        *last = last.saturating_sub(1);
    }
    out
}

/// `number mod divisor`, bit by bit. Used once when a key is loaded.
fn remainder(number: &[u8], divisor: &[u8]) -> Vec<u8> {
    // One byte wider than the divisor, so that doubling never overflows.
    let width = divisor.len() + 1;
    let divisor: Vec<u8> = std::iter::once(0).chain(divisor.iter().copied()).collect();
    if divisor.iter().all(|&b| b == 0) {
        return vec![0];
    }
    let mut rest = vec![0u8; width];
    for bit in number
        .iter()
        .flat_map(|&byte| (0..8).rev().map(move |shift| byte >> shift & 1))
    {
        let mut carry = bit;
        for byte in rest.iter_mut().rev() {
            let next = *byte >> 7;
            *byte = *byte << 1 | carry;
            carry = next;
        }
        if rest >= divisor {
            let mut borrow = 0u16;
            for (byte, &minus) in rest.iter_mut().zip(&divisor).rev() {
                let value = 0x100 + u16::from(*byte) - u16::from(minus) - borrow;
                *byte = (value & 0xff) as u8;
                borrow = u16::from(value < 0x100);
            }
        }
    }
    rest
}

/// RSA keys sign with SHA-2 only, whatever the server says (SHA-1 is never used).
pub(super) async fn rsa_hash<H: Handler>(handle: &Handle<H>) -> Option<HashAlg> {
    match handle.best_supported_rsa_hash().await {
        Ok(Some(Some(hash))) => Some(hash),
        _ => Some(HashAlg::Sha512),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainders_are_right() {
        let number = |value: u64| value.to_be_bytes().to_vec();
        for (a, b) in [
            (1_000_003u64, 997u64),
            (u64::MAX, 0xffff_fffb),
            (5, 7),
            (0, 3),
            (1 << 63, 255),
        ] {
            let rest = remainder(&number(a), &unsigned(&number(b)));
            let value = rest
                .iter()
                .fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
            assert_eq!(value, a % b, "{a} mod {b}");
        }
    }

    #[test]
    fn der_numbers_are_minimal_and_positive() {
        assert_eq!(unsigned(&[0, 0, 0x80]), [0, 0x80]);
        assert_eq!(unsigned(&[0, 0x7f]), [0x7f]);
        assert_eq!(unsigned(&[0]), [0]);
        let mut out = Vec::new();
        der(2, &[1; 200], &mut out);
        assert_eq!(out[..3], [2, 0x81, 200]);
    }
}
