//! What drip promises, tested from outside: one binary, one subject a module.

mod time;
