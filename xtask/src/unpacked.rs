//! Debian packages that tests need and nobody has to install: unpacked below the project, where they start no service.

use std::fs;
use std::path::{Path, PathBuf};

use crate::build;
use crate::command::Command;
use crate::need::TOOLS;

/// Unpacks the newest release of each package, once, and says where.
pub(crate) fn provide(packages: &[&str], root: &Path) -> Result<PathBuf, String> {
    let folder = root.join(TOOLS).join("debian");
    let done = folder.join("unpacked");
    let wanted = packages.join("\n");
    if fs::read_to_string(&done).is_ok_and(|unpacked| unpacked == wanted) {
        return Ok(folder);
    }
    println!("Debian packages are missing, so they are unpacked into {TOOLS}/debian; nothing is installed");
    let _ = fs::remove_dir_all(&folder);
    let archives = folder.join("archives");
    fs::create_dir_all(&archives).map_err(|error| format!("{}: {error}", archives.display()))?;
    let download = Command::new(&format!("apt-get download --quiet {}", packages.join(" ")));
    if download.output(&archives).is_none() {
        // Lists that are missing or out of date; only root can fetch them.
        build::show(root, &Command::new("apt-get update --quiet"))?;
        build::show(&archives, &download)?;
    }
    let mut found: Vec<PathBuf> = fs::read_dir(&archives).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    for archive in found {
        let unpack = Command::new("dpkg-deb --extract").argument(archive.display().to_string());
        build::show(root, &unpack.argument(folder.display().to_string()))?;
    }
    fs::write(&done, wanted).map_err(|error| format!("{}: {error}", done.display()))?;
    Ok(folder)
}

/// Where unpacked packages have the libraries of this kind of machine, such as `usr/lib/x86_64-linux-gnu`.
pub(crate) fn libraries(debian: &Path) -> Result<PathBuf, String> {
    let folders = fs::read_dir(debian.join("usr/lib")).into_iter().flatten().flatten().map(|entry| entry.path());
    let found = folders.into_iter().find(|path| path.to_string_lossy().ends_with("-linux-gnu"));
    found.ok_or(format!("{} has no libraries", debian.display()))
}
