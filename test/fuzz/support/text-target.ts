// SPDX-License-Identifier: Apache-2.0
import { fromUtf8 } from '../../../services/core/bytes.ts';
import { growText } from './growth.ts';
import type { Input, Target } from './target.ts';
import { type Grammar, mutateText } from './text-edits.ts';

export const textOf = (input: Input) => (typeof input === 'string' ? input : fromUtf8(input));

/** @param largest see Target */
export function textTarget(
  name: string,
  grammar: Grammar,
  outer: (text: string) => boolean,
  parse: (text: string) => unknown,
  largest?: number,
): Target {
  return {
    name,
    make: (random) => mutateText(random, grammar),
    outer: (input) => outer(textOf(input)),
    parse: (input) => parse(textOf(input)),
    grow: growText(grammar),
    ...(largest === undefined ? {} : { largest }),
  };
}
