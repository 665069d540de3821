// SPDX-License-Identifier: Apache-2.0
// Who signs, who verifies, and what must not pass: rows, columns and cases of docs/compatibility.md.
import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import type { Tool } from './cache.ts';
import { attestStatement, byGo, byJs, byPython, byPython42 } from './clients.ts';
import type { Result } from './commands.ts';
import { changedModel, MODEL_TYPE, signModel, verifyModel, writeModel } from './model.ts';
import type { Desk } from './scene.ts';
import { byCosign, byUs, type Claim, type Signer, writePredicate } from './signing.ts';

export interface Producer {
  readonly name: string;
  readonly tools: readonly Tool[];
  make(desk: Desk, bundle: string): Promise<Result>;
  /** What was signed, and the same with a change. */
  artifact(desk: Desk): string;
  tampered(desk: Desk): string;
  /** Another way of a client that has a row of its own. */
  readonly variant?: true;
  /** Predicate type of its attestations, where it has its own. */
  readonly type?: string;
}

export interface Verifier {
  readonly name: string;
  readonly tools: readonly Tool[];
  verify: Signer['verify'];
}

export interface Content {
  /** Heading in the document. */
  readonly name: string;
  /** Name of the case in which the artifact is another one. */
  readonly changed: string;
  readonly producers: readonly Producer[];
  readonly verifiers: readonly Verifier[];
}

const FILE = { artifact: (desk: Desk) => desk.artifact, tampered: tamperedFile } as const;

const SIGNERS: readonly Signer[] = [byUs, byCosign, byPython, byPython42, byJs, byGo];

function tamperedFile(desk: Desk): string {
  const path = desk.file('tampered.tgz');
  copyFileSync(desk.artifact, path);
  appendFileSync(path, '\n');
  return path;
}

const MODEL = { name: 'model_signing', tools: ['model_signing'] } as const;

export const CONTENTS: readonly Content[] = [
  {
    name: 'Blobs',
    changed: 'changed file',
    producers: SIGNERS.map(({ name, tools, sign }) => ({ name, tools, make: sign, ...FILE })),
    verifiers: SIGNERS.map(({ name, tools, verify }) => ({ name, tools, verify })),
  },
  {
    name: 'Attestations',
    changed: 'file that is no subject',
    producers: [
      ...SIGNERS.map(({ name, tools, attest }) => ({
        name,
        tools,
        make: (desk: Desk, bundle: string) => attest(desk, writePredicate(desk), bundle),
        ...FILE,
      })),
      {
        name: 'cosign --statement',
        variant: true,
        tools: ['cosign'],
        make: (desk, bundle) => attestStatement(desk, writePredicate(desk), bundle),
        ...FILE,
      },
      {
        ...MODEL,
        make: (desk, bundle) => signModel(desk, writeModel(desk), bundle),
        artifact: writeModel,
        tampered: (desk) => changedModel(desk, writeModel(desk), 'config.json', 'changed-model'),
        type: MODEL_TYPE,
      },
    ],
    verifiers: [
      ...SIGNERS.map(({ name, tools, verifyAttestation: verify }) => ({ name, tools, verify })),
      { ...MODEL, verify: verifyModel },
    ],
  },
];

/** Two bundles of one producer over the same artifact, and what else its cells need. */
export interface Produced {
  readonly producer: Producer;
  readonly bundle: string;
  /** The first with the log entry of the second. */
  readonly exchanged: string;
  readonly artifact: string;
  readonly tampered: string;
}

/** @throws Error with the output of a client that does not sign */
export async function produce(desk: Desk, content: Content, producer: Producer): Promise<Produced> {
  const stem = `${content.name}-${producer.name}`.replaceAll(/\W/g, '-');
  const bundle = desk.file(`${stem}.json`);
  const other = desk.file(`${stem}-other.json`);
  const exchanged = desk.file(`${stem}-exchanged.json`);
  for (const path of [bundle, other]) {
    const { status, output } = await producer.make(desk, path);
    if (status !== 0) throw new Error(`${producer.name} ended with ${status}\n${output}`);
  }
  const changed = JSON.parse(readFileSync(bundle, 'utf8'));
  const { verificationMaterial } = JSON.parse(readFileSync(other, 'utf8'));
  changed.verificationMaterial.tlogEntries = verificationMaterial.tlogEntries;
  writeFileSync(exchanged, JSON.stringify(changed));
  const artifact = producer.artifact(desk);
  return { producer, bundle, exchanged, artifact, tampered: producer.tampered(desk) };
}

function claimOf({ artifact, producer }: Produced): Claim {
  return producer.type === undefined ? { artifact } : { artifact, type: producer.type };
}

export function verifyGood(desk: Desk, verifier: Verifier, of: Produced): Promise<Result> {
  return verifier.verify(desk, of.bundle, claimOf(of));
}

interface Alteration {
  readonly name: string;
  readonly exchanged?: true;
  claim?(of: Produced, desks: Desks): Claim;
}

export interface Desks {
  readonly desk: Desk;
  /** Of another stack: its trust files know nothing of the first. */
  readonly foreign: Desk;
}

/** What every verifier must refuse. */
export const ALTERATIONS = ({ changed }: Content): readonly Alteration[] => [
  { name: changed, claim: ({ tampered }) => ({ artifact: tampered }) },
  // The right one contains it: a client that searches is caught.
  { name: 'other identity', claim: () => ({ identity: 'elease@example.co' }) },
  {
    name: 'other issuer',
    claim: (_, { desk }) => ({ issuer: `${desk.issuer}/github` }),
  },
  { name: 'other trust root', claim: (_, { foreign }) => ({ trust: foreign.trust }) },
  { name: 'exchanged log entry', exchanged: true },
];

export function verifyAltered(
  desks: Desks,
  verifier: Verifier,
  of: Produced,
  { exchanged, claim }: Alteration,
): Promise<Result> {
  const asked = { ...claimOf(of), ...claim?.(of, desks) };
  return verifier.verify(desks.desk, exchanged ? of.exchanged : of.bundle, asked);
}
