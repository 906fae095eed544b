//! Several tickets as one.

use std::sync::{Arc, Mutex, PoisonError};

use pgkeep_storage::{Result, Ticket, TicketResolver, Written};

/// What is known of tickets that resolve in any order.
struct Waiting {
    left: usize,
    result: Result<Written>,
    resolver: Option<TicketResolver>,
}

/// A ticket that resolves when all of these have, with all their bytes or the first error; `None` if there are none.
#[must_use]
pub fn all(mut tickets: Vec<Ticket>) -> Option<Ticket> {
    if tickets.len() < 2 {
        return tickets.pop();
    }
    let (resolver, ticket) = Ticket::pending();
    let waiting = Arc::new(Mutex::new(Waiting {
        left: tickets.len(),
        result: Ok(Written { size: 0 }),
        resolver: Some(resolver),
    }));
    for ticket in tickets {
        let waiting = Arc::clone(&waiting);
        ticket.notify(move |written| {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.left -= 1;
            match (&mut waiting.result, written) {
                (Ok(all), Ok(written)) => all.size += written.size,
                (result @ Ok(_), Err(error)) => *result = Err(error),
                (Err(_), _) => {}
            }
            if waiting.left == 0
                && let Some(resolver) = waiting.resolver.take()
            {
                let result = waiting.result.clone();
                drop(waiting);
                resolver.resolve(result);
            }
        });
    }
    Some(ticket)
}

#[cfg(test)]
mod tests {
    use pgkeep_storage::{Error, ErrorKind, Operation};

    use super::*;

    #[test]
    fn all_resolve_as_one_when_the_last_has_and_the_first_error_counts() {
        let failure = |text: &str| {
            let error = Error::new(ErrorKind::NoSpace, Operation::Write, "/r", text);
            Err::<Written, _>(error)
        };
        assert!(all(Vec::new()).is_none());
        for fails in [false, true] {
            let (first, one) = Ticket::pending();
            let (second, two) = Ticket::pending();
            let three = Ticket::ready(Ok(Written { size: 4 }));
            let ticket = all(vec![one, two, three]).unwrap();
            let (tell, told) = std::sync::mpsc::channel();
            ticket.notify(move |written| tell.send(written).unwrap());
            second.resolve(match fails {
                true => failure("first"),
                false => Ok(Written { size: 2 }),
            });
            assert!(told.try_recv().is_err());
            first.resolve(match fails {
                true => failure("second"),
                false => Ok(Written { size: 1 }),
            });
            match told.recv().unwrap() {
                Ok(written) => assert!(!fails && written.size == 7),
                Err(error) => assert!(fails && error.reason == "first", "{error}"),
            }
        }
    }
}
