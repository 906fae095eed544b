//! Forwarding of every kind. What this program cannot ask for reads *not tested*.

use pgkeep_storage::sftp::examine::{Examiner, Forwarding, Target};

use super::check::{DYNAMIC, LOCAL, REMOTE, SOCKET, SOCKET_LISTEN, TUNNEL};
use crate::report::check::Check;
use crate::report::finding::{Finding, Grade};

pub(super) fn examine(server: &Examiner) -> Vec<Finding> {
    let (local, elsewhere, remote, sockets) = std::thread::scope(|scope| {
        let local = scope.spawn(|| server.direct_tcp(Target::Itself));
        let elsewhere = scope.spawn(|| server.direct_tcp(Target::Elsewhere));
        let sockets = scope.spawn(|| server.stream_local());
        (
            local.join().expect("asking does not panic"),
            elsewhere.join().expect("asking does not panic"),
            server.remote_tcp(),
            sockets.join().expect("asking does not panic"),
        )
    });
    vec![
        finding(&LOCAL, &local),
        finding(&DYNAMIC, &elsewhere),
        finding(&REMOTE, &remote),
        finding(&SOCKET, &sockets.0),
        finding(&SOCKET_LISTEN, &sockets.1),
        Finding::new(
            &TUNNEL,
            Grade::NotTested,
            "this program cannot ask for one; look at the line on the server",
        ),
    ]
}

fn finding(check: &'static Check, forwarding: &Forwarding) -> Finding {
    match forwarding {
        Forwarding::Refused => Finding::new(check, Grade::Ok, "refused"),
        Forwarding::Allowed(what) => Finding::new(check, Grade::Fail, format!("the server {what}")),
        Forwarding::Unknown(why) => Finding::new(check, Grade::NotTested, why.clone()),
    }
}
