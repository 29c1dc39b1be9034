//! What drip promises, tested from outside: one binary, one subject a module.

mod broken;
mod contacts;
mod crash;
mod documents;
mod forget;
mod help;
mod house_rules;
mod import;
mod report;
mod run;
mod support;
mod time;
mod transport;
