//! The name of an attribute: what a template and a condition can write, made from a column's name.

use super::vietnamese::fold;

/// Says whether a template and a condition can write a name as it stands.
pub(super) fn is_attribute(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && letters.all(|c| c.is_alphanumeric() || c == '_')
        && (name.is_ascii() || fold(name) == name)
}

/// Returns the attribute of a column: its own name where that can be written, else in lower case, without
/// marks, and with `_` for everything that is neither letter nor digit; `None` if nothing is left of it.
pub(super) fn attribute(column: &str) -> Option<String> {
    if is_attribute(column) {
        return Some(column.to_owned());
    }
    let mut name = String::with_capacity(column.len());
    for c in fold(column).chars() {
        if c.is_alphanumeric() {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    let name = name.trim_end_matches('_');
    if name.is_empty() {
        return None;
    }
    Some(if name.starts_with(char::is_numeric) { format!("_{name}") } else { name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_becomes_a_name_that_can_be_written() {
        for (column, name) in [
            ("plan", "plan"),
            ("firstPurchase", "firstPurchase"),
            ("LTV", "LTV"),
            ("Total Spent", "total_spent"),
            ("Doanh thu (đ)", "doanh_thu_d"),
            ("Tỉnh/Thành phố", "tinh_thanh_pho"),
            ("hết-hạn", "het_han"),
            ("  #2 -- Größe! ", "_2_große"),
            ("名前", "名前"),
        ] {
            assert_eq!(attribute(column).as_deref(), Some(name), "{column}");
        }
        assert_eq!(attribute("---"), None);
    }
}
