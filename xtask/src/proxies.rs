//! The tests in Debian's nginx and HAProxy: where those come from, and how the modules for them are built.

use std::fs;
use std::path::{Path, PathBuf};

use crate::build;
use crate::command::Command;
use crate::envoy::print_tables;
use crate::need::{Need, TOOLS};
use crate::network;
use crate::unpacked;

/// The proxies, what their modules are built with, and the libraries of both.
const PACKAGES: &[&str] = &[
    "nginx",
    "libnginx-mod-stream",
    "nginx-dev",
    "haproxy",
    "liblua5.3-0",
    "liblua5.3-dev",
    "libopentracing-c-wrapper0",
    "libopentracing1",
    "libpcre2-8-0",
    "libpcre2-dev",
    "libssl3",
    "libssl-dev",
    "zlib1g-dev",
];
/// For what the tests leave.
const OUT: &str = "target/proxies";
/// The test programs of `authz-e2e` that need these proxies; all others need Envoy.
pub(crate) const TESTS: &[&str] = &["nginx", "nginx_hostile", "nginx_reload", "haproxy"];

/// Builds both modules, sees to both proxies, and runs the tests of `authz-e2e` that need them.
pub(crate) fn test(root: &Path) -> Result<(), String> {
    if !is_debian_12(&fs::read_to_string("/etc/os-release").unwrap_or_default()) {
        println!("this is not Debian 12, whose packages they know, so THE TESTS IN NGINX AND HAPROXY ARE SKIPPED");
        return Ok(());
    }
    let Some(prefix) = network::prefix(root)? else {
        println!("{}, so THE TESTS IN NGINX AND HAPROXY ARE SKIPPED", network::NONE);
        return Ok(());
    };
    Need::Debian(&["gcc", "make", "libc6-dev", "valgrind"]).provide(root)?;
    let debian = unpacked::provide(PACKAGES, root)?;
    let libraries = unpacked::libraries(&debian)?;
    let modules = modules(&debian, &libraries, root)?;
    let out = root.join(OUT);
    // What an earlier run left of tests that failed.
    let _ = fs::remove_dir_all(out.join("run"));
    fs::create_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    let tests: String = TESTS.iter().map(|test| format!(" --test {test}")).collect();
    let command = Command::new(&format!("{prefix}cargo test --package authz-e2e{tests} -- --ignored"))
        .environment("AUTHZ_E2E_DEBIAN", debian.display().to_string())
        .environment("AUTHZ_E2E_LIBRARIES", libraries.display().to_string())
        .environment("AUTHZ_E2E_NGINX_MODULE", modules.nginx.display().to_string())
        .environment("AUTHZ_E2E_HAPROXY_MODULE", modules.haproxy.display().to_string())
        .environment("AUTHZ_E2E_OUT", out.display().to_string());
    build::show(root, &command)?;
    print_tables(&out);
    Ok(())
}

/// Whether the text of `/etc/os-release` is of the release whose packages these are.
fn is_debian_12(release: &str) -> bool {
    let has = |line: &str| release.lines().any(|other| other == line);
    has("ID=debian") && has("VERSION_ID=\"12\"")
}

/// Where both modules are.
struct Modules {
    nginx: PathBuf,
    haproxy: PathBuf,
}

fn modules(debian: &Path, libraries: &Path, root: &Path) -> Result<Modules, String> {
    build::show(root, &Command::new("cargo build --release --package authz-ffi"))?;
    let library = build::target_folder(root)?.join("release/libauthz.a");
    let include = debian.join("usr/include");
    // Some headers of OpenSSL lie in a folder named after the machine's kind, as its libraries do.
    let of_machine = include.join(libraries.file_name().unwrap_or_default());
    let make = |example: &str, more: &[String]| {
        let build = root.join(TOOLS).join("modules").join(example);
        let mut command = Command::new(&format!("make --silent --directory examples/{example}"))
            .argument(format!("BUILD={}", build.display()))
            .argument(format!("AUTHZ_LIBRARY={}", library.display()));
        for argument in more {
            command = command.argument(argument);
        }
        build::show(root, &command).map(|()| build)
    };
    let nginx = make(
        "nginx",
        &[
            format!("NGINX_SOURCE={}", debian.join("usr/share/nginx/src").display()),
            format!("CPPFLAGS=-I{} -I{}", include.display(), of_machine.display()),
            format!("LDFLAGS=-L{}", libraries.display()),
        ],
    )?;
    let haproxy = make("haproxy", &[format!("CPPFLAGS=-I{}/lua5.3 -I{}", include.display(), of_machine.display())])?;
    Ok(Modules { nginx: nginx.join("ngx_stream_authz_module.so"), haproxy: haproxy.join("authz.so") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_release_has_these_packages() {
        assert!(is_debian_12("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n"));
        for other in ["VERSION_ID=\"13\"\nID=debian\n", "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"12\"\n", ""] {
            assert!(!is_debian_12(other), "{other}");
        }
    }
}
