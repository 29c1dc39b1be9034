//! What the machine says of itself.

use std::fs;

use sha2::{Digest, Sha256};

/// Returns the id of this start of the machine; `None` where the system has none.
pub(super) fn boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

/// Returns what tells this machine from others; `None` where it has no such id, as in many containers.
///
/// The id itself should not leave the machine (machine-id(5)), so it is hashed together with our name.
pub(super) fn id() -> Option<String> {
    let id = fs::read_to_string("/etc/machine-id").ok()?;
    let id = Some(id.trim()).filter(|id| !id.is_empty())?;
    let digest = Sha256::digest(format!("drip {id}"));
    Some(crate::model::octets::hexadecimal(&digest[..8]))
}
