// SPDX-License-Identifier: Apache-2.0
// Makes openssl.json: certificates by the OpenSSL command line, so that our reader is tested against
// a writer that is not ours. Run by hand: node test/vectors/x509/generate.ts
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const directory = mkdtempSync(join(tmpdir(), 'x509-vectors-'));
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory });
const text = (name: string) => readFileSync(join(directory, name), 'utf8');

const CA = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];

function selfSigned(key: string[], name: string, extensions: readonly string[], ...more: string[]) {
  openssl('genpkey', ...key, '-out', 'key.pem');
  const ext = extensions.flatMap((extension) => ['-addext', extension]);
  openssl(
    ...['req', '-x509', '-new', '-key', 'key.pem', '-days', '36500', '-out', 'cert.pem'],
    ...['-subj', `/O=Example Corp/CN=${name}`, ...ext, ...more],
  );
  return text('cert.pem');
}

const rsa = (bits: number) => ['-algorithm', 'RSA', '-pkeyopt', `rsa_keygen_bits:${bits}`];
const ec = (curve: string, ...more: string[]) => [
  ...['-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${curve}`],
  ...more,
];

/** Root RSA-2048, issuing CA P-384, leaf P-256 with an address and a URI. */
function corporateChain(): string[] {
  openssl('genpkey', ...rsa(2048), '-out', 'root.key');
  openssl(
    ...['req', '-x509', '-new', '-key', 'root.key', '-days', '36500', '-out', 'root.pem'],
    ...['-subj', '/C=DE/O=Example Corp/CN=Example Root', '-addext', 'basicConstraints=critical,CA:TRUE'],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  );
  const issue = (name: string, key: string[], issuer: string, extensions: string) => {
    writeFileSync(join(directory, 'ext.cnf'), extensions);
    openssl('genpkey', ...key, '-out', `${name}.key`);
    openssl('req', '-new', '-key', `${name}.key`, '-subj', `/O=Example Corp/CN=${name}`, '-out', 'csr.pem');
    openssl(
      ...['x509', '-req', '-in', 'csr.pem', '-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`],
      ...['-days', '36000', '-sha384', '-extfile', 'ext.cnf', '-out', `${name}.pem`],
    );
  };
  issue(
    'issuing',
    ec('P-384'),
    'root',
    'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nextendedKeyUsage=codeSigning\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid,issuer\n',
  );
  issue(
    'leaf',
    ec('P-256'),
    'issuing',
    'keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nsubjectAltName=email:dev@example.test,URI:https://example.test/dev,DNS:example.test,IP:10.0.0.1\n',
  );
  return [text('leaf.pem'), text('issuing.pem'), text('root.pem')];
}

function version1(): string {
  openssl('genpkey', ...ec('P-256'), '-out', 'v1.key');
  openssl('req', '-new', '-key', 'v1.key', '-subj', '/CN=Version 1', '-out', 'v1.csr');
  openssl('x509', '-req', '-in', 'v1.csr', '-signkey', 'v1.key', '-days', '36500', '-out', 'v1.pem');
  return text('v1.pem');
}

const vectors = {
  comment: 'Made by generate.ts with the OpenSSL command line. accepted: our reader takes it.',
  chain: corporateChain(),
  certificates: [
    { name: 'rsa-2048', accepted: true, pem: selfSigned(rsa(2048), 'RSA 2048', CA) },
    { name: 'rsa-3072', accepted: true, pem: selfSigned(rsa(3072), 'RSA 3072', CA, '-sha512') },
    { name: 'rsa-1024', accepted: true, pem: selfSigned(rsa(1024), 'RSA 1024', CA) },
    { name: 'p256', accepted: true, pem: selfSigned(ec('P-256'), 'P-256', CA) },
    { name: 'p384', accepted: true, pem: selfSigned(ec('P-384'), 'P-384', CA, '-sha384') },
    { name: 'p521', accepted: true, pem: selfSigned(ec('P-521'), 'P-521', CA, '-sha512') },
    { name: 'ed25519', accepted: true, pem: selfSigned(['-algorithm', 'ED25519'], 'Ed25519', CA) },
    {
      name: 'utf8-name',
      accepted: true,
      pem: selfSigned(ec('P-256'), 'Zürich 東京', CA, '-utf8'),
    },
    {
      name: 'name-constraints',
      accepted: true,
      pem: selfSigned(ec('P-256'), 'Constrained', [
        ...CA,
        'nameConstraints=critical,permitted;DNS:example.test',
      ]),
    },
    {
      name: 'unknown-critical',
      accepted: true,
      pem: selfSigned(ec('P-256'), 'Unknown', [...CA, '1.2.3.4.5=critical,DER:0500']),
    },
    {
      name: 'rsa-pss-signature',
      accepted: true,
      pem: selfSigned(rsa(2048), 'PSS', CA, '-sigopt', 'rsa_padding_mode:pss'),
    },
    { name: 'version-1', accepted: false, pem: version1() },
    { name: 'secp256k1', accepted: false, pem: selfSigned(ec('secp256k1'), 'k1', CA) },
    { name: 'p224', accepted: false, pem: selfSigned(ec('secp224r1'), 'P-224', CA) },
    { name: 'ed448', accepted: false, pem: selfSigned(['-algorithm', 'ED448'], 'Ed448', CA) },
    {
      name: 'explicit-curve',
      accepted: false,
      pem: selfSigned(ec('P-256', '-pkeyopt', 'ec_param_enc:explicit'), 'Explicit', CA),
    },
    {
      name: 'rsa-pss-key',
      accepted: false,
      pem: selfSigned(
        ['-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048'],
        'PSS key',
        CA,
      ),
    },
  ],
};
writeFileSync(join(import.meta.dirname, 'openssl.json'), `${JSON.stringify(vectors, null, 2)}\n`);
rmSync(directory, { recursive: true });
