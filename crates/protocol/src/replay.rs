//! One side of a connection fed with bytes, without threads and streams: for fuzz targets and tests. Each function panics when
//! a promise is broken, above all that of bounded memory.

use crate::frame::{HEADER, Header, Lane};
use crate::greeting::{Found, Hello, Search, agree};
use crate::limits::Limits;
use crate::message;
use crate::raised::Raised;
use crate::session::{Event, Sent, Side, Table, Taken, Want};
use crate::settings::Settings;

/// Small limits, so that short inputs reach them.
const LIMITS: Limits = Limits {
    frame: 1024,
    window: 4 * (1024 + 64),
    shared: 8 * 1024,
    sessions: 4,
    message: 2048,
};

/// Frames, one header after the other, each with the payload it announces.
pub fn frames(mut input: &[u8]) {
    while let Some((header, rest)) = input.split_first_chunk::<HEADER>() {
        let Ok(header) = Header::decode(header, LIMITS.frame) else {
            return;
        };
        assert!(
            header.length <= 64 * 1024,
            "a frame of {} bytes",
            header.length
        );
        input = rest.get(header.length..).unwrap_or_default();
    }
}

/// What a client reads of a server that greets: bytes before the marker, the marker, the hello. The first byte says in pieces
/// of which size they come.
pub fn greeting(input: &[u8]) {
    let Some((size, input)) = input.split_first() else {
        return;
    };
    let mut search = Search::default();
    let size = usize::from(*size).max(1);
    for (number, piece) in input.chunks(size).enumerate() {
        match search.feed(piece) {
            Found::NotYet => assert!(search.printed().len() < 4096),
            Found::Never(error) => {
                assert!(error.to_string().len() < 8192);
                return;
            }
            Found::At(end) => {
                hello(&input[number * size + end..]);
                return;
            }
        }
    }
}

fn hello(payload: &[u8]) {
    if let Ok(hello) = message::decode::<Hello>(payload) {
        let own = Hello::new(&Settings::new("pgkeep"), None);
        if let Ok(peer) = agree(&own, &hello) {
            assert_eq!(peer.version, 1);
            assert!(
                peer.capabilities.is_empty(),
                "nothing that this side did not name"
            );
        }
    }
}

/// The frames of a whole connection, as one side takes them. Bits of the first byte: this side is the server; it reads what
/// comes; it gives sessions up; the other side does not read; this side sends.
pub fn conversation(input: &[u8]) {
    let Some((how, mut input)) = input.split_first() else {
        return;
    };
    let is = |bit: u8| how & (1 << bit) != 0;
    let (server, reads, gives_up, stuck, sends) = (is(0), is(1), is(2), is(3), is(4));
    let side = if server { Side::Server } else { Side::Client };
    let mut table = Table::new(side, LIMITS);
    table.greeted(LIMITS);
    let mut mine: Vec<u32> = Vec::new();
    if server {
        table.welcome(b"null");
    } else {
        mine.extend((0..6).filter_map(|_| table.open(Lane::Worker)));
        assert_eq!(mine.len(), LIMITS.sessions as usize);
    }
    while let Some((header, rest)) = input.split_first_chunk::<HEADER>() {
        let header = Header::decode(header, LIMITS.frame);
        let Some(header) = header.ok().filter(|header| table.expect(header).is_ok()) else {
            break;
        };
        let Some(payload) = rest.get(..header.length) else {
            break;
        };
        input = &rest[header.length..];
        match table.accept(header, payload.to_vec()) {
            Err(_) | Ok(Event::Failed(_)) => break,
            Ok(Event::Bye) if !server => break,
            Ok(Event::Bye) => table.leave(),
            Ok(_) => {}
        }
        while let Some((id, _)) = table.next_opened() {
            mine.push(id);
        }
        act(&mut table, &mut mine, reads, gives_up, sends);
        if !stuck {
            let batch = table.next_batch();
            table.written(&batch);
        }
        bounded(&table);
    }
    for id in mine {
        table.release(id, &Raised::new(0, "done"));
    }
    bounded(&table);
}

fn act(table: &mut Table, mine: &mut Vec<u32>, reads: bool, gives_up: bool, sends: bool) {
    let mut kept = Vec::new();
    for id in mine.drain(..) {
        if sends && table.is_aborted(id).is_none() {
            let sent = table.send(id, id % 2 == 0, &[7; 3000]);
            assert!(sent != Sent::Bytes(0));
        }
        let over = reads && read(table, id);
        if over {
            table.end(id);
        }
        if over || (gives_up && id % 2 == 1) {
            table.release(id, &Raised::new(0, "given up"));
        } else {
            kept.push(id);
        }
    }
    *mine = kept;
}

/// Reads all there is; tells whether the other side has ended the session.
fn read(table: &mut Table, id: u32) -> bool {
    loop {
        match table.take(id, Want::Message) {
            Taken::Piece(_) | Taken::Last(_) => {}
            Taken::Other => {
                let taken = table.take(id, Want::Data);
                assert!(matches!(taken, Taken::Piece(_)), "{taken:?}");
            }
            Taken::NothingYet => return false,
            Taken::Ended | Taken::Aborted(_) => return true,
        }
    }
}

/// What is kept for the other side has a bound that it does not choose.
fn bounded(table: &Table) {
    let (held, (waiting, sessions)) = (table.held(), table.waiting());
    assert!(held <= LIMITS.memory(), "{held} bytes are held");
    assert!(sessions <= LIMITS.sessions as usize, "{sessions} sessions");
    // Queues of data, and for each session an end or abort and its credit.
    let most = sessions * (128 * 1024 + 2048) + 64 * 1024;
    assert!(
        waiting <= most,
        "{waiting} bytes wait for a side that does not read"
    );
}
