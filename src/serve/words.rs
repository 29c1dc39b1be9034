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
    wrong_title: "Liên kết này không dùng được",
    wrong: "Liên kết bị thiếu hoặc đã bị thay đổi. Hãy mở lại từ chính bức thư, hoặc trả lời thư đó và cho biết bạn muốn gì.",
    later_title: "Chưa thực hiện được",
    later: "Chưa có gì thay đổi. Vui lòng thử lại sau vài phút.",
};

/// Returns the words of a language; English where there are none.
pub(super) fn of(language: &str) -> &'static Words {
    if language.split('-').next() == Some("vi") { &VIETNAMESE } else { &ENGLISH }
}
