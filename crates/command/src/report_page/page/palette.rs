//! The colours of the page, for light and dark. Each is used for what its name says; the contrast of every pair that is
//! used together is tested.

/// Name, in light, in dark.
pub(super) const COLOURS: &[(&str, &str, &str)] = &[
    ("ground", "#f6f7f9", "#0e1116"),
    ("card", "#ffffff", "#171b22"),
    ("line", "#d5dae1", "#323a46"),
    ("text", "#1a1f27", "#e8ecf2"),
    ("soft", "#545d6b", "#a3adbb"),
    ("link", "#0a58ca", "#7db4ff"),
    ("ok", "#17703a", "#58c882"),
    ("ok-soft", "#e3f4e9", "#12301f"),
    ("warn", "#8a5300", "#eab04d"),
    ("warn-soft", "#fdf0d7", "#3a2a0c"),
    ("fail", "#b3202c", "#ff8a8f"),
    ("fail-soft", "#fde8e9", "#3d171a"),
    ("span", "#2a8a50", "#3f9d63"),
    ("gap", "#d3212f", "#f2434d"),
    ("full", "#2457c5", "#7aa7ff"),
    ("diff", "#8b3fb5", "#cf96f0"),
    ("incr", "#0f7285", "#52bfd3"),
];

/// The variables, once for each scheme. Print is always light.
pub(super) fn variables() -> String {
    let block = |of: fn(&(&'static str, &'static str, &'static str)) -> &'static str| {
        let each = COLOURS.iter();
        each.map(|colour| format!("--{}:{};", colour.0, of(colour)))
            .collect::<String>()
    };
    format!(
        ":root{{color-scheme:light dark;{}}}\n@media (prefers-color-scheme:dark){{@media screen{{:root{{{}}}}}}}\n",
        block(|colour| colour.1),
        block(|colour| colour.2)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance by WCAG 2.
    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value = u8::from_str_radix(&colour[at..at + 2], 16).unwrap();
            let value = f64::from(value) / 255.0;
            match value <= 0.040_45 {
                true => value / 12.92,
                false => ((value + 0.055) / 1.055).powf(2.4),
            }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn what_is_read_has_contrast() {
        let colour = |name: &str| {
            COLOURS
                .iter()
                .find(|colour| colour.0 == name)
                .unwrap_or_else(|| panic!("{name}"))
        };
        let texts = ["text", "soft", "link", "ok", "warn", "fail"];
        let mut pairs: Vec<(&str, &str, f64)> = Vec::new();
        for ground in ["ground", "card"] {
            pairs.extend(texts.iter().map(|text| (*text, ground, 4.5)));
        }
        for state in ["ok", "warn", "fail"] {
            let soft = match state {
                "ok" => "ok-soft",
                "warn" => "warn-soft",
                _ => "fail-soft",
            };
            pairs.extend([(state, soft, 4.5), ("text", soft, 7.0), ("soft", soft, 4.5)]);
        }
        // Marks of charts, which are no text.
        pairs.extend(["span", "gap", "full", "diff", "incr"].map(|kind| (kind, "card", 3.0)));
        for (front, ground, least) in pairs {
            let (front, ground) = (colour(front), colour(ground));
            for (scheme, found) in [
                ("light", contrast(front.1, ground.1)),
                ("dark", contrast(front.2, ground.2)),
            ] {
                assert!(
                    found >= least,
                    "{} on {} in {scheme}: {found:.2} instead of {least}",
                    front.0,
                    ground.0
                );
            }
        }
    }
}
