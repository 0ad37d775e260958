// Command tlog checks exported logs with the Go package that defined their formats, golang.org/x/mod/sumdb.
//
//	tlog DIR...
//
// A folder holds key (a verifier key), checkpoint, tile/... (C2SP tlog-tiles) and proofs.json. For each it prints one
// line: "ok SIZE", or "refused" and why.
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Levels of the tree between two levels of tiles.
const tileHeight = 8

type proofs struct {
	Records []struct {
		Index int64
		Path  tlog.RecordProof
	}
	Trees []struct {
		Before int64
		Root   tlog.Hash
		Path   tlog.TreeProof
	}
}

// files reads hash tiles from a folder.
type files struct{ dir string }

func (f files) Height() int { return tileHeight }

func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range tiles {
		// The checksum database writes the height into the path; C2SP leaves it out.
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(f.dir, path))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", path, len(data))
		}
		read = append(read, data)
	}
	return read, nil
}

func (f files) SaveTiles([]tlog.Tile, [][]byte) {}

// head opens the checkpoint with the log's key.
func head(dir string) (tlog.Tree, error) {
	var tree tlog.Tree
	key, err := os.ReadFile(filepath.Join(dir, "key"))
	if err != nil {
		return tree, err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return tree, err
	}
	signed, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return tree, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tree, fmt.Errorf("the checkpoint is not of three lines, or of another log")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// entries reads all bundles: each entry behind its length in two bytes.
func entries(dir string, size int64) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tlog.NewTiles(tileHeight, 0, size) {
		if tile.L != 0 {
			continue
		}
		path := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
		bundle, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return nil, err
		}
		for rest := bundle; len(rest) > 0; {
			if len(rest) < 2 || len(rest)-2 < int(binary.BigEndian.Uint16(rest)) {
				return nil, fmt.Errorf("%s is cut off", path)
			}
			end := 2 + int(binary.BigEndian.Uint16(rest))
			all, rest = append(all, rest[2:end]), rest[end:]
		}
	}
	if int64(len(all)) != size {
		return nil, fmt.Errorf("%d entries in the bundles of %d", len(all), size)
	}
	return all, nil
}

// rootOf builds the tree anew.
func rootOf(entries [][]byte) (tlog.Hash, error) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for _, index := range indexes {
			hashes = append(hashes, stored[index])
		}
		return hashes, nil
	})
	for seq, entry := range entries {
		added, err := tlog.StoredHashes(int64(seq), entry, reader)
		if err != nil {
			return tlog.Hash{}, err
		}
		stored = append(stored, added...)
	}
	return tlog.TreeHash(int64(len(entries)), reader)
}

func readProofs(dir string) (proofs, error) {
	var read proofs
	text, err := os.ReadFile(filepath.Join(dir, "proofs.json"))
	if err != nil {
		return read, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return read, decoder.Decode(&read)
}

func check(dir string) (int64, error) {
	tree, err := head(dir)
	if err != nil {
		return 0, err
	}
	reader := tlog.TileHashReader(tree, files{dir})
	all, err := entries(dir, tree.N)
	if err != nil {
		return 0, err
	}
	// The reader proves hashes against the root; the entries do so once more below, because this version of it passes
	// over some full tiles.
	var indexes []int64
	for seq := range all {
		indexes = append(indexes, tlog.StoredHashIndex(0, int64(seq)))
	}
	leaves, err := reader.ReadHashes(indexes)
	if err != nil {
		return 0, err
	}
	for seq, leaf := range leaves {
		if leaf != tlog.RecordHash(all[seq]) {
			return 0, fmt.Errorf("entry %d is not the one in the tree", seq)
		}
	}
	if root, err := rootOf(all); err != nil || root != tree.Hash {
		return 0, fmt.Errorf("the entries do not lead to the root (%v)", err)
	}
	given, err := readProofs(dir)
	if err != nil {
		return 0, err
	}
	for _, proof := range given.Records {
		if err := tlog.CheckRecord(proof.Path, tree.N, tree.Hash, proof.Index, leaves[proof.Index]); err != nil {
			return 0, fmt.Errorf("record %d: %v", proof.Index, err)
		}
	}
	for _, proof := range given.Trees {
		if err := tlog.CheckTree(proof.Path, tree.N, tree.Hash, proof.Before, proof.Root); err != nil {
			return 0, fmt.Errorf("tree %d: %v", proof.Before, err)
		}
	}
	return tree.N, nil
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: "+filepath.Base(os.Args[0])+" DIR...")
		os.Exit(2)
	}
	for _, dir := range os.Args[1:] {
		size, err := check(dir)
		if err != nil {
			fmt.Printf("refused %v\n", err)
			continue
		}
		fmt.Printf("ok %d\n", size)
	}
}
