// SPDX-License-Identifier: Apache-2.0

// judge-proofs judges proofs and tile paths with golang.org/x/mod/sumdb/tlog.
//
//	in   {} and then {"kind":"inclusion","size":N,"root":B64,"index":N,"leaf":HASH,"proof":[HASH]}
//	     {"kind":"consistency","size":N,"root":B64,"index":OLD SIZE,"leaf":OLD ROOT,"proof":[HASH]}
//	     {"kind":"path","path":"tile/8/0/x001/067"}
//	     {"kind":"root","leaves":[HASH]}
//	out  {"taken":bool,"reason":TEXT}, a path with its level, number and width, a root with its hash
package main

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
	"sigstead.test/interop/judges/lines"
)

type question struct {
	Kind   string
	Size   int64
	Root   []byte
	Index  int64
	Leaf   []byte
	Proof  [][]byte
	Path   string
	Leaves [][]byte
}

type verdict struct {
	Taken  bool   `json:"taken"`
	Reason string `json:"reason,omitempty"`
	Level  int    `json:"level"`
	N      int64  `json:"n"`
	Width  int    `json:"width"`
	Path   string `json:"path,omitempty"`
	Root   []byte `json:"root,omitempty"`
}

func hashOf(octets []byte) (hash tlog.Hash, err error) {
	if len(octets) != len(hash) {
		return hash, fmt.Errorf("a hash of %d octets", len(octets))
	}
	copy(hash[:], octets)
	return hash, nil
}

func hashesOf(list [][]byte) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(list))
	for i, octets := range list {
		hash, err := hashOf(octets)
		if err != nil {
			return nil, err
		}
		hashes[i] = hash
	}
	return hashes, nil
}

func checkProof(q question) error {
	root, err := hashOf(q.Root)
	if err != nil {
		return err
	}
	leaf, err := hashOf(q.Leaf)
	if err != nil {
		return err
	}
	proof, err := hashesOf(q.Proof)
	if err != nil {
		return err
	}
	if q.Kind == "inclusion" {
		return tlog.CheckRecord(proof, q.Size, root, q.Index, leaf)
	}
	return tlog.CheckTree(proof, q.Size, root, q.Index, leaf)
}

// rootOf is the tree hash over leaf hashes that tlog stores and folds itself.
func rootOf(leaves [][]byte) (tlog.Hash, error) {
	hashes, err := hashesOf(leaves)
	if err != nil {
		return tlog.Hash{}, err
	}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = stored[index]
		}
		return found, nil
	})
	for i, hash := range hashes {
		more, err := tlog.StoredHashesForRecordHash(int64(i), hash, reader)
		if err != nil {
			return tlog.Hash{}, err
		}
		stored = append(stored, more...)
	}
	return tlog.TreeHash(int64(len(hashes)), reader)
}

func judge(q question) (v verdict) {
	var err error
	switch q.Kind {
	case "inclusion", "consistency":
		err = checkProof(q)
	case "path":
		var tile tlog.Tile
		if tile, err = tlog.ParseTilePath(q.Path); err == nil {
			v = verdict{Level: tile.L, N: tile.N, Width: tile.W, Path: tile.Path()}
		}
	case "root":
		var root tlog.Hash
		if root, err = rootOf(q.Leaves); err == nil {
			v.Root = root[:]
		}
	default:
		err = fmt.Errorf("unknown kind %q", q.Kind)
	}
	if v.Taken = err == nil; !v.Taken {
		v.Reason = err.Error()
	}
	return v
}

func main() {
	lines.Exit(lines.Answer(func(struct{}) (func(question) verdict, error) { return judge, nil }))
}
