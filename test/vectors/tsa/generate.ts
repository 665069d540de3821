// SPDX-License-Identifier: Apache-2.0
// Writes foreign.json: timestamps that other programs made, OpenSSL (`openssl ts`) and @sigstore/mock.
// Needs openssl 3; run by hand: node test/vectors/tsa/generate.ts
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initializeTSA } from '@sigstore/mock';

const MESSAGE = 'raw bytes of a signature';
const directory = mkdtempSync(join(tmpdir(), 'vectors-'));
const at = (name: string) => join(directory, name);

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
}

writeFileSync(at('message'), MESSAGE);
writeFileSync(
  at('ts.cnf'),
  `[tsa]
serial = ${at('serial')}
crypto_device = builtin
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1, millisecs:500, microsecs:100
ordering = yes
tsa_name = yes
ess_cert_id_alg = sha256
[leaf]
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
`,
);
writeFileSync(at('serial'), '1000\n');

const KEYS: Record<string, readonly string[]> = {
  p256: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p384: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  rsa: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
};

function der(certificate: string): string {
  openssl('x509', '-in', certificate, '-outform', 'DER', '-out', 'der');
  return readFileSync(at('der')).toString('base64');
}

/** A chain of its own per key type, valid for one day: tokens outlive it. */
function makeChain(kind: string): void {
  for (const name of ['root', 'leaf']) {
    openssl('genpkey', ...(KEYS[kind] ?? []), '-out', `${name}.key`);
    const subject = `/O=Vectors/CN=${name} ${kind}`;
    openssl('req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`);
  }
  const x509 = ['x509', '-req', '-days', '1', '-extfile', 'ts.cnf'];
  openssl(...x509, '-in', 'root.csr', '-key', 'root.key', '-extensions', 'root', '-out', 'root.pem');
  const issuer = ['-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial'];
  openssl(...x509, '-in', 'leaf.csr', ...issuer, '-extensions', 'leaf', '-out', 'leaf.pem');
}

interface Vector {
  name: string;
  message: string;
  token: string;
  chain: string[];
}

function byOpenssl(kind: string, hash: string, embed: 'none' | 'leaf' | 'chain'): Vector {
  makeChain(kind);
  const cert = embed === 'none' ? [] : ['-cert'];
  openssl('ts', '-query', '-data', 'message', `-${hash}`, ...cert, '-out', 'query');
  const more = embed === 'chain' ? ['-chain', 'root.pem'] : [];
  const signer = ['-signer', 'leaf.pem', '-inkey', 'leaf.key', ...more];
  const form = ['-config', 'ts.cnf', '-section', 'tsa', `-${hash}`];
  openssl('ts', '-reply', '-queryfile', 'query', ...signer, ...form, '-out', 'reply');
  return {
    name: `openssl ts, ${kind}, ${hash}, embedded: ${embed}`,
    message: MESSAGE,
    token: readFileSync(at('reply')).toString('base64'),
    chain: [der('leaf.pem'), der('root.pem')],
  };
}

async function byMock(): Promise<Vector> {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const tsa = await initializeTSA(pair);
  const token = await tsa.timestamp({
    artifactHash: createHash('sha256').update(MESSAGE).digest(),
    hashAlgorithmOID: '2.16.840.1.101.3.4.2.1',
    nonce: 1234,
    policyOID: '1.3.6.1.4.1.57264.2',
    certReq: true,
  });
  const base64 = (view: ArrayBufferView) =>
    Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('base64');
  return {
    name: '@sigstore/mock',
    message: MESSAGE,
    token: base64(token),
    chain: [base64(tsa.intCertificate), base64(tsa.rootCertificate)],
  };
}

const vectors = [
  byOpenssl('p256', 'sha256', 'leaf'),
  byOpenssl('p384', 'sha384', 'chain'),
  byOpenssl('rsa', 'sha512', 'none'),
  byOpenssl('p256', 'sha512', 'none'),
  await byMock(),
];
writeFileSync(join(import.meta.dirname, 'foreign.json'), `${JSON.stringify(vectors, null, 2)}\n`);
