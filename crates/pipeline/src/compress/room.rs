//! Room in an output buffer, for codecs that write into its free capacity.

/// Bytes a codec gets to write into at least; below that it would be called for crumbs.
const ROOM: usize = 32 * 1024;

/// Makes sure that a codec has something to write into.
pub(super) fn make_room(out: &mut Vec<u8>) {
    if out.capacity() - out.len() < ROOM / 8 {
        out.reserve(ROOM);
    }
}
