//! The programs in `docs/verify.md`, taken out of the page as a reader would.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::script::workspace;

/// The fences of the page's programs: the language, and the file it belongs into.
pub(crate) const PROGRAMS: [(&str, &str); 2] = [("python", "verify.py"), ("js", "verify.mjs")];

pub(crate) fn text() -> String {
    fs::read_to_string(workspace().join("docs/verify.md")).expect("docs/verify.md")
}

/// The one block of the page with this language and title.
pub(crate) fn block<'a>(page: &'a str, language: &str, title: &str) -> &'a str {
    let fence = format!("\n```{language} title={title}\n");
    let mut found = page.split(fence.as_str()).skip(1);
    let (Some(rest), None) = (found.next(), found.next()) else {
        panic!("docs/verify.md has no single block that begins with{fence}");
    };
    let end = rest.find("\n```\n").expect("a block that ends");
    rest.get(..=end).unwrap()
}

/// A folder with the page's programs, and Node's packages where these look for them.
pub(crate) struct Pasted(TempDir);

impl Pasted {
    pub(crate) fn new(packages: &Path) -> Self {
        let (folder, page) = (TempDir::with_prefix("mandate-").unwrap(), text());
        for (language, title) in PROGRAMS {
            fs::write(folder.path().join(title), block(&page, language, title)).unwrap();
        }
        let packages = packages.canonicalize().unwrap();
        symlink(packages.join("node_modules"), folder.path().join("node_modules")).unwrap();
        Self(folder)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, title: &str) -> PathBuf {
        self.0.path().join(title)
    }
}
