// SPDX-License-Identifier: Apache-2.0
// goals.json: what each row of the table must reach. Below a gate the run fails; a headline is what
// we would like to say.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const bound = z.union([
  z.strictObject({ atLeast: z.number() }),
  z.strictObject({ atMost: z.number() }),
]);

const goal = z.strictObject({
  /** Of the row that it judges. */
  id: z.string().regex(/^[a-z0-9-]+$/),
  operation: z.string().min(1),
  /** Rows that not every run has: the full form, peers in Go, Python on the machine. */
  needs: z.enum(['nothing', 'full', 'go', 'python']),
  gate: bound.optional(),
  headline: bound.optional(),
});

const goalsFile = z.strictObject({ goals: z.array(goal) });

export type Bound = z.infer<typeof bound>;
export type Goal = z.infer<typeof goal>;

/** @throws Error unless it is the file of goals, each id once */
export function parseGoals(text: string): Goal[] {
  const { goals } = goalsFile.parse(JSON.parse(text));
  const twice = goals.find(({ id }, i) => goals.findIndex((other) => other.id === id) !== i);
  if (twice !== undefined) throw new Error(`two goals ${twice.id}`);
  return goals;
}

export const readGoals = () =>
  parseGoals(readFileSync(join(import.meta.dirname, 'goals.json'), 'utf8'));

/** A line of the table. */
export interface Row {
  /** Of its goal. */
  readonly id: string;
  /** What ours and the peer are counted in. */
  readonly unit: string;
  readonly ours: number;
  /** What ours is held against, where there is something. */
  readonly peer?: { readonly name: string; readonly value: number };
  /** What the goal judges: a ratio when there is a peer, else ours. */
  readonly value: number;
  /** Interquartile range of our windows as a part of their median. */
  readonly spread: number;
}

export const reaches = (value: number, limit: Bound): boolean =>
  'atLeast' in limit ? value >= limit.atLeast : value <= limit.atMost;

export type Verdict = 'headline' | 'passed' | 'failed' | 'no gate';

/** NaN reaches nothing. */
export function judge({ value }: Row, { gate, headline }: Goal): Verdict {
  if (gate !== undefined && !reaches(value, gate)) return 'failed';
  if (headline !== undefined && reaches(value, headline)) return 'headline';
  return gate === undefined ? 'no gate' : 'passed';
}

/** Goals with a gate whose row this run owes and has not. */
export function missing(
  goals: readonly Goal[],
  rows: readonly Row[],
  has: ReadonlySet<Goal['needs']>,
): Goal[] {
  return goals.filter(
    ({ id, gate, needs }) =>
      gate !== undefined && has.has(needs) && !rows.some((row) => row.id === id),
  );
}
