//! The handshake, which has to be over in time: whoever trickles bytes gets no more than whoever sends none.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustls::{AlertDescription, Connection};

/// Why there is no TLS.
#[derive(Debug)]
pub(super) enum NoTls {
    /// The other side did not do its part in this time.
    Late(Duration),
    /// The other side went away.
    Left,
    /// The socket failed.
    Broken(io::Error),
    /// One side does not like what the other one says.
    Tls(rustls::Error),
}

impl NoTls {
    /// Whether the connection ended on its way, which says nothing of what the other side thinks of this one.
    pub(super) fn was_cut(&self) -> bool {
        match self {
            Self::Left => true,
            Self::Broken(error) => matches!(
                error.kind(),
                ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
            ),
            Self::Late(_) | Self::Tls(_) => false,
        }
    }
}

impl fmt::Display for NoTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(within) => write!(
                f,
                "timeout after {}ms waiting for the TLS handshake",
                within.as_millis()
            ),
            Self::Left => f.write_str("the connection was ended during the TLS handshake"),
            Self::Broken(error) => write!(f, "{error}"),
            Self::Tls(error) => f.write_str(&told(error)),
        }
    }
}

/// An error of TLS in words that OpenSSL's users know.
pub(super) fn told(error: &rustls::Error) -> String {
    let what = match error {
        rustls::Error::AlertReceived(alert) => match alert {
            AlertDescription::UnknownCA => "tlsv1 alert unknown ca".to_owned(),
            AlertDescription::CertificateExpired => "sslv3 alert certificate expired".to_owned(),
            AlertDescription::BadCertificate => "sslv3 alert bad certificate".to_owned(),
            AlertDescription::CertificateUnknown => "sslv3 alert certificate unknown".to_owned(),
            AlertDescription::UnsupportedCertificate => {
                "sslv3 alert unsupported certificate".to_owned()
            }
            AlertDescription::DecryptError => "tlsv1 alert decrypt error".to_owned(),
            AlertDescription::HandshakeFailure => "sslv3 alert handshake failure".to_owned(),
            AlertDescription::ProtocolVersion => "tlsv1 alert protocol version".to_owned(),
            other => format!("alert {other:?}"),
        },
        rustls::Error::InvalidMessage(_) => "wrong version number: this is not TLS".to_owned(),
        other => other.to_string(),
    };
    format!("TLS error: {what}")
}

/// Whether the other side refused the certificate that this one showed.
pub(super) fn is_refused_certificate(error: &rustls::Error) -> bool {
    use AlertDescription as Alert;
    matches!(
        error,
        rustls::Error::AlertReceived(
            Alert::UnknownCA
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::CertificateRevoked
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::AccessDenied
        )
    )
}

/// Brings the handshake to its end. The socket waits as long as it likes again afterwards.
pub(super) fn shake_hands(
    connection: &mut Connection,
    socket: &TcpStream,
    within: Duration,
) -> Result<(), NoTls> {
    let until = Instant::now() + within;
    let left = || {
        let left = until.saturating_duration_since(Instant::now());
        // A time limit of nothing would be none.
        if left.is_zero() {
            Err(NoTls::Late(within))
        } else {
            Ok(left)
        }
    };
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => NoTls::Late(within),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => NoTls::Left,
        _ => NoTls::Broken(error),
    };
    let mut stream = socket;
    loop {
        while connection.wants_write() {
            (socket.set_write_timeout(Some(left()?))).map_err(NoTls::Broken)?;
            connection.write_tls(&mut stream).map_err(failed)?;
        }
        if !connection.is_handshaking() {
            break;
        }
        (socket.set_read_timeout(Some(left()?))).map_err(NoTls::Broken)?;
        match connection.read_tls(&mut stream) {
            Ok(0) => return Err(NoTls::Left),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        }
        if let Err(error) = connection.process_new_packets() {
            // The other side should learn why, but nobody waits for it.
            let _ = connection.write_tls(&mut stream);
            return Err(NoTls::Tls(error));
        }
    }
    socket.set_read_timeout(None).map_err(NoTls::Broken)?;
    socket.set_write_timeout(None).map_err(NoTls::Broken)
}
