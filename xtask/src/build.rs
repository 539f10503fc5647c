//! `cargo xtask build envoy`: the two modules that Envoy loads.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::Command;
use crate::need::{Need, TOOLS};

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
/// What no module may outgrow: proxies fetch it, and keep it for each thread.
const MOST_BYTES: usize = 500_000;
/// What the compiler uses of WebAssembly unless it is told otherwise; stripped modules do not say so themselves.
const USED: &str = "--enable-bulk-memory --enable-multivalue --enable-mutable-globals --enable-nontrapping-float-to-int \
     --enable-reference-types --enable-sign-ext";

/// What makes a module smallest: taken apart into single steps it is put together again in fewer bytes.
const SMALLEST: &str = "--flatten --rereloop -Oz -Oz";

/// The profile of the native module, and the folder that cargo has for it.
const PROFILE: &str = "module";
/// Where Envoy looks for native modules.
const SEARCH_PATH: &str = "ENVOY_DYNAMIC_MODULES_SEARCH_PATH";

/// What a module says that panics for a test, and none that is released.
const INJECTED: &str = "a panic that a test asked for";

/// Where both modules are.
#[derive(Clone, Debug)]
pub(crate) struct Modules {
    pub(crate) wasm: PathBuf,
    pub(crate) native: PathBuf,
}

/// Builds both modules and says where they are.
pub(crate) fn envoy(root: &Path) -> Result<Modules, String> {
    modules(root, ["authz-proxy-wasm", "authz-envoy"])
}

/// What an Envoy has to be told to find the native module, as a shell sets it.
pub(crate) fn search_path(modules: &Modules) -> String {
    let folder = modules.native.parent().unwrap_or(&modules.native);
    format!("{SEARCH_PATH}={}", folder.display())
}

/// Builds in the same way the two modules that do nothing, which tell what Envoy's boundaries cost.
pub(crate) fn nothing(root: &Path) -> Result<Modules, String> {
    modules(root, ["authz-nothing-wasm", "authz-nothing-module"])
}

/// Builds the packages of a module in WebAssembly and of a native one.
fn modules(root: &Path, [wasm_package, native_package]: [&str; 2]) -> Result<Modules, String> {
    Need::Target(TARGET).provide(root)?;
    let target = target_folder(root)?;
    let wasm = Command::new(&format!("cargo build --profile wasm --target {TARGET} --package {wasm_package}"));
    show(root, &remapped(wasm, root)?)?;
    show(root, &Command::new(&format!("cargo build --profile {PROFILE} --package {native_package}")))?;
    let file = |package: &str| package.replace('-', "_");
    let wasm = target.join(TARGET).join(format!("wasm/{}.wasm", file(wasm_package)));
    let compiled = read(&wasm)?.len();
    shrink(&wasm, SMALLEST, root)?;
    let module = read(&wasm)?;
    check(&module, &home(root)).map_err(|why| format!("{}: {why}", wasm.display()))?;
    println!("{} {} bytes; as compiled {compiled}", wasm.display(), module.len());
    let native = target.join(PROFILE).join(format!("lib{}.so", file(native_package)));
    let module = read(&native)?;
    if is_injected(&module) {
        return Err(format!("{}: it panics where its configuration says; build it without `inject-panic`", native.display()));
    }
    println!("{} {} bytes", native.display(), module.len());
    Ok(Modules { wasm, native })
}

/// Builds the native module that panics where its configuration says, for a test, and puts it into a folder.
pub(crate) fn panicking(root: &Path, into: &Path) -> Result<PathBuf, String> {
    show(root, &Command::new("cargo build --package authz-envoy --features inject-panic"))?;
    let module = into.join("libauthz_envoy_panicking.so");
    // It does not stay where somebody may look for a module.
    let built = target_folder(root)?.join("debug/libauthz_envoy.so");
    let moved = fs::copy(&built, &module).and_then(|_| fs::remove_file(&built));
    moved.map_err(|error| format!("{} to {}: {error}", built.display(), module.display()))?;
    if !is_injected(&read(&module)?) {
        return Err(format!("{}: it does not panic", module.display()));
    }
    Ok(module)
}

fn is_injected(module: &[u8]) -> bool {
    module.windows(INJECTED.len()).any(|bytes| bytes == INJECTED.as_bytes())
}

/// Says what is run, and runs it.
pub(crate) fn show(root: &Path, command: &Command) -> Result<(), String> {
    println!("$ {command}");
    command.run(root).map_err(|why| format!("`{command}`: {why}"))
}

