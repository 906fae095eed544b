//! Removal of objects, many with one request.

use std::sync::Arc;

use bytes::Bytes;

use super::client::{About, Hashes, S3Client, with_body};
use super::failure::failure;
use crate::ErrorKind;
use crate::object::one_by_one::one_by_one;
use crate::object::store::{Failure, Outcome};
use crate::object::xml::{Element, can_be_in_xml, escape};

/// Keys of one request.
pub(super) const LIMIT: usize = 1000;

/// Removes objects; what a request for many leaves is tried once more alone, which gives the reason.
pub(super) async fn remove(
    client: &Arc<S3Client>,
    keys: &[String],
) -> Result<(), (String, Failure)> {
    let (many, mut alone): (Vec<&String>, Vec<&String>) =
        keys.iter().partition(|key| can_be_in_xml(key));
    if let [single] = many[..] {
        alone.push(single);
    } else if !many.is_empty() {
        let left = batch(client, &many)
            .await
            .map_err(|failure| (many[0].clone(), failure))?;
        alone.extend(many.into_iter().filter(|key| left.contains(*key)));
    }
    one_by_one(alone, |key| {
        let client = Arc::clone(client);
        async move {
            let request = client.request("DELETE", &key, About::Bucket);
            match client.try_to(&request).await {
                Ok(_) => Ok(()),
                Err(error)
                    if error
                        .answer()
                        .is_some_and(|answer| answer.status.as_u16() == 404) =>
                {
                    Ok(())
                }
                Err(error) => Err(failure(&error)),
            }
        }
    })
    .await
}

/// Removes many; hands back those that stayed.
async fn batch(client: &S3Client, keys: &[&String]) -> Outcome<Vec<String>> {
    let mut body =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Delete><Quiet>true</Quiet>");
    for key in keys {
        body.push_str(&format!("<Object><Key>{}</Key></Object>", escape(key)));
    }
    body.push_str("</Delete>\n");
    let body = Bytes::from(body);
    let hashes = Hashes::of(&body);
    let request = client
        .request("POST", "", About::Bucket)
        .query("delete", "");
    match client.try_to(&with_body(request, body, &hashes)).await {
        Ok(answer) => left(&answer.body).map_err(|reason| Failure {
            kind: ErrorKind::Broken,
            reason: format!("the server's answer to a removal cannot be read: {reason}"),
            hints: Vec::new(),
        }),
        // A server that cannot do this: one by one.
        Err(error)
            if error
                .answer()
                .is_some_and(|answer| matches!(answer.status.as_u16(), 405 | 501)) =>
        {
            Ok(keys.iter().map(|key| (*key).clone()).collect())
        }
        Err(error) => Err(failure(&error)),
    }
}

/// Keys that an answer says were not removed.
fn left(body: &[u8]) -> Result<Vec<String>, String> {
    let result = Element::parse(body)?;
    if result.name != "DeleteResult" {
        return Err(format!("it is '{}'", result.name));
    }
    result
        .all("Error")
        .map(|error| match error.child("Key") {
            Some(key) => Ok(key.text.clone()),
            None => Err(format!(
                "an error without a key: {} {}",
                error.text_of("Code"),
                error.text_of("Message")
            )),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::left;

    #[test]
    fn keys_that_stayed_are_named() {
        let body = "<DeleteResult><Error><Key>r/a&amp;b</Key><Code>AccessDenied</Code></Error></DeleteResult>";
        assert_eq!(left(body.as_bytes()).unwrap(), ["r/a&b"]);
        assert!(left(b"<DeleteResult/>").unwrap().is_empty());
        assert!(left(b"<DeleteResult><Error><Code>x</Code></Error></DeleteResult>").is_err());
        assert!(left(b"<html/>").is_err());
    }
}
