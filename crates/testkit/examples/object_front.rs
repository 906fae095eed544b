//! A port with TLS before an object store without it, which counts requests by what they ask. For `benches/objects`.
//!
//! `object_front LISTEN TO CERTIFICATE KEY`: says `READY`; `counts` on standard input gives the counts since the last time as
//! one line, `name=requests/bytes sent/bytes received` for each kind.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::io::{BufRead, Write};
use std::path::Path;

use pgkeep_testkit::object_server::faults::{FaultyFront, Plan};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, to, certificate, key] = &arguments[..] else {
        return Err("arguments: LISTEN TO CERTIFICATE KEY".into());
    };
    let (listen, to) = (listen.parse()?, to.parse()?);
    let front = FaultyFront::start(
        listen,
        to,
        Path::new(certificate),
        Path::new(key),
        Plan::none(),
    )?;
    println!("READY");
    for line in std::io::stdin().lock().lines() {
        if line? == "counts" {
            let counts = front.counts().into_iter().map(|(what, count)| {
                format!(
                    "{what:?}={}/{}/{}",
                    count.requests, count.sent, count.received
                )
            });
            println!("{}", counts.collect::<Vec<_>>().join(" "));
            front.forget_counts();
        }
        std::io::stdout().flush()?;
    }
    Ok(())
}
