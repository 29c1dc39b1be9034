//! `drip test-size`: its arguments.

use clap::Args;

/// What a test is to tell apart.
#[derive(Debug, Clone, Args)]
pub struct TestSizeArgs {
    /// How many of a hundred reach the goal now, as 5%
    #[arg(value_name = "RATE", value_parser = share)]
    pub rate: f64,
    /// How many would by a better content, if that is to be seen
    #[arg(value_name = "BETTER", value_parser = share, required_unless_present = "people")]
    pub better: Option<f64>,
    /// How many people there are in all; tells what so many show
    #[arg(long, value_name = "NUMBER", conflicts_with = "better", value_parser = clap::value_parser!(u64).range(2..=1_000_000_000_000))]
    pub people: Option<u64>,
    /// How many contents are tested against each other
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u64).range(2..=20))]
    pub contents: u64,
    /// Of how many levels each part of a mail is that is tested by itself, as 3,2; in place of --contents
    #[arg(long, value_name = "LEVELS", value_delimiter = ',', conflicts_with = "contents", value_parser = clap::value_parser!(u64).range(2..=20))]
    pub parts: Vec<u64>,
    /// How many looks are planned, as by `at_most` of a `winner`
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=30))]
    pub looks: u64,
    /// How often a difference that is there is to be found
    #[arg(long, value_name = "SHARE", default_value = "80%", value_parser = inner_share)]
    pub power: f64,
    /// How often none is to be found where there is none
    #[arg(long, value_name = "SHARE", default_value = "95%", value_parser = inner_share)]
    pub confidence: f64,
}

/// Reads `5%`, `5` or `0.05`: a bare number below 1 is a share, any other is of a hundred.
fn share(text: &str) -> Result<f64, String> {
    let wrong = || "write it as 5% or 0.05, between 0 and 100%".to_owned();
    let (number, is_percent) = match text.trim().strip_suffix('%') {
        Some(number) => (number.trim_end(), true),
        None => (text.trim(), false),
    };
    let number: f64 = number.replace(',', ".").parse().map_err(|_| wrong())?;
    let share = if is_percent || number >= 1.0 { number / 100.0 } else { number };
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(wrong()) }
}

fn inner_share(text: &str) -> Result<f64, String> {
    let share = share(text)?;
    if (0.5..1.0).contains(&share) { Ok(share) } else { Err("write a share from 50% up to below 100%".to_owned()) }
}
