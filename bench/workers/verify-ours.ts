// SPDX-License-Identifier: Apache-2.0
// Verifies a bundle with a trusted root that was read once: verify-ours.ts CURVE
import { parseBundle } from '../../services/core/bundle.ts';
import { utf8 } from '../../services/core/bytes.ts';
import { parseTrustedRoot } from '../../services/core/trust.ts';
import { verifyBundle } from '../../services/core/verify.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { makeFixture, type RootCurve } from '../fixture.ts';
import { takeTurns } from './turns.ts';

const fixture = makeFixture(process.argv[2] as RootCurve);
const root = parseTrustedRoot(fixture.trustedRoot);
const text = utf8(fixture.bundle);
const policy = { identity: fixture.identity, issuer: fixture.issuer };

/** From the text of the bundle: who verifies a thousand files parses a thousand bundles. */
function verify(artifact: Uint8Array): void {
  verifyBundle(nodeCrypto, root, parseBundle(text), { bytes: artifact }, policy);
}

/** Whoever takes everything is fast, too. */
function refuses(): boolean {
  try {
    verify(utf8('another artifact'));
    return false;
  } catch {
    return true;
  }
}

if (!refuses()) throw new Error('another artifact verifies');
takeTurns(() => verify(fixture.artifact));
