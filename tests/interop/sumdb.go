// Checks and makes logs with golang.org/x/mod/sumdb (note and tlog), the code behind Go's checksum
// database, which shares nothing with Overt. Its tiles of height 8 are those of C2SP tlog-tiles
// under other paths: tile/8/0/000 there is tile/0/000 here.
//
//	sumdb check FOLDER VKEY    verify an exported log, print its proofs as JSON
//	sumdb make FOLDER RECORDS  write a log of the JSON array's strings, print its public key
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8
const origin = "go.example/log"

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func overtPath(tile tlog.Tile) string {
	path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
	return strings.Replace(path, "tile/data/", "tile/entries/", 1)
}

// folder is a tlog.TileReader: TileHashReader checks what it returns against the signed root.
type folder string

func (f folder) Height() int                             { return height }
func (f folder) SaveTiles(tiles []tlog.Tile, _ [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(string(f), overtPath(tile)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (f folder) records(n int64) [][]byte {
	var records [][]byte
	for first := int64(0); first < n; first += 1 << height {
		width := n - first
		if width > 1<<height {
			width = 1 << height
		}
		tile := tlog.Tile{H: height, L: -1, N: first >> height, W: int(width)}
		data, err := os.ReadFile(filepath.Join(string(f), overtPath(tile)))
		must(err)
		for len(data) > 0 {
			end := 2 + int(binary.BigEndian.Uint16(data))
			records = append(records, data[2:end])
			data = data[end:]
		}
	}
	return records
}

func openTree(data []byte, vkey string) tlog.Tree {
	verifier, err := note.NewVerifier(vkey)
	must(err)
	opened, err := note.Open(data, note.VerifierList(verifier))
	must(err)
	var tree tlog.Tree
	lines := strings.Split(opened.Text, "\n")
	_, err = fmt.Sscan(lines[1], &tree.N)
	must(err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	must(err)
	copy(tree.Hash[:], root)
	return tree
}

type proofs struct {
	Size        int64               `json:"size"`
	Root        string              `json:"root"`
	Records     map[string][]string `json:"records"`
	Consistency map[string][]string `json:"consistency"`
}

func hexes(hashes []tlog.Hash) []string {
	texts := []string{}
	for _, hash := range hashes {
		texts = append(texts, hex.EncodeToString(hash[:]))
	}
	return texts
}

func check(name, vkey string) {
	data, err := os.ReadFile(filepath.Join(name, "checkpoint"))
	must(err)
	tree := openTree(data, vkey)
	reader := tlog.TileHashReader(tree, folder(name))
	records := folder(name).records(tree.N)
	if int64(len(records)) != tree.N {
		must(fmt.Errorf("%d records, not %d", len(records), tree.N))
	}
	told := proofs{tree.N, hex.EncodeToString(tree.Hash[:]), map[string][]string{}, map[string][]string{}}
	for i := int64(0); i < tree.N; i++ {
		proof, err := tlog.ProveRecord(tree.N, i, reader)
		must(err)
		must(tlog.CheckRecord(proof, tree.N, tree.Hash, i, tlog.RecordHash(records[i])))
		told.Records[fmt.Sprint(i)] = hexes(proof)
	}
	for old := int64(1); old <= tree.N; old++ {
		oldRoot, err := tlog.TreeHash(old, reader)
		must(err)
		proof, err := tlog.ProveTree(tree.N, old, reader)
		must(err)
		must(tlog.CheckTree(proof, tree.N, tree.Hash, old, oldRoot))
		told.Consistency[fmt.Sprint(old)] = hexes(proof)
	}
	must(json.NewEncoder(os.Stdout).Encode(told))
}

func write(name, path string, data []byte) {
	path = filepath.Join(name, path)
	must(os.MkdirAll(filepath.Dir(path), 0o755))
	must(os.WriteFile(path, data, 0o644))
}

func makeLog(name, recordsFile string) {
	data, err := os.ReadFile(recordsFile)
	must(err)
	var records []string
	must(json.Unmarshal(data, &records))
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for _, index := range indexes {
			hashes = append(hashes, stored[index])
		}
		return hashes, nil
	})
	for i, record := range records {
		hashes, err := tlog.StoredHashes(int64(i), []byte(record), reader)
		must(err)
		stored = append(stored, hashes...)
	}
	size := int64(len(records))
	for _, tile := range tlog.NewTiles(height, 0, size) {
		widest := size>>(height*tile.L) - tile.N<<height
		if tile.W < 1<<height && int64(tile.W) < widest {
			continue // of a smaller tree
		}
		data, err := tlog.ReadTileData(tile, reader)
		must(err)
		write(name, overtPath(tile), data)
		if tile.L == 0 {
			var entries []byte
			for _, record := range records[tile.N<<height:][:tile.W] {
				entries = binary.BigEndian.AppendUint16(entries, uint16(len(record)))
				entries = append(entries, record...)
			}
			write(name, overtPath(tlog.Tile{H: height, L: -1, N: tile.N, W: tile.W}), entries)
		}
	}
	root, err := tlog.TreeHash(size, reader)
	must(err)
	seed := sha256.Sum256([]byte("a log that Go makes"))
	skey, vkey, err := note.GenerateKey(bytes.NewReader(seed[:]), origin)
	must(err)
	signer, err := note.NewSigner(skey)
	must(err)
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	must(err)
	write(name, "checkpoint", signed)
	fmt.Println(vkey)
}

func main() {
	switch {
	case len(os.Args) == 4 && os.Args[1] == "check":
		check(os.Args[2], os.Args[3])
	case len(os.Args) == 4 && os.Args[1] == "make":
		makeLog(os.Args[2], os.Args[3])
	default:
		fmt.Fprintln(os.Stderr, "usage: sumdb check FOLDER VKEY | make FOLDER RECORDS")
		os.Exit(2)
	}
}
