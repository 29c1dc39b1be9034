//! What the tests stand on: a project in a folder of its own, and servers that do as they are told.

pub(crate) mod dice;
pub(crate) mod dns;
pub(crate) mod eml;
pub(crate) mod front;
pub(crate) mod http;
pub(crate) mod imap;
pub(crate) mod sandbox;
pub(crate) mod server;
pub(crate) mod smtp;

pub(crate) use sandbox::Sandbox;
