//! The verdicts of sets that others made.

use authz_benches::{FOLDER, Folder};

#[test]
fn sets_of_the_folder_get_the_verdicts_that_they_expect() {
    let Some(folder) = Folder::from_environment() else {
        println!("{FOLDER} names no folder");
        return;
    };
    let names = folder.names().unwrap();
    assert!(!names.is_empty());
    for name in names {
        let input = folder.read(&name).unwrap();
        assert!(!input.streams.is_empty(), "{name}");
        input.check(4).unwrap();
    }
}
