//! Which algorithms are offered.
//!
//! Modern ones only: AES-GCM first where the CPU has AES, ETM MACs, curve25519 and its ML-KEM hybrid, no SHA-1, no
//! CBC. The legacy setting appends what old servers need, so that a modern server never ends up with it.

use std::borrow::Cow;
use std::time::Duration;

use russh::{Preferred, cipher, client, compression, kex, mac};

use crate::sftp::identity::algorithm_order::{self, HostKeyOffer};
use crate::sftp::settings::SftpSettings;

const KEX: [kex::Name; 3] = [
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
];
const KEX_LEGACY: [kex::Name; 9] = [
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_GEX_SHA256,
    kex::DH_G16_SHA512,
    kex::DH_G18_SHA512,
    kex::DH_G14_SHA256,
    kex::DH_GEX_SHA1,
    kex::DH_G14_SHA1,
];
const KEX_EXTENSIONS: [kex::Name; 2] = [
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];

/// The SSH library's configuration for one handshake.
pub(crate) fn config(settings: &SftpSettings, offer: HostKeyOffer) -> client::Config {
    let legacy = settings.legacy_algorithms;
    let mut exchanges = KEX.to_vec();
    if legacy {
        exchanges.extend(KEX_LEGACY);
    }
    exchanges.extend(KEX_EXTENSIONS);
    let gcm = [cipher::AES_256_GCM, cipher::AES_128_GCM];
    let mut ciphers = Vec::new();
    if cpu_has_aes() {
        ciphers.extend(gcm);
        ciphers.push(cipher::CHACHA20_POLY1305);
    } else {
        ciphers.push(cipher::CHACHA20_POLY1305);
        ciphers.extend(gcm);
    }
    ciphers.extend([cipher::AES_256_CTR, cipher::AES_128_CTR]);
    let mut macs = vec![mac::HMAC_SHA512_ETM, mac::HMAC_SHA256_ETM];
    if legacy {
        macs.extend([
            mac::HMAC_SHA512,
            mac::HMAC_SHA256,
            mac::HMAC_SHA1_ETM,
            mac::HMAC_SHA1,
        ]);
    }
    client::Config {
        client_id: russh::SshId::Standard(Cow::Borrowed(concat!(
            "SSH-2.0-pgkeep_",
            env!("CARGO_PKG_VERSION")
        ))),
        // Only the ceiling of what a channel may receive; the number of requests is what bounds it.
        window_size: 32 << 20,
        maximum_packet_size: 65535,
        channel_buffer_size: 1024,
        nodelay: true,
        keepalive_interval: Some(keepalive(settings.io_timeout)),
        keepalive_max: 3,
        inactivity_timeout: None,
        preferred: Preferred {
            kex: Cow::Owned(exchanges),
            key: Cow::Owned(offer.keys),
            host_key_certificates: Cow::Owned(offer.certificates),
            cipher: Cow::Owned(ciphers),
            mac: Cow::Owned(macs),
            compression: Cow::Borrowed(&[compression::NONE]),
        },
        ..client::Config::default()
    }
}

/// One algorithm that is built in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Algorithm {
    /// Name as servers offer it.
    pub name: String,
    /// Offered only where old algorithms are asked for.
    pub legacy: bool,
}

/// Everything that is built in, each list strongest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltIn {
    pub key_exchange: Vec<Algorithm>,
    /// Signatures of host keys and of our own key.
    pub key: Vec<Algorithm>,
    pub cipher: Vec<Algorithm>,
    pub mac: Vec<Algorithm>,
}

/// The algorithms of this program, in the order in which they are offered on this machine.
#[must_use]
pub fn built_in() -> BuiltIn {
    let offer = |legacy: bool| {
        let mut settings = SftpSettings::new("", "", "/");
        settings.legacy_algorithms = legacy;
        config(&settings, algorithm_order::all(legacy)).preferred
    };
    let (modern, all) = (offer(false), offer(true));
    let list = |modern: Vec<String>, all: Vec<String>| {
        all.into_iter()
            .map(|name| Algorithm {
                legacy: !modern.contains(&name),
                name,
            })
            .collect()
    };
    let exchanges = |offer: &Preferred| {
        offer
            .kex
            .iter()
            .filter(|name| !KEX_EXTENSIONS.contains(name))
            .map(|name| name.as_ref().to_owned())
            .collect()
    };
    let keys = |offer: &Preferred| {
        offer
            .key
            .iter()
            .map(|key| key.as_str().to_owned())
            .collect()
    };
    let ciphers = |offer: &Preferred| {
        let names = offer.cipher.iter().map(AsRef::<str>::as_ref);
        names.map(str::to_owned).collect()
    };
    let macs = |offer: &Preferred| {
        let names = offer.mac.iter().map(AsRef::<str>::as_ref);
        names.map(str::to_owned).collect()
    };
    BuiltIn {
        key_exchange: list(exchanges(&modern), exchanges(&all)),
        key: list(keys(&modern), keys(&all)),
        cipher: list(ciphers(&modern), ciphers(&all)),
        mac: list(macs(&modern), macs(&all)),
    }
}

/// A silent server is given up after four of these, at most about `io-timeout`.
fn keepalive(io_timeout: Duration) -> Duration {
    (io_timeout / 5).clamp(Duration::from_secs(1), Duration::from_secs(10))
}

fn cpu_has_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(legacy: bool) -> String {
        let mut settings = SftpSettings::new("h", "u", "/r");
        settings.legacy_algorithms = legacy;
        let config = config(
            &settings,
            HostKeyOffer {
                keys: Vec::new(),
                certificates: Vec::new(),
            },
        );
        let preferred = &config.preferred;
        let mut all: Vec<&str> = preferred.kex.iter().map(AsRef::as_ref).collect();
        all.extend(preferred.cipher.iter().map(AsRef::<str>::as_ref));
        all.extend(preferred.mac.iter().map(AsRef::<str>::as_ref));
        all.join(",")
    }

    #[test]
    fn what_is_built_in_is_what_is_offered_and_extensions_are_no_exchanges() {
        let all = built_in();
        let names = |list: &[Algorithm], legacy: bool| -> Vec<String> {
            let wanted = list.iter().filter(|one| one.legacy == legacy);
            wanted.map(|one| one.name.clone()).collect()
        };
        assert_eq!(
            names(&all.key_exchange, false),
            [
                "mlkem768x25519-sha256",
                "curve25519-sha256",
                "curve25519-sha256@libssh.org"
            ]
        );
        assert_eq!(names(&all.key, true), ["ssh-rsa"]);
        assert_eq!(all.key[0].name, "ssh-ed25519");
        assert!(names(&all.cipher, true).is_empty());
        assert!(names(&all.mac, true).contains(&"hmac-sha1".to_owned()));
    }

    #[test]
    fn no_sha1_and_no_cbc_by_default_and_never_cbc() {
        assert!(!names(false).contains("sha1") && !names(false).contains("cbc"));
        assert!(names(true).contains("hmac-sha1") && !names(true).contains("cbc"));
        assert!(names(true).starts_with(names(false).split(",ext-info-c").next().unwrap()));
    }
}
