// SPDX-License-Identifier: Apache-2.0
// Behind TLS of a private authority: a client signs once it is told of it, and not before.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codes, tableUnder } from '../support/documents.ts';
import { devToken } from '../support/requests.ts';
import { temporaryDirectory } from '../support/stack.ts';
import { have, NODE, PROGRAMS } from './support/cache.ts';
import {
  cosign,
  ok,
  type Result,
  run,
  sigstead,
  type Workplace,
  workplace,
} from './support/commands.ts';
import { DOCUMENT } from './support/compatibility.ts';
import { CONTENTS, type Producer } from './support/matrix.ts';
import { type Desk, IDENTITY } from './support/scene.ts';
import { openTlsStack, type TlsStack } from './support/tls.ts';

/** model_signing swallows the reason. */
const BLAMES_CERTIFICATE =
  /unknown authority|verify the first certificate|CERTIFICATE_VERIFY_FAILED|UNABLE_TO_VERIFY|Signing failed with error: $/;

interface Row {
  readonly client: string;
  readonly signs: string;
  /** Absent where the client knows files alone. */
  readonly reaches: string | undefined;
  readonly producer: Producer;
}

const everyProducer = CONTENTS.flatMap(({ producers }) => producers);

/** Each client once, with the first thing that it makes. */
const ROWS = tableUnder(DOCUMENT, 'Private TLS').flatMap(([client = '', ...cells]): Row[] => {
  const producer = everyProducer.find(({ name }) => name === client);
  const [[signs] = [], [reaches] = []] = cells.map(codes);
  return producer === undefined || signs === undefined
    ? []
    : [{ client, signs, reaches, producer }];
});

const directory = temporaryDirectory();
const file = (name: string) => `${directory.path}/${name}`;
const rootFile = file('data/trust/root.json');
const place = workplace(directory.path);
let stack: TlsStack;

beforeAll(async () => {
  stack = await openTlsStack(place, file('data'));
  writeFileSync(file('token'), await devToken(stack.inside, IDENTITY));
  writeFileSync(file('file.txt'), 'signed over TLS\n');
});
afterAll(async () => {
  await stack.close();
  directory.remove();
});

function placeWith(...variables: readonly string[]): Workplace {
  const told = Object.fromEntries(variables.map((name) => [name, stack.authority]));
  return { ...place, environment: { ...place.environment, ...told } };
}

const deskAt = (at: Workplace): Desk => ({
  place: at,
  trust: file('data/trust'),
  token: file('token'),
  issuer: `${stack.url}/dev-oidc`,
  artifact: file('file.txt'),
  file,
});

it('the document has a variable for every client', () => {
  const clients = new Set(everyProducer.filter(({ variant }) => !variant).map(({ name }) => name));
  expect(new Set(ROWS.map(({ client }) => client))).toEqual(clients);
});

function expectNoTrust({ status, output }: Result): void {
  expect(status).not.toBe(0);
  expect(output.replaceAll(/\s+/g, ' ')).toMatch(BLAMES_CERTIFICATE);
}

describe.each(ROWS.filter(({ producer }) => have(...producer.tools)))(
  '$client behind private TLS',
  ({ client, signs, producer }) => {
    const bundle = file(`${client.replaceAll(/\W/g, '-')}.json`);

    it(`signs with ${signs}`, async () => {
      await ok(producer.make(deskAt(placeWith(signs)), bundle));
    });

    it('does not sign without', async () => {
      expectNoTrust(await producer.make(deskAt(place), `${bundle}.none`));
    });
  },
);

/** How each client gets the trust root for the first time. */
const FIRST_VISIT: Readonly<Record<string, (at: Workplace) => Promise<Result>>> = {
  sigstead: (at) => sigstead(at, 'trust', 'export', '--url', stack.url, '--out', file('exported')),
  cosign: (at) => cosign(at, 'initialize', '--mirror', `${stack.url}/tuf`, '--root', rootFile),
  'sigstore-python': (at) => visitWithPython(at, 'sigstore'),
  'sigstore-python 4.2': (at) => visitWithPython(at, 'sigstore-4.2'),
  'sigstore-js': (at) =>
    run(at, process.execPath, [
      ...[join(NODE, 'verify.mjs'), '--tuf-mirror', `${stack.url}/tuf`, '--tuf-root', rootFile],
      ...['--tuf-cache', file('js-cache'), '--bundle', file('sigstore-js.json')],
      ...['--identity', IDENTITY, '--issuer', `${stack.url}/dev-oidc`, file('file.txt')],
    ]),
};

function visitWithPython(at: Workplace, tool: 'sigstore' | 'sigstore-4.2'): Promise<Result> {
  const instance = ['--instance', `${stack.url}/tuf`];
  return run(at, PROGRAMS[tool], [...instance, 'trust-instance', rootFile]);
}

it('the document says how each of them reaches it', () => {
  const clients = ROWS.filter(({ reaches }) => reaches !== undefined).map(({ client }) => client);
  expect(clients).toEqual(Object.keys(FIRST_VISIT));
});

describe.each(
  ROWS.flatMap(({ client, reaches, producer }) => {
    const visit = FIRST_VISIT[client];
    if (visit === undefined || reaches === undefined || !have(...producer.tools)) return [];
    return [{ client, reaches, visit }];
  }),
)('$client and a trust root behind private TLS', ({ reaches, visit }) => {
  it('does not reach it unless told', async () => expectNoTrust(await visit(place)));

  it(`reaches it with ${reaches}`, async () => {
    await ok(visit(placeWith(reaches)));
  });
});
