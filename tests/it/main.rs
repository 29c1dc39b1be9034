//! What drip promises, tested from outside: one binary, one subject a module.

mod broken;
mod crash;
mod house_rules;
mod run;
mod support;
mod time;
mod transport;
