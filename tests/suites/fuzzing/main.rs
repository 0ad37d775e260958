//! Each property that is fuzzed holds on every vector, and on mutants of it: what rots is noticed without a fuzzer.

use std::fs;
use std::path::{Path, PathBuf};

use mandate_tests::properties::{ALL, Property};
use mandate_tests::random::Random;
use mandate_tests::rounds;

/// What the mutants are chosen by; a run that fails prints it.
const SEED: &str = "MANDATE_FUZZ_SEED";
/// Mutants of each seed in a normal run, and in a long one.
const MUTANTS: u64 = 4;
const MUTANTS_LONG: u64 = 1_000;

/// Every vector, and what stands below its header where it has one: the seeds of the targets, too.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors"), &mut |path| {
        let bytes = fs::read(path).unwrap();
        let body = bytes.windows(2).position(|pair| pair == b"\n\n").map(|at| at + 2);
        seeds.extend(body.map(|at| bytes[at..].trim_ascii_end().to_vec()));
        seeds.push(bytes);
    });
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds"), &mut |path| {
        seeds.push(fs::read(path).unwrap());
    });
    // The largest is a list of tokens, which none of the parsers reads as a whole.
    seeds.retain(|seed| seed.len() <= 16 * 1024);
    seeds
}

fn walk(folder: &Path, each: &mut impl FnMut(&Path)) {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    for path in found {
        if path.is_dir() { walk(&path, each) } else { each(&path) }
    }
}

fn mutate(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(3) {
        let at = usize::try_from(random.below(u64::try_from(bytes.len()).unwrap() + 1)).unwrap();
        let byte = u8::try_from(random.below(256)).unwrap();
        match random.below(4) {
            0 if at < bytes.len() => bytes[at] = byte,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.truncate(at),
            _ => bytes.insert(at, byte),
        }
    }
    bytes
}

#[test]
fn every_property_holds_on_every_seed_and_its_mutants() {
    let seed = Random::seed(SEED);
    eprintln!("{SEED}={seed}");
    let (mut random, seeds) = (Random::new(seed), seeds());
    let mutants = rounds(MUTANTS, MUTANTS_LONG);
    for input in &seeds {
        for (name, property) in ALL {
            hold((name, property), input);
            for _ in 0..mutants {
                hold((name, property), &mutate(input, &mut random));
            }
        }
    }
    println!("{} properties, {} seeds, {mutants} mutants of each", ALL.len(), seeds.len());
}

fn hold((name, property): Property, input: &[u8]) {
    let held = std::panic::catch_unwind(|| property(input));
    assert!(held.is_ok(), "{name}: {:?}", String::from_utf8_lossy(input));
}

#[test]
fn each_property_has_its_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/targets");
    let mut targets = Vec::new();
    walk(&folder, &mut |path| targets.push(path.file_stem().unwrap().to_str().unwrap().to_owned()));
    assert_eq!(targets, ALL.map(|(name, _)| name));
    let manifest = fs::read_to_string(folder.with_file_name("Cargo.toml")).unwrap();
    for name in targets {
        assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name}");
    }
}
