//! The page in a real browser: it is drawn in light and dark, without an error, and says what the file says.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use mandate_tests::months::{self, LOOKED_AT, Lived};
use mandate_tests::{bare, must_not_skip, start};
use tempfile::TempDir;

use crate::page::{amounts, elements, mandate};

const CHROMIUM: &str = "/usr/bin/chromium";
/// Text and charts have many shades; a blank page has one.
const COLOURS_MIN: usize = 50;
/// A page with a word on it is smaller.
const PDF_BYTES_MIN: usize = 10_000;
/// `preferredColorScheme`, as Blink counts it.
const DARK: u8 = 0;
const LIGHT: u8 = 1;

/// A browser without a window, and a profile that nobody used before.
struct Browser {
    profile: TempDir,
}

impl Browser {
    /// `None` where there is none.
    fn new() -> Option<Self> {
        if !Path::new(CHROMIUM).exists() {
            assert!(!must_not_skip(), "under CI nothing is skipped: {CHROMIUM} is missing");
            eprintln!("not run: {CHROMIUM} is missing");
            return None;
        }
        Some(Self { profile: tempfile::tempdir().expect("a folder") })
    }

    fn command(&self, scheme: u8) -> Command {
        let mut command = bare(CHROMIUM);
        let profile = self.profile.path();
        command
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", profile)
            .arg(format!("--user-data-dir={}", profile.join("profile").display()))
            .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
            .args("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run".split(' '))
            .args("--disable-background-networking --disable-component-update".split(' '))
            .args("--disable-sync --disable-dev-shm-usage --enable-logging=stderr".split(' '))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Opens a page; what the browser's console says about it comes second.
    fn open(&self, page: &Path, scheme: u8, todo: &str) -> (String, Vec<String>) {
        let mut command = self.command(scheme);
        command.arg(todo).arg(format!("file://{}", page.display()));
        let Output { status, stdout, stderr } =
            start(&mut command).wait_with_output().expect("an end");
        let log = String::from_utf8_lossy(&stderr);
        assert!(status.success(), "{todo}: {log}");
        let console = log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned);
        (String::from_utf8(stdout).expect("UTF-8"), console.collect())
    }

    /// As it looks: the distinct colours, and the one in its corner.
    fn drawn(&self, page: &Path, scheme: u8) -> (usize, [u8; 3]) {
        let picture = self.profile.path().join("page.png");
        let todo = format!("--screenshot={}", picture.display());
        let (_, console) = self.open(page, scheme, &todo);
        assert!(console.is_empty(), "{console:?}");
        let file = BufReader::new(File::open(picture).expect("a picture"));
        let mut reader = png::Decoder::new(file).read_info().expect("a picture");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut pixels).expect("a picture");
        let rgb = |pixel: &[u8]| <[u8; 3]>::try_from(&pixel[..3]).expect("three colours");
        let colours: Vec<_> = pixels.chunks(info.color_type.samples()).map(rgb).collect();
        let corner = colours[0];
        (colours.into_iter().collect::<std::collections::BTreeSet<_>>().len(), corner)
    }
}

fn written(lived: &Lived) -> PathBuf {
    let page = lived.file("page.html");
    let path = page.to_str().expect("UTF-8");
    let alone = mandate_tests::alone();
    let arguments = ["statement", "--html", path];
    mandate(&lived.config(), &lived.state_dir(), LOOKED_AT, &arguments).yes();
    drop(alone);
    page
}

#[tokio::test]
async fn a_browser_shows_the_values_of_the_file() {
    let Some(browser) = Browser::new() else { return };
    for lived in [months::usual().await, months::empty().await] {
        let page = written(&lived);
        let (dom, console) = browser.open(&page, LIGHT, "--dump-dom");
        assert!(console.is_empty(), "{console:?}");
        let file = fs::read_to_string(&page).expect("a page");
        assert_eq!(amounts(&dom), amounts(&file));
        assert!(!elements(&dom).iter().any(|element| element.name == "script"));
        let links = elements(&dom).into_iter().filter_map(|e| e.attribute("href")).count();
        assert_eq!(links, 6, "the sections");
    }
}

#[tokio::test]
async fn it_is_light_by_day_and_dark_by_night() {
    let Some(browser) = Browser::new() else { return };
    let lived = months::usual().await;
    let page = written(&lived);
    let (colours, paper) = browser.drawn(&page, LIGHT);
    assert!(colours > COLOURS_MIN && paper.iter().all(|part| *part > 0xf0), "{colours} {paper:?}");
    let (colours, paper) = browser.drawn(&page, DARK);
    assert!(colours > COLOURS_MIN && paper.iter().all(|part| *part < 0x30), "{colours} {paper:?}");
}

#[tokio::test]
async fn it_prints() {
    let Some(browser) = Browser::new() else { return };
    let lived = months::usual().await;
    let page = written(&lived);
    let pdf = browser.profile.path().join("page.pdf");
    let todo = format!("--print-to-pdf={}", pdf.display());
    let (_, console) = browser.open(&page, DARK, &todo);
    assert!(console.is_empty(), "{console:?}");
    let pdf = fs::read(pdf).expect("a file");
    assert!(pdf.starts_with(b"%PDF") && pdf.len() > PDF_BYTES_MIN, "{} bytes", pdf.len());
}

#[tokio::test]
async fn nothing_runs_or_loads_should_an_escape_ever_fail() {
    let Some(browser) = Browser::new() else { return };
    let lived = months::empty().await;
    let page = written(&lived);
    let file = fs::read_to_string(&page).expect("a page");
    let hostile = "<script>document.title = 'taken'</script>\
                   <img src=\"data:image/gif;base64,AAAA\" onerror=\"document.title = 'taken'\">";
    fs::write(&page, file.replace("</main>", &format!("{hostile}</main>"))).expect("a file");
    let (dom, console) = browser.open(&page, LIGHT, "--dump-dom");
    assert!(dom.contains("<title>Statement of November 2026</title>"), "a script ran");
    assert!(!console.is_empty(), "the browser says that it refused");
}
