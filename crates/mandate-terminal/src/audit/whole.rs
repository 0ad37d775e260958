//! `audit verify` of a side's own journal: whether it is whole.

use mandate::{Head, Root};
use serde::Serialize;

use crate::failure::Failure;
use crate::ui::{Ui, counted};

#[derive(Serialize)]
#[serde(untagged)]
enum Answer<'v> {
    Whole { whole: bool, size: u64, root: Root },
    Broken { whole: bool, fault: &'v str },
}

/// Says what a full check found; what does not fit is a failed check.
///
/// # Errors
///
/// [`Failure`]: what the check failed with.
pub fn tell(checked: Result<Head, Failure>, ui: &mut Ui<'_>) -> Result<(), Failure> {
    // The database's own words may come on several lines.
    let checked = checked.map_err(|failure| match failure {
        Failure::Check(fault) => {
            Failure::Check(fault.split_whitespace().collect::<Vec<_>>().join(" "))
        }
        failure => failure,
    });
    match checked {
        Ok(Head { size, root }) => ui.answer(&Answer::Whole { whole: true, size, root }, |ui| {
            let entries = counted(size, "entry", "entries");
            ui.line(format_args!("the journal is whole: {entries}, root {root}"))
        }),
        Err(Failure::Check(fault)) if ui.is_json() => {
            ui.document(&Answer::Broken { whole: false, fault: &fault })?;
            Err(Failure::Said)
        }
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_on_one_line() {
        let fault =
            "the file's structure is damaged: *** in database main ***\nPage 59: never used";
        for json in [false, true] {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let mut ui = Ui::new(&mut out, &mut err, json);
            let told = match tell(Err(Failure::Check(fault.to_owned())), &mut ui) {
                Err(Failure::Check(told)) if !json => told,
                Err(Failure::Said) if json => String::from_utf8(out).unwrap(),
                other => panic!("{other:?}"),
            };
            assert!(told.contains("damaged: *** in database main *** Page 59: never"), "{told}");
        }
    }
}
