//! `cargo xtask build web`: the npm package around the engine in WebAssembly.

use std::fs;
use std::path::{Path, PathBuf};

use crate::build::{TARGET, read, remapped, show, shrink, target_folder};
use crate::command::Command;
use crate::need::{Need, TOOLS};

/// The version of `wasm-bindgen` that the workspace pins: what writes the JavaScript has to be the same.
const BINDGEN: &str = "0.2.130";

/// Where everything for the web is put, whatever cargo's own folder is.
pub(crate) const OUT: &str = "target/web";

/// Builds the package and says where it is.
pub(crate) fn package(root: &Path) -> Result<PathBuf, String> {
    Need::Target(TARGET).provide(root)?;
    Need::Tool { package: "wasm-bindgen-cli", version: BINDGEN }.provide(root)?;
    let build = Command::new(&format!("cargo build --profile wasm --target {TARGET} --package authz-wasm-web"));
    show(root, &remapped(build, root)?)?;
    let compiled = target_folder(root)?.join(TARGET).join("wasm/authz_wasm_web.wasm");
    let out = root.join(OUT);
    let package = out.join("authz");
    let module = package.join("web/authz_bg.wasm");
    // Making it small takes longer than everything else.
    let last = out.join("compiled.wasm");
    if !module.exists() || read(&last).ok() != read(&compiled).ok() {
        make(&compiled, &out, root)?;
        // Higher levels save bytes that compression then loses twice, and what travels is compressed.
        shrink(&module, "-O1", root)?;
        copy(&compiled, &last)?;
    }
    let own = root.join("authz-wasm-web/npm");
    for entry in fs::read_dir(&own).map_err(|error| format!("{}: {error}", own.display()))?.flatten() {
        copy(&entry.path(), &package.join(entry.file_name()))?;
    }
    copy(&root.join("LICENSE"), &package.join("LICENSE"))?;
    println!("{} with a module of {} bytes", package.display(), read(&module)?.len());
    Ok(package)
}

/// Writes the JavaScript around the module: for a browser, and for a bundler that imports modules itself.
fn make(compiled: &Path, out: &Path, root: &Path) -> Result<(), String> {
    let (web, bundler) = (out.join("authz/web"), out.join("bundler"));
    for (target, folder) in [("web", &web), ("bundler", &bundler)] {
        let command = Command::new(&format!("{TOOLS}/bin/wasm-bindgen --target {target} --no-typescript --out-name authz"));
        let command = command.argument("--remove-name-section").argument("--remove-producers-section");
        let command = command.argument("--out-dir").argument(folder.display().to_string());
        show(root, &command.argument(compiled.display().to_string()))?;
    }
    if read(&web.join("authz_bg.wasm"))? != read(&bundler.join("authz_bg.wasm"))? {
        return Err("the module for bundlers is not that for browsers, so that one cannot stand for both".into());
    }
    copy(&bundler.join("authz_bg.js"), &web.join("authz_bg.js"))?;
    copy(&bundler.join("authz.js"), &web.join("bundler.js"))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map(drop).map_err(|error| format!("{} to {}: {error}", from.display(), to.display()))
}
