// SPDX-License-Identifier: Apache-2.0
// The verifier of a release in a page of a real browser: the same verdicts as under Node, and not one
// request from the page.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeBundles } from '../../scripts/release/bundles.ts';
import { base64 } from '../../services/core/bytes.ts';
import { ROOT } from '../support/stack.ts';
import { artifactOf, readVectors, type Vector, vectorRoot } from '../support/vectors.ts';
import { have } from './support/cache.ts';

const EXECUTABLE = '/usr/bin/chromium';
const QUIET = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
];
/** Answered by the test, from memory. */
const ORIGIN = 'https://page.test';
const PAGE = '<!doctype html><title>verify</title><link rel="icon" href="data:,">';

let browser: Browser;
let page: Page;
/** Everything that the page asked for. */
const requests: string[] = [];

async function open(script: string): Promise<void> {
  browser = await chromium.launch({ executablePath: EXECUTABLE, args: QUIET });
  page = await browser.newPage();
  await page.route('**/*', (route) => {
    const url = route.request().url();
    requests.push(url);
    if (url === `${ORIGIN}/`) return route.fulfill({ contentType: 'text/html', body: PAGE });
    if (url === `${ORIGIN}/verify.js`)
      return route.fulfill({ contentType: 'text/javascript', body: script });
    return route.abort();
  });
  await page.goto(`${ORIGIN}/`);
  await page.evaluate(`import('/verify.js').then((found) => { globalThis.sigstead = found; })`);
  await page.context().setOffline(true);
}

/** `PASS` with the identity, or the code of the refusal; the names of the checks that ran. */
async function judge(vector: Vector, bundle = vector.bundle, artifact = vector.artifact) {
  const given = artifactOf(artifact);
  if (!('bytes' in given) || vector.policy.key !== undefined)
    throw new Error('a vector of a file signed by a person is needed');
  const call = [vectorRoot(vector.root), bundle, base64(given.bytes), vector.policy];
  const [root, text, bytes, policy] = call.map((one) => JSON.stringify(one));
  return (await page.evaluate(`{
    const { examine, parseBundle, parseTrustedRoot, CodedError } = sigstead;
    const artifact = { bytes: Uint8Array.from(atob(${bytes}), (one) => one.charCodeAt(0)) };
    let verdict;
    try {
      const found = examine(parseTrustedRoot(${root}), parseBundle(${text}), artifact, ${policy});
      verdict = {
        verdict: found.error?.code ?? 'PASS ' + found.verification.identity.name,
        checks: found.checks.map(({ name, verdict }) => name + ' ' + verdict),
      };
    } catch (error) {
      verdict = { verdict: error instanceof CodedError ? error.code : String(error), checks: [] };
    }
    verdict;
  }`)) as { readonly verdict: string; readonly checks: readonly string[] };
}

function vectorOf(family: string, name: string): Vector {
  const found = readVectors(family).find((one) => one.name === name);
  if (found === undefined) throw new Error(`no vector ${family}/${name}`);
  return found.vector;
}

/** The same bundle with one bit of a base64 value turned. */
function tampered(bundle: string, field: string): string {
  const at = bundle.indexOf(`"${field}": "`);
  if (at < 0) throw new Error(`no ${field} in the bundle`);
  const start = at + field.length + 5;
  const middle = start + ((bundle.indexOf('"', start) - start) >> 1);
  const other = bundle[middle] === 'A' ? 'B' : 'A';
  return bundle.slice(0, middle) + other + bundle.slice(middle + 1);
}

const V2_ATTESTATION = vectorOf('content', 'statement-about-the-file');
const V1_FILE = vectorOf('rekor-v1', 'hashedrekord-0-0-1-in-version-0-1-promise-alone');
const V1_ATTESTATION = vectorOf('rekor-v1', 'dsse-0-0-1-in-version-0-1-promise-and-proof');
const V2_FILE = vectorOf('bundle', 'version-0-3');

describe.runIf(have('chromium'))('the verifier in a page', () => {
  let before: number;
  beforeAll(async () => {
    const out = mkdtempSync(join(tmpdir(), 'sigstead-page-'));
    await writeBundles({ root: ROOT, out, banner: '// of a test' });
    const script = readFileSync(join(out, 'verify.js'), 'utf8');
    rmSync(out, { recursive: true });
    await open(script);
    before = requests.length;
  });
  afterAll(async () => {
    await browser.close();
  });

  it('is one file: it and the page are all that was asked for', () => {
    expect(requests).toEqual([`${ORIGIN}/`, `${ORIGIN}/verify.js`]);
  });

  it.each([
    ['an attestation in Rekor v2', V2_ATTESTATION],
    ['a file in Rekor v2', V2_FILE],
    ['a file in Rekor v1, by its promise', V1_FILE],
    ['an attestation in Rekor v1, by promise and proof', V1_ATTESTATION],
  ])('verifies %s', async (_, vector) => {
    const { verdict, checks } = await judge(vector);
    expect(verdict).toBe('PASS dev@example.com');
    expect(checks).toHaveLength(8);
    expect(checks.filter((check) => !check.endsWith(' passed'))).toEqual([]);
  });

  it.each([
    ['the payload of an attestation', V2_ATTESTATION, 'payload'],
    ['the signature of an attestation', V2_ATTESTATION, 'sig'],
    ['its timestamp', V2_ATTESTATION, 'signedTimestamp'],
    ['its inclusion proof', V2_ATTESTATION, 'rootHash'],
    ['its log entry', V2_ATTESTATION, 'canonicalizedBody'],
    ['its certificate', V2_ATTESTATION, 'rawBytes'],
    ['the signature of a file', V1_FILE, 'signature'],
    ['the promise of Rekor v1', V1_FILE, 'signedEntryTimestamp'],
    ['its digest', V1_FILE, 'digest'],
  ])('refuses with one letter of %s changed', async (_, vector, field) => {
    const { verdict } = await judge(vector, tampered(vector.bundle, field));
    expect(verdict).toMatch(/^[A-Z]+(_[A-Z]+)+$/);
  });

  it.each([
    ['an attestation', V2_ATTESTATION],
    ['a bundle of Rekor v1', V1_FILE],
  ])('refuses another file under %s', async (_, vector) => {
    const bytes = new TextEncoder().encode('another artifact\n');
    const { verdict } = await judge(vector, vector.bundle, { bytes });
    expect(verdict).toMatch(/^(DIGEST|SUBJECT)_MISMATCH$/);
  });

  it('refuses another signer', async () => {
    const policy = { ...V2_FILE.policy, identity: 'eve@example.com' };
    expect((await judge({ ...V2_FILE, policy })).verdict).toBe('IDENTITY_MISMATCH');
  });

  it('sent no request while it did', () => {
    expect(requests.slice(before)).toEqual([]);
  });
});
