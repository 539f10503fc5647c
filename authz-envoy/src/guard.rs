//! A panic in a hook must not reach Envoy, which it would abort.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a hook; answers what `instead` says if it panics.
///
/// What the hook was working on may be half done. Whoever uses this leaves it where nothing passes any more.
pub(crate) fn guard<T>(hook: impl FnOnce() -> T, instead: impl FnOnce() -> T) -> T {
    match catch_unwind(AssertUnwindSafe(hook)) {
        Ok(answer) => answer,
        // `instead` only closes a connection; should it panic too, there is nothing left to do but to go on.
        Err(payload) => {
            // What was thrown may itself panic when it is dropped.
            std::mem::forget(payload);
            instead()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_that_panics_answers_what_was_to_be_answered_instead() {
        assert_eq!(guard(|| 1, || 2), 1);
        assert_eq!(guard(|| panic!("injected"), || 2), 2);
    }
}
