// SPDX-License-Identifier: Apache-2.0
// A certificate for an ephemeral key (Fulcio v2), checked before anything is signed with it.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { base64, equal, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { CodedError, ParseError } from '../core/errors.ts';
import { isJsonObject, type Json, parseJson } from '../core/json.ts';
import { parsePem, pem } from '../core/pem.ts';
import type { TrustedRoot } from '../core/trust.ts';
import { verifyCertificate, verifySct } from '../core/verify/certificate.ts';
import { type Identity, readIdentity } from '../core/verify/identity.ts';
import { type Certificate, parseCertificate } from '../core/x509.ts';
import { type HttpEdges, judgeAnswer, post, requireStatus, type ServiceAddress } from './http.ts';
import { principalOf, type Token } from './token.ts';

export interface Certified {
  /** P-256; lives as long as one signature takes. */
  readonly privateKey: KeyObject;
  readonly leaf: Certificate;
  readonly identity: Identity;
}

const TIMEOUT_MS = 30_000;
const MAX_BYTES = 1 << 20;
const TOKEN_SUBJECT = 24;

function member(value: Json | undefined, name: string): Json | undefined {
  return isJsonObject(value) ? value[name] : undefined;
}

/** `{signedCertificateEmbeddedSct: {chain: {certificates: [leaf, issuing, …, root]}}}`, PEM each. */
function readLeaf(body: Uint8Array): Certificate {
  const chain = member(member(parseJson(body), 'signedCertificateEmbeddedSct'), 'chain');
  const certificates = member(chain, 'certificates');
  const first: Json | undefined = Array.isArray(certificates) ? certificates[0] : undefined;
  if (typeof first !== 'string') throw new ParseError('no certificate with an embedded SCT');
  const [block] = parsePem(first, 'CERTIFICATE');
  if (block === undefined) throw new ParseError('no certificate');
  return parseCertificate(block.der);
}

/**
 * The certificate names whom the token names. A CA that reads names by templates (CI providers)
 * has them judged by the token subject it records.
 */
function requireTokenIdentity(identity: Identity, token: Token): void {
  const { serviceAccount: account, subject } = token;
  const recorded = identity.extensions.get(TOKEN_SUBJECT);
  const expected =
    identity.kind === 'email'
      ? token.email
      : account &&
        `https://kubernetes.io/namespaces/${account.namespace}/serviceaccounts/${account.name}`;
  if (expected === undefined ? identity.kind === 'email' : identity.name !== expected) {
    throw new ParseError(
      `certificate for ${JSON.stringify(identity.name)}, who is not the token's`,
    );
  }
  if (identity.kind === 'username' && !identity.name.startsWith(`${subject}!`)) {
    throw new ParseError('certificate for another user name than the token names');
  }
  if (recorded !== undefined && recorded !== subject) {
    throw new ParseError('certificate for another token subject');
  }
}

function judgeLeaf(
  crypto: Crypto,
  root: TrustedRoot,
  leaf: Certificate,
  spki: Uint8Array,
  token: Token,
): Identity {
  if (!equal(leaf.publicKey.spki, spki)) throw new ParseError('certificate for another key');
  // Judged at its own start: the clock of this machine has no say in it.
  const authority = verifyCertificate(crypto, root, leaf, [leaf.notBeforeMs]);
  const [issuer] = authority.chain;
  if (issuer === undefined) throw new CodedError('CERTIFICATE_PATH', 'no issuer is trusted');
  verifySct(crypto, root, leaf, issuer);
  const identity = readIdentity(leaf);
  requireTokenIdentity(identity, token);
  return identity;
}

/**
 * @param caUrl base URL of the CA
 * @throws CodedError SERVICE_UNREACHABLE, SERVICE_REFUSED, SERVICE_ANSWER, TOKEN_*
 */
export async function certify(
  edges: HttpEdges,
  crypto: Crypto,
  root: TrustedRoot,
  caUrl: string,
  token: Token,
): Promise<Certified> {
  const service: ServiceAddress = {
    role: 'certificate authority',
    url: `${caUrl.replace(/\/+$/, '')}/api/v2/signingCert`,
  };
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  const proof = sign('sha256', utf8(principalOf(token)), privateKey);
  const answer = await post(edges, {
    service,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      authorization: `Bearer ${token.text}`,
    },
    body: JSON.stringify({
      publicKeyRequest: {
        publicKey: { algorithm: 'ECDSA', content: pem('PUBLIC KEY', spki) },
        proofOfPossession: base64(proof),
      },
    }),
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_BYTES,
  });
  const body = requireStatus(service, answer, [200, 201], token.text);
  return judgeAnswer(service, () => {
    const leaf = readLeaf(body);
    return { privateKey, leaf, identity: judgeLeaf(crypto, root, leaf, spki, token) };
  });
}
