//! Lengths of time as people read them.

/// The two largest units: `3d 4h`, `5m 10s`.
#[must_use]
pub fn time_text(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    if days > 0 {
        format!("{days}d {hours}h")
    } else if hours > 0 {
        format!("{hours}h {minutes}m")
    } else if minutes > 0 {
        format!("{minutes}m {}s", seconds % 60)
    } else {
        format!("{seconds}s")
    }
}

#[cfg(test)]
mod tests {
    use super::time_text;

    #[test]
    fn times_show_their_two_largest_units() {
        assert_eq!(time_text(0), "0s");
        assert_eq!(time_text(310), "5m 10s");
        assert_eq!(time_text(3_700), "1h 1m");
        assert_eq!(time_text(3 * 86_400 + 4 * 3600 + 59), "3d 4h");
    }
}
