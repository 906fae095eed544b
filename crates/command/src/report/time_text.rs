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

/// What a run took: below ten seconds with tenths, for most runs are short.
#[must_use]
pub fn elapsed_text(milliseconds: i64) -> String {
    let milliseconds = u64::try_from(milliseconds).unwrap_or(0);
    match milliseconds {
        0..9_950 => format!("{:.1}s", milliseconds as f64 / 1000.0),
        _ => time_text((milliseconds + 500) / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_show_their_two_largest_units() {
        assert_eq!(time_text(0), "0s");
        assert_eq!(time_text(310), "5m 10s");
        assert_eq!(time_text(3_700), "1h 1m");
        assert_eq!(time_text(3 * 86_400 + 4 * 3600 + 59), "3d 4h");
    }

    #[test]
    fn a_short_run_is_told_in_tenths_of_a_second() {
        assert_eq!(elapsed_text(-5), "0.0s");
        assert_eq!(elapsed_text(1_240), "1.2s");
        assert_eq!(elapsed_text(9_949), "9.9s");
        assert_eq!(elapsed_text(9_950), "10s");
        assert_eq!(elapsed_text(61_000), "1m 1s");
    }
}
