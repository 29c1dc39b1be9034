//! What drip promises, tested from outside: one binary, one subject a module.

mod broken;
mod crash;
mod documents;
mod house_rules;
mod import;
mod import_document;
mod import_exports;
mod import_flags;
mod run;
mod support;
mod time;
mod transport;
