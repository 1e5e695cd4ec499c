//! Contact lists (SPEC 5.10).

use super::access::finds;
use super::inbox::{bind, open_filter};
use super::rule::matches_contact;
use crate::error::{Error, ErrorCode};
use crate::model::{
    Contact, ContactCategory, ContactId, ContactList, Directory, Facts, Invitation, Lists, Rule, Teammate, TeammateId,
};

/// A contact list that the viewer may open: which rule holds is settled.
pub(crate) enum OpenedContacts<'a> {
    Named(&'a ContactList),
    Rule(&'a Rule),
}

/// Opens a contact list for a viewer, or says why not.
pub(crate) fn open_contacts<'a>(
    directory: &'a Directory,
    viewer: &Teammate,
    list: &'a ContactList,
) -> Result<OpenedContacts<'a>, Error> {
    match list {
        ContactList::Saved(id) => {
            let filter = open_filter(directory, viewer, id, Lists::Contacts)?;
            Ok(OpenedContacts::Rule(&filter.rule))
        }
        ContactList::Rule(rule) if rule.is_too_deep() => Err(Error::new(ErrorCode::RuleTooDeep, "")),
        ContactList::Rule(rule) if !rule.fits_contacts() => Err(Error::new(ErrorCode::WrongList, "")),
        ContactList::Rule(rule) => Ok(OpenedContacts::Rule(rule)),
        named => Ok(OpenedContacts::Named(named)),
    }
}

/// Whether a list without a rule holds contacts of this category and invitation.
pub(crate) fn is_listed(list: &ContactList, category: ContactCategory, invitation: Invitation) -> bool {
    let is_patient = category == ContactCategory::Patient;
    match list {
        ContactList::All => category != ContactCategory::Unsaved,
        ContactList::Patients => is_patient,
        ContactList::PatientsInvited => is_patient && invitation == Invitation::Invited,
        ContactList::PatientsWithApp => is_patient && invitation == Invitation::HasAccount,
        ContactList::Professionals => category == ContactCategory::Professional,
        ContactList::Clinics => category == ContactCategory::Clinic,
        ContactList::Unsaved => category == ContactCategory::Unsaved,
        ContactList::Saved(_) | ContactList::Rule(_) => false,
    }
}

/// The contacts of a list that the viewer can find: by lower-cased name, then by id; those without a name last.
///
/// # Errors
/// `unknown_teammate` or `viewer_suspended` for the viewer; `unknown_filter`, `wrong_list` or `rule_too_deep` for the
/// list.
///
/// # Complexity
/// O(contacts × size of the rule), and sorting what is in.
pub fn contacts(facts: &Facts, viewer: &TeammateId, list: &ContactList) -> Result<Vec<ContactId>, Error> {
    let viewer = bind(&facts.directory, viewer)?;
    let opened = open_contacts(&facts.directory, viewer, list)?;
    let holds = |contact: &&Contact| {
        finds(&facts.directory, &contact.members, viewer)
            && match &opened {
                OpenedContacts::Named(list) => is_listed(list, contact.category, contact.invitation),
                OpenedContacts::Rule(rule) => matches_contact(facts, viewer, contact, rule),
            }
    };
    let mut found: Vec<&Contact> = facts.contacts().filter(holds).collect();
    found.sort_by_cached_key(|contact| list_order(contact));
    Ok(found.into_iter().map(|contact| contact.id.clone()).collect())
}

/// The sort key of a contact list: without a name last, then the lower-cased name, then the id.
pub(crate) fn list_order(contact: &Contact) -> (bool, String, ContactId) {
    let name = contact.name.as_ref().map(|name| name.as_str().to_lowercase());
    (name.is_none(), name.unwrap_or_default(), contact.id.clone())
}
