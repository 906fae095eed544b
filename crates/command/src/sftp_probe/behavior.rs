//! How the server treats files: creating, renaming, syncing, listing, and the largest request.

use pgkeep_storage::sftp::examine::{Creation, Examiner, Files};

/// What was seen; `None`: it could not be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Behavior {
    /// A file that exists is not created again.
    pub(super) exclusive: Option<bool>,
    /// The plain rename replaces a file that exists.
    pub(super) rename_replaces: Option<bool>,
    /// `posix-rename@openssh.com` does.
    pub(super) posix_rename: bool,
    /// `fsync@openssh.com` is obeyed.
    pub(super) fsync: bool,
    pub(super) order: Order,
    /// Bytes of the largest write that was taken, and of the largest read that was answered in full.
    pub(super) largest_write: usize,
    pub(super) largest_read: usize,
}

/// Order of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    ByName,
    AsMade,
    None,
    Unknown,
}

impl Order {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::ByName => "by name",
            Self::AsMade => "in the order in which files were made",
            Self::None => "in no order",
            Self::Unknown => "unknown",
        }
    }
}

/// Sizes tried; the last is the most that this program ever sends.
const SIZES: [usize; 4] = [32 * 1024, 64 * 1024, 128 * 1024, 255 * 1024];
/// Names of files in the order in which they are made, which is not that of the names.
const MADE: [&str; 8] = ["m", "c", "x", "a", "q", "b", "z", "d"];

/// Works in `directory`, which the caller removes.
pub(super) fn examine(
    server: &Examiner,
    files: &Files,
    directory: &str,
    announced: &dyn Fn(&str) -> bool,
) -> Behavior {
    let (one, two) = (format!("{directory}/one"), format!("{directory}/two"));
    let made = files.write(&one, Creation::Exclusive, b"1").is_ok();
    let exclusive = made.then(|| files.write(&one, Creation::Exclusive, b"2").is_err());
    let second = || files.write(&two, Creation::Replace, b"2").is_ok();
    let rename_replaces = (made && second()).then(|| files.rename(&two, &one).is_ok());
    let posix_rename = announced("posix-rename@openssh.com")
        && made
        && second()
        && files.rename_over(&two, &one).is_ok();
    let fsync = announced("fsync@openssh.com") && files.write_and_sync(&one, b"3").is_ok();
    let order = order(files, &format!("{directory}/order"));
    let (largest_write, largest_read) = largest(server, &one);
    Behavior {
        exclusive,
        rename_replaces,
        posix_rename,
        fsync,
        order,
        largest_write,
        largest_read,
    }
}

fn order(files: &Files, directory: &str) -> Order {
    let made = files.make_path(directory).is_ok()
        && MADE.iter().all(|name| {
            let path = format!("{directory}/{name}");
            files.write(&path, Creation::Exclusive, &[]).is_ok()
        });
    match files.list(directory) {
        Ok(entries) if made => {
            let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
            order_of(&names)
        }
        _ => Order::Unknown,
    }
}

fn order_of(names: &[&str]) -> Order {
    if names.is_sorted() {
        Order::ByName
    } else if names == MADE {
        Order::AsMade
    } else {
        Order::None
    }
}

/// A server may end the channel at a request that is too long, so this has one of its own.
fn largest(server: &Examiner, path: &str) -> (usize, usize) {
    let Ok(files) = server.files() else {
        return (0, 0);
    };
    let data = vec![0; SIZES[SIZES.len() - 1]];
    let mut found = (0, 0);
    for size in SIZES {
        if files.write(path, Creation::Replace, &data[..size]).is_err() {
            break;
        }
        found.0 = size;
    }
    for size in SIZES.into_iter().filter(|size| *size <= found.0) {
        match files.read(path, 0, u32::try_from(size).unwrap_or(u32::MAX)) {
            Ok(read) if read.len() == size => found.1 = size,
            _ => break,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_a_listing_is_told() {
        assert_eq!(order_of(&["a", "b", "c"]), Order::ByName);
        assert_eq!(order_of(&MADE), Order::AsMade);
        assert_eq!(order_of(&["b", "a", "c"]), Order::None);
    }
}
