// SPDX-License-Identifier: Apache-2.0
// The four acts of signing.ts by the clients of other houses. Each is given trust files alone.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { NODE, PROGRAMS } from './cache.ts';
import { cosign, type Result, run, type Workplace } from './commands.ts';
import { type Desk, IDENTITY } from './scene.ts';
import { type Claim, cosignSignFlags, PREDICATE_TYPE, rootIn, type Signer } from './signing.ts';

const trustConfigIn = (trust: string) => join(trust, 'client_trust_config.json');
const signingConfigIn = (trust: string) => join(trust, 'signing_config.v0.2.json');
const tokenOf = (desk: Desk) => readFileSync(desk.token, 'utf8').trim();

/** An in-toto statement about the artifact, for clients that sign statements and write none. */
export function writeStatement(desk: Desk, predicate: string): string {
  const sha256 = createHash('sha256').update(readFileSync(desk.artifact)).digest('hex');
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: basename(desk.artifact), digest: { sha256 } }],
    predicateType: PREDICATE_TYPE,
    predicate: JSON.parse(readFileSync(predicate, 'utf8')),
  };
  const path = desk.file('statement.json');
  writeFileSync(path, JSON.stringify(statement));
  return path;
}

/** cosign signs a statement as it is; from a predicate it writes one of in-toto v0.1. */
export function attestStatement(desk: Desk, predicate: string, bundle: string): Promise<Result> {
  return cosign(
    desk.place,
    'attest-blob',
    ...cosignSignFlags(desk),
    ...['--statement', writeStatement(desk, predicate), '--bundle', bundle, desk.artifact],
  );
}

/** sigstore-python wraps its messages at the width of the terminal. */
const wide = ({ directory, environment }: Workplace): Workplace => ({
  directory,
  environment: { ...environment, COLUMNS: '1000' },
});

function pythonSigner(tool: 'sigstore' | 'sigstore-4.2', name: string): Signer {
  const python = (desk: Desk, trust: string, ...args: string[]) =>
    run(wide(desk.place), PROGRAMS[tool], ['--trust-config', trustConfigIn(trust), ...args]);
  const verify: Signer['verify'] = (desk, bundle, claim = {}) =>
    python(
      desk,
      claim.trust ?? desk.trust,
      ...['verify', 'identity', '--bundle', bundle],
      ...['--cert-identity', claim.identity ?? IDENTITY],
      ...['--cert-oidc-issuer', claim.issuer ?? desk.issuer],
      claim.artifact ?? desk.artifact,
    );
  return {
    name,
    tools: [tool],
    sign: (desk, bundle) =>
      python(
        desk,
        desk.trust,
        ...['sign', '--identity-token', tokenOf(desk), '--bundle', bundle, desk.artifact],
      ),
    attest: (desk, predicate, bundle) =>
      python(
        desk,
        desk.trust,
        ...['attest', '--predicate', predicate, '--predicate-type', PREDICATE_TYPE],
        ...['--identity-token', tokenOf(desk), '--bundle', bundle, desk.artifact],
      ),
    verify,
    // The same command: the bundle says what it holds.
    verifyAttestation: verify,
  };
}

export const byPython = pythonSigner('sigstore', 'sigstore-python');
export const byPython42 = pythonSigner('sigstore-4.2', 'sigstore-python 4.2');

const script = (desk: Desk, name: string, ...args: string[]) =>
  run(desk.place, process.execPath, [join(NODE, name), ...args]);

function jsSign(desk: Desk, bundle: string, ...what: string[]): Promise<Result> {
  return script(
    desk,
    'sign.mjs',
    ...['--signing-config', signingConfigIn(desk.trust), '--identity-token-file', desk.token],
    ...['--bundle', bundle, ...what],
  );
}

function jsVerify(desk: Desk, bundle: string, claim: Claim = {}): Promise<Result> {
  return script(
    desk,
    'verify.mjs',
    ...['--trusted-root', rootIn(claim.trust ?? desk.trust), '--bundle', bundle],
    ...['--identity', claim.identity ?? IDENTITY, '--issuer', claim.issuer ?? desk.issuer],
    claim.artifact ?? desk.artifact,
  );
}

export const byJs: Signer = {
  name: 'sigstore-js',
  tools: ['sigstore-js'],
  sign: (desk, bundle) => jsSign(desk, bundle, desk.artifact),
  attest: (desk, predicate, bundle) =>
    jsSign(desk, bundle, '--in-toto', writeStatement(desk, predicate)),
  verify: jsVerify,
  verifyAttestation: jsVerify,
};

const go = (desk: Desk, ...args: string[]) => run(desk.place, PROGRAMS['sigstore-go'], args);

function goSign(desk: Desk, bundle: string, ...what: string[]): Promise<Result> {
  return go(
    desk,
    ...['sign-bundle', '--identity-token', tokenOf(desk), '--bundle', bundle],
    ...['--signing-config', signingConfigIn(desk.trust), '--trusted-root', rootIn(desk.trust)],
    ...what,
  );
}

function goVerify(desk: Desk, bundle: string, claim: Claim = {}): Promise<Result> {
  return go(
    desk,
    ...['verify-bundle', '--bundle', bundle],
    ...['--trusted-root', rootIn(claim.trust ?? desk.trust)],
    ...['--certificate-identity', claim.identity ?? IDENTITY],
    ...['--certificate-oidc-issuer', claim.issuer ?? desk.issuer],
    claim.artifact ?? desk.artifact,
  );
}

export const byGo: Signer = {
  name: 'sigstore-go',
  tools: ['sigstore-go'],
  sign: (desk, bundle) => goSign(desk, bundle, desk.artifact),
  attest: (desk, predicate, bundle) =>
    goSign(desk, bundle, '--in-toto', writeStatement(desk, predicate)),
  verify: goVerify,
  verifyAttestation: goVerify,
};
