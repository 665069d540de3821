// SPDX-License-Identifier: Apache-2.0
// The corpus: certificates that our CA issues, in process, under its real CT log.
import { parsePem } from '../../services/core/pem.ts';
import {
  ask,
  type Harness,
  NOW,
  openHarness,
  type Subject,
  TIMES,
  token,
  v2Body,
} from '../ca/harness.ts';
import { ISSUER_TYPES, type IssuerType } from './corpus-identities.ts';
import { KEY_NAMES, type KeyName, subjectKey } from './corpus-keys.ts';
import { type Chance, chance } from './corpus-random.ts';

export const SEED = 'sigstead corpus 1';
/** Issued at NOW for ten minutes. */
export const JUDGED_AT_MS = NOW + 60_000;
const AT_ONCE = 50;

export interface Issued {
  readonly type: string;
  readonly keyName: KeyName;
  readonly der: Uint8Array;
}

export interface Corpus {
  readonly harness: Harness;
  readonly issued: readonly Issued[];
  close(): Promise<void>;
}

async function issue(
  harness: Harness,
  drawn: Chance,
  { config, token: draw }: IssuerType,
  [keyName, key]: readonly [KeyName, Subject],
): Promise<Issued> {
  const { claims, principal } = draw(drawn);
  const jwt = token({ ...claims, iss: config.url, ...TIMES });
  const answer = await ask(harness, v2Body(key, principal), jwt);
  const [block] = answer.status === 200 ? parsePem(answer.certificates[0] ?? '') : [];
  if (block === undefined) {
    const shown = JSON.stringify({ claims, ...answer });
    throw new Error(`${config.type} ${config.url}: ${shown}`);
  }
  return { type: config.url, keyName, der: block.der };
}

/** `count` certificates, every type of issuer with every type of key in turn. */
export async function issueCorpus(count: number, seed = SEED): Promise<Corpus> {
  const drawn = chance(seed);
  const harness = await openHarness({
    config: { issuers: ISSUER_TYPES.map(({ config }) => config) },
    ca: () => ({ random: (size) => drawn.bytes(size) }),
  });
  const keys = KEY_NAMES.map(
    (name) => [name, subjectKey(name, chance(`${seed} ${name}`))] as const,
  );
  const issued: Issued[] = [];
  try {
    while (issued.length < count) {
      const size = Math.min(AT_ONCE, count - issued.length);
      const batch = Array.from({ length: size }, (_, i) => {
        const nth = issued.length + i;
        const type = ISSUER_TYPES[nth % ISSUER_TYPES.length] ?? ISSUER_TYPES[0];
        const key = keys[Math.floor(nth / ISSUER_TYPES.length) % keys.length];
        if (key === undefined) throw new Error('no key');
        return issue(harness, chance(`${seed} ${nth}`), type, key);
      });
      issued.push(...(await Promise.all(batch)));
    }
  } catch (error) {
    await harness.close();
    throw error;
  }
  return { harness, issued, close: () => harness.close() };
}

export function pathOf({ chain, options }: Harness) {
  return { chain, atMs: JUDGED_AT_MS, ctlogKey: options.ctlogKey };
}
