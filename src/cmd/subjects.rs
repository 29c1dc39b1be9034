//! The subjects of a campaign's mails as they are written, for reports that speak of them.

use crate::mail::template::written_subject;
use crate::model::campaign::{Campaign, Mail};
use crate::project::Project;
use crate::report::Funnel;

/// Notes the subject of each mail of a funnel; of a test of contents there is no one.
pub(super) fn note(funnels: &mut [Funnel], project: &Project) {
    for funnel in funnels {
        let Some(campaign) = project.campaigns.iter().find(|campaign| campaign.id == funnel.campaign) else { continue };
        for row in funnel.steps.iter_mut().filter(|row| !row.gone) {
            row.subject = mail(campaign, &row.id).and_then(|mail| of(mail, project));
        }
    }
}

fn mail<'a>(campaign: &'a Campaign, step: &str) -> Option<&'a Mail> {
    let action = &campaign.steps[campaign.position_of(step)?].action;
    let mut mails = action.mails();
    match (mails.next(), mails.next()) {
        (Some((_, mail)), None) => Some(mail),
        _ => None,
    }
}

fn of(mail: &Mail, project: &Project) -> Option<String> {
    if let Some(subject) = &mail.subject {
        return Some(subject.clone());
    }
    let files = || project.templates.iter().filter(|file| file.name == mail.template);
    let own = files().find(|file| file.language.as_deref() == Some(&project.settings.language));
    own.or_else(|| files().find(|file| file.language.is_none())).and_then(written_subject)
}
