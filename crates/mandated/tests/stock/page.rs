//! The programs in the documentation, taken out of their pages as a reader would.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::script::workspace;

/// The fences of the page's programs: the language, and the file it belongs into.
pub(crate) const PROGRAMS: [(&str, &str); 2] = [("python", "verify.py"), ("js", "verify.mjs")];

/// The page for merchants without a gateway.
pub(crate) const VERIFY: &str = "docs/verify.md";

/// The one block of a page with this language and title.
pub(crate) fn block(page: &str, language: &str, title: &str) -> String {
    let text = fs::read_to_string(workspace().join(page)).expect(page);
    let fence = format!("\n```{language} title={title}\n");
    let mut found = text.split(fence.as_str()).skip(1);
    let (Some(rest), None) = (found.next(), found.next()) else {
        panic!("{page} has no single block that begins with{fence}");
    };
    let end = rest.find("\n```\n").expect("a block that ends");
    rest.get(..=end).unwrap().to_owned()
}

/// A folder with the page's programs, and Node's packages where these look for them.
pub(crate) struct Pasted(TempDir);

impl Pasted {
    pub(crate) fn new(packages: &Path) -> Self {
        let folder = TempDir::with_prefix("mandate-").unwrap();
        for (language, title) in PROGRAMS {
            fs::write(folder.path().join(title), block(VERIFY, language, title)).unwrap();
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
