// SPDX-License-Identifier: Apache-2.0
// What trusted roots of others hold: keys of new kinds, names that are old, authorities without a URL.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { base64, fromBase64 } from '../../services/core/bytes.ts';
import { CodedError } from '../../services/core/errors.ts';
import { parsePublicKey } from '../../services/core/spki.ts';
import { parseTrustedRoot } from '../../services/core/trust.ts';

interface Root {
  tlogs: Array<{ publicKey: object }>;
  ctlogs: Array<{ publicKey: object }>;
  certificateAuthorities: Array<{ uri: string }>;
}

const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../vectors/trust/documents.json'), 'utf8'),
) as { trustedRoot: Root; rsaKey: string };

/** The good root, changed. */
function edited(change: (root: Root) => void): string {
  const root = structuredClone(vectors.trustedRoot);
  change(root);
  return JSON.stringify(root);
}

const good = parseTrustedRoot(JSON.stringify(vectors.trustedRoot));

describe('keys of logs', () => {
  it.each(['ML_DSA_65', 'PKIX_RSA_PSS_2048_SHA256', 'NEW_DETAILS', 21, 99])(
    'passes over a log with a key of kind %s, and over nothing else',
    (keyDetails) => {
      const text = edited((root) => {
        const [log] = root.tlogs;
        if (log === undefined) return;
        const publicKey = { ...log.publicKey, rawBytes: 'AAAA', keyDetails };
        root.tlogs = [{ ...log, publicKey }, ...root.tlogs];
      });
      const { unread, ...rest } = parseTrustedRoot(text);
      expect(rest).toEqual(good);
      expect(unread).toEqual([`tlogs[0]: keyDetails ${keyDetails} of https://sigstore.test`]);
    },
  );

  it('reads RSA keys under the names that are deprecated', () => {
    const key = parsePublicKey(fromBase64(vectors.rsaKey));
    for (const [rawBytes, keyDetails] of [
      [vectors.rsaKey, 'PKIX_RSA_PKCS1V5'],
      [vectors.rsaKey, 3],
      [base64(key.bits), 'PKCS1_RSA_PKCS1V5'],
      [base64(key.bits), 1],
    ]) {
      const text = edited(({ ctlogs: [log] }) => {
        if (log !== undefined) Object.assign(log.publicKey, { rawBytes, keyDetails });
      });
      expect(parseTrustedRoot(text).ctlogs[0]?.key).toEqual(key);
    }
  });

  it.each(['', true, 0, 'PUBLIC_KEY_DETAILS_UNSPECIFIED'])('refuses details %j', (keyDetails) => {
    const text = edited(({ tlogs: [log] }) => {
      if (log !== undefined) Object.assign(log.publicKey, { keyDetails });
    });
    expect(() => parseTrustedRoot(text)).toThrow(CodedError);
    expect(() => parseTrustedRoot(text)).toThrow('tlogs[0].publicKey.keyDetails');
  });

  it('takes a host, or nothing, for the URI of an authority', () => {
    for (const uri of ['fulcio.example.com', '']) {
      const text = edited(({ certificateAuthorities: [authority] }) => {
        if (authority !== undefined) authority.uri = uri;
      });
      expect(parseTrustedRoot(text).certificateAuthorities[0]?.uri).toBe(uri);
    }
  });
});
