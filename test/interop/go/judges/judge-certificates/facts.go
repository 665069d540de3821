// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	ctx509 "github.com/google/certificate-transparency-go/x509"
	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

type altName struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

type extension struct {
	OID      string `json:"oid"`
	Critical bool   `json:"critical"`
	Value    string `json:"value"`
}

type sctFacts struct {
	LogID       string `json:"logId"`
	TimestampMs uint64 `json:"timestampMs"`
	Extensions  string `json:"extensions"`
	Signature   string `json:"signature"`
}

// facts are the fields that every judge shows; octets are hex, times seconds since 1970.
type facts struct {
	Serial         string      `json:"serial"`
	NotBefore      int64       `json:"notBefore"`
	NotAfter       int64       `json:"notAfter"`
	Issuer         string      `json:"issuer"`
	Subject        string      `json:"subject"`
	Key            string      `json:"key"`
	KeyUsage       []int       `json:"keyUsage"`
	ExtKeyUsage    []string    `json:"extKeyUsage"`
	SubjectKeyID   string      `json:"subjectKeyId"`
	AuthorityKeyID string      `json:"authorityKeyId"`
	AltNames       []altName   `json:"altNames"`
	Extensions     []extension `json:"extensions"`
	Scts           []sctFacts  `json:"scts"`
}

const (
	extKeyUsageOID = "2.5.29.37"
	sctListOID     = "1.3.6.1.4.1.11129.2.4.2"
	keyUsageOID    = "2.5.29.15"
	usernameOID    = "1.3.6.1.4.1.57264.1.7"
)

// One reader for each extension whose value crypto/x509 does not show as it stands.
var readers = map[string]func(*facts, cryptobyte.String) error{
	altNameOID.String(): readAltNames,
	keyUsageOID:         readKeyUsage,
	extKeyUsageOID:      readExtKeyUsage,
	sctListOID:          readScts,
}

func factsOf(c *x509.Certificate) (*facts, error) {
	f := &facts{
		Serial:         fmt.Sprintf("%x", c.SerialNumber),
		NotBefore:      c.NotBefore.Unix(),
		NotAfter:       c.NotAfter.Unix(),
		Issuer:         hex.EncodeToString(c.RawIssuer),
		Subject:        hex.EncodeToString(c.RawSubject),
		Key:            hex.EncodeToString(c.RawSubjectPublicKeyInfo),
		SubjectKeyID:   hex.EncodeToString(c.SubjectKeyId),
		AuthorityKeyID: hex.EncodeToString(c.AuthorityKeyId),
		KeyUsage:       []int{},
		ExtKeyUsage:    []string{},
		AltNames:       []altName{},
		Scts:           []sctFacts{},
	}
	for _, e := range c.Extensions {
		f.Extensions = append(f.Extensions, extension{e.Id.String(), e.Critical, hex.EncodeToString(e.Value)})
		if read, ok := readers[e.Id.String()]; ok {
			if err := read(f, e.Value); err != nil {
				return nil, fmt.Errorf("extension %s: %w", e.Id, err)
			}
		}
	}
	return f, nil
}

// readKeyUsage shows bits beyond the nine of RFC 5280 too.
func readKeyUsage(f *facts, der cryptobyte.String) error {
	var bits asn1.BitString
	if !der.ReadASN1BitString(&bits) || !der.Empty() {
		return fmt.Errorf("not one BIT STRING")
	}
	for i := range bits.BitLength {
		if bits.At(i) == 1 {
			f.KeyUsage = append(f.KeyUsage, i)
		}
	}
	return nil
}

func readExtKeyUsage(f *facts, der cryptobyte.String) error {
	var list cryptobyte.String
	if !der.ReadASN1(&list, casn1.SEQUENCE) || !der.Empty() {
		return fmt.Errorf("not one SEQUENCE")
	}
	for !list.Empty() {
		var oid x509.OID
		var content cryptobyte.String
		if !list.ReadASN1(&content, casn1.OBJECT_IDENTIFIER) {
			return fmt.Errorf("not an OID")
		}
		if err := oid.UnmarshalBinary(content); err != nil {
			return err
		}
		f.ExtKeyUsage = append(f.ExtKeyUsage, oid.String())
	}
	return nil
}

func readAltNames(f *facts, der cryptobyte.String) error {
	var list cryptobyte.String
	if !der.ReadASN1(&list, casn1.SEQUENCE) || !der.Empty() {
		return fmt.Errorf("not one SEQUENCE")
	}
	kinds := map[casn1.Tag]string{
		casn1.Tag(1).ContextSpecific(): "email",
		casn1.Tag(2).ContextSpecific(): "dns",
		casn1.Tag(6).ContextSpecific(): "uri",
	}
	for !list.Empty() {
		var raw, content cryptobyte.String
		var tag casn1.Tag
		if !list.ReadAnyASN1Element(&raw, &tag) {
			return fmt.Errorf("not a GeneralName")
		}
		name := altName{Kind: kinds[tag], Value: ""}
		if whole := raw; name.Kind != "" && whole.ReadASN1(&content, tag) {
			name.Value = string(content)
		} else if value, ok := username(raw); ok {
			name = altName{"username", value}
		} else {
			name = altName{"other", hex.EncodeToString(raw)}
		}
		f.AltNames = append(f.AltNames, name)
	}
	return nil
}

// username reads [0] { 1.3.6.1.4.1.57264.1.7, [0] { UTF8String } }.
func username(raw cryptobyte.String) (string, bool) {
	explicit := casn1.Tag(0).ContextSpecific().Constructed()
	var other, oid, value, text cryptobyte.String
	var id x509.OID
	ok := raw.ReadASN1(&other, explicit) &&
		other.ReadASN1(&oid, casn1.OBJECT_IDENTIFIER) &&
		id.UnmarshalBinary(oid) == nil && id.String() == usernameOID &&
		other.ReadASN1(&value, explicit) && other.Empty() &&
		value.ReadASN1(&text, casn1.UTF8String) && value.Empty()
	return string(text), ok
}

func readSct(encoded []byte) (*ct.SignedCertificateTimestamp, error) {
	var sct ct.SignedCertificateTimestamp
	rest, err := tls.Unmarshal(encoded, &sct)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%d octets after the SCT", len(rest))
	}
	return &sct, nil
}

func readScts(f *facts, der cryptobyte.String) error {
	var octets cryptobyte.String
	if !der.ReadASN1(&octets, casn1.OCTET_STRING) || !der.Empty() {
		return fmt.Errorf("not one OCTET STRING")
	}
	var list ctx509.SignedCertificateTimestampList
	if rest, err := tls.Unmarshal(octets, &list); err != nil {
		return err
	} else if len(rest) > 0 {
		return fmt.Errorf("%d octets after the list", len(rest))
	}
	for _, serialized := range list.SCTList {
		sct, err := readSct(serialized.Val)
		if err != nil {
			return err
		}
		f.Scts = append(f.Scts, sctFacts{
			LogID:       hex.EncodeToString(sct.LogID.KeyID[:]),
			TimestampMs: sct.Timestamp,
			Extensions:  hex.EncodeToString(sct.Extensions),
			Signature:   hex.EncodeToString(sct.Signature.Signature),
		})
	}
	return nil
}
