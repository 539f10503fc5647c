//! How many lines a second may be logged.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A bucket that gains tokens with time, up to those of one second.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: u32,
    bucket: Mutex<Option<Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Nanoseconds that are saved up; a token costs as many as a second has, divided by the rate.
    saved: u64,
    last: Duration,
    /// What was asked for in vain since the last time it was not.
    suppressed: u64,
}

const SECOND: u64 = 1_000_000_000;

impl Rate {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second, bucket: Mutex::new(None) }
    }

    /// Whether a line may be written now; if so, how many could not be since the last one.
    pub(crate) fn take(&self, now: Duration) -> Option<u64> {
        let cost = SECOND.checked_div(u64::from(self.per_second))?.max(1);
        // Whoever panicked while holding it left a whole bucket behind.
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = bucket.get_or_insert(Bucket { saved: SECOND, last: now, suppressed: 0 });
        // A clock that goes back saves nothing up.
        let passed = u64::try_from(now.saturating_sub(bucket.last).as_nanos()).unwrap_or(u64::MAX);
        bucket.saved = bucket.saved.saturating_add(passed).min(SECOND);
        bucket.last = now;
        match bucket.saved.checked_sub(cost) {
            Some(saved) => {
                bucket.saved = saved;
                Some(std::mem::take(&mut bucket.suppressed))
            }
            None => {
                bucket.suppressed = bucket.suppressed.saturating_add(1);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_as_many_lines_as_the_rate_says_and_the_next_tells_what_was_left_out() {
        let rate = Rate::new(4);
        let at = |millis: u64| Duration::from_millis(5_000 + millis);
        let first: Vec<_> = (0..6).map(|_| rate.take(at(0))).collect();
        assert_eq!(first, [Some(0), Some(0), Some(0), Some(0), None, None]);
        assert_eq!(rate.take(at(249)), None);
        assert_eq!(rate.take(at(250)), Some(3));
        assert_eq!(rate.take(at(251)), None);
        assert_eq!((0..6).filter(|_| rate.take(at(60_000)).is_some()).count(), 4);
    }

    #[test]
    fn a_rate_of_zero_logs_nothing() {
        assert_eq!(Rate::new(0).take(Duration::from_secs(1)), None);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_fill_the_bucket() {
        let rate = Rate::new(1);
        assert_eq!(rate.take(Duration::from_secs(9)), Some(0));
        assert_eq!(rate.take(Duration::from_secs(1)), None);
        assert_eq!(rate.take(Duration::from_secs(2)), Some(1));
    }
}
