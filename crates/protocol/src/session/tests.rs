use proptest::prelude::*;

use super::*;
use crate::frame::{HEADER, Header, Kind, Lane, credit, encode};
use crate::limits::{Limits, cost};
use crate::raised::Raised;

const LIMITS: Limits = Limits {
    frame: 1024,
    window: 4 * (1024 + 64),
    shared: 16 * 1024,
    sessions: 3,
    message: 4096,
};

fn table(side: Side) -> Table {
    let mut table = Table::new(side, LIMITS);
    table.greeted(LIMITS);
    if side == Side::Server {
        table.welcome(b"null");
    } else {
        feed(&mut table, &encode(Kind::Welcome, false, 0, b"null")).expect("a welcome");
    }
    let batch = table.next_batch();
    table.written(&batch);
    table
}

/// Gives frames to a side as its reader would.
fn feed(table: &mut Table, mut bytes: &[u8]) -> Result<(), String> {
    while let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() {
        let header = Header::decode(header, LIMITS.frame)?;
        table.expect(&header)?;
        let (payload, rest) = rest.split_at(header.length);
        table.accept(header, payload.to_vec())?;
        bytes = rest;
    }
    Ok(())
}

/// Brings what one side has to say to the other; tells how many frames it was.
fn carry(from: &mut Table, to: &mut Table) -> usize {
    let mut count = 0;
    loop {
        let batch = from.next_batch();
        if batch.frames.is_empty() {
            return count;
        }
        for frame in &batch.frames {
            feed(to, frame).expect("an honest side breaks no rule");
            count += 1;
        }
        from.written(&batch);
    }
}

/// Sends all it can.
fn fill(table: &mut Table, id: u32, bytes: usize) -> usize {
    let data = vec![1; bytes];
    let mut sent = 0;
    while sent < bytes {
        match table.send(id, false, &data[sent..]) {
            Sent::Bytes(count) => sent += count,
            Sent::Wait | Sent::Over => break,
        }
    }
    sent
}

fn drain(table: &mut Table, id: u32) -> usize {
    let mut read = 0;
    while let Taken::Piece(piece) = table.take(id, Want::Data) {
        read += piece.len();
    }
    read
}

fn given_up() -> Raised {
    Raised::new(0, "given up")
}

#[test]
fn a_conversation_leaves_nothing_behind() {
    let (mut client, mut server) = (table(Side::Client), table(Side::Server));
    let id = client.open(Lane::Own).expect("room");
    assert_eq!(client.send(id, true, b"ask"), Sent::Bytes(3));
    client.end(id);
    carry(&mut client, &mut server);
    assert_eq!(server.next_opened(), Some((id, Lane::Own)));
    assert!(matches!(server.take(id, Want::Data), Taken::Other));
    assert!(matches!(server.take(id, Want::Message), Taken::Last(bytes) if bytes == b"ask"));
    assert!(matches!(server.take(id, Want::Message), Taken::Ended));
    fill(&mut server, id, 2000);
    server.end(id);
    server.release(id, &given_up());
    carry(&mut server, &mut client);
    assert_eq!(drain(&mut client, id), 2000);
    client.release(id, &given_up());
    carry(&mut client, &mut server);
    for side in [&client, &server] {
        assert_eq!((side.waiting(), side.held()), ((0, 0), 0));
    }
    client.leave();
    assert!(client.next_batch().bye);
}

#[test]
fn a_client_opens_no_more_sessions_than_the_server_takes() {
    let (mut client, mut server) = (table(Side::Client), table(Side::Server));
    let ids: Vec<u32> = (0..5).filter_map(|_| client.open(Lane::Worker)).collect();
    assert_eq!(ids, [1, 2, 3]);
    carry(&mut client, &mut server);
    // Given up by the client, but the server has it still: there is no room yet.
    client.release(1, &given_up());
    carry(&mut client, &mut server);
    assert_eq!(client.open(Lane::Worker), None);
    server.release(1, &given_up());
    carry(&mut server, &mut client);
    assert_eq!(client.open(Lane::Worker), Some(4));
    carry(&mut client, &mut server);
}

