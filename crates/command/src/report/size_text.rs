//! Sizes as people read them, in pgBackRest's form.

/// `22.1MB`, `4GB`, `812B`: powers of 1024, rounded to one decimal, `.0` dropped, GB the largest unit.
#[must_use]
pub fn size_text(bytes: u64) -> String {
    const KB: u64 = 1 << 10;
    const MB: u64 = 1 << 20;
    const GB: u64 = 1 << 30;
    let (unit, name) = match bytes {
        0..KB => return format!("{bytes}B"),
        KB..MB => (KB, "KB"),
        MB..GB => (MB, "MB"),
        _ => (GB, "GB"),
    };
    // Half up in tenths; 128 bits, because ten times a size may not fit in 64.
    let tenths = (u128::from(bytes) * 10 + u128::from(unit) / 2) / u128::from(unit);
    match tenths % 10 {
        0 => format!("{}{name}", tenths / 10),
        decimal => format!("{}.{decimal}{name}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::size_text;

    #[test]
    fn sizes_have_one_decimal_at_most() {
        assert_eq!(size_text(0), "0B");
        assert_eq!(size_text(1023), "1023B");
        assert_eq!(size_text(1024), "1KB");
        assert_eq!(size_text(23_173_530), "22.1MB");
        assert_eq!(size_text(4 << 30), "4GB");
        assert_eq!(size_text(5000 << 30), "5000GB");
    }
}
