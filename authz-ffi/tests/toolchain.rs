//! The library under other compilers, sanitizers and valgrind, from C++, with panics, and installed.
//!
//! `cargo xtask test --only c` runs it; it needs gcc, g++, clang, valgrind, make, cmake and pkg-config.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]

mod program;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use program::{Program, here, library, readme_program, run, scratch};

const PROGRAMS: [&str; 4] = ["ownership.c", "hostile.c", "threads.c", "fork.c"];
const SANITIZERS: [&str; 3] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

/// Runs a program of the tests under the sanitizers.
fn sanitize(name: &str, compiler: &str, standard: &str, library: &Path) {
    let options: Vec<&str> = [standard, "-g"].into_iter().chain(SANITIZERS).collect();
    Program::of_tests(name).build(compiler, &options, library).run(&[]);
}

/// The library that users get.
fn shipped() -> PathBuf {
    installed().join("lib/libauthz.a")
}

#[test]
fn gcc_and_its_sanitizers_find_nothing() {
    for name in PROGRAMS {
        sanitize(name, "gcc", "-std=c11", &shipped());
    }
}

#[test]
fn clang_and_its_sanitizers_find_nothing() {
    for name in PROGRAMS {
        sanitize(name, "clang", "-std=c11", &shipped());
    }
}

#[test]
fn panics_end_in_a_status_with_the_denial_written() {
    // Panics are in the library of this test run alone.
    sanitize("panics.c", "gcc", "-std=c11", &library());
    let symbols = run(Command::new("nm").arg("-g").arg(shipped()));
    assert!(symbols.contains(" T authz_decide\n") && !symbols.contains("authz_inject_panic"));
}

#[test]
fn valgrind_finds_nothing() {
    let valgrind = ["valgrind", "--quiet", "--error-exitcode=9"];
    let leaks = ["--leak-check=full", "--errors-for-leak-kinds=definite"];
    for name in ["ownership.c", "hostile.c"] {
        Program::of_tests(name).build("gcc", &["-std=c11", "-g"], &shipped()).run(&[&valgrind[..], &leaks].concat());
    }
    // A child leaves behind what the C library keeps in each thread of its parent, which nobody can free there; the
    // sanitizers see that the parent leaks nothing.
    Program::of_tests("fork.c").build("gcc", &["-std=c11", "-g"], &shipped()).run(&valgrind);
}

#[test]
fn the_sanitizer_is_on() {
    let path = scratch("sanitizer").join("leak.c");
    fs::write(&path, "#include \"check.h\"\nint main(void) { for (int i = 0; i < 10; i++) load(POLICIES); return 0; }\n")
        .unwrap();
    let options: Vec<&str> = ["-std=c11"].into_iter().chain(SANITIZERS).collect();
    let built = Program::at(&path).build("gcc", &options, &shipped());
    let failure = std::panic::catch_unwind(|| built.run(&[])).unwrap_err();
    let why = failure.downcast_ref::<String>().unwrap();
    assert!(why.contains("LeakSanitizer"), "{why}");
}

#[test]
fn the_wrapper_works_in_cpp_with_and_without_exceptions() {
    for compiler in ["g++", "clang++"] {
        for options in [&["-std=c++17"][..], &["-std=c++17", "-fno-exceptions", "-fno-rtti"], &["-std=c++20"]] {
            Program::of_tests("wrapper.cpp").build(compiler, options, &shipped()).run(&[]);
        }
        sanitize("wrapper.cpp", compiler, "-std=c++17", &shipped());
    }
}