#[test]
fn a_session_that_nobody_reads_stops_and_leaves_room_for_the_others() {
    let (mut client, mut server) = (table(Side::Client), table(Side::Server));
    let (slow, other) = (
        client.open(Lane::Own).expect("1"),
        client.open(Lane::Own).expect("2"),
    );
    let mut sent = 0;
    while let count @ 1.. = fill(&mut client, slow, 1 << 20) {
        sent += count;
        carry(&mut client, &mut server);
    }
    // Its own window, and half of what is shared.
    let own = LIMITS.window / (1024 + 64) * 1024;
    assert!(
        sent as u32 > own + LIMITS.shared / 3 && sent as u32 <= own + LIMITS.shared / 2,
        "{sent}"
    );
    assert!(fill(&mut client, other, 1 << 20) as u32 > own);
    carry(&mut client, &mut server);
    assert!(server.held() <= LIMITS.memory());
    // Read: everything can be used again, by the first as before.
    assert_eq!(drain(&mut server, slow), sent);
    drain(&mut server, other);
    carry(&mut server, &mut client);
    assert!(fill(&mut client, slow, 1 << 20) > 4096);
}

#[test]
fn bytes_of_a_session_that_was_given_up_give_their_room_back() {
    let (mut client, mut server) = (table(Side::Client), table(Side::Server));
    for _ in 0..20 {
        let id = client.open(Lane::Worker).expect("room");
        carry(&mut client, &mut server);
        while fill(&mut server, id, 1 << 20) > 0 {
            carry(&mut server, &mut client);
        }
        client.release(id, &given_up());
        carry(&mut client, &mut server);
        assert!(server.is_aborted(id).is_some());
        server.release(id, &given_up());
        carry(&mut server, &mut client);
        carry(&mut client, &mut server);
        assert_eq!((client.waiting(), client.held()), ((0, 0), 0));
        assert_eq!(server.waiting(), (0, 0));
        assert_eq!(server.shared_left, u64::from(LIMITS.shared));
        assert_eq!(client.shared_used, 0);
    }
}

#[test]
fn what_an_answer_makes_useless_is_taken_and_thrown_away() {
    let (mut client, mut server) = (table(Side::Client), table(Side::Server));
    let id = client.open(Lane::Worker).expect("room");
    carry(&mut client, &mut server);
    server.end(id);
    server.release(id, &given_up());
    // More than fits into all windows: the server gives the room back unread.
    let mut sent = 0;
    for _ in 0..30 {
        sent += fill(&mut client, id, 4096);
        carry(&mut client, &mut server);
        carry(&mut server, &mut client);
    }
    assert!(sent as u64 > LIMITS.memory(), "{sent}");
    assert_eq!(server.held(), 0);
    client.end(id);
    client.release(id, &given_up());
    carry(&mut client, &mut server);
    assert_eq!(server.waiting(), (0, 0));
}

#[test]
fn sessions_take_turns() {
    let (mut client, mut server) = (table(Side::Client), table(Side::Server));
    let ids: Vec<u32> = (0..3).filter_map(|_| client.open(Lane::Own)).collect();
    carry(&mut client, &mut server);
    for id in &ids {
        assert_eq!(fill(&mut client, *id, 3072), 3072);
    }
    let order: Vec<u8> = client
        .next_batch()
        .frames
        .iter()
        .map(|frame| frame[5])
        .collect();
    assert_eq!(order, [1, 2, 3, 1, 2, 3, 1, 2, 3]);
}

#[test]
fn giving_up_overtakes_what_was_not_written() {
    let (mut client, mut server) = (table(Side::Client), table(Side::Server));
    let id = client.open(Lane::Own).expect("room");
    carry(&mut client, &mut server);
    let before = client.shared_left;
    fill(&mut client, id, 1 << 20);
    client.abort(id, &Raised::new(7, "no"));
    assert_eq!(client.shared_left, before);
    assert_eq!(carry(&mut client, &mut server), 1);
    assert_eq!(server.is_aborted(id), Some(&Raised::new(7, "no")));
    assert!(matches!(server.take(id, Want::Data), Taken::Aborted(raised) if raised.code == 7));
}

