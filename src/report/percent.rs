//! Shares as people read them.

/// Returns a share in per cent: whole above ten, with one decimal below, never 0 or 100 for almost that.
pub fn percent(share: Option<f64>) -> Option<String> {
    let percent = share? * 100.0;
    Some(match percent {
        _ if percent == 0.0 => "0 %".to_owned(),
        _ if percent < 0.1 => "<0.1 %".to_owned(),
        _ if percent < 9.95 => format!("{percent:.1} %"),
        _ if (99.5..100.0).contains(&percent) => ">99 %".to_owned(),
        _ => format!("{} %", percent.round()),
    })
}
