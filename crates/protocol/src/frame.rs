//! The unit on the wire: a header of ten bytes and a payload.
//!
//! `kind` (1 byte), `flags` (1), `session` (4), `length of the payload` (4), numbers with the highest byte first. A header is
//! checked before a byte of the payload is read, so a lie about the length costs nothing.

/// Length of a header.
pub(crate) const HEADER: usize = 10;
/// Longest payload of the frames that belong to the connection.
pub(crate) const LONGEST_CONTROL: usize = 64 * 1024;
/// Flag: the payload is held in the window that all sessions share.
const SHARED: u8 = 1;

/// What a frame is. Numbers below 16 belong to the connection (session 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Who this is and what it can do; the first frame of each side.
    Hello = 1,
    /// The server takes the client in.
    Welcome = 2,
    /// A sign of life.
    Alive = 3,
    /// Nothing follows of this side but the end.
    Bye = 4,
    /// The connection ends with an error.
    Fail = 5,
    /// The client opens a session; the payload is its [`Lane`].
    Open = 16,
    /// A piece of a message that goes on in the next frame of the session.
    Part = 17,
    /// A message, or the last piece of one.
    Message = 18,
    /// Bytes.
    Data = 19,
    /// Nothing follows of this side in the session.
    End = 20,
    /// The session ends with an error.
    Abort = 21,
    /// So many bytes of the session's window and of the shared one were read.
    Credit = 22,
}

impl Kind {
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Hello,
            2 => Self::Welcome,
            3 => Self::Alive,
            4 => Self::Bye,
            5 => Self::Fail,
            16 => Self::Open,
            17 => Self::Part,
            18 => Self::Message,
            19 => Self::Data,
            20 => Self::End,
            21 => Self::Abort,
            22 => Self::Credit,
            _ => return None,
        })
    }

    /// Whether the payload is held for whoever has the session, and so takes room in a window.
    pub(crate) fn is_held(self) -> bool {
        matches!(self, Self::Part | Self::Message | Self::Data)
    }
}

/// Which thread of the server serves a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// One of the workers, of which there are as many as the server was told; sessions wait for one in the order they came. So
    /// a thread that has several reads (or fills) the oldest first: a younger one may wait for the worker of the older.
    Worker,
    /// A thread of its own, for what lasts long and works little (a database session).
    Own,
}

impl Lane {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Worker => 0,
            Self::Own => 1,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Worker),
            1 => Some(Self::Own),
            _ => None,
        }
    }
}

/// What stands before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) shared: bool,
    pub(crate) session: u32,
    pub(crate) length: usize,
}

impl Header {
    pub(crate) fn decode(bytes: &[u8; HEADER], longest: u32) -> Result<Self, String> {
        let number = |at: usize| {
            let mut four = [0; 4];
            four.copy_from_slice(&bytes[at..at + 4]);
            u32::from_be_bytes(four)
        };
        let Some(kind) = Kind::from_number(bytes[0]) else {
            return Err(format!("a frame has the unknown kind {}", bytes[0]));
        };
        let header = Self {
            kind,
            shared: bytes[1] == SHARED,
            session: number(2),
            length: number(6) as usize,
        };
        if bytes[1] & !SHARED != 0 || (header.shared && !kind.is_held()) {
            return Err(format!("a {kind:?} frame has the flags {:#x}", bytes[1]));
        }
        let of_connection = (kind as u8) < 16 || kind == Kind::Credit;
        if (header.session == 0 && !of_connection) || (header.session != 0 && (kind as u8) < 16) {
            return Err(format!(
                "a {kind:?} frame is for session {}",
                header.session
            ));
        }
        let (least, most) = match kind {
            Kind::Hello | Kind::Welcome | Kind::Fail | Kind::Abort => (0, LONGEST_CONTROL),
            Kind::Alive | Kind::Bye | Kind::End => (0, 0),
            Kind::Open => (1, 1),
            Kind::Part => (1, longest as usize),
            Kind::Message | Kind::Data => (0, longest as usize),
            Kind::Credit => (8, 8),
        };
        if header.length < least || header.length > most {
            let length = header.length;
            return Err(format!(
                "a {kind:?} frame has {length} bytes, {most} at most"
            ));
        }
        Ok(header)
    }
}