/// What the other side sends, and what is said of it. Session 1 is open.
fn lies(side: Side) -> Vec<(Vec<u8>, &'static str)> {
    let data = |length: usize| encode(Kind::Data, false, 1, &vec![0; length]);
    let shared = |length: usize| encode(Kind::Data, true, 1, &vec![0; length]);
    let part = |length: usize| encode(Kind::Part, false, 1, &vec![0; length]);
    let end = encode(Kind::End, false, 1, &[]);
    let mut lies = vec![
        (data(1024).repeat(5), "overruns its window"),
        // Empty frames are not for nothing.
        (data(0).repeat(100), "overruns its window"),
        (shared(1024).repeat(16), "overruns its window"),
        (encode(Kind::Data, false, 9, &[1]), "unknown session 9"),
        (encode(Kind::Abort, false, 9, b"{}"), "unknown session 9"),
        (
            encode(Kind::Credit, false, 9, &credit(0, 0)),
            "unknown session 9",
        ),
        (
            [end.clone(), data(1)].concat(),
            "follows the end of session 1",
        ),
        (
            [end.clone(), end.clone()].concat(),
            "follows the end of session 1",
        ),
        ([part(10), data(1)].concat(), "breaks into a message"),
        ([part(10), end].concat(), "breaks into a message"),
        (encode(Kind::Abort, false, 1, b"garbage"), "no error"),
        (
            encode(Kind::Credit, false, 1, &credit(1, 0)),
            "more than session 1 used",
        ),
        (
            encode(Kind::Credit, false, 0, &credit(0, 1)),
            "more of the shared window",
        ),
        (encode(Kind::Hello, false, 0, b"{}"), "greets twice"),
        (encode(Kind::Welcome, false, 0, b"{}"), "out of turn"),
        (
            encode(Kind::Data, false, 1, &[0; 1025]),
            "1025 bytes, 1024 at most",
        ),
    ];
    if side == Side::Server {
        let open = |id| encode(Kind::Open, false, id, &[0]);
        let bye = encode(Kind::Bye, false, 0, &[]);
        lies.extend([
            (open(1), "session 1 after session 1"),
            (open(3), "session 3 after session 1"),
            ([open(2), open(3), open(4)].concat(), "more than 3 sessions"),
            (encode(Kind::Open, false, 2, &[9]), "unknown lane"),
            ([bye.clone(), open(2)].concat(), "after its goodbye"),
            ([bye.clone(), bye].concat(), "goodbye twice"),
        ]);
    } else {
        lies.extend([
            (encode(Kind::Open, false, 2, &[0]), "the server opens"),
            (encode(Kind::Bye, false, 0, &[]), "while sessions are open"),
        ]);
    }
    lies
}

fn with_session(side: Side) -> Table {
    let mut table = table(side);
    match side {
        Side::Client => assert_eq!(table.open(Lane::Own), Some(1)),
        Side::Server => feed(&mut table, &encode(Kind::Open, false, 1, &[1])).expect("a session"),
    }
    table
}

#[test]
fn every_lie_is_refused_and_costs_no_memory() {
    for side in [Side::Client, Side::Server] {
        for (frames, wrong) in lies(side) {
            let mut table = with_session(side);
            let error = feed(&mut table, &frames).expect_err(wrong);
            assert!(error.contains(wrong), "{side:?}: {error} has no {wrong}");
            assert!(table.held() <= LIMITS.memory());
        }
    }
}

#[test]
fn a_message_longer_than_allowed_is_refused_although_it_is_read_as_it_comes() {
    let mut table = with_session(Side::Server);
    let part = encode(Kind::Part, false, 1, &[b' '; 1000]);
    for _ in 0..4 {
        feed(&mut table, &part).expect("it fits");
        assert!(matches!(table.take(1, Want::Message), Taken::Piece(_)));
        let batch = table.next_batch();
        table.written(&batch);
    }
    let error = feed(&mut table, &part).expect_err("too long");
    assert!(
        error.contains("a message of session 1 has 5000 bytes"),
        "{error}"
    );
}

#[test]
fn a_frame_before_the_welcome_is_out_of_turn() {
    let mut table = Table::new(Side::Server, LIMITS);
    table.greeted(LIMITS);
    let error = feed(&mut table, &encode(Kind::Open, false, 1, &[0])).expect_err("too early");
    assert!(error.contains("before the welcome"), "{error}");
    feed(&mut table, &encode(Kind::Alive, false, 0, &[])).expect("a sign of life may come");
}

#[test]
fn opening_and_giving_up_without_end_fills_nothing() {
    let mut table = table(Side::Server);
    let mut refused = None;
    for id in 1..100 {
        let open = encode(Kind::Open, false, id, &[0]);
        let abort = encode(Kind::Abort, false, id, b"{}");
        // The client does not read, so nothing of this side is written.
        if let Err(error) = feed(&mut table, &[open, abort].concat()) {
            refused = Some(error);
            break;
        }
        let (id, _) = table.next_opened().expect("a session");
        table.release(id, &given_up());
    }
    assert!(
        refused
            .expect("there is a limit")
            .contains("more than 3 sessions")
    );
}

