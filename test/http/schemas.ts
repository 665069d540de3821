// SPDX-License-Identifier: Apache-2.0
// What each route of the stack takes, as far as a generator needs to know: it makes bodies that are
// right in most places and wrong in some.
import type { Random } from '../fuzz/support/random.ts';

export type Schema =
  | { readonly kind: 'object'; readonly fields: Readonly<Record<string, Schema>> }
  | { readonly kind: 'list'; readonly of: Schema }
  /** One of these, and now and then something else. */
  | { readonly kind: 'values'; readonly values: readonly unknown[] }
  | { readonly kind: 'base64'; readonly samples: readonly Uint8Array[] };

export const object = (fields: Record<string, Schema>): Schema => ({ kind: 'object', fields });
export const list = (of: Schema): Schema => ({ kind: 'list', of });
export const values = (...known: unknown[]): Schema => ({ kind: 'values', values: known });
export const base64 = (...samples: Uint8Array[]): Schema => ({ kind: 'base64', samples });

/** A text of JSON, which may hold what no value can: a name twice, a raw line break. */
type Text = string;

const WRONG: readonly Text[] = [
  'null',
  'true',
  '0',
  '-1',
  '1e400',
  '99999999999999999999',
  '0.1',
  '""',
  '"x"',
  '"\\u0000"',
  '"\\ud800"',
  '"\n"',
  '[]',
  '[null]',
  '{}',
  '{"a":{"a":{}}}',
  '"***"',
  '"AA"',
  '"__proto__"',
];

function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function objectText(fields: Readonly<Record<string, Schema>>, random: Random, wild: number): Text {
  const members = Object.entries(fields).flatMap(([name, schema]) => {
    if (random.chance(wild / 2)) return [];
    const spelled = random.chance(wild) ? snake(name) : name;
    const member = `${JSON.stringify(spelled)}:${textOf(schema, random, wild)}`;
    return random.chance(wild / 4) ? [member, member] : [member];
  });
  if (random.chance(wild / 2)) {
    members.push(`${random.pick(['"extra"', '"__proto__"', '"constructor"', '""'])}:1`);
  }
  return `{${members.join(',')}}`;
}

function base64Text(samples: readonly Uint8Array[], random: Random, wild: number): Text {
  let bytes = random.chance(wild) ? random.bytes(random.int(90)) : random.pick(samples).slice();
  if (bytes.length > 0 && random.chance(wild)) {
    bytes = bytes.slice();
    bytes[random.int(bytes.length)] = random.int(256);
  }
  if (random.chance(wild / 2)) bytes = bytes.subarray(0, random.int(bytes.length + 1));
  const encoding = random.chance(wild) ? 'base64url' : 'base64';
  return JSON.stringify(Buffer.from(bytes).toString(encoding));
}

/** @param wild how often a part goes wrong, 0 to 1 */
export function textOf(schema: Schema, random: Random, wild: number): Text {
  if (random.chance(wild / 3)) return random.pick(WRONG);
  switch (schema.kind) {
    case 'object':
      return objectText(schema.fields, random, wild);
    case 'list': {
      const length = random.chance(wild) ? random.int(13) : 1;
      return `[${Array.from({ length }, () => textOf(schema.of, random, wild)).join(',')}]`;
    }
    case 'values':
      return JSON.stringify(random.pick(schema.values));
    case 'base64':
      return base64Text(schema.samples, random, wild);
  }
}

/** Now and then the text itself is cut or bent. */
export function bodyOf(schema: Schema, random: Random): Buffer {
  const bytes = Buffer.from(textOf(schema, random, random.pick([0, 0.02, 0.1, 0.3])));
  if (!random.chance(0.1) || bytes.length === 0) return bytes;
  if (random.chance(0.5)) return bytes.subarray(0, random.int(bytes.length));
  bytes[random.int(bytes.length)] = random.int(256);
  return bytes;
}
