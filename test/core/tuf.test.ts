// SPDX-License-Identifier: Apache-2.0
// What a client must refuse of a TUF repository, and what it must survive.
import { describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../services/core/bytes.ts';
import type { Json, JsonObject } from '../../services/core/json.ts';
import { keyId, parseRoot, TUF_LIMITS } from '../../services/core/tuf.ts';
import { sealMetadata, tufDate, tufKey } from '../../services/core/tuf-build.ts';
import { acceptRoot } from '../../services/core/tuf-update.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { DAY, NOW, newKey, oneKeyEach, Repo, refusal, rootOf, sealed } from '../tuf/repo.ts';

const with_ = (more: JsonObject) => (signed: JsonObject) => ({ ...signed, ...more });
const without = (name: string) => (signed: JsonObject) =>
  Object.fromEntries(Object.entries(signed).filter(([key]) => key !== name));

describe('attacks', () => {
  it('accepts a sound repository', async () => {
    const state = await new Repo().update();
    expect(state.targets?.targets.has('a.json')).toBe(true);
  });

  it('refuses a timestamp that goes back', async () => {
    const repo = new Repo();
    repo.publish({ versions: [5, 5, 5] });
    const state = await repo.update();
    repo.publish({ versions: [4, 5, 5] });
    expect(await refusal(repo.update(state))).toMatchObject({
      code: 'TUF_ROLLBACK',
      field: 'timestamp.json',
    });
  });

  it('refuses a newer timestamp that names an older snapshot', async () => {
    const repo = new Repo();
    repo.publish({ versions: [5, 5, 5] });
    const state = await repo.update();
    repo.publish({ versions: [6, 4, 5] });
    expect(await refusal(repo.update(state))).toMatchObject({
      code: 'TUF_ROLLBACK',
      field: 'timestamp.json',
    });
  });

  it('refuses a newer snapshot that names older targets', async () => {
    const repo = new Repo();
    repo.publish({ versions: [5, 5, 5] });
    const state = await repo.update();
    repo.publish({ versions: [6, 6, 4] });
    expect(await refusal(repo.update(state))).toMatchObject({
      code: 'TUF_ROLLBACK',
      field: '6.snapshot.json',
    });
  });

  const withExtra = (signed: JsonObject): JsonObject => ({
    ...signed,
    meta: { ...(signed.meta as JsonObject), 'extra.json': { version: 1 } },
  });

  it('refuses a snapshot from which a file vanished', async () => {
    const repo = new Repo();
    repo.publish({ change: { snapshot: withExtra } });
    const state = await repo.update();
    repo.publish({ versions: [2, 2, 1] });
    expect(await refusal(repo.update(state))).toMatchObject({ code: 'TUF_ROLLBACK' });
  });

  it('refuses a snapshot without targets', async () => {
    const repo = new Repo();
    repo.publish({ change: { snapshot: with_({ meta: {} }) } });
    expect(await refusal(repo.update())).toMatchObject({
      code: 'TUF_MALFORMED',
      field: '1.snapshot.json',
    });
  });

  it('recovers from a fast-forward once the keys are replaced', async () => {
    const repo = new Repo();
    repo.publish({ versions: [1000, 1000, 1000] });
    const attacked = await repo.update();
    repo.publish({ versions: [2, 2, 2] });
    expect((await refusal(repo.update(attacked))).code).toBe('TUF_ROLLBACK');
    repo.rotate(2, { ...repo.roles, timestamp: oneKeyEach().timestamp });
    repo.publish({ versions: [2, 2, 2] });
    expect((await repo.update(attacked)).timestamp?.version).toBe(2);
  });

  it('notices a freeze, and says both clocks', async () => {
    const error = await refusal(new Repo().update(undefined, NOW + 31 * DAY));
    expect(error).toMatchObject({ code: 'TUF_EXPIRED', field: 'timestamp.json' });
    expect(error.message).toContain('expired at 2026-07-01T00:00:00Z');
    expect(error.message).toContain('clock here says 2026-07-02T00:00:00Z');
  });

  it('refuses files of two publications', async () => {
    for (const name of ['1.snapshot.json', '1.targets.json']) {
      const repo = new Repo();
      const old = repo.files.get(name) ?? new Uint8Array();
      repo.publish({ content: 'content 2' });
      repo.files.set(name, old);
      expect(await refusal(repo.update())).toMatchObject({ code: 'TUF_MISMATCH', field: name });
    }
  });

  const bareMeta = (name: string) => with_({ meta: { [name]: { version: 2 } } });

  it('refuses a version inside that is not the one in the name', async () => {
    const snapshot = new Repo();
    snapshot.publish({ change: { timestamp: bareMeta('snapshot.json') } });
    snapshot.files.set('2.snapshot.json', snapshot.files.get('1.snapshot.json') ?? utf8(''));
    expect(await refusal(snapshot.update())).toMatchObject({
      code: 'TUF_MISMATCH',
      field: '2.snapshot.json',
    });
    const targets = new Repo();
    targets.publish({ change: { snapshot: bareMeta('targets.json') } });
    targets.files.set('2.targets.json', targets.files.get('1.targets.json') ?? utf8(''));
    expect(await refusal(targets.update())).toMatchObject({
      code: 'TUF_MISMATCH',
      field: '2.targets.json',
    });
  });

  it.each(['timestamp', 'snapshot', 'targets'] as const)(
    'refuses a %s signed by a stranger',
    async (role) => {
      const repo = new Repo();
      repo.publish({ signers: { [role]: [newKey()] } });
      expect((await refusal(repo.update())).code).toBe('TUF_THRESHOLD');
    },
  );

  it.each(['timestamp', 'snapshot', 'targets'] as const)(
    'refuses a %s with one signature too few',
    async (role) => {
      const keys = [newKey(), newKey(), newKey()];
      const repo = new Repo({ ...oneKeyEach(), [role]: { keys, threshold: 2 } });
      repo.publish({ signers: { [role]: keys.slice(1) } });
      await repo.update();
      repo.publish({ signers: { [role]: keys.slice(1, 2) } });
      const error = await refusal(repo.update());
      expect(error.code).toBe('TUF_THRESHOLD');
      expect(error.message).toContain('1 of 2');
    },
  );

  it('refuses two signatures of one keyid', async () => {
    const repo = new Repo();
    const [key] = repo.roles.timestamp.keys;
    repo.publish({ signers: { timestamp: key === undefined ? [] : [key, key] } });
    expect(await refusal(repo.update())).toMatchObject({
      code: 'TUF_MALFORMED',
      field: 'timestamp.json',
    });
  });

  it('counts one key under two keyids once', async () => {
    const repo = new Repo();
    const [key] = repo.roles.timestamp.keys;
    if (key === undefined) throw new Error('no key');
    const twin = { ...tufKey(key.spki), 'x-name': 'twin' };
    const twinId = keyId(nodeCrypto, twin);
    const signed = rootOf(repo.roles, 1);
    const doctored = {
      ...signed,
      keys: { ...(signed.keys as JsonObject), [twinId]: twin },
      roles: {
        ...(signed.roles as JsonObject),
        timestamp: { keyids: [key.keyid, twinId], threshold: 2 },
      },
    };
    repo.files.set('1.root.json', sealed(doctored, repo.roles.root.keys));
    repo.publish({ signers: { timestamp: [key, { ...key, keyid: twinId }] } });
    const error = await refusal(repo.update());
    expect(error).toMatchObject({ code: 'TUF_THRESHOLD', field: 'timestamp.json' });
  });

  it('refuses a root with the signatures of the old or of the new keys alone', async () => {
    const old = oneKeyEach();
    const next = { ...old, root: oneKeyEach().root };
    for (const signers of [old.root.keys, next.root.keys, []]) {
      const repo = new Repo(old);
      repo.rotate(2, next, signers);
      expect(await refusal(repo.update())).toMatchObject({
        code: 'TUF_THRESHOLD',
        field: '2.root.json',
      });
    }
  });

  it('refuses a first root that its own keys did not sign', async () => {
    const roles = oneKeyEach();
    const repo = new Repo(roles);
    repo.files.set('1.root.json', sealed(rootOf(roles, 1), [newKey()]));
    expect((await refusal(() => repo.anchor())).code).toBe('TUF_THRESHOLD');
  });

  it('refuses a skipped and a repeated root version', async () => {
    for (const version of [3, 1]) {
      const repo = new Repo();
      const bytes = sealed(rootOf(repo.roles, version), repo.roles.root.keys);
      expect(await refusal(() => acceptRoot(nodeCrypto, repo.anchor(), bytes))).toMatchObject({
        code: 'TUF_MISMATCH',
        field: '2.root.json',
      });
    }
  });

  it('refuses a file of another role, signed as it may be', async () => {
    const repo = new Repo();
    repo.publish({ change: { timestamp: with_({ _type: 'snapshot' }) } });
    expect((await refusal(repo.update())).message).toContain('_type is snapshot');
    repo.publish({ change: { targets: with_({ _type: 'mirrors' }) } });
    expect((await refusal(repo.update())).code).toBe('TUF_MALFORMED');
  });

  it.each([
    ['substituted', utf8('content X')],
    ['too short', utf8('content')],
    ['endless', new Uint8Array(1 << 20)],
    ['empty', new Uint8Array()],
  ])('refuses a target that is %s', async (_name, bytes) => {
    const repo = new Repo();
    repo.files.set(repo.targetPath, bytes);
    expect(await refusal(repo.update())).toMatchObject({ code: 'TUF_TARGET', field: 'a.json' });
  });

  it('refuses a target that is missing, though it stands under its bare name', async () => {
    const repo = new Repo();
    repo.files.set('targets/a.json', repo.files.get(repo.targetPath) ?? utf8(''));
    repo.files.delete(
      [...repo.files.keys()].find((path) => /^targets\/[0-9a-f]{64}/.test(path)) ?? '',
    );
    expect((await refusal(repo.update())).code).toBe('TUF_TARGET');
  });

  it('refuses metadata that is missing', async () => {
    for (const name of ['timestamp.json', '1.snapshot.json', '1.targets.json']) {
      const repo = new Repo();
      repo.files.delete(name);
      expect(await refusal(repo.update())).toMatchObject({ code: 'TUF_MISMATCH', field: name });
    }
  });
});

describe('hygiene', () => {
  it.each(['timestamp', 'snapshot', 'targets'] as const)('refuses expired %s', async (role) => {
    const repo = new Repo();
    repo.publish({ expiresMs: { [role]: NOW } });
    const error = await refusal(repo.update());
    expect(error.code).toBe('TUF_EXPIRED');
    expect(error.field).toContain(role);
    await expect(repo.update(undefined, NOW - 1)).resolves.toBeDefined();
  });

  it('refuses an expired newest root, and walks over expired ones', async () => {
    const roles = oneKeyEach();
    const repo = new Repo(roles);
    const expired = (version: number) => sealed(rootOf(roles, version, NOW - DAY), roles.root.keys);
    repo.files.set('1.root.json', expired(1));
    expect(await refusal(repo.update())).toMatchObject({ code: 'TUF_EXPIRED', field: 'root.json' });
    repo.files.set('2.root.json', expired(2));
    expect(await refusal(repo.update())).toMatchObject({ field: '2.root.json' });
    repo.files.set('3.root.json', sealed(rootOf(roles, 3), roles.root.keys));
    expect((await repo.update()).root.version).toBe(3);
  });

  it('recovers a client whose trusted files have all expired', async () => {
    const repo = new Repo();
    const state = await repo.update();
    const later = NOW + 2 * 365 * DAY;
    const { roles } = repo;
    repo.files.set('2.root.json', sealed(rootOf(roles, 2, later + DAY), roles.root.keys));
    const all = { timestamp: later + DAY, snapshot: later + DAY, targets: later + DAY };
    repo.publish({ versions: [2, 2, 2], expiresMs: all });
    expect((await repo.update(state, later)).timestamp?.version).toBe(2);
  });

  it('walks over 256 roots in one update, and over the rest in the next', async () => {
    const roles = oneKeyEach();
    const repo = new Repo(roles);
    for (let version = 2; version <= 260; version++) {
      repo.files.set(`${version}.root.json`, sealed(rootOf(roles, version), roles.root.keys));
    }
    const state = await repo.update();
    expect(state.root.version).toBe(257);
    expect((await repo.update(state)).root.version).toBe(260);
  });

  it.each(['root', 'timestamp', 'snapshot', 'targets'] as const)(
    'follows a new key of %s, and refuses the old one then',
    async (role) => {
      const repo = new Repo();
      const before = repo.roles;
      const state = await repo.update();
      repo.rotate(2, { ...before, [role]: oneKeyEach()[role] });
      repo.publish({ versions: [2, 2, 2] });
      expect((await repo.update(state)).root.version).toBe(2);
      if (role === 'root') return;
      repo.publish({ versions: [3, 3, 3], signers: { [role]: before[role].keys } });
      expect((await refusal(repo.update(state))).code).toBe('TUF_THRESHOLD');
    },
  );

  it('lets unknown fields survive, as part of what is signed', async () => {
    const extra = with_({ 'x-custom': { deep: ['ü', 1, null, true, 'a\nb"\\'] } });
    const repo = new Repo();
    const { roles } = repo;
    repo.files.set('1.root.json', sealed(extra(rootOf(roles, 1)), roles.root.keys));
    repo.publish({ change: { timestamp: extra, snapshot: extra, targets: extra } });
    expect((await repo.update()).root.signed['x-custom']).toEqual({
      deep: ['ü', 1, null, true, 'a\nb"\\'],
    });
    const altered = fromUtf8(repo.files.get('timestamp.json') ?? utf8('')).replace('ü', 'u');
    repo.files.set('timestamp.json', utf8(altered));
    expect((await refusal(repo.update())).code).toBe('TUF_THRESHOLD');
  });

  const HASH = '0'.repeat(64);
  const meta = (value: Json) => with_({ meta: { 'snapshot.json': value } });
  it.each<[string, (signed: JsonObject) => JsonObject]>([
    ['no spec_version', without('spec_version')],
    ['spec_version 2.0', with_({ spec_version: '2.0' })],
    ['spec_version 1', with_({ spec_version: '1' })],
    ['version 0', with_({ version: 0 })],
    ['version as text', with_({ version: '1' })],
    ['no expiry', without('expires')],
    ['expiry with milliseconds', with_({ expires: '2026-07-01T00:00:00.000Z' })],
    ['expiry with an offset', with_({ expires: '2026-07-01T00:00:00+00:00' })],
    ['expiry on no day', with_({ expires: '2026-02-30T00:00:00Z' })],
    ['no meta', without('meta')],
    [
      'a second file in meta',
      with_({ meta: { 'snapshot.json': { version: 1 }, x: { version: 1 } } }),
    ],
    ['length 0', meta({ version: 1, length: 0 })],
    ['sha512 alone', meta({ version: 1, hashes: { sha512: HASH } })],
    ['sha256 and sha512', meta({ version: 1, hashes: { sha256: HASH, sha512: HASH } })],
    ['no hash in hashes', meta({ version: 1, hashes: {} })],
    ['upper-case hash', meta({ version: 1, hashes: { sha256: 'A'.repeat(64) } })],
    ['short hash', meta({ version: 1, hashes: { sha256: 'aa' } })],
    ['meta without version', meta({ length: 3 })],
  ])('refuses a timestamp with %s', async (_name, change) => {
    const repo = new Repo();
    repo.publish({ change: { timestamp: change } });
    expect(await refusal(repo.update())).toMatchObject({
      code: 'TUF_MALFORMED',
      field: 'timestamp.json',
    });
  });

  it('refuses a fraction, which has no canonical form', async () => {
    const repo = new Repo();
    const text = fromUtf8(repo.files.get('timestamp.json') ?? utf8(''));
    repo.files.set('timestamp.json', utf8(text.replace('"signed": {', '"signed": { "x": 1.5,')));
    expect((await refusal(repo.update())).code).toBe('TUF_MALFORMED');
  });

  const target = (value: Json, name = 'a.json') => with_({ targets: { [name]: value } });
  it.each<[string, (signed: JsonObject) => JsonObject]>([
    ['no targets', without('targets')],
    ['a name that climbs', target({ length: 1, hashes: { sha256: HASH } }, '../a.json')],
    ['a name with a folder', target({ length: 1, hashes: { sha256: HASH } }, 'a/b.json')],
    ['a hidden name', target({ length: 1, hashes: { sha256: HASH } }, '.a')],
    ['a target without length', target({ hashes: { sha256: HASH } })],
    ['a target without hash', target({ length: 1 })],
    ['a target with an unknown hash', target({ length: 1, hashes: { blake3: HASH } })],
    ['a huge target', target({ length: 5_000_001, hashes: { sha256: HASH } })],
  ])('refuses targets with %s', async (_name, change) => {
    const repo = new Repo();
    repo.publish({ change: { targets: change } });
    expect(await refusal(repo.update())).toMatchObject({
      code: 'TUF_MALFORMED',
      field: '1.targets.json',
    });
  });

  const roles = oneKeyEach();
  const sound = rootOf(roles, 1);
  const [rootKey] = roles.root.keys;
  const id = rootKey?.keyid ?? '';
  const keys = sound.keys as JsonObject;
  const named = sound.roles as JsonObject;
  it.each<[string, JsonObject]>([
    ['no consistent_snapshot', without('consistent_snapshot')(sound)],
    ['consistent_snapshot false', { ...sound, consistent_snapshot: false }],
    ['a role missing', { ...sound, roles: without('targets')(named) }],
    [
      'a role with an unknown key',
      { ...sound, roles: { ...named, root: { keyids: [HASH], threshold: 1 } } },
    ],
    [
      'a keyid twice in a role',
      { ...sound, roles: { ...named, root: { keyids: [id, id], threshold: 2 } } },
    ],
    ['threshold 0', { ...sound, roles: { ...named, root: { keyids: [id], threshold: 0 } } }],
    [
      'threshold above the keys',
      { ...sound, roles: { ...named, root: { keyids: [id], threshold: 2 } } },
    ],
    [
      'a keyid that is no hash of its key',
      { ...sound, keys: { ...keys, [HASH]: keys[id] ?? null } },
    ],
    ['a key that is no object', { ...sound, keys: { ...keys, [id]: 'key' } }],
  ])('refuses a root with %s', async (_name, signed) => {
    const bytes = sealed(signed, roles.root.keys);
    expect(await refusal(() => parseRoot(nodeCrypto, bytes))).toMatchObject({
      code: 'TUF_MALFORMED',
      field: 'root.json',
    });
  });

  it.each<[string, JsonObject]>([
    ['an unknown scheme', { keytype: 'rsa', scheme: 'rsassa-pss-sha256', keyval: { public: 'x' } }],
    ['PEM that is none', { ...tufKey(new Uint8Array([1])) }],
    ['a short ed25519 key', { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: 'abcd' } }],
  ])('refuses a root with %s', async (_name, key) => {
    const signed = { ...sound, keys: { ...keys, [keyId(nodeCrypto, key)]: key } };
    const bytes = sealed(signed, roles.root.keys);
    expect((await refusal(() => parseRoot(nodeCrypto, bytes))).code).toBe('TUF_MALFORMED');
  });

  it.each([
    ['a fallback page', utf8('<!doctype html><p>not found')],
    ['nothing', new Uint8Array()],
    ['an array', utf8('[]')],
    ['a body without signatures', utf8(JSON.stringify({ signed: sound }))],
    ['a name twice', utf8('{"signed":{},"signed":{},"signatures":[]}')],
    ['more than a root may have', new Uint8Array(TUF_LIMITS.root + 1).fill(0x20)],
  ])('refuses %s where the next root was expected', async (_name, bytes) => {
    const repo = new Repo();
    repo.files.set('2.root.json', bytes);
    expect(await refusal(repo.update())).toMatchObject({
      code: 'TUF_MALFORMED',
      field: '2.root.json',
    });
  });

  it('counts no empty signature, as ceremony tools leave them, and no broken one', async () => {
    for (const signature of [new Uint8Array(), new Uint8Array(70)]) {
      const bytes = sealMetadata(sound, [{ keyid: id, signature }]);
      const repo = new Repo(roles);
      repo.files.set('1.root.json', bytes);
      expect((await refusal(() => repo.anchor())).code).toBe('TUF_THRESHOLD');
    }
  });

  it('reads keys as cosign 1 spells them', () => {
    const key = { ...tufKey(newKey().spki), keytype: 'ecdsa-sha2-nistp256' };
    const signed = { ...sound, keys: { ...keys, [keyId(nodeCrypto, key)]: key } };
    expect(parseRoot(nodeCrypto, sealed(signed, roles.root.keys)).keys.size).toBe(5);
  });

  it('writes dates without milliseconds', () => {
    expect(tufDate(NOW + 999)).toBe('2026-06-01T00:00:00Z');
  });
});
