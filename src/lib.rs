pub mod error;
pub mod import;
pub mod mail;
pub mod model;
pub mod report;
pub mod ui;
