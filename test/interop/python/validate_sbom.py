# SPDX-License-Identifier: Apache-2.0
"""Validates the CycloneDX 1.6 document on stdin, strictly; says what is wrong and ends with 1."""

import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read())
if fault is not None:
    # Some messages repeat the whole document.
    sys.exit(str(fault)[:2000])
