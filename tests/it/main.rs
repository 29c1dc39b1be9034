//! What drip promises, tested from outside: one binary, one subject a module.

mod broken;
mod caps;
mod contacts;
mod crash;
mod documents;
mod enclosures;
mod examples;
mod forget;
mod help;
mod house_rules;
mod import;
mod import_document;
mod import_doubts;
mod import_exports;
mod import_flags;
mod language;
mod preview;
mod promises;
mod report;
mod run;
mod sending;
mod support;
mod template_document;
mod time;
mod transport;
mod what_happens;
