//! Panics on demand, for tests alone.

use std::cell::Cell;

thread_local! {
    static IS_ASKED: Cell<bool> = const { Cell::new(false) };
}

/// Makes the next call of this thread that has an output panic, once the denial is in it.
#[unsafe(no_mangle)]
pub extern "C" fn authz_inject_panic() {
    IS_ASKED.set(true);
}

/// Panics if a test asked for it.
#[expect(clippy::panic, reason = "it is what this is for, and no shipped library has it")]
pub(crate) fn panic_if_asked() {
    if IS_ASKED.replace(false) {
        panic!("a test asked for a panic");
    }
}
