//! A covering array: every pair of values of any two settings occurs in some row.
//!
//! Built greedily from a seed, so a failing row can be had again with the same seed.

use std::collections::BTreeSet;

use crate::row::{Layout, Place, Row, Who};

/// Number of values of each setting, in the order of `row_of`.
const SIZES: [usize; 10] = [3, 3, 3, 5, 2, 4, 4, 2, 2, 2];
const WHO: [Who; 3] = [Who::Ours, Who::Stable, Who::Newest];
const COMPRESS: [&str; 5] = ["none", "gz", "lz4", "zst", "bz2"];
const LAYOUT: [Layout; 4] = [
    Layout::Plain,
    Layout::Hardlink,
    Layout::Bundle,
    Layout::Block,
];
const PG: [u32; 4] = [12, 15, 17, 18];

type Values = [usize; SIZES.len()];
type Pair = (usize, usize, usize, usize);

/// Rows that cover all pairs, those with this project's program in most roles first.
pub fn covering(seed: u64) -> Vec<Row> {
    let mut random = Random(seed.wrapping_mul(2).wrapping_add(1));
    let mut open: BTreeSet<Pair> = BTreeSet::new();
    for (a, &size_a) in SIZES.iter().enumerate() {
        for (b, &size_b) in SIZES.iter().enumerate().skip(a + 1) {
            for x in 0..size_a {
                for y in 0..size_b {
                    // Settings without this program in any role test only pgBackRest.
                    open.insert((a, x, b, y));
                }
            }
        }
    }
    let mut rows: Vec<Values> = Vec::new();
    while !open.is_empty() && rows.len() < 400 {
        let best = (0..60)
            .map(|_| {
                let mut values: Values = std::array::from_fn(|at| random.below(SIZES[at]));
                // A row without us shows nothing.
                if values[..3].iter().all(|&who| who != 0) {
                    values[random.below(3)] = 0;
                }
                (covered(&open, &values), values)
            })
            .max_by_key(|(count, _)| *count);
        let Some((count, values)) = best else { break };
        if count == 0 && random.below(20) > 0 {
            continue;
        }
        open.retain(|pair| !covers(&values, *pair));
        if count > 0 {
            rows.push(values);
        }
        // Pairs of two roles that leave us out are covered only with us in the third.
    }
    rows.iter().map(row_of).collect()
}

/// The same for repositories on a server: other rows, as they come from a seed of the server's own.
pub fn covering_on(place: Place, seed: u64) -> Vec<Row> {
    let on_server = |row: Row| Row {
        place,
        // Servers have no hard links.
        layout: match row.layout {
            Layout::Hardlink => Layout::Bundle,
            layout => layout,
        },
        ..row
    };
    covering(seed).into_iter().map(on_server).collect()
}

fn covers(values: &Values, (a, x, b, y): Pair) -> bool {
    values[a] == x && values[b] == y
}

fn covered(open: &BTreeSet<Pair>, values: &Values) -> usize {
    open.iter().filter(|pair| covers(values, **pair)).count()
}

fn row_of(values: &Values) -> Row {
    Row {
        writer: WHO[values[0]],
        continuer: WHO[values[1]],
        restorer: WHO[values[2]],
        compress: COMPRESS[values[3]],
        cipher: values[4] == 1,
        layout: LAYOUT[values[5]],
        pg: PG[values[6]],
        tablespace: values[7] == 1,
        process_max: [1, 2][values[8]],
        delta: values[9] == 1,
        place: Place::Posix,
    }
}

/// A small generator (xorshift), enough to spread rows and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("the limit fits")
    }
}
