// SPDX-License-Identifier: Apache-2.0
// What every suite gets and gives, and the rule that a machine which changes under a suite spoils it.
import type { Row } from './goals.ts';
import type { Issuer } from './issuer.ts';
import { calibrate, drift } from './machine.ts';
import type { Programs } from './peers/install.ts';
import type { Load } from './race.ts';
import type { Running } from './servers.ts';

/** How long and how often: `--quick` ends within 90 seconds, the full form within ten minutes. */
export interface Extent {
  readonly quick: boolean;
  /** Windows of each side. */
  readonly rounds: number;
  readonly windowMs: number;
  readonly warmMs: number;
}

export interface Context {
  readonly extent: Extent;
  /** For the suite alone. */
  readonly directory: string;
  readonly issuer: Issuer;
  readonly load: Load;
  /** The built `sigstead`. */
  readonly release: string;
  /** Its stack, under load. */
  readonly ours: Running;
  /** Started when a suite first asks for it. */
  readonly mock: () => Promise<Running>;
  /** Programs in Go; undefined without `--peers go`. */
  readonly go: Programs | undefined;
  /** Size to which the log of the suite `growth` grows. */
  readonly growth: number;
  readonly say: (line: string) => void;
}

export interface Outcome {
  readonly rows: readonly Row[];
  /** Answers, and how many of them were verified in full. */
  readonly answered?: number;
  readonly verified?: number;
  /** What a plot shows beyond the rows. */
  readonly series?: Readonly<Record<string, unknown>>;
}

export interface Suite {
  readonly name: string;
  readonly run: (context: Context) => Promise<Outcome>;
  /** Has no quick form. */
  readonly full?: boolean;
}

const MAX_DRIFT = 0.2;
const ATTEMPTS = 3;

export interface Judged extends Outcome {
  readonly suite: string;
  readonly drift: number;
  readonly attempts: number;
}

/** @throws Error when the machine was not steady in any attempt */
export async function runSteady(suite: Suite, context: Context): Promise<Judged> {
  for (let attempts = 1; ; attempts++) {
    const before = calibrate();
    const outcome = await suite.run(context);
    const drifted = drift(before, calibrate());
    if (drifted <= MAX_DRIFT) return { ...outcome, suite: suite.name, drift: drifted, attempts };
    const part = `${suite.name}: the core drifted by ${(drifted * 100).toFixed(0)} %`;
    if (attempts === ATTEMPTS) throw new Error(`${part} in the last of ${ATTEMPTS} attempts`);
    context.say(`${part}: once more`);
  }
}
