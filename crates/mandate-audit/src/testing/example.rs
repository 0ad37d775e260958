//! The worked example of `docs/journal.md`, made again.

use std::convert::Infallible;
use std::fmt::Write as _;

use mandate::Signer as _;
use mandate_journal::tree::{Frontier, NodeHash, NodeId, inclusion_path, leaf_hash};
use mandate_journal::{EntryHash, UnverifiedCheckpoint};

use super::story::Street;
use crate::proof::compose;

/// What the page shows.
fn example() -> String {
    let mut street = Street::new(1);
    let (_, receipt) = street.buy(0, 18_000);
    let wallet = &street.wallet;
    let mut frontier = Frontier::default();
    let (mut text, mut nodes) = (String::new(), Vec::new());
    for (seq, entry) in (0u64..).zip(&wallet.entries) {
        let leaf = leaf_hash(entry);
        nodes.extend(frontier.push(leaf).nodes);
        let leaf = mandate::Root::from_bytes(*leaf.as_bytes());
        writeln!(text, "entry {seq}\n{}", str::from_utf8(entry).unwrap()).unwrap();
        writeln!(text, "sha-256 {}\nleaf    {leaf}", EntryHash::of(entry)).unwrap();
        writeln!(text, "root    {}\n", frontier.root()).unwrap();
    }
    let checkpoint = wallet.checkpoint();
    let origin = UnverifiedCheckpoint::parse(checkpoint.as_str()).unwrap().origin().clone();
    writeln!(text, "verifier key\n{}\n", origin.key(wallet.key().public_key())).unwrap();
    writeln!(text, "checkpoint\n{checkpoint}").unwrap();
    let node =
        |id: NodeId| Ok::<NodeHash, Infallible>(nodes[usize::try_from(id.position()).unwrap()]);
    let path = inclusion_path(2, frontier.size(), node).unwrap();
    let entry = str::from_utf8(&wallet.entries[2]).unwrap();
    let tokens = [receipt.as_str().to_owned()];
    let proof = compose(&checkpoint, 2, path, entry, &tokens).unwrap();
    write!(text, "proof of entry 2, with the receipt\n{proof}").unwrap();
    text
}

#[test]
fn the_page_shows_real_bytes() {
    let page = include_str!("../../../../docs/journal.md");
    let (_, shown) = page.split_once("```text\n").unwrap();
    let (shown, _) = shown.split_once("```\n").unwrap();
    assert_eq!(shown, example(), "docs/journal.md shows:");
}