/// Makes a module smaller with wasm-opt, by the passes that are said; it is checked at the size that it has then, and
/// larger than that without.
pub(crate) fn shrink(wasm: &Path, passes: &str, root: &Path) -> Result<(), String> {
    Need::Npm { package: "binaryen", version: "132.0.0" }
        .provide(root)
        .map_err(|why| format!("wasm-opt makes the module as small as it has to be, and cannot be installed: {why}"))?;
    // Beside it and then in its place, as cargo has a second link to what it compiled.
    let shrunk = wasm.with_extension("shrunk");
    let command = Command::new(&format!("{TOOLS}/node_modules/.bin/wasm-opt {passes} {USED}"));
    let command = command.argument(wasm.display().to_string()).argument("-o").argument(shrunk.display().to_string());
    show(root, &command)?;
    fs::rename(&shrunk, wasm).map_err(|error| format!("{}: {error}", wasm.display()))
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder(root: &Path) -> Result<PathBuf, String> {
    let metadata = Command::new("cargo metadata --no-deps --format-version 1").stdout(root)?;
    let (_, rest) = metadata.split_once("\"target_directory\":\"").ok_or("cargo metadata names no target directory")?;
    Ok(rest.split('"').next().unwrap_or_default().into())
}

/// Where cargo keeps the sources of others.
fn home(root: &Path) -> Vec<String> {
    let cargo = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    [Some(root.display().to_string()), cargo.ok()].into_iter().flatten().collect()
}

/// The command, with this machine's folders left out of the places that panics name.
pub(crate) fn remapped(command: Command, root: &Path) -> Result<Command, String> {
    let sysroot = Command::new("rustc --print sysroot").stdout(root)?;
    let mut folders = vec![(sysroot.trim().to_owned(), "/rust")];
    folders.extend(home(root).into_iter().zip(["/authz", "/cargo"]));
    let flags: Vec<String> = folders.iter().map(|(from, to)| format!("--remap-path-prefix={from}={to}")).collect();
    // Separated by a character that no folder has.
    Ok(command.environment("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}")))
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Checks that a module asks for nothing but proxy-wasm, is small, and names no folder of this machine.
fn check(module: &[u8], folders: &[String]) -> Result<(), String> {
    let foreign: Vec<String> = imports(module)
        .ok_or("this is no module of WebAssembly")?
        .into_iter()
        .filter(|(from, name)| from != "env" || !name.starts_with("proxy_"))
        .map(|(from, name)| format!("{from}.{name}"))
        .collect();
    if !foreign.is_empty() {
        return Err(format!("imports that Envoy does not have to provide: {}", foreign.join(", ")));
    }
    if let Some(folder) = folders.iter().find(|folder| module.windows(folder.len()).any(|bytes| bytes == folder.as_bytes())) {
        return Err(format!("names the folder {folder} of this machine"));
    }
    if module.len() > MOST_BYTES {
        return Err(format!("{} bytes, more than {MOST_BYTES}", module.len()));
    }
    Ok(())
}

/// The functions that a module imports: of which module, and by which name.
fn imports(module: &[u8]) -> Option<Vec<(String, String)>> {
    const IMPORTS: u8 = 2;
    let mut rest = module.strip_prefix(b"\0asm\x01\0\0\0")?;
    while let Some((&section, behind)) = rest.split_first() {
        let (size, behind) = number(behind)?;
        let (mut content, behind) = behind.split_at_checked(size)?;
        rest = behind;
        if section == IMPORTS {
            let count;
            (count, content) = number(content)?;
            let mut found = Vec::new();
            for _ in 0..count {
                let (from, name);
                (from, content) = text(content)?;
                (name, content) = text(content)?;
                // A function, and its type.
                content = content.strip_prefix(&[0])?;
                (_, content) = number(content)?;
                found.push((from, name));
            }
            return Some(found);
        }
    }
    Some(Vec::new())
}

fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = number(bytes)?;
    let (text, rest) = rest.split_at_checked(length)?;
    Some((String::from_utf8(text.to_vec()).ok()?, rest))
}

/// A number of up to 32 bits, seven in each byte.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(imports: &[(&str, &str)]) -> Vec<u8> {
        let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
        let mut section = vec![u8::try_from(imports.len()).unwrap()];
        for (from, name) in imports {
            section.extend([text(from), text(name), vec![0, 0]].concat());
        }
        let head = [b"\0asm\x01\0\0\0", &[1, 1, 0][..], &[2, u8::try_from(section.len()).unwrap()]].concat();
        [head, section].concat()
    }

    #[test]
    fn documents_name_the_folder_of_the_native_module_and_cargo_knows_its_profile() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let target = Path::new("target");
        let modules = Modules { wasm: PathBuf::new(), native: target.join(PROFILE).join("libauthz_envoy.so") };
        assert_eq!(search_path(&modules), format!("{SEARCH_PATH}=target/{PROFILE}"));
        for (document, up) in [("authz-envoy/README.md", ""), ("examples/envoy/README.md", "../../")] {
            let text = fs::read_to_string(root.join(document)).unwrap();
            let named: Vec<&str> =
                text.lines().filter_map(|line| line.split_once(&format!("{SEARCH_PATH}="))).map(|at| at.1).collect();
            assert!(!named.is_empty(), "{document}");
            for folder in named {
                assert_eq!(folder.split(' ').next(), Some(format!("{up}target/{PROFILE}").as_str()), "{document}");
            }
        }
        let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("[profile.{PROFILE}]")));
    }

    #[test]
    fn only_functions_of_proxies_may_be_imported() {
        assert_eq!(check(&module(&[("env", "proxy_log")]), &[]), Ok(()));
        let why =
            check(&module(&[("env", "proxy_log"), ("wasi_snapshot_preview1", "fd_write"), ("env", "abort")]), &[]).unwrap_err();
        assert!(why.ends_with("wasi_snapshot_preview1.fd_write, env.abort"), "{why}");
        assert!(check(b"\x7fELF", &[]).is_err());
    }

    #[test]
    fn a_module_names_no_folder_of_the_machine_and_is_small() {
        let long = [module(&[]), b"/home/me/.cargo/x.rs".to_vec()].concat();
        assert!(check(&long, &["/home/me/.cargo".into()]).unwrap_err().contains("/home/me/.cargo"));
        assert!(check(&[module(&[]), vec![0; MOST_BYTES]].concat(), &[]).unwrap_err().contains("more than"));
    }
}
