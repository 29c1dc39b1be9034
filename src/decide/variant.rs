//! Which mail of a test a contact gets: the same one whenever it is asked, without a row that says so.

use sha2::{Digest, Sha256};

use crate::model::campaign::{Campaign, Step, Variant};
use crate::model::contact::Contact;

/// Returns the variant that is `begun` already, or else the one that the contact's share falls on.
///
/// The share is a hash of campaign, step and address: the same after a restore or on another machine,
/// and independent from one test to the next.
pub(super) fn choose<'a>(
    variants: &'a [Variant],
    begun: Option<&str>,
    campaign: &Campaign,
    step: &Step,
    contact: &Contact,
) -> Option<&'a Variant> {
    if let Some(variant) = variants.iter().find(|variant| begun == Some(variant.name.as_str())) {
        return Some(variant);
    }
    let total: u64 = variants.iter().map(|variant| u64::from(variant.share)).sum();
    let mut at = share(campaign.id.as_str(), step.id.as_str(), contact.address.key()).checked_rem(total)?;
    variants.iter().find(|variant| {
        let inside = at < u64::from(variant.share);
        at = at.saturating_sub(variant.share.into());
        inside
    })
}

fn share(campaign: &str, step: &str, contact: &str) -> u64 {
    let digest = Sha256::digest(format!("{campaign}\n{step}\n{contact}"));
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
