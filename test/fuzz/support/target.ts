// SPDX-License-Identifier: Apache-2.0
// A parser under fuzz: how its inputs are made, which of them pass the outer layer of its format, and
// what must hold of those that parse.
import { equal } from '../../../services/core/bytes.ts';
import { CodedError, ParseError } from '../../../services/core/errors.ts';
import type { Grow } from './growth.ts';
import type { Random } from './random.ts';

export type Input = Uint8Array | string;

export interface Target {
  readonly name: string;
  make(random: Random): Input;
  /** Well-formed as DER, JSON, lines: what any reader of the format would look into. */
  outer(input: Input): boolean;
  /**
   * Parses, then holds what came out against the input: written again it is the same, or the same
   * as ever; a second opinion agrees. @throws ParseError, CodedError; any other error is a find
   */
  parse(input: Input): unknown;
  /** Inputs that grow with a size. */
  readonly grow: Grow;
  /** Octets up to which inputs grow; default 256 Ki, 0 = not at all. */
  readonly largest?: number;
}

export type Outcome = 'parsed' | 'refused';

/** A fault of a parser. */
export class Find extends Error {
  override name = 'Find';
}

export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Find(what);
}

export function sameBytes(again: Uint8Array, input: Uint8Array, what: string): void {
  holds(equal(again, input), `${what}: written again it differs`);
}

function refusal(error: unknown): Outcome {
  if (error instanceof ParseError) return 'refused';
  // A code for faults of our own is no answer to bad input.
  if (error instanceof CodedError && error.code !== 'INTERNAL') return 'refused';
  throw error;
}

/** @throws whatever is not a refusal: a find */
export function judge(target: Target, input: Input): Outcome | Promise<Outcome> {
  try {
    const result = target.parse(input);
    return result instanceof Promise ? result.then(() => 'parsed' as const, refusal) : 'parsed';
  } catch (error) {
    return refusal(error);
  }
}
