//! Runs the console sessions of `tests/cmd` and of the README, as a user at the root of the repository would.

use std::path::Path;

#[test]
fn sessions_run_as_they_are_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::env::set_current_dir(root).unwrap();
    trycmd::TestCases::new()
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .case("authz-cli/tests/cmd/*.md")
        .case("authz-cli/README.md");
}
