// SPDX-License-Identifier: Apache-2.0

// judge-certificates reads leaf certificates as crypto/x509 sees them, builds their path for code
// signing, verifies embedded SCTs as certificate-transparency-go does, and runs zlint.
//
//	in   {"chain":[DER issuing first],"atMs":N,"ctlogKey":SPKI}, then {"der":DER,"lint":bool}…
//	out  {"trusted":bool,"reason":TEXT,"sct":bool,"lints":[NAME],"facts":{…}}…
package main

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/ctutil"
	ctx509 "github.com/google/certificate-transparency-go/x509"
	"sigstead.test/interop/judges/lines"
)

type setting struct {
	Chain    [][]byte
	AtMs     int64
	CtlogKey []byte
}

type question struct {
	Der  []byte
	Lint bool
}

type verdict struct {
	Trusted bool     `json:"trusted"`
	Reason  string   `json:"reason,omitempty"`
	Sct     bool     `json:"sct"`
	Lints   []string `json:"lints"`
	Facts   *facts   `json:"facts,omitempty"`
}

var altNameOID = asn1.ObjectIdentifier{2, 5, 29, 17}

type judge struct {
	options  x509.VerifyOptions
	ctIssuer *ctx509.Certificate
	ctlog    *ct.SignatureVerifier
}

func open(s setting) (func(question) verdict, error) {
	if len(s.Chain) < 2 {
		return nil, fmt.Errorf("chain of %d", len(s.Chain))
	}
	j := &judge{options: x509.VerifyOptions{
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   time.UnixMilli(s.AtMs),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}}
	for i, der := range s.Chain {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("chain %d: %w", i, err)
		}
		pool := j.options.Intermediates
		if i == len(s.Chain)-1 {
			pool = j.options.Roots
		}
		pool.AddCert(certificate)
	}
	issuer, err := ctx509.ParseCertificate(s.Chain[0])
	if ctx509.IsFatal(err) {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	j.ctIssuer = issuer
	key, err := x509.ParsePKIXPublicKey(s.CtlogKey)
	if err != nil {
		return nil, fmt.Errorf("key of the CT log: %w", err)
	}
	if j.ctlog, err = ct.NewSignatureVerifier(key); err != nil {
		return nil, fmt.Errorf("key of the CT log: %w", err)
	}
	return j.answer, nil
}

func (j *judge) answer(q question) verdict {
	certificate, err := x509.ParseCertificate(q.Der)
	if err != nil {
		return verdict{Reason: err.Error()}
	}
	facts, err := factsOf(certificate)
	if err != nil {
		return verdict{Reason: err.Error()}
	}
	v := verdict{Facts: facts, Sct: j.sctVerifies(q.Der)}
	if err := j.trust(certificate); err != nil {
		v.Reason = err.Error()
	} else {
		v.Trusted = true
	}
	if q.Lint {
		v.Lints = lintCertificate(q.Der)
	}
	return v
}

// trust is what cosign and sigstore-go do: crypto/x509 leaves an otherName to its caller.
func (j *judge) trust(certificate *x509.Certificate) error {
	if certificate.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return fmt.Errorf("no key usage digitalSignature")
	}
	rest := certificate.UnhandledCriticalExtensions[:0:0]
	for _, oid := range certificate.UnhandledCriticalExtensions {
		if !oid.Equal(altNameOID) {
			rest = append(rest, oid)
		}
	}
	certificate.UnhandledCriticalExtensions = rest
	_, err := certificate.Verify(j.options)
	return err
}

func (j *judge) sctVerifies(der []byte) bool {
	leaf, err := ctx509.ParseCertificate(der)
	if ctx509.IsFatal(err) || len(leaf.SCTList.SCTList) == 0 {
		return false
	}
	for _, serialized := range leaf.SCTList.SCTList {
		sct, err := readSct(serialized.Val)
		if err != nil {
			return false
		}
		chain := []*ctx509.Certificate{leaf, j.ctIssuer}
		if ctutil.VerifySCTWithVerifier(j.ctlog, chain, sct, true) != nil {
			return false
		}
	}
	return true
}

func main() {
	lines.Exit(lines.Answer(open))
}
