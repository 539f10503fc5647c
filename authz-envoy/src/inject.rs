//! Panics that tests in a real Envoy ask for; only the feature `inject-panic` has them, and no release has that.

/// Panics in a configuration whose name is `panic_in_` and this place: `config`, or an event, as
/// `panic_in_downstreamdata`.
pub(crate) fn panic_if_asked(name: &str, place: impl std::fmt::Debug) {
    let place = format!("{place:?}").replace('"', "").to_lowercase();
    // The build looks for these words in what it releases.
    assert!(name.strip_prefix("panic_in_") != Some(&place), "a panic that a test asked for");
}
