//! What a step needs before it runs, and how the machine comes by it.

use std::path::Path;

use crate::command::Command;

/// Where cargo, pip and npm put tools that belong to the project's tests.
pub(crate) const TOOLS: &str = "target/tools";

/// Something that a step needs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// A nightly compiler.
    Nightly,
    /// Miri, which interprets what a nightly compiler made.
    Miri,
    /// The standard library for another target.
    Target(&'static str),
    /// A program from crates.io, under [`TOOLS`].
    Tool { package: &'static str, version: &'static str },
    /// A package of npm, under [`TOOLS`], and npm itself, which Debian has.
    Npm { package: &'static str, version: &'static str },
    /// Debian packages. Only root can install them; anyone else is told how.
    Debian(&'static [&'static str]),
}

impl Need {
    /// Sees to it that the thing is there.
    pub(crate) fn provide(self, root: &Path) -> Result<(), String> {
        match self {
            Self::Nightly => provide_nightly(root),
            Self::Miri => provide_miri(root),
            Self::Target(target) => provide_target(target, root),
            Self::Tool { package, version } => provide_tool(package, version, root),
            Self::Npm { package, version } => provide_npm(package, version, root),
            Self::Debian(packages) => provide_packages(packages, root),
        }
    }
}

/// Runs a command that installs something, and says so.
fn install(what: &str, command: &Command, root: &Path) -> Result<(), String> {
    println!("{what}\n$ {command}");
    command.run(root).map_err(|why| format!("`{command}`: {why}"))
}

fn provide_nightly(root: &Path) -> Result<(), String> {
    if Command::new("rustup run nightly cargo --version").output(root).is_some() {
        return Ok(());
    }
    let command = Command::new("rustup toolchain install nightly --profile minimal");
    install("the nightly compiler is missing, so it is installed", &command, root)
}

fn provide_miri(root: &Path) -> Result<(), String> {
    provide_nightly(root)?;
    // It builds a standard library of its own, for which it needs the sources.
    let installed = Command::new("rustup component list --installed --toolchain nightly").output(root).unwrap_or_default();
    if ["miri", "rust-src"].iter().all(|component| installed.lines().any(|line| line.starts_with(component))) {
        return Ok(());
    }
    let command = Command::new("rustup component add miri rust-src --toolchain nightly");
    install("Miri is missing, so it is installed", &command, root)
}

fn provide_target(target: &str, root: &Path) -> Result<(), String> {
    let installed = Command::new("rustup target list --installed").output(root).unwrap_or_default();
    if installed.lines().any(|line| line == target) {
        return Ok(());
    }
    install(
        &format!("the target {target} is missing, so it is installed"),
        &Command::new("rustup target add").argument(target),
        root,
    )
}

fn provide_tool(package: &str, version: &str, root: &Path) -> Result<(), String> {
    let installed = Command::new(&format!("cargo install --list --root {TOOLS}")).output(root).unwrap_or_default();
    if installed.lines().any(|line| line.trim_end_matches(':') == format!("{package} v{version}")) {
        return Ok(());
    }
    let line = format!("cargo install {package} --version {version} --root {TOOLS}");
    let locked = Command::new(&line).argument("--locked");
    install(&format!("{package} {version} is missing, so it is installed under {TOOLS}"), &locked, root).or_else(|_| {
        let what = "with the dependencies that it was released with it cannot be built here, so newer or older ones are taken";
        install(what, &Command::new(&line), root)
    })
}

fn provide_npm(package: &str, version: &str, root: &Path) -> Result<(), String> {
    let manifest = root.join(TOOLS).join("node_modules").join(package).join("package.json");
    let installed = std::fs::read_to_string(manifest).unwrap_or_default();
    if installed.contains(&format!("\"version\": \"{version}\"")) {
        return Ok(());
    }
    if Command::new("npm --version").output(root).is_none() {
        Need::Debian(&["nodejs", "npm"]).provide(root)?;
    }
    let command = Command::new(&format!("npm install --no-audit --no-fund --no-save --prefix {TOOLS} {package}@{version}"));
    install(&format!("{package} {version} is missing, so it is installed under {TOOLS}"), &command, root)
}

fn provide_packages(packages: &[&str], root: &Path) -> Result<(), String> {
    if Command::new("dpkg-query --version").output(root).is_none() {
        return Err(format!("this is no Debian, so install what it calls {} in this system's way", packages.join(" and ")));
    }
    let is_missing = |package: &&&str| {
        let status = Command::new("dpkg-query --show --showformat=${Status}").argument(**package).output(root);
        !status.is_some_and(|status| status.ends_with("ok installed"))
    };
    let missing: Vec<&str> = packages.iter().filter(is_missing).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get install --yes --no-install-recommends {}", missing.join(" "));
    let is_root = Command::new("id -u").output(root).is_some_and(|id| id.trim() == "0");
    if !is_root {
        return Err(format!("Debian packages are missing; as root, run\n{line}"));
    }
    let command = |line: &str| Command::new(line).environment("DEBIAN_FRONTEND", "noninteractive");
    install("Debian packages are missing and this is root, so they are installed", &command("apt-get update"), root)?;
    install("", &command(&line), root)
}
