use super::*;

const PERSON: &str = "From: Ann Person <ann@firm.example>\nTo: hello@acme.example\nMessage-ID: <x1@firm.example>\n\
    Content-Type: text/plain; charset=utf-8\n";
const ANSWER: &str = "In-Reply-To: <tok.12@acme.example>\nReferences: <tok.12@acme.example>\n";

fn kind_of(headers: &str, subject: &str, body: &str) -> Kind {
    read(format!("{PERSON}{headers}Subject: {subject}\n\n{body}").as_bytes()).kind
}

#[test]
fn an_answer_by_a_machine_is_told_from_one_by_a_person() {
    for subject in [
        "Out of office: Re: Your trial",
        "Automatic reply: Your trial",
        "Automatische Antwort: Ihr Test",
        "Abwesenheitsnotiz",
        "Réponse automatique : votre essai",
        "Respuesta automática: prueba",
        "Risposta automatica: prova",
        "Trả lời tự động: Dùng thử",
        "Phản hồi tự động: đang nghỉ phép",
        "自動返信: お試し",
        "Автоответ: пробный период",
        "I am on annual leave until 5 June",
        "[Auto-Reply] Your trial",
    ] {
        assert_eq!(kind_of(ANSWER, subject, "I am away.\n"), Kind::AutoReply, "{subject}");
    }
    for mark in [
        "Auto-Submitted: auto-replied",
        "X-Autoreply: yes",
        "X-Autorespond: Your trial",
        "Precedence: auto_reply",
        "Precedence: bulk",
        "X-Auto-Response-Suppress: All",
    ] {
        let kind = kind_of(&format!("{ANSWER}{mark}\n"), "Re: Your trial", "I am away.\n");
        assert_eq!(kind, Kind::AutoReply, "{mark}");
    }
    for body in [
        "Thank you for your email. I am currently out of the office until 12 June with limited access to email.\n",
        "Xin chào,\n\nCảm ơn bạn đã gửi email. Hiện tôi đang nghỉ phép và sẽ phản hồi sau khi trở lại.\n",
        "Vielen Dank für Ihre Nachricht. Ich bin derzeit nicht im Büro. Ihre E-Mail wird nicht weitergeleitet.\n",
        "Bonjour, je suis actuellement absent du bureau et serai de retour le 12 juin.\n",
        "This is an automated response. Your request is number 123.\n",
    ] {
        assert_eq!(kind_of("", "Your trial", body), Kind::AutoReply, "{body}");
        let returned = format!("Return-Path: <>\n{ANSWER}");
        assert_eq!(kind_of(&returned, "Re: Your trial", body), Kind::AutoReply, "{body}");
    }
}

#[test]
fn an_office_that_answers_is_no_server_that_reports() {
    let late = "Thank you. Our answer may be delayed for a day, please write to\nsales@firm.example\n";
    let moved =
        "Your mail was not delivered to a person: our company has moved, our new address is\nsales@firm.example\n";
    let marks = "Auto-Submitted: auto-replied\nX-Autoreply: yes\nPrecedence: auto_reply\n";
    let submitted = format!("Auto-Submitted: auto-replied\n{ANSWER}");
    for (from, headers, subject, body, kind) in [
        ("X Company <noreply@firm.example>", marks, "Your trial", late, Kind::AutoReply),
        ("X Company <noreply@firm.example>", marks, "Mail not delivered", moved, Kind::AutoReply),
        ("MAILER-DAEMON@firm.example", marks, "Your trial", moved, Kind::AutoReply),
        ("noreply@firm.example", "Auto-Submitted: auto-replied\n", "Your trial", moved, Kind::AutoReply),
        ("Phòng Quản trị <info@firm.example>", submitted.as_str(), "Trả lời tự động: Hello", late, Kind::AutoReply),
        ("Mail Service <info@firm.example>", "", "Your order", late, Kind::Other),
        (
            "Quản trị viên <dan@firm.example>",
            ANSWER,
            "Re: Hello",
            "I did not receive the invoice. Our new address is 12 Hill Street.\n\nDan\ndan@firm.example\n",
            Kind::Reply,
        ),
    ] {
        let mail = format!("From: {from}\nTo: hello@acme.example\n{headers}Subject: {subject}\n\n{body}");
        assert_eq!(read(mail.as_bytes()).kind, kind, "{mail}");
    }
    // A server that signs as one, and says by subject and words what it is about, is believed as before.
    for from in ["noreply@mx.example", "Mail Service <info@mx.example>", "MAILER-DAEMON@mx.example"] {
        let mail = format!(
            "From: {from}\nAuto-Submitted: auto-replied\nSubject: Undelivered Mail Returned to Sender\n\n\
             Your message could not be delivered.\n\n<bob@firm.example>: 550 5.1.1 User unknown\n"
        );
        let Kind::Report(recipients) = read(mail.as_bytes()).kind else { panic!("{from}: a report") };
        assert_eq!(recipients[0].permanence, Permanence::Hard, "{from}");
    }
}

