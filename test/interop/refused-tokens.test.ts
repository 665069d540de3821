// SPDX-License-Identifier: Apache-2.0
// A certificate authority says no, and why: what of it each client passes on.
import { writeFileSync } from 'node:fs';
import { generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codes, tableUnder } from '../support/documents.ts';
import { have } from './support/cache.ts';
import { DOCUMENT } from './support/compatibility.ts';
import { CONTENTS } from './support/matrix.ts';
import { IDENTITY, openScene, type Scene } from './support/scene.ts';

const producers = CONTENTS.flatMap((content) => content.producers);
const ROWS = tableUnder(DOCUMENT, 'A refused token').flatMap(([client = '', says]) => {
  const producer = producers.find(({ name }) => name === client);
  return producer === undefined ? [] : [{ client, words: codes(says), producer }];
});

/** A token in order but for its issuer, which the stack does not know. */
async function strangersToken(): Promise<string> {
  const { privateKey } = await generateKeyPair('RS256');
  return new SignJWT({ email: IDENTITY, email_verified: true })
    .setProtectedHeader({ alg: 'RS256', kid: 'stranger' })
    .setIssuer('https://stranger.example.com')
    .setSubject(IDENTITY)
    .setAudience('sigstore')
    .setIssuedAt()
    .setExpirationTime('10 minutes')
    .sign(privateKey);
}

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
  writeFileSync(scene.token, await strangersToken());
});
afterAll(() => scene.close());

it('the document has a row for every client', () => {
  const clients = new Set(producers.filter(({ variant }) => !variant).map(({ name }) => name));
  expect(new Set(ROWS.map(({ client }) => client))).toEqual(clients);
});

describe.each(ROWS.filter(({ producer }) => have('package', ...producer.tools)))(
  '$client with a token of an unknown issuer',
  ({ words, producer }) => {
    it(`says ${words.join(', ')}`, async () => {
      const { status, output } = await producer.make(scene, scene.file('refused.json'));
      expect(status).not.toBe(0);
      for (const word of words) expect(output).toContain(word);
      expect(words.length).toBeGreaterThan(0);
    });
  },
);
