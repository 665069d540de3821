// SPDX-License-Identifier: Apache-2.0
// Rules of the files of a TUF repository: size, signatures, keys, thresholds of root.
import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../services/core/bytes.ts';
import type { Json, JsonObject } from '../../services/core/json.ts';
import { keyId, parseRoot, TUF_LIMITS } from '../../services/core/tuf.ts';
import { canonicalBytes, tufKey } from '../../services/core/tuf-build.ts';
import { acceptRoot } from '../../services/core/tuf-update.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { newKey, oneKeyEach, Repo, refusal, rootOf, sealed } from '../tuf/repo.ts';

const json = (bytes: Uint8Array | undefined) =>
  JSON.parse(fromUtf8(bytes ?? new Uint8Array())) as {
    signatures: JsonObject[];
    signed: JsonObject;
  };
const file = (value: object) => utf8(JSON.stringify(value));

describe('sizes', () => {
  it.each([
    ['timestamp', 'timestamp.json'],
    ['snapshot', '1.snapshot.json'],
    ['targets', '1.targets.json'],
  ] as const)('refuses a %s longer than any client reads', async (role, name) => {
    const repo = new Repo();
    // Nothing that names it says its length: the limit of the role alone protects.
    const bare = (meta: string) => (signed: JsonObject) => ({
      ...signed,
      meta: { [meta]: { version: 1 } },
    });
    repo.publish({ change: { timestamp: bare('snapshot.json'), snapshot: bare('targets.json') } });
    await repo.update();
    const padding = new Uint8Array(TUF_LIMITS[role]).fill(0x20);
    const bytes = repo.files.get(name) ?? new Uint8Array();
    repo.files.set(name, new Uint8Array([...bytes, ...padding]));
    expect(await refusal(repo.update())).toMatchObject({ code: 'TUF_MALFORMED', field: name });
  });
});

describe('signatures', () => {
  const altered = async (change: (signature: JsonObject) => Json) => {
    const repo = new Repo();
    const { signatures, signed } = json(repo.files.get('timestamp.json'));
    repo.files.set('timestamp.json', file({ signatures: signatures.map(change), signed }));
    return (await refusal(repo.update())).code;
  };

  it.each<[string, string, (signature: JsonObject) => Json]>([
    ['base64 instead of hex', 'TUF_MALFORMED', (s) => ({ ...s, sig: 'MEUCIQDx/+8=' })],
    ['an odd number of digits', 'TUF_MALFORMED', (s) => ({ ...s, sig: 'abc' })],
    ['a number', 'TUF_MALFORMED', (s) => ({ ...s, sig: 7 })],
    ['no keyid', 'TUF_MALFORMED', ({ sig = '' }) => ({ sig })],
    ['text', 'TUF_MALFORMED', () => 'signature'],
    ['another keyid', 'TUF_THRESHOLD', (s) => ({ ...s, keyid: '0'.repeat(64) })],
    ['r and s instead of DER', 'TUF_THRESHOLD', (s) => ({ ...s, sig: 'ab'.repeat(64) })],
  ])('refuses %s', async (_, code, change) => {
    expect(await altered(change)).toBe(code);
  });

  it('verifies over the canonical form, however the file is written', async () => {
    const repo = new Repo();
    const { signatures, signed } = json(repo.files.get('timestamp.json'));
    const reversed = Object.fromEntries(Object.entries(signed).reverse());
    repo.files.set(
      'timestamp.json',
      utf8(JSON.stringify({ signed: reversed, signatures }, null, 7)),
    );
    await expect(repo.update()).resolves.toBeDefined();
  });

  it('canonical form: sorted keys, no whitespace, raw newlines, integers', () => {
    const text = fromUtf8(canonicalBytes({ b: 'a\n"\\', a: [1, true, null], ü: {} }));
    expect(text).toBe('{"a":[1,true,null],"b":"a\n\\"\\\\","ü":{}}');
    expect(() => canonicalBytes({ a: 1.5 })).toThrow();
  });
});

describe('keys of root', () => {
  const roles = oneKeyEach();
  const sound = rootOf(roles, 1);
  it.each<[string, JsonObject]>([
    [
      'P-384, which tuf-js and Java refuse',
      { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp384', keyval: { public: 'x' } },
    ],
    ['a scheme that does not fit', { ...tufKey(newKey().spki), scheme: 'ed25519' }],
    ['no public part', { ...tufKey(newKey().spki), keyval: {} }],
    [
      'two keys in one PEM',
      {
        ...tufKey(newKey().spki),
        keyval: {
          public: [newKey(), newKey()]
            .map(({ spki }) => (tufKey(spki).keyval as { public: string }).public)
            .join(''),
        },
      },
    ],
  ])('are refused: %s', async (_, key) => {
    const keys = { ...(sound.keys as JsonObject), [keyId(nodeCrypto, key)]: key };
    const bytes = sealed({ ...sound, keys }, roles.root.keys);
    expect((await refusal(() => parseRoot(nodeCrypto, bytes))).code).toBe('TUF_MALFORMED');
  });

  it('are known by the hash of the whole key, extra fields included', async () => {
    const plain = tufKey(newKey().spki);
    const extra = { ...plain, 'x-tuf-on-ci-keyowner': '@somebody' };
    expect(keyId(nodeCrypto, extra)).not.toBe(keyId(nodeCrypto, plain));
    const keys = { ...(sound.keys as JsonObject), [keyId(nodeCrypto, plain)]: extra };
    const bytes = sealed({ ...sound, keys }, roles.root.keys);
    const error = await refusal(() => parseRoot(nodeCrypto, bytes));
    expect(error.message).toContain('is not its hash');
  });
});

describe('thresholds of root', () => {
  const three = () => [newKey(), newKey(), newKey()];
  it('refuses a root with one signature too few of the old or of the new keys', async () => {
    const old = { ...oneKeyEach(), root: { keys: three(), threshold: 2 } };
    const next = { ...old, root: { keys: three(), threshold: 2 } };
    const [a, b] = old.root.keys.slice(1);
    const [c, d] = next.root.keys.slice(1);
    if (!a || !b || !c || !d) throw new Error('keys');
    const judge = async (signers: Parameters<typeof sealed>[1]) => {
      const repo = new Repo(old);
      const bytes = sealed(rootOf(next, 2), signers);
      try {
        return acceptRoot(nodeCrypto, repo.anchor(), bytes).root.version;
      } catch (error) {
        return (error as { code?: string }).code;
      }
    };
    expect(await judge([a, b, c, d])).toBe(2);
    expect(await judge([a, c, d])).toBe('TUF_THRESHOLD');
    expect(await judge([a, b, c])).toBe('TUF_THRESHOLD');
    expect(await judge([a, b])).toBe('TUF_THRESHOLD');
  });

  it('bears signatures of keys that it does not know', async () => {
    const repo = new Repo();
    const { timestamp } = repo.roles;
    repo.publish({ signers: { timestamp: [newKey(), ...timestamp.keys, newKey()] } });
    await expect(repo.update()).resolves.toBeDefined();
  });
});
