//! What the tests stand on: a project in a folder of its own, and an SMTP server that does as it is told.

pub(crate) mod sandbox;
pub(crate) mod smtp;

pub(crate) use sandbox::Sandbox;
