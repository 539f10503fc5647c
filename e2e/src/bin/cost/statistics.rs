//! From rounds to figures: medians, with intervals that say how far they are to be trusted.

use authz_benches::Random;

/// A median, and where the true one is with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// What was found out about a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Exceeded,
    /// The interval has the bound in it.
    Undecided,
}

impl Verdict {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Exceeded => "exceeded",
            Self::Undecided => "undecided",
        }
    }
}

/// How often the rounds are drawn anew.
const DRAWS: usize = 4000;

impl Estimate {
    /// By the bootstrap: the rounds are drawn anew, with replacement, and the medians of 95 % of these draws lie
    /// between the two ends. The draws are the same in every run. There has to be a value.
    pub(crate) fn of(values: &[f64]) -> Self {
        Self::drawn(values, DRAWS)
    }

    fn drawn(values: &[f64], draws: usize) -> Self {
        let mut random = Random::new(1);
        let mut draw = || median((0..values.len()).map(|_| values[random.place(values.len())]).collect());
        let mut medians: Vec<f64> = (0..draws).map(|_| draw()).collect();
        medians.sort_by(f64::total_cmp);
        let outside = draws / 40;
        Self { median: median(values.to_vec()), low: medians[outside], high: medians[draws - 1 - outside] }
    }

    /// What it says of a bound: whether it is above with all of its interval, or not at all, or neither.
    pub(crate) fn against(self, bound: f64) -> Verdict {
        if self.high <= bound {
            Verdict::Met
        } else if self.low > bound {
            Verdict::Exceeded
        } else {
            Verdict::Undecided
        }
    }
}

/// The middle one; of two, their mean.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    if values.len() % 2 == 1 { values[upper] } else { f64::midpoint(values[upper - 1], values[upper]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Around a middle, and hardly ever farther from it than three times the spread.
    fn sample(random: &mut Random, count: usize, middle: f64, spread: f64) -> Vec<f64> {
        let mut one = || (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
        (0..count).map(|_| middle + spread * one()).collect()
    }

    #[test]
    fn the_median_is_the_middle_and_no_outlier_moves_it() {
        assert_eq!(median(vec![3.0]), 3.0);
        assert_eq!(median(vec![9.0, 1.0]), 5.0);
        assert_eq!(median(vec![2.0, 1e9, 1.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 1e9]), 3.5);
    }

    #[test]
    fn an_interval_holds_the_true_median_about_as_often_as_it_says() {
        let mut random = Random::new(7);
        let holds = (0..200)
            .filter(|_| {
                let Estimate { median, low, high } = Estimate::drawn(&sample(&mut random, 41, 1.2, 0.1), 400);
                assert!(low <= median && median <= high);
                low <= 1.2 && 1.2 <= high
            })
            .count();
        assert!((180..=200).contains(&holds), "{holds} of 200");
    }

    #[test]
    fn more_rounds_make_it_narrower_and_alike_ones_make_it_a_point() {
        let mut random = Random::new(7);
        let width = |estimate: Estimate| estimate.high - estimate.low;
        let (few, many) = (sample(&mut random, 20, 1.2, 0.1), sample(&mut random, 500, 1.2, 0.1));
        assert!(width(Estimate::drawn(&many, 400)) < 0.5 * width(Estimate::drawn(&few, 400)));
        assert_eq!(Estimate::of(&[1.5; 9]), Estimate { median: 1.5, low: 1.5, high: 1.5 });
    }

    #[test]
    fn a_bound_is_met_or_exceeded_by_the_whole_interval_and_undecided_otherwise() {
        let estimate = Estimate { median: 0.02, low: 0.01, high: 0.03 };
        let table = [(0.03, Verdict::Met), (0.029, Verdict::Undecided), (0.01, Verdict::Undecided), (0.009, Verdict::Exceeded)];
        assert!(table.into_iter().all(|(bound, verdict)| estimate.against(bound) == verdict));
    }
}
