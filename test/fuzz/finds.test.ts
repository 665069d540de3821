// SPDX-License-Identifier: Apache-2.0
// What the fuzzer has found, kept as vectors: each input ends now as its row says.
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../services/core/bytes.ts';
import { type KnownFind, knownFinds } from './support/seeds.ts';
import { type Input, judge } from './support/target.ts';
import { TARGETS } from './targets.ts';

function inputOf({ text, base64, repeat }: KnownFind): Input {
  if (base64 !== undefined) return new Uint8Array(Buffer.from(base64, 'base64'));
  return repeat === undefined ? (text ?? '') : repeat.before + repeat.text.repeat(repeat.times);
}

describe('finds', () => {
  it.each(knownFinds())('$target: $reason', async (find) => {
    const target = TARGETS.find(({ name }) => name === find.target);
    const input = inputOf(find);
    expect(utf8(String(input)).length).toBeGreaterThan(0);
    expect(target && (await judge(target, input))).toBe(find.outcome);
  });
});
