// SPDX-License-Identifier: Apache-2.0
// The CA opens with a chain that clients will accept, or not at all.
import { sign } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { judgeChain } from '../../services/ca/chain.ts';
import { CodedError } from '../../services/core/errors.ts';
import { OID } from '../../services/core/oid.ts';
import { parsePem } from '../../services/core/pem.ts';
import { parseCertificate } from '../../services/core/x509.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { type Authority, authority, CODE_SIGNING } from './authorities.ts';
import { ask, EMAIL_CLAIMS, NOW, openHarness, subject, token, v2Body } from './harness.ts';

const DAY_MS = 86_400_000;
let root: Authority;
let issuing: Authority;
beforeAll(async () => {
  root = await authority('root');
  issuing = await authority('issuing', { parent: root, usages: CODE_SIGNING });
});

function judge(chain: readonly Authority[], signer: Authority | undefined = chain[0]): string {
  const spki = signer?.spki ?? root.spki;
  return verdict(() =>
    judgeChain(
      nodeCrypto,
      chain.map(({ der }) => der),
      spki,
      NOW,
    ),
  );
}

function verdict(work: () => unknown): string {
  try {
    work();
    return 'taken';
  } catch (error) {
    return error instanceof CodedError ? `${error.code} ${error.message}` : `${error}`;
  }
}

const refused = (why: string) => `CHAIN_INVALID CA chain: ${why}`;

describe('a chain', () => {
  it('has one certificate, two or more', async () => {
    const middle = await authority('middle', { parent: root, usages: CODE_SIGNING });
    const last = await authority('last', { parent: middle, usages: CODE_SIGNING });
    expect(judge([root])).toBe('taken');
    expect(judge([issuing, root])).toBe('taken');
    expect(judge([last, middle, root])).toBe('taken');
  });

  it('may be of P-384 or of RSA keys, above an intermediate', async () => {
    for (const kind of ['P-384', 'rsa2048'] as const) {
      const top = await authority('root', { kind });
      const below = await authority('issuing', { parent: top, usages: CODE_SIGNING });
      expect(judge([below, top])).toBe('taken');
    }
  });

  it.each<[string, () => Promise<[Authority[], Authority?]>, string]>([
    ['nothing', async () => [[]], 'empty'],
    ['too many', async () => [Array<Authority>(6).fill(root)], 'longer than 5 certificates'],
    [
      'another key than the signer holds',
      async () => [[issuing, root], root],
      'the issuing certificate is for another key than the signer holds',
    ],
    [
      'a certificate that is no CA',
      async () => [[await authority('x', { parent: root, isCa: false }), root]],
      'certificate 0 is not a CA',
    ],
    [
      'the root of somebody else',
      async () => [[issuing, await authority('root')]],
      'certificate 0 is not issued by the next',
    ],
    [
      'its certificates upside down',
      async () => [[root, issuing]],
      'certificate 0 is not issued by the next',
    ],
    ['no root', async () => [[issuing]], 'certificate 0 is not issued by itself: it is no root'],
    [
      'an intermediate without codeSigning',
      async () => [[await authority('x', { parent: root }), root]],
      'the issuing certificate lacks the extended key usage codeSigning',
    ],
    [
      'an intermediate for timestamps',
      async () => [[await authority('x', { parent: root, usages: [OID.timeStamping] }), root]],
      'the issuing certificate lacks the extended key usage codeSigning',
    ],
    [
      'an expired intermediate',
      async () => [
        [
          await authority('x', {
            parent: root,
            usages: CODE_SIGNING,
            valid: [-2 * DAY_MS, -DAY_MS],
          }),
          root,
        ],
      ],
      'certificate 0 has expired',
    ],
    [
      'a root of tomorrow',
      async () => [[await authority('x', { valid: [DAY_MS, 2 * DAY_MS] })]],
      'certificate 0 is not valid yet',
    ],
    [
      'an Ed25519 key',
      async () => [[await authority('x', { kind: 'ed25519' })]],
      'certificate 0 has an Ed25519 key',
    ],
    [
      'an RSA root that issues',
      async () => [[await authority('x', { kind: 'rsa2048' })]],
      'an RSA root issues leaves through an intermediate only',
    ],
  ])('with %s is refused', async (_, make, why) => {
    const [chain, signer] = await make();
    expect(judge(chain, signer)).toBe(refused(why));
  });

  it('with a weak key is refused', async () => {
    const weak = { parent: root, kind: 'rsa1024', usages: CODE_SIGNING } as const;
    expect(judge([await authority('issuing', weak), root])).toBe(
      refused('certificate 0 is weak: RSA of 1024 bits'),
    );
  });

  it('with an octet after a certificate is refused', () => {
    const long = Uint8Array.of(...root.der, 0);
    expect(verdict(() => judgeChain(nodeCrypto, [long], root.spki, NOW))).toMatch(
      /^CHAIN_INVALID certificate 0: /,
    );
  });
});

