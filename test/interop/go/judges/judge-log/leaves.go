// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	tdnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"golang.org/x/mod/sumdb/note"
)

func parseKey(text string) ([]byte, error) {
	spki, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("-key: %w", err)
	}
	return spki, nil
}

// ecdsaVerifier is that of C2SP's signed notes for key type 2.
func ecdsaVerifier(origin string, spki []byte) (note.Verifier, error) {
	id := sha256.Sum256(spki)
	key := base64.StdEncoding.EncodeToString(append([]byte{2}, spki...))
	return tdnote.NewVerifier(fmt.Sprintf("%s+%08x+%s", origin, binary.BigEndian.Uint32(id[:]), key))
}

// treeHeadVerifier takes tree heads of RFC 6962 in notes (static-ct-api).
func treeHeadVerifier(origin string, spki []byte) (note.Verifier, error) {
	key, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, err
	}
	text, err := tdnote.RFC6962VerifierString(origin, key)
	if err != nil {
		return nil, err
	}
	return tdnote.NewVerifier(text)
}

// entryHashes hashes the entries of a tlog-tiles bundle.
func entryHashes(bundle []byte) ([][]byte, error) {
	var entries api.EntryBundle
	if err := entries.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(entries.Entries))
	for i, entry := range entries.Entries {
		hashes[i] = rfc6962.DefaultHasher.HashLeaf(entry)
	}
	return hashes, nil
}
