// SPDX-License-Identifier: Apache-2.0
// A new chain and key while requests run: files read by content, in any order and through links; a
// bad pair leaves the former in use.
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { keyPairReader } from '../../services/ca/key-files.ts';
import { CodedError } from '../../services/core/errors.ts';
import { parsePem, pem } from '../../services/core/pem.ts';
import type { SubmitPrecert } from '../../services/core/sct.ts';
import { parseCertificate, verifyIssuedBy } from '../../services/core/x509.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { createMetrics } from '../../services/runtime/metrics.ts';
import { type Authority, authority, CODE_SIGNING, type Kind } from './authorities.ts';
import { ask, EMAIL_CLAIMS, NOW, openHarness, subject, token, v2Body } from './harness.ts';

const DAY_MS = 86_400_000;
type Chain = readonly [Authority, ...Authority[]];
let first: Chain;
let second: Chain;

async function chain(kind: Kind = 'P-256', valid?: readonly [number, number]): Promise<Chain> {
  const root = await authority('root', { kind });
  const wanted = { parent: root, kind, usages: CODE_SIGNING };
  return [await authority('issuing', valid === undefined ? wanted : { ...wanted, valid }), root];
}

beforeAll(async () => {
  first = await chain();
  second = await chain();
});

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reload-'));
});
afterEach(() => rmSync(directory, { recursive: true }));
const at = (name: string) => join(directory, name);

const chainText = (of: readonly Authority[]) =>
  of.map(({ der }) => pem('CERTIFICATE', der)).join('');
const keyText = ([{ key }]: Chain) => key.export({ type: 'pkcs8', format: 'pem' }).toString();

function write(pair: Chain): void {
  writeFileSync(at('chain.pem'), chainText(pair));
  writeFileSync(at('key.pem'), keyText(pair));
}

interface Wanted {
  readonly announce?: (chain: readonly Uint8Array[]) => Promise<void>;
  readonly wrap?: (submit: SubmitPrecert) => SubmitPrecert;
  readonly files?: { chainFile: string; keyFile: string };
}

async function open({ announce = async () => {}, wrap = (s) => s, files }: Wanted = {}) {
  const read = keyPairReader(files ?? { chainFile: at('chain.pem'), keyFile: at('key.pem') });
  const metrics = createMetrics();
  let poll = async () => {};
  let stopped = false;
  const every = (task: () => Promise<void>) => {
    poll = task;
    return () => {
      stopped = true;
    };
  };
  const harness = await openHarness({
    ca: ({ submit }) => ({
      ...read().open(),
      metrics,
      submit: wrap(submit),
      reload: { read, announce, every },
    }),
  });
  const state = () => harness.ca.state?.() as { keyPair: string; chainDaysLeft: number };
  const metric = async (name: string) =>
    new RegExp(`^${name} (.*)$`, 'm').exec(await metrics.text())?.[1];
  return { harness, state, metric, poll: () => poll(), stopped: () => stopped };
}

/** Who issued a new certificate, and whether the rest of the answer and of the API says the same. */
async function issuer({ harness }: Awaited<ReturnType<typeof open>>, candidates: Chain[]) {
  const answer = await ask(harness, v2Body(subject(), EMAIL_CLAIMS.email), token(EMAIL_CLAIMS));
  return signedBy(answer.certificates, candidates);
}

function signedBy(certificates: readonly string[], candidates: readonly Chain[]): number {
  const ders = certificates.flatMap((text) => parsePem(text).map(({ der }) => der));
  const [leaf, ...above] = ders.map((der) => parseCertificate(der));
  return candidates.findIndex(
    ([issuing, ...rest]) =>
      leaf !== undefined &&
      verifyIssuedBy(nodeCrypto, leaf, parseCertificate(issuing.der)) &&
      Buffer.concat(above.map(({ der }) => der)).equals(
        Buffer.concat([issuing, ...rest].map(({ der }) => der)),
      ),
  );
}

