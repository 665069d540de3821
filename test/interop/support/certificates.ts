// SPDX-License-Identifier: Apache-2.0
// Certificates as a stack issues them, for checkers of other houses.
import { writeFileSync } from 'node:fs';
import { certificateBody, newKeyPair, PATHS, TYPES } from '../../support/requests.ts';
import { IDENTITY, type Scene } from './scene.ts';

export interface ChainFiles {
  readonly leaf: string;
  readonly intermediate: string;
  readonly root: string;
}

function splitPem(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----\n?/g) ?? [];
}

/** Writes each certificate to a file of its own. */
function writeChain(scene: Scene, prefix: string, pems: readonly string[]): string[] {
  return pems.map((pem, i) => {
    const path = scene.file(`${prefix}-${i}.pem`);
    writeFileSync(path, pem.endsWith('\n') ? pem : `${pem}\n`);
    return path;
  });
}

/** A new certificate for a token, with its chain. */
export async function issue(scene: Scene, token: string, identity = IDENTITY): Promise<ChainFiles> {
  const body = certificateBody(newKeyPair(), token, identity);
  const answer = await scene.http.post(PATHS.certificate, TYPES.certificate, body);
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`);
  const { certificates } = JSON.parse(answer.body.toString()).signedCertificateEmbeddedSct.chain;
  const [leaf, intermediate, root] = writeChain(scene, 'fulcio', certificates);
  if (leaf === undefined || intermediate === undefined || root === undefined) {
    throw new Error('the chain is not leaf, intermediate, root');
  }
  return { leaf, intermediate, root };
}

/** The timestamp authority's chain as it publishes it: leaf first, root last. */
export async function timestampChain(scene: Scene): Promise<{ leaf: string; root: string }> {
  const answer = await scene.http.get('/api/v1/timestamp/certchain');
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`);
  const [leaf, root] = writeChain(scene, 'tsa', splitPem(answer.body.toString()));
  if (leaf === undefined || root === undefined) throw new Error('the chain is not leaf, root');
  return { leaf, root };
}
