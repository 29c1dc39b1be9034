//! What the pages say, in the reader's language: Vietnamese and English.

/// The words of a page.
pub(super) struct Words {
    pub(super) language: &'static str,
    pub(super) leave_title: &'static str,
    /// Before the sender's name.
    pub(super) leave_question: &'static str,
    pub(super) leave_button: &'static str,
    pub(super) left_title: &'static str,
    pub(super) left: &'static str,
    pub(super) rather_choose: &'static str,
    pub(super) choose_title: &'static str,
    pub(super) choose_question: &'static str,
    pub(super) pause: &'static str,
    pub(super) pause_30: &'static str,
    pub(super) paused_until: &'static str,
    pub(super) save: &'static str,
    pub(super) saved: &'static str,
    pub(super) leave_all: &'static str,
    pub(super) confirm_title: &'static str,
    pub(super) confirm_question: &'static str,
    pub(super) confirm_button: &'static str,
    pub(super) confirmed_title: &'static str,
    pub(super) confirmed: &'static str,
    /// How a day is written, in the words of chrono.
    pub(super) day: &'static str,
    pub(super) wrong_title: &'static str,
    pub(super) wrong: &'static str,
    pub(super) later_title: &'static str,
    pub(super) later: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    leave_title: "Unsubscribe",
    leave_question: "Do you want no more mail from",
    leave_button: "Unsubscribe",
    left_title: "You are unsubscribed",
    left: "No more mail will come to you from",
    rather_choose: "Or choose what you get",
    choose_title: "Your mail",
    choose_question: "Which mail do you want from",
    pause: "A pause",
    pause_30: "No mail for 30 days",
    paused_until: "No mail until",
    save: "Save",
    saved: "Saved.",
    leave_all: "Unsubscribe from everything",
    confirm_title: "Confirm your subscription",
    confirm_question: "Do you want mail from",
    confirm_button: "Yes, I do",
    confirmed_title: "Thank you",
    confirmed: "You will get mail from",
    day: "%-d %B %Y",
    wrong_title: "This link does not work",
    wrong: "It is incomplete or was changed on its way. Open it once more from the mail itself, or answer that mail and say what you want.",
    later_title: "That did not work",
    later: "Nothing was changed. Please try again in a few minutes.",
};

const VIETNAMESE: Words = Words {
    language: "vi",
    leave_title: "Hủy đăng ký",
    leave_question: "Bạn không muốn nhận thêm thư từ",
    leave_button: "Hủy đăng ký",
    left_title: "Đã hủy đăng ký",
    left: "Bạn sẽ không nhận thêm thư nào từ",
    rather_choose: "Hoặc chọn loại thư bạn muốn nhận",
    choose_title: "Thư bạn nhận",
    choose_question: "Bạn muốn nhận thư nào từ",
    pause: "Tạm ngừng",
    pause_30: "Không nhận thư trong 30 ngày",
    paused_until: "Không nhận thư đến ngày",
    save: "Lưu",
    saved: "Đã lưu.",
    leave_all: "Hủy đăng ký tất cả",
    confirm_title: "Xác nhận đăng ký",
    confirm_question: "Bạn muốn nhận thư từ",
    confirm_button: "Có, tôi muốn nhận",
    confirmed_title: "Cảm ơn bạn",
    confirmed: "Bạn sẽ nhận được thư từ",
    day: "%-d/%-m/%Y",
    wrong_title: "Liên kết này không dùng được",
    wrong: "Liên kết bị thiếu hoặc đã bị thay đổi. Hãy mở lại từ chính bức thư, hoặc trả lời thư đó và cho biết bạn muốn gì.",
    later_title: "Chưa thực hiện được",
    later: "Chưa có gì thay đổi. Vui lòng thử lại sau vài phút.",
};

/// Returns the words of a language; English where there are none.
pub(super) fn of(language: &str) -> &'static Words {
    if language.split('-').next() == Some("vi") { &VIETNAMESE } else { &ENGLISH }
}
