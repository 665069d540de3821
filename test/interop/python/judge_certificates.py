# SPDX-License-Identifier: Apache-2.0
"""Reads leaf certificates with pyca/cryptography and builds their path for code signing.

in   {"chain": [DER issuing first], "atMs": N}, then {"der": DER} in a line each, octets in base64
out  {"trusted": bool, "reason": TEXT, "facts": {...}} in a line each
"""

import base64
import datetime
import json
import sys
import warnings

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, ObjectIdentifier

USERNAME = ObjectIdentifier("1.3.6.1.4.1.57264.1.7")
UTF8_STRING = 0x0C
# By number of the bit (RFC 5280 section 4.2.1.3).
KEY_USAGE = [
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
]


def seconds(time):
    return int(time.replace(tzinfo=datetime.timezone.utc).timestamp())


def content(der):
    """What stands behind a tag of one octet and a length of one or more."""
    return der[2 if der[1] < 0x80 else 2 + (der[1] & 0x7F) :]


def user_name(der):
    if der[0] != UTF8_STRING:
        raise ValueError("user name is not a UTF8String")
    return content(der).decode()


def alt_name(name):
    if isinstance(name, x509.RFC822Name):
        return {"kind": "email", "value": name.value}
    if isinstance(name, x509.UniformResourceIdentifier):
        return {"kind": "uri", "value": name.value}
    if isinstance(name, x509.DNSName):
        return {"kind": "dns", "value": name.value}
    if isinstance(name, x509.OtherName) and name.type_id == USERNAME:
        return {"kind": "username", "value": user_name(name.value)}
    return {"kind": "other", "value": content(x509.SubjectAlternativeName([name]).public_bytes()).hex()}


def sct(found):
    return {
        "logId": found.log_id.hex(),
        "timestampMs": seconds(found.timestamp) * 1000 + found.timestamp.microsecond // 1000,
        "extensions": found.extension_bytes.hex(),
        "signature": found.signature.hex(),
    }


def value_of(extensions, oid):
    try:
        return extensions.get_extension_for_oid(oid).value
    except x509.ExtensionNotFound:
        return None


def raw_value(extension):
    value = extension.value
    return (value.value if isinstance(value, x509.UnrecognizedExtension) else value.public_bytes()).hex()


def facts(certificate):
    extensions = certificate.extensions
    usage = value_of(extensions, ExtensionOID.KEY_USAGE)
    purposes = value_of(extensions, ExtensionOID.EXTENDED_KEY_USAGE)
    subject_key = value_of(extensions, ExtensionOID.SUBJECT_KEY_IDENTIFIER)
    authority_key = value_of(extensions, ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
    names = value_of(extensions, ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    scts = value_of(extensions, ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS)
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "serial": format(certificate.serial_number, "x"),
        "notBefore": seconds(certificate.not_valid_before_utc),
        "notAfter": seconds(certificate.not_valid_after_utc),
        "issuer": certificate.issuer.public_bytes().hex(),
        "subject": certificate.subject.public_bytes().hex(),
        "key": key.hex(),
        "keyUsage": [i for i, name in enumerate(KEY_USAGE) if usage and getattr(usage, name)],
        "extKeyUsage": [oid.dotted_string for oid in purposes or []],
        "subjectKeyId": subject_key.digest.hex() if subject_key else "",
        "authorityKeyId": (authority_key.key_identifier or b"").hex() if authority_key else "",
        "altNames": [alt_name(name) for name in names or []],
        "extensions": [
            {"oid": e.oid.dotted_string, "critical": e.critical, "value": raw_value(e)} for e in extensions
        ],
        "scts": [sct(found) for found in scts or []],
    }


def require_signature(_policy, _certificate, usage):
    if not usage.digital_signature:
        raise ValueError("no key usage digitalSignature")


def require_code_signing(_policy, _certificate, purposes):
    if ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
        raise ValueError("no extended key usage codeSigning")


def require_nested(_policy, _certificate, purposes):
    if purposes is not None:
        require_code_signing(_policy, _certificate, purposes)


def verifier_of(root, at):
    """WebPKI's rules for the path, with code signing in the place of TLS."""
    criticality = verification.Criticality
    leaf = (
        verification.ExtensionPolicy.webpki_defaults_ee()
        .require_present(x509.KeyUsage, criticality.AGNOSTIC, require_signature)
        .require_present(x509.ExtendedKeyUsage, criticality.AGNOSTIC, require_code_signing)
        .require_present(x509.SubjectAlternativeName, criticality.AGNOSTIC, None)
    )
    authority = verification.ExtensionPolicy.webpki_defaults_ca().may_be_present(
        x509.ExtendedKeyUsage, criticality.AGNOSTIC, require_nested
    )
    return (
        verification.PolicyBuilder()
        .store(verification.Store([root]))
        .time(at)
        .extension_policies(ca_policy=authority, ee_policy=leaf)
        .build_client_verifier()
    )


def judge(verifier, intermediates, der):
    try:
        certificate = x509.load_der_x509_certificate(der)
        found = facts(certificate)
    except Exception as error:
        return {"trusted": False, "reason": f"{type(error).__name__}: {error}"}
    try:
        verifier.verify(certificate, intermediates)
    except Exception as error:
        return {"trusted": False, "reason": f"{type(error).__name__}: {error}", "facts": found}
    return {"trusted": True, "facts": found}


def main():
    # What will be refused one day is taken today: the verdict counts.
    warnings.simplefilter("ignore")
    setting = json.loads(sys.stdin.readline())
    *intermediates, root = [x509.load_der_x509_certificate(base64.b64decode(der)) for der in setting["chain"]]
    at = datetime.datetime.fromtimestamp(setting["atMs"] / 1000, datetime.timezone.utc)
    verifier = verifier_of(root, at)
    for line in sys.stdin:
        print(json.dumps(judge(verifier, intermediates, base64.b64decode(json.loads(line)["der"]))))


main()