#[test]
fn the_headers_alone_compile_in_every_language() {
    let folder = scratch("header");
    let (c, cpp) = (&["-std=c11", "-std=c17", "-std=c2x"][..], &["-std=c++17", "-std=c++20"][..]);
    for (name, header, compilers, standards) in [
        ("alone.c", "authz.h", ["gcc", "clang"], c),
        ("alone.cpp", "authz.h", ["g++", "clang++"], cpp),
        ("wrapper.cpp", "authz.hpp", ["g++", "clang++"], cpp),
    ] {
        let path = folder.join(name);
        let text =
            format!("#include <{header}>\nint main(void) {{ return authz_check_abi(AUTHZ_ABI) == AUTHZ_STATUS_OK ? 0 : 1; }}\n");
        fs::write(&path, text).unwrap();
        for compiler in compilers {
            for standard in standards {
                Program::at(&path)
                    .build(compiler, &[standard, "-Wconversion", "-Wsign-conversion", "-Wshadow"], &shipped())
                    .run(&[]);
            }
        }
    }
}

/// The library, installed once for all tests as a user would install it.
fn installed() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let prefix = scratch("installed");
        fs::remove_dir_all(&prefix).unwrap();
        run(Command::new("make").arg("-C").arg(here("")).arg("install").arg(format!("PREFIX={}", prefix.display())));
        prefix
    })
}

#[test]
fn an_installed_library_exports_nothing_but_its_functions() {
    let library = installed().join("lib/libauthz.so");
    let header = fs::read_to_string(here("../include/authz.h")).unwrap();
    let symbols = run(Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(&library));
    let names: Vec<&str> = symbols.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.len() > 45, "{names:?}");
    for name in &names {
        assert!(name.starts_with("authz_") && header.contains(&format!("{name}(")), "{name} is exported");
    }
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let called = header.split('(').filter_map(|before| before.rsplit(|c| !is_of_name(c)).next());
    let declared: BTreeSet<&str> = called.filter(|name| name.starts_with("authz_")).collect();
    for name in declared {
        assert!(names.contains(&name), "{name} is declared and not exported");
    }
    let dynamic = run(Command::new("readelf").arg("-d").arg(&library));
    assert!(dynamic.contains(&format!("Library soname: [libauthz.so.{}]", authz::AUTHZ_ABI)), "{dynamic}");
}

#[test]
fn an_installed_library_is_small() {
    let size = fs::metadata(installed().join("lib/libauthz.so")).unwrap().len();
    println!("libauthz.so: {size} bytes");
    assert!(size < 1_500_000, "{size} bytes");
    let (source, expected) = readme_program();
    let folder = scratch("small");
    fs::write(folder.join("first.c"), source).unwrap();
    let app = folder.join("first");
    let mut command = Command::new("gcc");
    command.args(["-O2", "-s", "-Wl,--gc-sections", "-I"]).arg(installed().join("include")).arg(folder.join("first.c"));
    command.arg(installed().join("lib/libauthz.a")).args(["-lpthread", "-ldl", "-lm", "-o"]).arg(&app);
    run(&mut command);
    assert_eq!(run(&mut Command::new(&app)), expected);
    let size = fs::metadata(&app).unwrap().len();
    println!("the first program, linked statically: {size} bytes");
    assert!(size < 1_500_000, "{size} bytes");
}

#[test]
fn pkg_config_finds_an_installed_library() {
    let (source, expected) = readme_program();
    let folder = scratch("pkg-config");
    fs::write(folder.join("first.c"), source).unwrap();
    // Beside the shared library, beside nothing of its own, and beside nothing shared at all.
    for (how, all, linked) in
        [("--libs", &[][..], true), ("--static --libs", &[], false), ("--static --libs", &["-static"], false)]
    {
        let app = folder.join("first");
        let flags = run(Command::new("pkg-config")
            .args(["--cflags", "authz"])
            .args(how.split(' '))
            .env("PKG_CONFIG_PATH", installed().join("lib/pkgconfig")));
        // With both libraries there, `-l` takes the shared one.
        let flags = if linked { flags } else { flags.replace("-lauthz", "-l:libauthz.a") };
        run(Command::new("cc")
            .args(["-Wall", "-Werror"])
            .args(all)
            .arg(folder.join("first.c"))
            .arg("-o")
            .arg(&app)
            .args(flags.split_whitespace()));
        let printed =
            run(Command::new(&app).env("LD_LIBRARY_PATH", if linked { installed().join("lib") } else { PathBuf::new() }));
        assert_eq!(printed, expected);
    }
}