proptest! {
    /// Whatever both sides do in whatever order: no rule is broken, no byte is lost or doubled, nothing stays.
    #[test]
    fn two_honest_sides_always_come_to_an_end(steps in prop::collection::vec((0u8..9, 0u32..4, 1usize..5000), 1..200)) {
        let (mut client, mut server) = (table(Side::Client), table(Side::Server));
        let mut sent = [[0usize; 2]; 300];
        let mut read = [[0usize; 2]; 300];
        let (mut of_client, mut of_server): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
        let pick = |ids: &[u32], which: u32| ids.get(which as usize).copied();
        for (what, which, size) in steps {
            match what {
                0 => of_client.extend(client.open(Lane::Worker)),
                1 => if let Some(id) = pick(&of_client, which) { sent[id as usize][0] += fill(&mut client, id, size) },
                2 => if let Some(id) = pick(&of_server, which) { sent[id as usize][1] += fill(&mut server, id, size) },
                3 => if let Some(id) = pick(&of_client, which) { read[id as usize][1] += drain(&mut client, id) },
                4 => if let Some(id) = pick(&of_server, which) { read[id as usize][0] += drain(&mut server, id) },
                5 => { carry(&mut client, &mut server); }
                6 => { carry(&mut server, &mut client); }
                7 => if let Some(id) = pick(&of_client, which) { client.release(id, &given_up()); of_client.retain(|other| *other != id); },
                _ => if let Some(id) = pick(&of_server, which) {
                    if size % 2 == 0 { server.end(id); }
                    server.release(id, &given_up());
                    of_server.retain(|other| *other != id);
                },
            }
            while let Some((id, _)) = server.next_opened() { of_server.push(id); }
            prop_assert!(client.held() <= LIMITS.memory() && server.held() <= LIMITS.memory());
            for id in 0..300 {
                prop_assert!(read[id][0] <= sent[id][0] && read[id][1] <= sent[id][1]);
            }
        }
        // What is open on both sides can still be read in full.
        for id in of_client.iter().filter(|id| of_server.contains(id)) {
            for _ in 0..40 {
                carry(&mut client, &mut server);
                carry(&mut server, &mut client);
                read[*id as usize][1] += drain(&mut client, *id);
                read[*id as usize][0] += drain(&mut server, *id);
            }
            prop_assert_eq!(read[*id as usize], sent[*id as usize]);
            // And it can go on.
            prop_assert!(fill(&mut client, *id, 500) > 0);
        }
        for id in of_client { client.release(id, &given_up()); }
        carry(&mut client, &mut server);
        while let Some((id, _)) = server.next_opened() { of_server.push(id); }
        for id in of_server { server.release(id, &given_up()); }
        for _ in 0..3 {
            carry(&mut server, &mut client);
            carry(&mut client, &mut server);
        }
        for side in [&client, &server] {
            prop_assert_eq!((side.waiting(), side.held()), ((0, 0), 0));
            prop_assert_eq!((side.shared_left, side.shared_used), (u64::from(LIMITS.shared), 0));
        }
        prop_assert_eq!(cost(0), 64);
    }

    /// Frames in any order, true and false, on either side and whatever it does: the replay checks that memory is bounded.
    #[test]
    fn any_frames_at_all_keep_memory_bounded(
        how: u8, frames in prop::collection::vec((0usize..9, any::<bool>(), 0u32..6, 0usize..1100), 0..120)
    ) {
        let mut input = vec![how];
        if how & 1 == 0 {
            input.extend(encode(Kind::Welcome, false, 0, b"null"));
        }
        let mut opened = 0;
        for (kind, shared, session, length) in frames {
            let kinds = [Kind::Open, Kind::Part, Kind::Message, Kind::Data, Kind::Data, Kind::End, Kind::Abort, Kind::Credit, Kind::Alive];
            let kind = kinds[kind];
            let payload = match kind {
                Kind::Open => vec![0],
                Kind::Abort => b"{}".to_vec(),
                Kind::Credit => credit(length as u64 / 2, length as u64 / 3).to_vec(),
                Kind::End | Kind::Alive => Vec::new(),
                _ => vec![0; length],
            };
            let session = match kind {
                Kind::Open => { opened += 1; opened }
                Kind::Alive => 0,
                _ => session,
            };
            input.extend(encode(kind, shared && kind.is_held(), session, &payload));
        }
        crate::replay::conversation(&input);
    }
}