/// A whole frame. `payload` is short enough: callers split what is longer.
pub(crate) fn encode(kind: Kind, shared: bool, session: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.push(kind as u8);
    bytes.push(if shared { SHARED } else { 0 });
    bytes.extend(session.to_be_bytes());
    let length = u32::try_from(payload.len()).expect("a payload is shorter than a frame may be");
    bytes.extend(length.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The payload of a Credit frame.
pub(crate) fn credit(own: u64, shared: u64) -> [u8; 8] {
    let number = |bytes: u64| {
        u32::try_from(bytes)
            .expect("a window has 32 bits")
            .to_be_bytes()
    };
    let mut payload = [0; 8];
    payload[..4].copy_from_slice(&number(own));
    payload[4..].copy_from_slice(&number(shared));
    payload
}

/// What a Credit frame gives back: of the session's own window, and of the shared one.
pub(crate) fn read_credit(payload: &[u8]) -> Option<(u64, u64)> {
    let own: [u8; 4] = payload.get(..4)?.try_into().ok()?;
    let shared: [u8; 4] = payload.get(4..8)?.try_into().ok()?;
    Some((
        u32::from_be_bytes(own).into(),
        u32::from_be_bytes(shared).into(),
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KINDS: [Kind; 12] = [
        Kind::Hello,
        Kind::Welcome,
        Kind::Alive,
        Kind::Bye,
        Kind::Fail,
        Kind::Open,
        Kind::Part,
        Kind::Message,
        Kind::Data,
        Kind::End,
        Kind::Abort,
        Kind::Credit,
    ];

    fn header(bytes: &[u8]) -> Result<Header, String> {
        let bytes: &[u8; HEADER] = bytes[..HEADER].try_into().expect("a header");
        Header::decode(bytes, 2000)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            kind in 17usize..20, shared: bool, session in 1u32.., payload in prop::collection::vec(any::<u8>(), 1..2000)
        ) {
            let kind = Kind::from_number(kind as u8).expect("a kind");
            let bytes = encode(kind, shared, session, &payload);
            prop_assert_eq!(header(&bytes), Ok(Header { kind, shared, session, length: payload.len() }));
            prop_assert_eq!(&bytes[HEADER..], payload.as_slice());
        }

        #[test]
        fn any_header_is_understood_within_bounds_or_refused(bytes: [u8; HEADER]) {
            if let Ok(header) = Header::decode(&bytes, 2000) {
                prop_assert!(header.length <= LONGEST_CONTROL);
                prop_assert!(!header.kind.is_held() || header.length <= 2000);
                let written = encode(header.kind, header.shared, header.session, &vec![0; header.length]);
                prop_assert_eq!(&written[..HEADER], bytes.as_slice());
            }
        }

        #[test]
        fn credit_is_read_as_it_is_written(own: u32, shared: u32) {
            let payload = credit(own.into(), shared.into());
            prop_assert_eq!(read_credit(&payload), Some((own.into(), shared.into())));
        }
    }

    #[test]
    fn every_kind_keeps_its_number() {
        for kind in KINDS {
            assert_eq!(Kind::from_number(kind as u8), Some(kind));
        }
        let known = (0..=255).filter(|number| Kind::from_number(*number).is_some());
        assert_eq!(known.count(), KINDS.len());
    }

    #[test]
    fn a_header_that_lies_is_refused_with_what_is_wrong() {
        for (frame, wrong) in [
            (vec![99, 0, 0, 0, 0, 1, 0, 0, 0, 0], "unknown kind 99"),
            (vec![19, 2, 0, 0, 0, 1, 0, 0, 0, 0], "flags 0x2"),
            (vec![20, 1, 0, 0, 0, 1, 0, 0, 0, 0], "flags 0x1"),
            (vec![19, 0, 0, 0, 0, 0, 0, 0, 0, 1], "session 0"),
            (vec![3, 0, 0, 0, 0, 1, 0, 0, 0, 0], "session 1"),
            (vec![19, 0, 0, 0, 0, 1, 0, 0, 7, 209], "2001 bytes, 2000"),
            (
                vec![19, 0, 0, 0, 0, 1, 255, 255, 255, 255],
                "4294967295 bytes",
            ),
            (vec![17, 0, 0, 0, 0, 1, 0, 0, 0, 0], "0 bytes"),
            (vec![22, 0, 0, 0, 0, 1, 0, 0, 0, 9], "9 bytes, 8"),
        ] {
            let error = header(&frame).expect_err(wrong);
            assert!(error.contains(wrong), "{error} has no {wrong}");
        }
    }
}
