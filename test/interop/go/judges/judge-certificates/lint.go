// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"sort"
	"sync"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"
)

// Looks for certificates of one public authority by verifying a P-384 signature: nine tenths of the time.
const emudhra = "e_cert_issued_by_compromised_emudhra_ca"

var lints = sync.OnceValues(func() (lint.Registry, error) {
	return lint.GlobalRegistry().Filter(lint.FilterOptions{ExcludeNames: []string{emudhra}})
})

// lintCertificate names the lints that found something worse than a notice.
func lintCertificate(der []byte) []string {
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return []string{fmt.Sprintf("unparsable: %v", err)}
	}
	registry, err := lints()
	if err != nil {
		return []string{err.Error()}
	}
	found := []string{}
	for name, result := range zlint.LintCertificateEx(certificate, registry).Results {
		switch result.Status {
		case lint.Warn, lint.Error, lint.Fatal:
			found = append(found, name)
		}
	}
	sort.Strings(found)
	return found
}