#[test]
fn a_person_stays_a_person_whatever_they_quote() {
    for (subject, body) in [
        (
            "Re: Your trial",
            "Hi! I'm out of office until Monday, call me then.\n\nOn Mon, Acme wrote:\n> unsubscribe here\n",
        ),
        ("Re: Your trial", "Please unsubscribe my colleague Bob, and tell me the price.\n"),
        ("Re: Your trial", "Unsubscribe? No way, I love it!\n"),
        (
            "Re: Undeliverable: Your trial",
            "What does it mean?\n\n-----Original Message-----\nFrom: MAILER-DAEMON@mx.example\n\n\
             Your message could not be delivered to the following recipients:\nbob@firm.example\n550 5.1.1 User unknown\n",
        ),
        (
            "Fwd: Undelivered Mail Returned to Sender",
            "fyi\n\n---------- Forwarded message ----------\nFrom: MAILER-DAEMON@mx.example\n\n\
             <bob@firm.example>: host x said: 550 5.1.1 user unknown\n\n\
             Final-Recipient: rfc822; bob@firm.example\nAction: failed\nStatus: 5.1.1\n",
        ),
        ("Re: Automatic reply: Your trial", "Have a nice holiday.\n\n> Thank you. I am currently out of the office\n"),
        ("Re: Your trial", "> This is an automated response.\n\nI got an automatic reply from you. Let us meet.\n"),
        (
            "Trả lời: Dùng thử",
            "Tôi quan tâm. Tuần này tôi đang nghỉ phép, thứ hai gọi nhé.\n\nAcme đã viết:\n> hủy đăng ký\n",
        ),
        (
            "RE: Your trial",
            "Your mail was not delivered to tom@firm.example, he is no longer with us. Send it to me.\n",
        ),
        ("Re: Your trial", "My mailbox is full of offers, but this one I like.\n"),
        ("AW: Test", "Ich bin ab Montag wieder da. Bitte Angebot senden.\n"),
    ] {
        assert_eq!(kind_of(ANSWER, subject, body), Kind::Reply, "{subject}: {body}");
    }
    assert_eq!(kind_of("", "A question", "Do you deliver to Huế?\n"), Kind::Other);
}

#[test]
fn a_person_who_answers_in_html_alone_stays_a_person() {
    let quoted = "<div>This is an automated message. I am out of the office. Your mail could not be delivered.</div>";
    for body in [
        format!("<div>Yes.</div><div class=gmail_quote>On Mon, Acme &lt;a@acme.example&gt; wrote:<blockquote>{quoted}"),
        format!(
            "<div>Yes.</div><hr><div><b>From:</b> Acme &lt;a@acme.example&gt;<br><b>Sent:</b> Monday</div>{quoted}"
        ),
        format!(
            "<p>Yes.</p><div><p><b>Von:</b> Acme &lt;a@acme.example&gt;<br><b>Gesendet:</b> Montag</p></div>{quoted}"
        ),
    ] {
        let headers = PERSON.replace("text/plain", "text/html");
        let mail = format!("{headers}{ANSWER}Subject: Re: Your trial\n\n{body}");
        assert_eq!(read(mail.as_bytes()).kind, Kind::Reply, "{body}");
    }
}