#[test]
fn a_place_with_spaces_is_one_place_and_a_relative_one_is_none() {
    let (source, expected) = readme_program();
    let folder = scratch("spaces");
    fs::write(folder.join("first.c"), source).unwrap();
    let prefix = folder.join("a place of its own");
    let install = |prefix: &str| Command::new("make").arg("-C").arg(here("")).arg("install").arg(prefix).output().unwrap();
    let installed = install(&format!("PREFIX={}", prefix.display()));
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    // What pkg-config prints is for a shell to read.
    let line = "eval cc -Wall -Werror first.c -o first $(pkg-config --cflags --libs authz) && ./first";
    let of_prefix = |command: &mut Command| {
        run(command
            .current_dir(&folder)
            .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"))
            .env("LD_LIBRARY_PATH", prefix.join("lib")))
    };
    assert_eq!(of_prefix(Command::new("sh").args(["-c", line])), expected);
    // A tree that is looked at from elsewhere, such as one that is staged for another machine.
    let moved = of_prefix(Command::new("pkg-config").args(["--define-variable=prefix=/other", "--cflags", "--libs", "authz"]));
    assert_eq!(moved.trim(), "-I/other/include -L/other/lib -lauthz");
    let refused = install("PREFIX=here");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("PREFIX is `here`: write a path that starts with `/`"), "{said}");
}

#[test]
fn cmake_finds_an_installed_library() {
    let (source, expected) = readme_program();
    let folder = scratch("cmake");
    fs::write(folder.join("first.c"), source).unwrap();
    fs::copy(here("tests/c/CMakeLists.txt"), folder.join("CMakeLists.txt")).unwrap();
    fs::copy(here("tests/c/wrapper.cpp"), folder.join("wrapper.cpp")).unwrap();
    let build = folder.join("build");
    let _ = fs::remove_dir_all(&build);
    let prefix = format!("-DCMAKE_PREFIX_PATH={}", installed().display());
    run(Command::new("cmake").arg("-S").arg(&folder).arg("-B").arg(&build).arg(prefix));
    run(Command::new("cmake").arg("--build").arg(&build));
    for app in ["first", "first-static"] {
        assert_eq!(run(&mut Command::new(build.join(app))), expected);
    }
    run(&mut Command::new(build.join("wrapper")));
}

#[test]
fn the_manual_page_is_well_formed() {
    let page = installed().join("share/man/man3/authz.3");
    let warnings = Command::new("man").args(["--warnings", "-l"]).arg(&page).env("MANPAGER", "cat").output().unwrap();
    assert!(warnings.status.success() && warnings.stderr.is_empty(), "{}", String::from_utf8_lossy(&warnings.stderr));
    let text = fs::read_to_string(&page).unwrap();
    let header = fs::read_to_string(here("../include/authz.h")).unwrap();
    assert!(text.contains(&format!("authz {}", env!("CARGO_PKG_VERSION"))), "the version is missing");
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    for word in words.filter(|word| word.starts_with("authz_") || word.starts_with("AUTHZ_")) {
        assert!(header.contains(word), "{word} is not in the header");
    }
}

#[test]
fn what_was_installed_can_be_taken_away() {
    // Into a place of its own: the other tests use the first.
    let root = scratch("staged");
    fs::remove_dir_all(&root).unwrap();
    let make = |target: &str| {
        run(Command::new("make")
            .arg("-C")
            .arg(here(""))
            .arg(target)
            .arg("PREFIX=/usr")
            .arg(format!("DESTDIR={}", root.display())));
    };
    installed();
    make("install");
    assert!(root.join("usr/include/authz.hpp").exists() && root.join("usr/lib/libauthz.so").exists());
    make("uninstall");
    let left = run(Command::new("find").arg(&root).args(["-type", "f", "-o", "-type", "l"]));
    assert_eq!(left, "");
}
