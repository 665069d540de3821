// SPDX-License-Identifier: Apache-2.0

// judge-log derives every tile and the root of a log from its entries, with Tessera's fsck package,
// and compares them with what the log shows.
//
//	judge-log -kind tlog|ct -source DIR|URL -origin ORIGIN -key SPKI
//
// Ends with 0 for a log that is whole, 1 for a damaged one, 2 when it could not judge.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"
)

// Each tile that differs takes a worker with it; when all are gone, fsck waits for ever.
const workers = 1024

// kind is how one sort of log names its bundles, hashes its leaves and signs its heads.
type kind struct {
	bundles  string
	leaves   func(bundle []byte) ([][]byte, error)
	verifier func(origin string, spki []byte) (note.Verifier, error)
}

var kinds = map[string]kind{
	"tlog": {"entries", entryHashes, ecdsaVerifier},
	"ct":   {"data", dataTileHashes, treeHeadVerifier},
}

var errDamaged = errors.New("damaged")

func run() error {
	name := flag.String("kind", "", "tlog or ct")
	from := flag.String("source", "", "directory, or http URL that ends in a slash")
	origin := flag.String("origin", "", "first line of the checkpoint")
	key := flag.String("key", "", "SubjectPublicKeyInfo of the log, base64 of DER")
	limit := flag.Duration("timeout", time.Minute, "give up after")
	flag.Parse()
	kind, ok := kinds[*name]
	if !ok || *from == "" || *origin == "" || flag.NArg() > 0 {
		return errors.New("usage: judge-log -kind tlog|ct -source DIR|URL -origin ORIGIN -key SPKI")
	}
	spki, err := parseKey(*key)
	if err != nil {
		return err
	}
	verifier, err := kind.verifier(*origin, spki)
	if err != nil {
		return err
	}
	s := newSource(*from, kind.bundles)
	if _, err := s.ReadCheckpoint(context.Background()); err != nil {
		return fmt.Errorf("no log: %w", err)
	}
	check := fsck.New(*origin, verifier, s, kind.leaves, fsck.Opts{N: workers})
	done := make(chan error, 1)
	go func() { done <- check.Check(context.Background()) }()
	select {
	case err = <-done:
	case <-time.After(*limit):
		return fmt.Errorf("not done after %v", *limit)
	}
	if err == nil {
		err = s.checkChains()
	}
	if err != nil {
		return fmt.Errorf("%w: %v", errDamaged, err)
	}
	return nil
}

// reason is the first line: fsck shows whole tiles after it.
func reason(err error) string {
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}

func main() {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	err := run()
	if err == nil {
		fmt.Println("whole")
		return
	}
	fmt.Fprintln(os.Stderr, reason(err))
	if errors.Is(err, errDamaged) {
		os.Exit(1)
	}
	os.Exit(2)
}
