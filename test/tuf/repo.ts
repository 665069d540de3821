// SPDX-License-Identifier: Apache-2.0
// A TUF repository in memory whose every part a test may set, sound or not.
import { generateKeyPairSync, sign } from 'node:crypto';
import { fetchTarget, type TufSource, updateTuf } from '../../services/client/tuf-source.ts';
import { utf8 } from '../../services/core/bytes.ts';
import { CodedError } from '../../services/core/errors.ts';
import type { JsonObject } from '../../services/core/json.ts';
import { keyId, type Role } from '../../services/core/tuf.ts';
import {
  canonicalBytes,
  rootSigned,
  sealMetadata,
  snapshotSigned,
  targetsSigned,
  timestampSigned,
  tufKey,
} from '../../services/core/tuf-build.ts';
import { begin, type TufState, targetFile } from '../../services/core/tuf-update.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';

export const NOW = Date.UTC(2026, 5, 1);
export const DAY = 86_400_000;

export interface Key {
  readonly spki: Uint8Array;
  readonly keyid: string;
  sign(message: Uint8Array): Uint8Array;
}

export function newKey(): Key {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  return {
    spki,
    keyid: keyId(nodeCrypto, tufKey(spki)),
    sign: (message) => new Uint8Array(sign('sha256', message, privateKey)),
  };
}

/** The file, signed by the keys. */
export function sealed(signed: JsonObject, keys: readonly Key[]): Uint8Array {
  const message = canonicalBytes(signed);
  return sealMetadata(
    signed,
    keys.map((key) => ({ keyid: key.keyid, signature: key.sign(message) })),
  );
}

export type RoleKeySet = Record<Role, { keys: Key[]; threshold: number }>;

export function oneKeyEach(): RoleKeySet {
  const role = () => ({ keys: [newKey()], threshold: 1 });
  return { root: role(), timestamp: role(), snapshot: role(), targets: role() };
}

export function rootOf(
  roles: RoleKeySet,
  version: number,
  expiresMs = NOW + 365 * DAY,
): JsonObject {
  const spec = (role: Role) => ({
    keys: roles[role].keys.map(({ spki }) => spki),
    threshold: roles[role].threshold,
  });
  return rootSigned(
    nodeCrypto,
    { version, expiresMs },
    {
      root: spec('root'),
      timestamp: spec('timestamp'),
      snapshot: spec('snapshot'),
      targets: spec('targets'),
    },
  );
}

type Change = (signed: JsonObject) => JsonObject;
const unchanged: Change = (signed) => signed;

export interface Publication {
  /** Of timestamp, snapshot, targets. */
  readonly versions?: readonly [number, number, number];
  readonly content?: string;
  readonly expiresMs?: Partial<Record<Role, number>>;
  readonly change?: Partial<Record<Role, Change>>;
  readonly signers?: Partial<Record<Role, readonly Key[]>>;
}

/** Files by path; `roles` are the ones of the newest root. */
export class Repo {
  readonly files = new Map<string, Uint8Array>();
  roles: RoleKeySet;

  constructor(roles: RoleKeySet = oneKeyEach()) {
    this.roles = roles;
    this.files.set('1.root.json', sealed(rootOf(roles, 1), roles.root.keys));
    this.publish();
  }

  /** Writes a root with other keys, signed by the old and the new ones. */
  rotate(version: number, roles: RoleKeySet, signers?: readonly Key[]): void {
    const both = [...new Set([...this.roles.root.keys, ...roles.root.keys])];
    this.files.set(`${version}.root.json`, sealed(rootOf(roles, version), signers ?? both));
    this.roles = roles;
  }

  publish(publication: Publication = {}): void {
    const [timestamp, snapshot, targets] = publication.versions ?? [1, 1, 1];
    const validity = (role: Role, version: number) => ({
      version,
      expiresMs: publication.expiresMs?.[role] ?? NOW + 30 * DAY,
    });
    const make = (role: Role, signed: JsonObject) =>
      sealed(
        (publication.change?.[role] ?? unchanged)(signed),
        publication.signers?.[role] ?? this.roles[role].keys,
      );
    const source = { name: 'a.json', bytes: utf8(publication.content ?? 'content 1') };
    const targetsBytes = make(
      'targets',
      targetsSigned(nodeCrypto, validity('targets', targets), [source]),
    );
    const snapshotBytes = make(
      'snapshot',
      snapshotSigned(nodeCrypto, validity('snapshot', snapshot), {
        version: targets,
        bytes: targetsBytes,
      }),
    );
    const timestampBytes = make(
      'timestamp',
      timestampSigned(nodeCrypto, validity('timestamp', timestamp), {
        version: snapshot,
        bytes: snapshotBytes,
      }),
    );
    const sha256 = nodeCrypto.digest('sha256', source.bytes);
    const { path } = targetFile({ name: source.name, length: source.bytes.length, sha256 });
    this.files.set(path, source.bytes);
    this.files.set(`${targets}.targets.json`, targetsBytes);
    this.files.set(`${snapshot}.snapshot.json`, snapshotBytes);
    this.files.set('timestamp.json', timestampBytes);
  }

  get targetPath(): string {
    return [...this.files.keys()].filter((path) => path.startsWith('targets/')).at(-1) ?? '';
  }

  get source(): TufSource {
    return ({ path, limit }) => Promise.resolve(this.files.get(path)?.subarray(0, limit + 1));
  }

  /** What a client holds that knows version 1 of root alone. */
  anchor(): TufState {
    return begin(nodeCrypto, this.files.get('1.root.json') ?? new Uint8Array());
  }

  /** One update, and the target. */
  async update(state: TufState = this.anchor(), nowMs = NOW): Promise<TufState> {
    const next = await updateTuf(nodeCrypto, this.source, state, nowMs);
    await fetchTarget(nodeCrypto, this.source, next, 'a.json');
    return next;
  }
}

export async function refusal(work: Promise<unknown> | (() => unknown)): Promise<CodedError> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
  throw new Error('was accepted');
}