describe('a new pair', () => {
  it('signs from the next request on, and is told by both APIs', async () => {
    write(first);
    const announced: number[] = [];
    const ca = await open({ announce: async (ders) => void announced.push(ders.length) });
    expect(await issuer(ca, [first, second])).toBe(0);
    await ca.poll();
    expect(announced).toEqual([]);
    write(second);
    expect(await issuer(ca, [first, second])).toBe(0);
    await ca.poll();
    expect(announced).toEqual([2]);
    expect(await issuer(ca, [first, second])).toBe(1);
    const { routes } = ca.harness.ca;
    const bundle = (await (await routes.request('/api/v2/trustBundle')).json()) as object;
    const certificates = second.map(({ der }) => pem('CERTIFICATE', der));
    expect(bundle).toEqual({ chains: [{ certificates }] });
    expect(await (await routes.request('/api/v1/rootCert')).text()).toBe(chainText(second).trim());
    expect(await ca.metric('sigstead_ca_reloads_total\\{result="taken"\\}')).toBe('1');
    await ca.poll();
    expect(announced).toEqual([2]);
    await ca.harness.ca.close();
    expect(ca.stopped()).toBe(true);
    await ca.harness.close();
  });

  it('may come in halves, in either order: between them the former signs', async () => {
    for (const order of [
      ['chain.pem', 'key.pem'],
      ['key.pem', 'chain.pem'],
    ] as const) {
      write(first);
      const ca = await open();
      for (const [i, name] of order.entries()) {
        writeFileSync(at(name), name === 'key.pem' ? keyText(second) : chainText(second));
        await ca.poll();
        expect(await issuer(ca, [first, second])).toBe(i);
        expect(ca.state().keyPair).toMatch(i === 0 ? /^former: CHAIN_INVALID/ : /^current$/);
      }
      await ca.harness.close();
    }
  });

  it('may come by links, as a mounted Secret is swapped', async () => {
    for (const [name, pair] of [
      ['..one', first],
      ['..two', second],
    ] as const) {
      mkdirSync(at(name));
      writeFileSync(join(at(name), 'chain.pem'), chainText(pair));
      writeFileSync(join(at(name), 'key.pem'), keyText(pair));
    }
    symlinkSync('..one', at('..data'));
    for (const name of ['chain.pem', 'key.pem']) symlinkSync(join('..data', name), at(name));
    const ca = await open();
    expect(await issuer(ca, [first, second])).toBe(0);
    symlinkSync('..two', at('..data_tmp'));
    renameSync(at('..data_tmp'), at('..data'));
    await ca.poll();
    expect(await issuer(ca, [first, second])).toBe(1);
    await ca.harness.close();
  });

  it('may be of another family, of one certificate or of three', async () => {
    write(first);
    const ca = await open();
    const root = await authority('root');
    const middle = await authority('middle', { parent: root, usages: CODE_SIGNING });
    const last = await authority('last', { parent: middle, usages: CODE_SIGNING });
    const chains: Chain[] = [
      [root],
      [last, middle, root],
      await chain('P-384'),
      await chain('rsa2048'),
    ];
    for (const [i, next] of chains.entries()) {
      write(next);
      await ca.poll();
      expect([i, ca.state().keyPair]).toEqual([i, 'current']);
      expect(await issuer(ca, chains)).toBe(i);
    }
    await ca.harness.close();
  });

  it('costs no request: each ends with the pair that it began with', async () => {
    write(first);
    const waiting: Array<() => void> = [];
    let held = true;
    const ca = await open({
      wrap: (submit) => async (submission) => {
        if (held) await new Promise<void>((resolve) => waiting.push(resolve));
        return submit(submission);
      },
    });
    const body = v2Body(subject(), EMAIL_CLAIMS.email);
    const begin = () => ask(ca.harness, body, token(EMAIL_CLAIMS));
    const early = Array.from({ length: 8 }, begin);
    // Their precertificates are signed, and lie with the log.
    while (waiting.length < early.length) await new Promise((resolve) => setTimeout(resolve, 1));
    write(second);
    await ca.poll();
    held = false;
    const late = await begin();
    for (const go of waiting) go();
    for (const answer of await Promise.all(early)) {
      expect([answer.status, signedBy(answer.certificates, [first, second])]).toEqual([200, 0]);
    }
    expect([late.status, signedBy(late.certificates, [first, second])]).toEqual([200, 1]);
    await ca.harness.close();
  });

  it('is taken though requests never pause', async () => {
    write(first);
    const ca = await open();
    let running = true;
    const statuses = new Set<number>();
    const signers = new Set<number>();
    const worker = async () => {
      const body = v2Body(subject(), EMAIL_CLAIMS.email);
      while (running) {
        const answer = await ask(ca.harness, body, token(EMAIL_CLAIMS));
        statuses.add(answer.status);
        signers.add(signedBy(answer.certificates, [first, second]));
      }
    };
    const work = Promise.all([worker(), worker(), worker(), worker()]);
    for (const next of [second, first, second, first, second]) {
      write(next);
      await ca.poll();
      expect(ca.state().keyPair).toBe('current');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    running = false;
    await work;
    expect([[...statuses], [...signers].sort()]).toEqual([[200], [0, 1]]);
    await ca.harness.close();
  });
});

describe('a bad pair leaves the former in use', () => {
  it.each<[string, () => Promise<void> | void, string]>([
    [
      'a chain of another key',
      () => writeFileSync(at('chain.pem'), chainText(second)),
      'CHAIN_INVALID',
    ],
    [
      'a key of another chain',
      () => writeFileSync(at('key.pem'), keyText(second)),
      'CHAIN_INVALID',
    ],
    ['no chain', () => rmSync(at('chain.pem')), 'KEY_UNREADABLE'],
    ['no key', () => rmSync(at('key.pem')), 'KEY_UNREADABLE'],
    ['an empty chain', () => writeFileSync(at('chain.pem'), ''), 'CHAIN_INVALID'],
    [
      'half a chain',
      () => writeFileSync(at('chain.pem'), chainText(second).slice(0, 700)),
      'CHAIN_INVALID',
    ],
    ['an empty key', () => writeFileSync(at('key.pem'), ''), 'KEY_UNREADABLE'],
    [
      'a chain upside down',
      () => write([...second].reverse() as unknown as Chain),
      'CHAIN_INVALID',
    ],
    ['an issuing certificate alone', () => write([second[0]]), 'CHAIN_INVALID'],
    [
      'an expired certificate',
      async () => write(await chain('P-256', [-2 * DAY_MS, -DAY_MS])),
      'CHAIN_INVALID',
    ],
    [
      'a certificate of tomorrow',
      async () => write(await chain('P-256', [DAY_MS, 2 * DAY_MS])),
      'CHAIN_INVALID',
    ],
    [
      'an Ed25519 key',
      async () => write([await authority('root', { kind: 'ed25519' })]),
      'KEY_UNREADABLE',
    ],
    [
      'a weak key',
      async () => write([await authority('root', { kind: 'rsa1024' })]),
      'CHAIN_INVALID',
    ],
    ['no CA', async () => write([await authority('leaf', { isCa: false })]), 'CHAIN_INVALID'],
  ])('with %s', async (_, spoil, code) => {
    write(first);
    const announced: unknown[] = [];
    const ca = await open({ announce: async (ders) => void announced.push(ders) });
    await spoil();
    await ca.poll();
    await ca.poll();
    expect(await issuer(ca, [first, second])).toBe(0);
    expect(ca.state().keyPair).toMatch(new RegExp(`^former: ${code}: `));
    expect(announced).toEqual([]);
    // It serves: no balancer needs to look elsewhere.
    expect(ca.harness.ca.readiness()).toEqual([]);
    expect(await ca.metric('sigstead_ca_reload_fault')).toBe('1');
    // Told once, however often it is looked at.
    expect(await ca.metric(`sigstead_ca_reloads_total\\{result="${code}"\\}`)).toBe('1');
    write(second);
    await ca.poll();
    expect(await issuer(ca, [first, second])).toBe(1);
    expect([ca.state().keyPair, await ca.metric('sigstead_ca_reload_fault')]).toEqual([
      'current',
      '0',
    ]);
    await ca.harness.close();
  });

  it('when those who must know cannot be told, until they can', async () => {
    write(first);
    let reached = false;
    const ca = await open({
      announce: () =>
        reached
          ? Promise.resolve()
          : Promise.reject(new CodedError('UNAVAILABLE', 'no trust root')),
    });
    write(second);
    await ca.poll();
    expect(await issuer(ca, [first, second])).toBe(0);
    expect(ca.state().keyPair).toBe('former: UNAVAILABLE: no trust root');
    reached = true;
    await ca.poll();
    expect(await issuer(ca, [first, second])).toBe(1);
    await ca.harness.close();
  });

  it('and no fault is shown once the former files are back', async () => {
    write(first);
    const ca = await open();
    await ca.poll();
    writeFileSync(at('key.pem'), 'x');
    await ca.poll();
    expect(ca.state().keyPair).toMatch(/^former/);
    write(first);
    await ca.poll();
    expect(ca.state().keyPair).toBe('current');
    await ca.harness.close();
  });

  it('and the days that are left are those of the pair in use', async () => {
    write(await chain('P-256', [-DAY_MS, 3 * DAY_MS]));
    const ca = await open();
    expect(ca.state().chainDaysLeft).toBe(3);
    expect(Number(await ca.metric('sigstead_ca_chain_days_left'))).toBeCloseTo(3);
    await ca.harness.close();
  });
});

describe('key files', () => {
  const read = (more: object = {}) =>
    keyPairReader({ chainFile: at('chain.pem'), keyFile: at('key.pem'), ...more })();
  const fault = (work: () => unknown): string => {
    try {
      work();
      return 'none';
    } catch (error) {
      return error instanceof CodedError ? `${error.code} ${error.message}` : `${error}`;
    }
  };
  const encrypted = (passphrase: string) =>
    first[0].key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase });

  it('differ in their digest as soon as one octet does', () => {
    write(first);
    const { digest } = read();
    expect(read().digest).toBe(digest);
    writeFileSync(at('chain.pem'), `${chainText(first)}\n`);
    expect(read().digest).not.toBe(digest);
    // An octet that wanders from one file into the other is a difference.
    writeFileSync(at('chain.pem'), 'ab');
    writeFileSync(at('key.pem'), 'c');
    const one = read().digest;
    writeFileSync(at('chain.pem'), 'a');
    writeFileSync(at('key.pem'), 'bc');
    expect(read().digest).not.toBe(one);
  });

  it('may be encrypted, with the password in a file, its last newline cut', () => {
    write(first);
    writeFileSync(at('key.pem'), encrypted(' a b '));
    for (const text of [' a b ', ' a b \n', ' a b \r\n']) {
      writeFileSync(at('password'), text);
      const { signer } = read({ keyPasswordFile: at('password') }).open();
      expect(Buffer.from(signer.spki).equals(Buffer.from(first[0].spki))).toBe(true);
    }
  });

  it('that are encrypted say what is missing, and never the password', () => {
    write(first);
    writeFileSync(at('key.pem'), encrypted('right'));
    expect(fault(() => read().open())).toContain('encrypted: set keyPasswordFile');
    writeFileSync(at('password'), 'swordfish');
    const wrong = fault(() => read({ keyPasswordFile: at('password') }).open());
    expect(wrong).toMatch(/^KEY_UNREADABLE /);
    expect(wrong).not.toContain('swordfish');
    expect(fault(() => read({ keyPasswordFile: at('gone') }))).toMatch(/^KEY_UNREADABLE .*ENOENT/);
  });

  it.each(['P-256', 'P-384', 'rsa2048'] as const)(
    'of %s sign with the hash of the kind',
    async (kind) => {
      write(await chain(kind));
      const ca = await open();
      expect(ca.state().keyPair).toBe('current');
      await ca.harness.close();
    },
  );

  it('of the clock of the CA, not of the machine, are judged', async () => {
    write(await chain('P-256', [-DAY_MS, DAY_MS]));
    const harness = await openHarness({
      ca: () => ({ ...read().open(), clock: () => NOW }),
    });
    expect(harness.ca.readiness()).toEqual([]);
    await harness.close();
    const late = openHarness({ ca: () => ({ ...read().open(), clock: () => NOW + 2 * DAY_MS }) });
    await expect(late).rejects.toMatchObject({ code: 'CHAIN_INVALID' });
  });
});
