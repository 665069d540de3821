// SPDX-License-Identifier: Apache-2.0
// The corpus' other half: certificates that are wrong in one way, signed by the same CA.
import { bitString, children, readDer, sequence, TAG } from '../../services/core/der.ts';
import { FIELD_MUTATIONS } from './corpus-mutations.ts';
import { EXTENSION_MUTATIONS } from './corpus-mutations-extensions.ts';
import { TIME_MUTATIONS } from './corpus-mutations-times.ts';
import { assemble, type Sign, shapeOf } from './corpus-shape.ts';
import { walk } from './corpus-walk.ts';

export interface Mutant {
  /** What is wrong; mutants of one name are judged alike, or the table says how not. */
  readonly name: string;
  readonly der: Uint8Array;
}

const MUTATIONS = [...FIELD_MUTATIONS, ...TIME_MUTATIONS, ...EXTENSION_MUTATIONS];

/** Every mutation of the tables that a base can have. */
export async function mutantsOf(base: Uint8Array, sign: Sign): Promise<Mutant[]> {
  const shape = shapeOf(base);
  const made = MUTATIONS.map(async ({ name, change }) => {
    const changed = change(shape);
    if (changed === undefined) return [];
    return [{ name, der: await assemble({ ...shape, ...changed }, sign) }];
  });
  return (await Promise.all(made)).flat();
}

/** Every element of a base, altered in every way. */
export async function walkedMutantsOf(base: Uint8Array, sign: Sign): Promise<Mutant[]> {
  const [tbs, algorithm] = children(
    readDer(base, TAG.sequence, 'certificate').content,
    'certificate',
  );
  if (tbs === undefined || algorithm === undefined) throw new Error('no certificate');
  return Promise.all(
    walk(tbs.raw).map(async ({ name, tbs: altered }) => ({
      name,
      der: sequence(altered, algorithm.raw, bitString(await sign(altered))),
    })),
  );
}