#[test]
fn leaving_by_mail_is_the_subject_or_the_only_word() {
    for (headers, subject, body) in [
        ("", "unsubscribe tok-en.12@acme.example", ""),
        ("", "Unsubscribe", "please\n"),
        ("", "hủy đăng ký", ""),
        ("", "", "unsubscribe\n"),
        ("Auto-Submitted: auto-replied\n", "unsubscribe", "A mail program sent this for its reader.\n"),
        (ANSWER, "Re: Your trial", "Unsubscribe.\n\nOn Mon, 1 Jun 2026, Acme <hello@acme.example> wrote:\n> hi\n"),
    ] {
        assert_eq!(kind_of(headers, subject, body), Kind::Unsubscribe, "{subject}: {body}");
    }
}

#[test]
fn a_mail_of_drips_own_that_comes_back_is_a_loop() {
    let mail = "From: hello@acme.example\nTo: ann@firm.example\nSubject: Welcome\nMessage-ID: <tok-en.12@acme.example>\n\
        List-Unsubscribe: <mailto:hello@acme.example?subject=unsubscribe%20tok-en.12%40acme.example>\n\
        Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: OOF, AutoReply\n\nHello.\n";
    assert_eq!(read(mail.as_bytes()).kind, Kind::Ours);
}

#[test]
fn a_report_is_tied_to_the_mail_it_returns() {
    let mail = "Delivered-To: bounces+12.tok@acme.example\nFrom: MAILER-DAEMON@mx.example\n\
        Subject: Undelivered Mail Returned to Sender\n\
        Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
        --b\n\nI could not deliver it.\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n\
        Final-Recipient: rfc822; ann@firm.example\nOriginal-Recipient: rfc822; info@firm.example\nAction: failed\n\
        Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such\n user here\n\n\
        --b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <tok.12@acme.example>\nSubject: Welcome\n\
        List-ID: <welcome.acme.example>\nFeedback-ID: a:b:c\n\n--b--\n";
    let reading = read(mail.as_bytes());
    assert_eq!(reading.original.message_ids, ["tok.12@acme.example"]);
    assert_eq!(reading.original.to, ["bounces+12.tok@acme.example"]);
    assert_eq!(reading.original.list_id.as_deref(), Some("welcome.acme.example"));
    assert_eq!(reading.original.feedback_id.as_deref(), Some("a:b:c"));
    let Kind::Report(recipients) = reading.kind else { panic!("a report, not {:?}", reading.kind) };
    let [recipient] = recipients.as_slice() else { panic!("one recipient, not {recipients:?}") };
    assert_eq!((recipient.address.as_str(), recipient.sent_to()), ("ann@firm.example", "info@firm.example"));
    assert_eq!((recipient.status, recipient.reply_code), (Some(Status(5, 1, 1)), Some(550)));
    assert_eq!(recipient.diagnostic, "550 5.1.1 no such user here");
    assert_eq!((recipient.reason, recipient.permanence), (Reason::UserUnknown, Permanence::Hard));
}

#[test]
fn a_complaint_names_its_type_and_its_reader() {
    let mail = "From: fbl@isp.example\nSubject: FW: Welcome\n\
        Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nAn abuse report.\n\n\
        --b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Rcpt-To: <ann@isp.example>\n\n\
        --b\nContent-Type: message/rfc822\n\nMessage-ID: <tok.12@acme.example>\nTo: ann@isp.example\n\nHello\n--b--\n";
    let reading = read(mail.as_bytes());
    let expected =
        Kind::Complaint { recipients: vec!["ann@isp.example".to_owned()], feedback_type: "abuse".to_owned() };
    assert_eq!(reading.kind, expected);
    assert_eq!(reading.original.message_ids, ["tok.12@acme.example"]);
}

