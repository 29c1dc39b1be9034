//! The names that other programs and people give to well-known columns.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use super::dates::DateOrder;
use super::vietnamese::fold;

/// What a column means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Email,
    Consent,
    Tags,
    Timezone,
    Language,
    EventName,
    EventTime,
    /// An object of further properties, in JSON alone.
    Properties,
    /// `no`: the person wants no mail.
    OptIn,
    /// As `OptIn` where it says so; else an attribute, as where `Subscribed` is a day.
    SaysYes,
    /// `yes` or a day: the person wants no mail.
    OptOut,
    /// Says when the person left, if they did.
    LeftAt,
    /// Says when the address bounced, if it did.
    CleanedAt,
    /// An attribute, one of whose words may say that the person wants no mail; others may be about an order.
    Status,
    /// The same, and every word is about mail.
    SubscriptionStatus,
    /// An attribute of the contact, or a property of the event.
    Attribute(Form),
    /// A column without a name, which must be empty.
    Nameless,
    /// A column that is not wanted.
    Dropped,
}

impl Role {
    /// Says whether it can only take consent away, so that several columns may.
    pub(super) fn narrows(self) -> bool {
        matches!(self, Self::OptIn | Self::OptOut | Self::SaysYes | Self::LeftAt | Self::CleanedAt)
    }
}

/// How the cells of an attribute are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// By what each cell looks like.
    Any,
    /// As text, whatever it looks like.
    Text,
    Phone,
    Date,
    /// As `Date`, or a day without a year, in the order that the column shows.
    Birthday(Option<DateOrder>),
    /// As `Any`, and `250.000` is a number.
    Money,
}

/// What a column of a known name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) role: Role,
    /// The attribute; for other roles the word that `--map` uses.
    pub(super) target: &'static str,
    /// Steps back where another column means the same.
    pub(super) weak: bool,
}

const TEXT: Role = Role::Attribute(Form::Text);

/// Role, target, names, and names that step back; case, spaces and signs do not count, nor do Vietnamese marks
/// in a name without any.
const TABLE: [(Role, &str, &str, &str); 30] = [
    (
        Role::Email,
        "email",
        "email|email address|thư điện tử|địa chỉ email|địa chỉ thư điện tử",
        "mail|địa chỉ mail|hộp thư|email 1|email 1 value|primary email|customer email|contact email|subscriber email|work email|email khách hàng",
    ),
    (TEXT, "first_name", "first name|fname|given name|firstname|tên riêng|tên gọi", "tên"),
    (TEXT, "last_name", "last name|lname|surname|family name|họ|họ đệm|họ và đệm|họ và tên đệm|họ và chữ lót", ""),
    (TEXT, "middle_name", "middle name|tên đệm|tên lót|chữ lót", ""),
    (
        TEXT,
        "name",
        "name|full name|họ và tên|họ tên|họ & tên|tên đầy đủ",
        "tên khách hàng|tên khách|khách hàng|customer name|contact name|display name|subscriber name",
    ),
    (
        Role::Attribute(Form::Phone),
        "phone",
        "phone|phone number|số điện thoại|điện thoại|sđt|số đt",
        "sms|mobile|mobile phone|mobile phone number|mobile number|cell phone|phone 1 value|telephone|tel|di động|số di động|điện thoại di động|whatsapp|default address phone|zalo|số zalo",
    ),
    (
        Role::Attribute(Form::Birthday(None)),
        "birthday",
        "birthday|birth date|birthdate|date of birth|dob|ngày sinh|sinh nhật|ngày tháng năm sinh",
        "",
    ),
    (
        TEXT,
        "company",
        "company|company name|organization|organisation|organization name|công ty|tên công ty|doanh nghiệp",
        "default address company|associated company|đơn vị|cơ quan",
    ),
    (TEXT, "job_title", "job title|chức vụ|chức danh", ""),
    (TEXT, "address", "address|địa chỉ", ""),
    (TEXT, "city", "city|thành phố", "tỉnh thành|tỉnh/thành phố|tỉnh|town|default address city"),
    (TEXT, "country", "country|country/region|quốc gia", "cc|country code|nước|default address country code"),
    (TEXT, "postal_code", "postal code|zip|zip code|postcode|mã bưu điện|mã bưu chính", "default address zip"),
    (TEXT, "gender", "gender|sex|giới tính", ""),
    (Role::Tags, "tags", "tags|tag|nhãn|thẻ", ""),
    (Role::Language, "language", "language|ngôn ngữ", "preferred language|lang|locale"),
    (Role::Timezone, "timezone", "timezone|time zone|múi giờ", "tz"),
    (Role::Consent, "consent", "consent", ""),
    (Role::OptIn, "opt_in", "accepts email marketing|accepts marketing", ""),
    (Role::SaysYes, "says_yes", "opt in|opted in|subscribed|email opt in|đồng ý nhận tin", ""),
    (
        Role::OptOut,
        "opt_out",
        "unsubscribed from all email|email blocklisted|email blacklisted|opted out of email|email opt out|has opted out of email|blocklisted for email|opted out|opt out|do not contact|do not email|do not mail|hủy đăng ký|huỷ đăng ký|từ chối nhận tin",
        "unsubscribed|blocklisted|blacklisted",
    ),
    (Role::LeftAt, "unsub_time", "unsub time|unsubscribed at|unsubscribed on", ""),
    (Role::CleanedAt, "clean_time", "clean time|bounced at|bounced on|email hard bounce reason|hard bounce reason", ""),
    (Role::Status, "status", "status|trạng thái", ""),
    (Role::SubscriptionStatus, "subscription_status", "subscription status|subscriber status", ""),
    (
        Role::SubscriptionStatus,
        "email_status",
        "email status|email marketing status|email marketing consent|marketing consent|consent status",
        "",
    ),
    (Role::SubscriptionStatus, "marketing_contact_status", "marketing contact status|marketing status", ""),
    (Role::EventName, "event", "event|sự kiện", ""),
    (Role::EventTime, "time", "time|thời gian", "timestamp|at"),
    (Role::Properties, "properties", "properties", ""),
];

