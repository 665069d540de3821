// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"sort"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"
)

// lintCertificate names the lints that found something worse than a notice.
func lintCertificate(der []byte) []string {
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return []string{fmt.Sprintf("unparsable: %v", err)}
	}
	found := []string{}
	for name, result := range zlint.LintCertificate(certificate).Results {
		switch result.Status {
		case lint.Warn, lint.Error, lint.Fatal:
			found = append(found, name)
		}
	}
	sort.Strings(found)
	return found
}
