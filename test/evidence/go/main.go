// Command tlogcheck reads logs and proofs of AIOS with golang.org/x/mod/sumdb alone, an implementation that was not
// written here: notes, tiles, inclusion and consistency are its own; only the framing of files is done by hand.
//
//	tlogcheck log DIR KEY [CHECKPOINT...]   every record, and growth from each earlier checkpoint
//	tlogcheck proof FILE KEY                one proof (c2sp.org/tlog-proof)
//
// KEY is one key or more with commas between; those of type 4 are witnesses, each of which must have cosigned.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8 // c2sp.org/tlog-tiles: 256 hashes a tile

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return errors.New("usage: tlogcheck log DIR KEY [CHECKPOINT...] | tlogcheck proof FILE KEY")
	}
	switch args[0] {
	case "log":
		return checkLog(args[1], args[2], args[3:])
	case "proof":
		return checkProof(args[1], args[2])
	}
	return fmt.Errorf("unknown command %q", args[0])
}

// openCheckpoint gives the tree of a note that every key has signed.
func openCheckpoint(msg []byte, keys string) (tlog.Tree, error) {
	var tree tlog.Tree
	var known []note.Verifier
	for _, key := range strings.Split(keys, ",") {
		v, err := newVerifier(key)
		if err != nil {
			return tree, err
		}
		known = append(known, v)
	}
	n, err := note.Open(msg, note.VerifierList(known...))
	if err != nil {
		return tree, err
	}
	if len(n.Sigs) != len(known) {
		return tree, fmt.Errorf("signed by %d of %d keys", len(n.Sigs), len(known))
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[0] != known[0].Name() {
		return tree, errors.New("not a checkpoint of this log")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil || tree.N < 0 {
		return tree, errors.New("no size in the checkpoint")
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// newVerifier knows cosignatures (c2sp.org/tlog-cosignature) besides what the library knows.
func newVerifier(key string) (note.Verifier, error) {
	parts := strings.SplitN(key, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("malformed key")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 33 || raw[0] != 4 {
		return note.NewVerifier(key)
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), raw...))
	hash := binary.BigEndian.Uint32(sum[:4])
	if fmt.Sprintf("%08x", hash) != parts[1] {
		return nil, errors.New("key id does not fit")
	}
	return &witness{parts[0], hash, ed25519.PublicKey(raw[1:])}, nil
}

type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }
func (w *witness) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	head := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(sig))
	return ed25519.Verify(w.key, append([]byte(head), msg...), sig[8:])
}

// folder serves a log's tiles to the library, under the paths of c2sp.org/tlog-tiles.
type folder string

func (f folder) Height() int                                { return tileHeight }
func (f folder) SaveTiles(tiles []tlog.Tile, data [][]byte) {}
func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		full := t
		full.W = 1 << tileHeight
		bytes, err := f.read(pathOf(t), pathOf(full))
		if err != nil {
			return nil, err
		}
		if len(bytes) < t.W*tlog.HashSize {
			return nil, fmt.Errorf("%s is cut", pathOf(t))
		}
		data[i] = bytes[:t.W*tlog.HashSize]
	}
	return data, nil
}

func (f folder) read(paths ...string) (data []byte, err error) {
	for _, path := range paths {
		if data, err = os.ReadFile(filepath.Join(string(f), path)); err == nil {
			return data, nil
		}
	}
	return nil, err
}

// pathOf leaves out the height, which tlog-tiles fixes at 8.
func pathOf(t tlog.Tile) string {
	return "tile/" + strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", tileHeight))
}

func checkLog(dir, keys string, earlier []string) error {
	f := folder(dir)
	msg, err := f.read("checkpoint")
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(msg, keys)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, f)
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return errors.New("the tiles do not lead to the root")
	}
	if err := checkRecords(f, tree, hashes); err != nil {
		return err
	}
	for _, path := range earlier {
		msg, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		old, err := openCheckpoint(msg, keys)
		if err != nil {
			return err
		}
		if old.N == 0 {
			continue // nothing was promised yet; the library proves trees from one record on
		}
		if old.N > tree.N {
			return fmt.Errorf("%d records, and there were %d", tree.N, old.N)
		}
		proof, err := tlog.ProveTree(tree.N, old.N, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			return err
		}
	}
	fmt.Printf("log %d %s\n", tree.N, tree.Hash)
	return nil
}

// checkRecords compares every leaf with the tree, and proves one of each bundle, its last.
func checkRecords(f folder, tree tlog.Tree, hashes tlog.HashReader) error {
	for start := int64(0); start < tree.N; start += 1 << tileHeight {
		t := tlog.Tile{H: tileHeight, L: 0, N: start >> tileHeight, W: 1 << tileHeight}
		full := t
		if rest := tree.N - start; rest < int64(t.W) {
			t.W = int(rest)
		}
		bundle, err := f.read(entriesOf(t), entriesOf(full))
		if err != nil {
			return err
		}
		indexes := make([]int64, t.W)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, start+int64(i))
		}
		stored, err := hashes.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i := range stored {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("record %d is cut", start+int64(i))
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			if tlog.RecordHash(bundle[2:end]) != stored[i] {
				return fmt.Errorf("record %d does not hash to what its tile says", start+int64(i))
			}
			bundle = bundle[end:]
		}
		last := start + int64(t.W) - 1
		proof, err := tlog.ProveRecord(tree.N, last, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, last, stored[t.W-1]); err != nil {
			return err
		}
	}
	return nil
}

func entriesOf(t tlog.Tile) string {
	return "tile/entries/" + strings.TrimPrefix(pathOf(t), "tile/0/")
}

func checkProof(path, keys string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, msg, found := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" ||
		!strings.HasPrefix(lines[1], "extra ") || !strings.HasPrefix(lines[2], "index ") {
		return errors.New("not a proof")
	}
	tree, err := openCheckpoint(msg, keys)
	if err != nil {
		return err
	}
	record, err := base64.StdEncoding.DecodeString(lines[1][len("extra "):])
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(lines[2][len("index "):], 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(record)); err != nil {
		return err
	}
	fmt.Printf("proof %d %d %s\n", index, tree.N, tree.Hash)
	return nil
}
