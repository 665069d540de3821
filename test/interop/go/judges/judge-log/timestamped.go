// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	ctx509 "github.com/google/certificate-transparency-go/x509"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/crypto/cryptobyte"
)

const (
	x509Entry    = 0
	precertEntry = 1
)

type fingerprint = [sha256.Size]byte

// timestamped is one entry of a data tile (static-ct-api): a TimestampedEntry, which is in the leaf,
// then the precertificate where there is one, then fingerprints of its chain.
type timestamped struct {
	kind    uint16
	entry   []byte
	keyHash []byte
	// certificate, or TBSCertificate of the precertificate without poison
	content []byte
	precert []byte
	chain   []fingerprint
}

// leafHash is over a MerkleTreeLeaf: version 1, type timestamped_entry, the entry.
func (t *timestamped) leafHash() []byte {
	return rfc6962.DefaultHasher.HashLeaf(append([]byte{0, 0}, t.entry...))
}

func parseDataTile(tile []byte) ([]timestamped, error) {
	var entries []timestamped
	for rest := cryptobyte.String(tile); !rest.Empty(); {
		entry, ok := nextEntry(&rest)
		if !ok {
			return nil, fmt.Errorf("data tile: entry %d is malformed", len(entries))
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

func nextEntry(rest *cryptobyte.String) (t timestamped, ok bool) {
	start := *rest
	if !rest.Skip(8) || !rest.ReadUint16(&t.kind) || t.kind > precertEntry {
		return t, false
	}
	if t.kind == precertEntry && !rest.ReadBytes(&t.keyHash, sha256.Size) {
		return t, false
	}
	var content, extensions, precert, chain cryptobyte.String
	if !rest.ReadUint24LengthPrefixed(&content) || !rest.ReadUint16LengthPrefixed(&extensions) {
		return t, false
	}
	t.entry, t.content = start[:len(start)-len(*rest)], content
	if t.kind == precertEntry && !rest.ReadUint24LengthPrefixed(&precert) {
		return t, false
	}
	t.precert = precert
	if !rest.ReadUint16LengthPrefixed(&chain) || len(chain)%sha256.Size != 0 {
		return t, false
	}
	for ; len(chain) > 0; chain = chain[sha256.Size:] {
		t.chain = append(t.chain, fingerprint(chain))
	}
	return t, true
}

func dataTileHashes(tile []byte) ([][]byte, error) {
	entries, err := parseDataTile(tile)
	if err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(entries))
	for i := range entries {
		hashes[i] = entries[i].leafHash()
	}
	return hashes, nil
}

// checkChains judges what the tree does not cover: precertificates and the issuers behind fingerprints.
func (s *source) checkChains() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	issuers := map[fingerprint]*ctx509.Certificate{}
	for _, entry := range s.entries {
		for _, id := range entry.chain {
			if issuers[id] != nil {
				continue
			}
			issuer, err := s.issuer(id)
			if err != nil {
				return err
			}
			issuers[id] = issuer
		}
		if err := entry.check(issuers); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) issuer(id fingerprint) (*ctx509.Certificate, error) {
	der, err := s.read(context.Background(), fmt.Sprintf("issuer/%x", id))
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(der) != id {
		return nil, fmt.Errorf("issuer %x is another certificate", id)
	}
	certificate, err := ctx509.ParseCertificate(der)
	if ctx509.IsFatal(err) {
		return nil, fmt.Errorf("issuer %x: %w", id, err)
	}
	return certificate, nil
}

func (t *timestamped) check(issuers map[fingerprint]*ctx509.Certificate) error {
	if len(t.chain) == 0 {
		return fmt.Errorf("an entry without chain")
	}
	der := t.content
	if t.kind == precertEntry {
		der = t.precert
	}
	certificate, err := ctx509.ParseCertificate(der)
	if ctx509.IsFatal(err) {
		return err
	}
	issuer := issuers[t.chain[0]]
	if err := certificate.CheckSignatureFrom(issuer); err != nil {
		return fmt.Errorf("an entry is not signed by its issuer: %w", err)
	}
	if t.kind == x509Entry {
		return nil
	}
	key := sha256.Sum256(issuer.RawSubjectPublicKeyInfo)
	tbs, err := ctx509.BuildPrecertTBS(certificate.RawTBSCertificate, nil)
	if err != nil {
		return err
	}
	if !bytes.Equal(tbs, t.content) || !bytes.Equal(key[:], t.keyHash) {
		return fmt.Errorf("an entry is not that of its precertificate")
	}
	return nil
}
