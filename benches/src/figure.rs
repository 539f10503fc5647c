//! Figures as people read them.

/// A time, with three digits or so.
///
/// ```
/// assert_eq!(authz_benches::nanoseconds(8.254), "8.25 ns");
/// assert_eq!(authz_benches::nanoseconds(45_300.0), "45.30 µs");
/// ```
pub fn nanoseconds(ns: f64) -> String {
    match ns {
        ns if ns < 10.0 => format!("{ns:.2} ns"),
        ns if ns < 100.0 => format!("{ns:.1} ns"),
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.2} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

/// An amount of memory.
///
/// ```
/// assert_eq!(authz_benches::bytes(453_001), "442.3 KiB");
/// ```
pub fn bytes(count: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", count / unit, count % unit * 10 / unit);
    match count {
        0..10_240 => format!("{count} B"),
        10_240..10_485_760 => format!("{} KiB", tenths(1 << 10)),
        _ => format!("{} MiB", tenths(1 << 20)),
    }
}

/// A count as a number to divide by.
///
/// ```
/// assert_eq!(authz_benches::float(3), 3.0);
/// ```
pub fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