/// The table, ready to be asked.
pub(super) struct Names(HashMap<String, Known>);

impl Names {
    pub(super) fn new() -> Self {
        let mut names = HashMap::with_capacity(512);
        for (role, target, strong, weak) in TABLE {
            for (list, weak) in [(strong, false), (weak, true)] {
                for name in list.split('|').filter(|name| !name.is_empty()) {
                    let known = Known { role, target, weak };
                    let key = squeezed(name);
                    names.entry(fold(&key)).or_insert(known);
                    names.insert(key, known);
                }
            }
        }
        Self(names)
    }

    /// Returns what a column of this name is.
    pub(super) fn find(&self, column: &str) -> Option<Known> {
        let name = squeezed(column);
        // HubSpot has one such column for each kind of mail: `Opted out of email: Newsletter`.
        let name = if name.starts_with("optedoutofemail") { "optedoutofemail" } else { &name };
        self.0.get(name).copied()
    }

    pub(super) fn is_email(&self, column: &str) -> bool {
        self.find(column).is_some_and(|known| known.role == Role::Email)
    }

    /// Returns what the target of `--map` is, where it is a well-known one.
    pub(super) fn target(target: &str) -> Option<Role> {
        TABLE.iter().find(|(_, name, ..)| *name == target).map(|(role, ..)| *role)
    }
}

/// Returns the letters and digits of a name in lower case.
fn squeezed(name: &str) -> String {
    name.nfc().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

/// Says whether a column's name speaks of orders, whose words about themselves say nothing about mail.
pub(super) fn speaks_of_orders(column: &str) -> bool {
    holds_word(column, &["order", "orders", "invoice", "payment", "don hang", "hoa don", "thanh toan"])
}

/// Says whether a column's name speaks of money.
pub(super) fn speaks_of_money(column: &str) -> bool {
    const WORDS: [&str; 27] = [
        "amount",
        "revenue",
        "price",
        "spent",
        "spend",
        "total",
        "value",
        "ltv",
        "doanh thu",
        "doanh so",
        "so tien",
        "gia tri",
        "chi tieu",
        "tong tien",
        "gia ban",
        "don gia",
        "hoc phi",
        "chi phi",
        "thanh tien",
        "tong chi",
        "tien",
        "luong",
        "cost",
        "fee",
        "paid",
        "balance",
        "vnd",
    ];
    // Without its mark, `gia` is also in `tham gia` and `quốc gia`.
    let is_price = |word: &str| matches!(word, "giá" | "phí");
    holds_word(column, &WORDS) || column.nfc().collect::<String>().to_lowercase().split_whitespace().any(is_price)
}

fn holds_word(column: &str, words: &[&str]) -> bool {
    let folded: String = fold(column).chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let padded = format!(" {} ", folded.split_whitespace().collect::<Vec<_>>().join(" "));
    words.iter().any(|word| padded.contains(&format!(" {word} ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_dress_and_marks_are_not_guessed() {
        let names = Names::new();
        let target = |name: &str| names.find(name).map(|known| known.target);
        for (name, expected) in [
            ("E-Mail Address", "email"),
            ("EMAIL", "email"),
            ("Thư điện tử", "email"),
            ("dia chi email", "email"),
            ("First Name", "first_name"),
            ("FIRSTNAME", "first_name"),
            ("first_name", "first_name"),
            ("Họ va\u{300} tên", "name"),
            ("Ho va ten", "name"),
            ("SĐT", "phone"),
            ("sdt", "phone"),
            ("Thẻ", "tags"),
            ("UNSUB_TIME", "unsub_time"),
        ] {
            assert_eq!(target(name), Some(expected), "{name}");
        }
        for name in ["Nhận", "Hộ", "Tến", "notes", "mailing list"] {
            assert_eq!(target(name), None, "{name}");
        }
        for name in ["Total Spent", "Doanh thu", "amount_vnd", "Tổng giá trị"] {
            assert!(speaks_of_money(name), "{name}");
        }
        assert!(!speaks_of_money("valued") && !speaks_of_money("version"));
    }
}
