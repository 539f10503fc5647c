//! Random numbers that are the same everywhere and in every release.

/// A generator of numbers: SplitMix64.
///
/// Written out here because a library may change its sequence in any release, and a figure is only
/// comparable with last year's if it is about the same policies.
///
/// ```
/// use authz_benches::Random;
///
/// assert_eq!(Random::new(7).next(), Random::new(7).next());
/// assert_ne!(Random::new(7).next(), Random::new(8).next());
/// ```
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator of its own for a part of the work, so that parts can change without each other.
    pub fn fork(&self, part: &str) -> Self {
        // FNV-1a.
        let hash =
            part.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(Self(self.0 ^ hash).next())
    }

    /// The next 64 bits.
    #[expect(clippy::should_implement_trait, reason = "it never ends, and `next` is the word")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 128 bits.
    pub fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: u32) -> u32 {
        // The high half of a product is uniform enough: the bias is below 2^-32 × end.
        let product = (self.next() >> 32) * u64::from(end);
        u32::try_from(product >> 32).unwrap_or(0)
    }

    /// A number from `start` to `end`, both included.
    pub fn within(&mut self, start: u16, end: u16) -> u16 {
        let span = u32::from(end.saturating_sub(start)) + 1;
        start.saturating_add(u16::try_from(self.below(span)).unwrap_or(0))
    }

    /// Whether something happens that happens in `percent` of all cases.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// A number from 0, included, to 1, excluded.
    pub fn unit(&mut self) -> f64 {
        f64::from(self.below(u32::MAX)) / f64::from(u32::MAX)
    }

    /// One of several, all alike; the default of nothing.
    pub fn pick<T: Clone + Default>(&mut self, from: &[T]) -> T {
        from.get(self.place(from.len())).cloned().unwrap_or_default()
    }

    /// A place in something of this length; 0 if it is empty.
    pub fn place(&mut self, len: usize) -> usize {
        let place = self.below(u32::try_from(len).unwrap_or(u32::MAX));
        usize::try_from(place).unwrap_or(0)
    }

    /// One of several, each as often as its weight says.
    pub fn weighted<T: Copy + Default>(&mut self, table: &[(u32, T)]) -> T {
        let mut left = self.below(table.iter().map(|(weight, _)| weight).sum());
        for (weight, value) in table {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *value,
            }
        }
        T::default()
    }

    /// Brings a list into a random order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            let other = self.place(last + 1);
            list.swap(last, other);
        }
    }
}

/// Draws places of a list so that the first is drawn most often: the nth with a weight of n^-s.
#[derive(Clone, Debug)]
pub struct Zipf {
    cumulated: Vec<f64>,
}

impl Zipf {
    /// For a list of so many, with this exponent.
    pub fn new(count: u32, exponent: f64) -> Self {
        let mut sum = 0.0;
        let cumulated = (1..=count).map(|rank| {
            sum += f64::from(rank).powf(-exponent);
            sum
        });
        Self { cumulated: cumulated.collect() }
    }

    /// One place.
    pub fn draw(&self, random: &mut Random) -> usize {
        let point = random.unit() * self.cumulated.last().copied().unwrap_or(0.0);
        self.cumulated.partition_point(|bound| *bound <= point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_never_changes() {
        // The reference implementation's first numbers for the seed 1234567.
        let mut random = Random::new(1_234_567);
        assert_eq!([random.next(), random.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn draws_are_as_often_as_their_weights() {
        let mut random = Random::new(1);
        let drawn: Vec<u8> = (0..10_000).map(|_| random.weighted(&[(1, 1), (0, 2), (3, 3)])).collect();
        let count = |value| drawn.iter().filter(|drawn| **drawn == value).count();
        assert!((2_300..2_700).contains(&count(1)) && count(2) == 0 && count(0) == 0);
    }

    #[test]
    fn the_first_of_a_zipf_distribution_is_drawn_most() {
        let (zipf, mut random) = (Zipf::new(512, 1.1), Random::new(1));
        let firsts = (0..10_000).filter(|_| zipf.draw(&mut random) == 0).count();
        assert!((1_700..2_050).contains(&firsts), "{firsts}");
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut random = Random::new(3);
        assert!((0..1000).all(|_| random.below(3) < 3 && (5..=7).contains(&random.within(5, 7))));
        assert!(random.below(0) == 0 && random.pick::<u8>(&[]) == 0);
        let mut list: Vec<u8> = (0..50).collect();
        random.shuffle(&mut list);
        assert_ne!(list, (0..50).collect::<Vec<_>>());
        list.sort_unstable();
        assert_eq!(list, (0..50).collect::<Vec<_>>());
    }
}
