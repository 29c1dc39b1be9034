//! What the machine says of itself.

use std::fs;

/// Returns the id of this start of the machine; `None` where the system has none.
pub(super) fn boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}
