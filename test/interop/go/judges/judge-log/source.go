// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/transparency-dev/tessera/api/layout"
)

// source reads a log from a directory or over HTTP. The partial resources of a tree's end must be
// there themselves: a log that is judged is not being garbage-collected.
type source struct {
	from    string
	bundles string

	mu sync.Mutex
	// entries of data tiles that were read. Guarded by mu.
	entries []timestamped
}

func newSource(from, bundles string) *source {
	return &source{from: from, bundles: bundles}
}

func (s *source) read(ctx context.Context, path string) ([]byte, error) {
	if !strings.HasPrefix(s.from, "http://") {
		return os.ReadFile(filepath.Join(s.from, filepath.FromSlash(path)))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.from+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, response.Status)
	}
	return io.ReadAll(response.Body)
}

func (s *source) ReadCheckpoint(ctx context.Context) ([]byte, error) {
	return s.read(ctx, layout.CheckpointPath)
}

func (s *source) ReadTile(ctx context.Context, level, index uint64, partial uint8) ([]byte, error) {
	data, err := s.read(ctx, layout.TilePath(level, index, partial))
	if err != nil {
		return nil, err
	}
	// fsck cuts off what is behind a partial tile.
	if len(data) != width(partial)*sha256.Size {
		return nil, fmt.Errorf("tile %d/%d: %d octets", level, index, len(data))
	}
	return data, nil
}

// width is that of the whole tile for 0.
func width(partial uint8) int {
	if partial == 0 {
		return layout.TileWidth
	}
	return int(partial)
}

func (s *source) ReadEntryBundle(ctx context.Context, index uint64, partial uint8) ([]byte, error) {
	data, err := s.read(ctx, fmt.Sprintf("tile/%s/%s", s.bundles, layout.NWithSuffix(0, index, partial)))
	if err != nil {
		return nil, err
	}
	// fsck counts on as many entries as the path says.
	if found, err := s.count(data); err != nil || found != width(partial) {
		return nil, fmt.Errorf("bundle %d: %d entries, not %d (%v)", index, found, width(partial), err)
	}
	return data, nil
}

func (s *source) count(data []byte) (int, error) {
	if s.bundles == "entries" {
		hashes, err := entryHashes(data)
		return len(hashes), err
	}
	entries, err := parseDataTile(data)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(s.entries, entries...)
	return len(entries), err
}
