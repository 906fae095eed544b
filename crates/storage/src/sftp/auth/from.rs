//! Which of our addresses a server sees us come from, for a key that is allowed from some addresses only (`from=`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::net::{UdpSocket, lookup_host};

use crate::sftp::settings::SftpSettings;

/// The local address of a connection to each address of the host; empty where there is none. Nothing is sent: a UDP socket
/// that is connected only chooses its way.
pub(super) async fn addresses(settings: &SftpSettings) -> Vec<IpAddr> {
    let mut found = Vec::new();
    let Ok(remote) = lookup_host((settings.host.as_str(), settings.port)).await else {
        return found;
    };
    for address in remote {
        let any: IpAddr = match address {
            std::net::SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            std::net::SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let Ok(socket) = UdpSocket::bind((any, 0)).await else {
            continue;
        };
        if socket.connect(address).await.is_err() {
            continue;
        }
        if let Ok(local) = socket.local_addr()
            && !found.contains(&local.ip())
        {
            found.push(local.ip());
        }
    }
    found
}

/// The hint for a key that was refused; nothing if our address is not known.
pub(super) fn hint(keys: &str, addresses: &[IpAddr]) -> Option<String> {
    let addresses: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    (!addresses.is_empty()).then(|| {
        format!(
            "does a from= in authorized_keys allow {keys} from this host? The server sees it come from {}, or from where its address is translated.",
            addresses.join(" or ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_names_the_key_and_every_address_it_may_come_from() {
        let addresses = [
            IpAddr::from([192, 0, 2, 7]),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ];
        let hint = hint("key SHA256:abc", &addresses).expect("addresses are known");
        for part in ["from=", "key SHA256:abc", "192.0.2.7 or ::1"] {
            assert!(hint.contains(part), "{hint}");
        }
        assert_eq!(super::hint("key SHA256:abc", &[]), None);
    }
}
