//! A mail: from a template to a message to what the relay said about it.
//!
//! Nothing in here knows campaigns' rules or the store; callers say what to send and to whom.

pub mod template;
