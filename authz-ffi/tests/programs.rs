//! The C programs of `tests/c` and the first program of the README, compiled with every warning an error, and run.
//!
//! This runs them with the machine's C compiler as it is. `tests/toolchain.rs` adds other compilers, sanitizers, valgrind,
//! C++ and an installed library; `cargo xtask test --only c` runs it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]

mod program;

use program::{Program, library, readme_program, scratch};

fn run(name: &str) {
    Program::of_tests(name).build("cc", &["-std=c11", "-g"], &library()).run(&[]);
}

#[test]
fn owners_end_in_any_order() {
    run("ownership.c");
}

#[test]
fn hostile_arguments_deny_and_say_why() {
    run("hostile.c");
}

#[test]
fn threads_share_an_authorizer_and_a_slot() {
    run("threads.c");
}

#[test]
fn children_decide_with_what_their_parent_loaded() {
    run("fork.c");
}

#[test]
fn the_first_program_of_the_readme_prints_what_the_readme_says() {
    let (source, expected) = readme_program();
    let path = scratch("readme").join("first.c");
    std::fs::write(&path, source).unwrap();
    let built = Program::at(&path).build("cc", &["-std=c11"], &library());
    assert_eq!(built.run(&[]), expected);
}
