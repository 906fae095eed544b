//! Which algorithms the server and this program share, strongest first.

use pgkeep_storage::sftp::examine::{Handshake, Offer};
use pgkeep_storage::sftp::{Algorithm, built_in};

/// One kind of algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shared {
    pub(super) kind: &'static str,
    /// Those that both have, strongest first; the flag: only offered with old algorithms switched on.
    pub(super) names: Vec<Algorithm>,
    /// The one that this connection uses; empty: none is needed.
    pub(super) used: String,
    /// How many more the server offers.
    pub(super) only_theirs: usize,
}

/// Compares the server's offer with what is built in; `None`: the offer is not known.
pub(super) fn compare(handshake: &Handshake) -> Option<Vec<Shared>> {
    let offer = handshake.offer.as_ref()?;
    let ours = built_in();
    let agreed = &handshake.agreed;
    let one = |kind, ours: Vec<Algorithm>, theirs: &[String], used: &str| {
        let names: Vec<Algorithm> = ours
            .into_iter()
            .filter(|own| theirs.contains(&own.name))
            .collect();
        Shared {
            kind,
            only_theirs: theirs.len() - names.len(),
            names,
            used: used.to_owned(),
        }
    };
    Some(vec![
        one(
            "key exchange",
            ours.key_exchange,
            &exchanges(offer),
            &agreed.key_exchange,
        ),
        one("keys", ours.key, &offer.host_key, &agreed.host_key),
        one("ciphers", ours.cipher, &offer.cipher, &agreed.cipher),
        one("MACs", ours.mac, &offer.mac, &agreed.mac),
    ])
}

/// Without the marks of extensions that stand among the exchanges.
fn exchanges(offer: &Offer) -> Vec<String> {
    let mark = |name: &String| name.starts_with("ext-info-") || name.starts_with("kex-strict-");
    let all = offer.key_exchange.iter();
    all.filter(|name| !mark(name)).cloned().collect()
}
