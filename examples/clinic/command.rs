//! The command line: arguments and files in, one text or one line of complaint out.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use visibly::{Change, Dataset, Engine, Member};

use crate::report::{Proposal, Report};
use crate::text;

const USAGE: &str = "usage: clinic [--json] [--propose CHANGES] [FILE]";

/// The clinic that is looked through if no file is given.
const OAK_STREET: &str = include_str!("../data/oak_street.json");

/// Answers one command line, without the program's name.
///
/// # Errors
/// One line that names the argument or file and what is wrong with it.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<String, String> {
    let arguments = Arguments::parse(arguments)?;
    if arguments.help {
        return Ok(format!("{USAGE}\n"));
    }
    let engine = match &arguments.file {
        None => engine(OAK_STREET).map_err(|error| complaint("oak_street.json", error))?,
        Some(path) => in_file(path, engine)?,
    };
    let proposals = match (&arguments.propose, &arguments.file) {
        (Some(path), _) => vec![in_file(path, |text| proposed(&engine, text))?],
        (None, None) => oak_street_proposals(),
        (None, Some(_)) => general_proposals(&engine),
    };
    let report = Report::new(&engine, proposals).map_err(|error| error.to_string())?;
    match arguments.json {
        true => serde_json::to_string_pretty(&report).map(|json| json + "\n").map_err(|error| error.to_string()),
        false => Ok(text::render(&report)),
    }
}

#[derive(Default)]
struct Arguments {
    help: bool,
    json: bool,
    propose: Option<PathBuf>,
    file: Option<PathBuf>,
}

impl Arguments {
    fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut rest = arguments.into_iter();
        while let Some(argument) = rest.next() {
            match argument.to_str() {
                Some("--help" | "-h") => parsed.help = true,
                Some("--json") => parsed.json = true,
                Some("--propose") => match rest.next() {
                    Some(path) => set_once(&mut parsed.propose, path)?,
                    None => return Err(format!("`--propose` needs a file; {USAGE}")),
                },
                Some(option) if option.starts_with('-') => {
                    return Err(complaint(option, format!("unknown option; {USAGE}")));
                }
                _ => set_once(&mut parsed.file, argument)?,
            }
        }
        Ok(parsed)
    }
}

fn set_once(place: &mut Option<PathBuf>, path: OsString) -> Result<(), String> {
    match place.replace(path.into()) {
        None => Ok(()),
        Some(_) => Err(format!("one file too many; {USAGE}")),
    }
}

/// What `read` makes of the file's text; its complaint, or that of the file system, starts with the file.
fn in_file<T>(path: &Path, read: impl FnOnce(&str) -> Result<T, String>) -> Result<T, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string());
    text.and_then(|text| read(&text)).map_err(|error| complaint(&path.to_string_lossy(), error))
}

/// One line, whatever control characters a file's name or field has.
fn complaint(about: &str, what: String) -> String {
    format!("{about}: {what}").replace(char::is_control, " ")
}

fn engine(text: &str) -> Result<Engine, String> {
    let dataset = Dataset::from_json(text).map_err(|error| without_root(error.to_string()))?;
    match dataset.faults().as_slice() {
        [] => Engine::new(dataset).map_err(|error| error.to_string()),
        faults => Err(listed(faults)),
    }
}

/// Faults in one line, the first ones in full.
fn listed(faults: &[visibly::Error]) -> String {
    const IN_FULL: usize = 10;
    let told = faults.iter().take(IN_FULL).map(ToString::to_string);
    let more = faults.len().saturating_sub(IN_FULL);
    told.chain((more > 0).then(|| format!("{more} more"))).collect::<Vec<_>>().join("; ")
}

fn proposed(engine: &Engine, text: &str) -> Result<Proposal, String> {
    let changes = Change::list_from_json(text).map_err(|error| without_root(error.to_string()))?;
    // Tried here, so that a change that would be refused is told as the file's fault.
    engine.preview(&changes).map_err(|error| error.to_string())?;
    Ok(Proposal { title: "the proposed changes are made".to_owned(), changes })
}

/// A path that names nothing but the whole document says nothing.
fn without_root(error: String) -> String {
    error.strip_prefix(".: ").map(str::to_owned).unwrap_or(error)
}

/// Two things that Oak Street might well consider.
fn oak_street_proposals() -> Vec<Proposal> {
    let intake_helps_ben = Change::SetEndpointAccess {
        id: "link-ben-therapy".into(),
        owner: Member::teammate("ben-okafor"),
        additional_members: vec![Member::team("intake")],
    };
    vec![
        Proposal {
            title: "team `intake` joins Ben Okafor's own therapy link".to_owned(),
            changes: vec![intake_helps_ben],
        },
        switch_contact_membership(true),
    ]
}

/// What can be considered anywhere: contact membership the other way round, and a line of few opened to everyone.
fn general_proposals(engine: &Engine) -> Vec<Proposal> {
    let own = engine.endpoints().find(|endpoint| endpoint.owner != Member::Organization);
    let handed_over = own.map(|endpoint| Proposal {
        title: format!("the organization takes over endpoint `{}`", endpoint.id),
        changes: vec![Change::SetEndpointAccess {
            id: endpoint.id.clone(),
            owner: Member::Organization,
            additional_members: endpoint.additional_members.clone(),
        }],
    });
    [switch_contact_membership(engine.contact_membership())].into_iter().chain(handed_over).collect()
}

fn switch_contact_membership(is_on: bool) -> Proposal {
    let title = if is_on { "contact membership is turned off" } else { "contact membership is turned on" };
    Proposal { title: title.to_owned(), changes: vec![Change::SetContactMembership(!is_on)] }
}
