//! Whether tests can make networks of their own, and how they are started so that they can.

use std::path::Path;

use crate::command::Command;
use crate::need::Need;

/// Why there is no [`prefix`].
pub(crate) const NONE: &str = "this is not root, and user namespaces are forbidden: no network can be made";

/// What stands before a command that makes networks; nothing if this machine lets nobody make one.
pub(crate) fn prefix(root: &Path) -> Result<Option<&'static str>, String> {
    // For the addresses of the networks that the tests make.
    Need::Debian(&["iproute2", "util-linux"]).provide(root)?;
    let is_possible = |command: &str| Command::new(command).output(root).is_some();
    if is_possible("unshare --net true") {
        return Ok(Some(""));
    }
    if is_possible("unshare --map-root-user --net true") {
        // Root in a namespace of its own, which may make networks.
        return Ok(Some("unshare --map-root-user "));
    }
    Ok(None)
}