describe('a CA', () => {
  const signerOf = ({ spki, key }: Pick<Authority, 'spki' | 'key'>) => ({
    spki,
    sign: async (message: Uint8Array) => new Uint8Array(sign('sha256', message, key)),
  });
  /** Opens with the chain, whose first key signs. */
  const open = (chain: readonly [Authority, ...Authority[]], key = chain[0].key) =>
    openHarness({
      ca: () => ({
        chain: chain.map(({ der }) => der),
        signer: signerOf({ spki: chain[0].spki, key }),
      }),
    });

  it('opens with a root alone, and with three certificates', async () => {
    const middle = await authority('middle', { parent: root, usages: CODE_SIGNING });
    const last = await authority('last', { parent: middle, usages: CODE_SIGNING });
    for (const chain of [[root], [last, middle, root]] as const) {
      const harness = await open(chain);
      const answer = await ask(harness, v2Body(subject(), EMAIL_CLAIMS.email), token(EMAIL_CLAIMS));
      expect([answer.status, answer.certificates.length]).toEqual([200, chain.length + 1]);
      await harness.close();
    }
  });

  it('does not open where no client would build the path', async () => {
    const short = await authority('root', { pathLength: 0 });
    const below = await authority('issuing', { parent: short, usages: CODE_SIGNING });
    await expect(open([below, short])).rejects.toMatchObject({ code: 'CHAIN_INVALID' });
    const other = await authority('root', { usages: [OID.timeStamping] });
    const under = await authority('issuing', { parent: other, usages: CODE_SIGNING });
    await expect(open([under, other])).rejects.toMatchObject({ code: 'CHAIN_INVALID' });
    const anonymous = await authority('root', { anonymous: true });
    await expect(open([anonymous])).rejects.toMatchObject({ code: 'CHAIN_INVALID' });
  });

  it('does not open with a signer that signs with another key', async () => {
    await expect(open([issuing, root], root.key)).rejects.toMatchObject({ code: 'CHAIN_INVALID' });
  });

  it('does not open with a file of an issuer that cannot be read', async () => {
    const issuer = { url: 'https://a.example', type: 'email' };
    for (const [more, field] of [
      [{ caFile: '/nowhere/ca.pem' }, 'caFile'],
      [{ caFile: import.meta.filename }, 'caFile'],
      [{ jwksFile: '/nowhere/keys.json' }, 'jwksFile'],
      [{ jwksFile: import.meta.filename }, 'jwksFile'],
    ] as const) {
      const config = { issuers: [{ ...issuer, ...more }] };
      await expect(openHarness({ config, local: () => false })).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        field: `ca.issuers.${field}`,
      });
    }
  });

  it('is ready as long as its chain is valid, and then signs no more', async () => {
    const later = await authority('root', { valid: [-DAY_MS, 3_600_000] });
    let now = NOW;
    const harness = await openHarness({
      ca: () => ({
        clock: () => now,
        chain: [later.der],
        signer: signerOf(later),
      }),
    });
    const body = v2Body(subject(), EMAIL_CLAIMS.email);
    now += 3_600_000 - 60_000;
    expect(harness.ca.readiness()).toEqual([]);
    const jwt = () => token({ ...EMAIL_CLAIMS, exp: now / 1000 + 60 });
    const last = await ask(harness, body, jwt());
    const [leaf = ''] = last.certificates;
    // Never beyond its issuer.
    expect(parseCertificate(parsePem(leaf)[0]?.der ?? root.der).notAfterMs).toBe(NOW + 3_600_000);
    now += 61_000;
    expect(harness.ca.readiness()).toHaveLength(1);
    const answer = await ask(harness, body, jwt());
    expect([answer.status, answer.reason, answer.message]).toEqual([
      500,
      'CA_BACKEND',
      'error communicating with CA backend',
    ]);
    await harness.close();
  });
});