#[test]
fn only_an_address_that_is_dead_is_hard() {
    let lines = include_str!("tests/answers.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (mut told, mut wrong) = (0, Vec::new());
    for line in lines {
        let (expected, answer) = line.split_once(" | ").expect("what is expected of an answer");
        let mail = format!(
            "From: MAILER-DAEMON@mx.example (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender\n\
             To: bounces+1.f@shop.example\n\nThis is the mail system at host mx.example.\n\n<a@b.example>: {answer}\n"
        );
        let Kind::Report(recipients) = read(mail.as_bytes()).kind else { panic!("{answer}: a report") };
        let found = &recipients[0];
        let hard = if found.permanence == Permanence::Hard { "hard" } else { "soft" };
        let whole = format!("{} {hard}", found.reason.word());
        if expected != whole && expected != hard {
            wrong.push(format!("{answer}: {whole}, not {expected}"));
        }
        told += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(told > 150, "{told} answers");
}

#[test]
fn a_note_that_a_mail_was_read_is_no_report_of_its_delivery() {
    let mail = "From: Ann <ann@firm.example>\nTo: hello@acme.example\nSubject: Not read: Your trial\n\
        Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n\
        --b\n\nYour message was deleted without being read; it was not delivered to a person.\n\n\
        --b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; ann@firm.example\n\
        Disposition: automatic-action/MDN-sent-automatically; deleted\n\n--b--\n";
    assert_eq!(read(mail.as_bytes()).kind, Kind::AutoReply);
}

#[test]
fn a_delay_is_no_bounce() {
    let mail = "From: MAILER-DAEMON@mx.example\nSubject: Warning: message delayed 24 hours\n\n\
        Your message to\n  ann@firm.example\nhas not yet been delivered: host not found. It will be retried.\n";
    let Kind::Report(recipients) = read(mail.as_bytes()).kind else { panic!("a report") };
    assert_eq!((recipients[0].action, recipients[0].permanence), (Action::Delayed, Permanence::Soft));
}

/// Reads a mail that reports of one recipient.
fn one(mail: &str) -> Recipient {
    let Kind::Report(mut recipients) = read(mail.as_bytes()).kind else { panic!("no report: {mail}") };
    assert_eq!(recipients.len(), 1, "{mail}");
    recipients.remove(0)
}

#[test]
fn a_house_that_hides_its_daemon_reports_where_it_gives_the_mail_back() {
    let mail = |path: &str, returned: &str| {
        format!(
            "Return-Path: {path}\nFrom: Mail Service <no-reply@host.example>\nTo: hello@acme.example\n\
             Subject: About your mail\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n\
             Your message could not be delivered to\n\n<ann@firm.example>: 550 5.1.1 no such user\n\n\
             --b\nContent-Type: {returned}\n\nMessage-ID: <tok.12@acme.example>\nSubject: Your trial\n\nHello\n\n--b--\n"
        )
    };
    let recipient = one(&mail("<>", "message/rfc822"));
    assert_eq!((recipient.reason, recipient.permanence), (Reason::UserUnknown, Permanence::Hard));
    for other in [mail("<no-reply@host.example>", "message/rfc822"), mail("<>", "text/plain")] {
        assert!(!matches!(read(other.as_bytes()).kind, Kind::Report(_)), "{other}");
    }
}

#[test]
fn a_transcript_without_a_command_was_refused_in_the_greeting() {
    let mail = |session: &str| {
        format!(
            "From: MAILER-DAEMON@mx.example\nTo: hello@acme.example\nSubject: Returned mail: see transcript for details\n\n\
             The original message was received\n\n\
             \x20  ----- The following addresses had permanent fatal errors -----\n<ann@firm.example>\n\n\
             \x20  ----- Transcript of session follows -----\n... while talking to mx.firm.example.:\n{session}\
             554 5.0.0 Service unavailable\n"
        )
    };
    assert_eq!(one(&mail("<<< 554 5.7.1 Access denied\n")).reason, Reason::Blocked);
    assert_eq!(
        one(&mail(">>> MAIL From:<hello@acme.example>\n<<< 554 5.7.1 Access denied\n")).reason,
        Reason::Rejected
    );
}

#[test]
fn what_a_server_says_in_any_alphabet_is_read() {
    for (text, reason) in [
        ("メールボックスが一杯です", Reason::MailboxFull),
        ("boîte aux lettres pleine", Reason::MailboxFull),
        ("caixa postal cheia", Reason::MailboxFull),
        ("550 5.1.1 Người nhận không tồn tại", Reason::UserUnknown),
        ("550 5.1.1 收件人不存在", Reason::UserUnknown),
        ("550 5.1.0 Пользователь не найден", Reason::UserUnknown),
        ("550 5.1.1 사용자를 찾을 수 없습니다", Reason::UserUnknown),
    ] {
        let mail = format!(
            "From: MAILER-DAEMON@mx.example\nTo: hello@acme.example\nSubject: Undelivered Mail Returned to Sender\n\
             Content-Type: text/plain; charset=utf-8\n\n<ann@firm.example>: {text}\n"
        );
        assert_eq!(one(&mail).reason, reason, "{text}");
    }
}
