//! Several removals in one request, and the answer to each (`multipart/mixed`).

use bytes::Bytes;

use crate::http::{Answer, Request};

/// The body of a batch of requests that are authorized each.
pub(super) fn body(requests: &[Request], boundary: &str) -> Bytes {
    let mut body = String::new();
    for (number, request) in requests.iter().enumerate() {
        // The first boundary begins the body, and names of headers are written so: the service takes no other form.
        body.push_str(&format!(
            "--{boundary}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {number}\r\n\r\n\
             {} {} HTTP/1.1\r\n",
            request.method,
            request.target()
        ));
        for (name, value) in &request.headers {
            body.push_str(&format!("{name}: {value}\r\n"));
        }
        body.push_str("Content-Length: 0\r\n\r\n\r\n");
    }
    body.push_str(&format!("--{boundary}--\r\n"));
    Bytes::from(body)
}

/// The status of each of `count` requests; `None` where the answer has none.
pub(super) fn statuses(answer: &Answer, count: usize) -> Vec<Option<u16>> {
    let mut found = vec![None; count];
    let Some(boundary) = answer.header("content-type").and_then(boundary) else {
        return found;
    };
    let text = String::from_utf8_lossy(&answer.body);
    let before = format!("--{boundary}");
    for (at, part) in text.split(&before).skip(1).enumerate() {
        // In the order of the requests; the number is not always there.
        let number = part
            .lines()
            .take_while(|line| !line.starts_with("HTTP/"))
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-id"))
            .and_then(|(_, number)| number.trim().parse().ok());
        let status = part
            .lines()
            .find_map(|line| line.strip_prefix("HTTP/1.1 "))
            .and_then(|line| line.split(' ').next()?.parse().ok());
        if let Some(own) = found.get_mut(number.unwrap_or(at)) {
            *own = status;
        }
    }
    found
}

fn boundary(content_type: &str) -> Option<&str> {
    let (kind, rest) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/mixed") {
        return None;
    }
    let mut parameters = rest.split(';').filter_map(|one| one.split_once('='));
    let (_, value) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    let value = value.trim().trim_matches('"');
    Some(value).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(content_type: &str, body: &str) -> Answer {
        Answer {
            status: http::StatusCode::ACCEPTED,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: Bytes::from(body.to_owned()),
        }
    }

    #[test]
    fn requests_stand_in_the_body_one_after_the_other() {
        let request = Request::new("DELETE", "/c/a%20b")
            .query("sig", "x=")
            .header("x-ms-date", "now");
        let body = body(&[request.clone(), request], "B");
        let part = |number: u32| {
            format!(
                "--B\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {number}\r\n\r\n\
                 DELETE /c/a%20b?sig=x%3D HTTP/1.1\r\nx-ms-date: now\r\nContent-Length: 0\r\n\r\n\r\n"
            )
        };
        let expected = format!("{}{}--B--\r\n", part(0), part(1));
        assert_eq!(String::from_utf8_lossy(&body), expected);
    }

    #[test]
    fn each_status_is_found_by_number_or_place() {
        let body = "--R\r\nContent-Type: application/http\r\nContent-ID: 1\r\n\r\nHTTP/1.1 202 Accepted\r\nx: y\r\n\r\n\
            --R\r\nContent-Type: application/http\r\nContent-ID: 0\r\n\r\nHTTP/1.1 404 The specified blob does not exist.\r\n\r\n<Error/>\r\n\
            --R\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 403 No\r\n\r\n--R--\r\n";
        for kind in [
            "multipart/mixed; boundary=R",
            "Multipart/Mixed;boundary=\"R\"",
        ] {
            assert_eq!(
                statuses(&answer(kind, body), 4),
                [Some(404), Some(202), Some(403), None]
            );
        }
        // Never more than was asked for, and nothing that was not said.
        let far = body.replace("Content-ID: 1", "Content-ID: 99");
        let found = statuses(&answer("multipart/mixed; boundary=R", &far), 2);
        assert_eq!(found, [Some(404), None]);
        for kind in [
            "text/plain",
            "multipart/mixed",
            "multipart/mixed; boundary=",
        ] {
            assert_eq!(statuses(&answer(kind, body), 1), [None]);
        }
    }
}
