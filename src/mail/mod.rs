//! A template becomes a message, a message goes to the relay, and the relay's answer comes back in drip's words.
//!
//! Knows neither the store nor the clock; whoever calls it brings the contact's data and the time.

pub mod dkim;
mod entity;
pub mod imap;
pub mod links;
pub mod maildir;
pub mod message;
pub mod provider;
pub mod template;
pub mod token;
pub mod transport;
pub mod verp;
