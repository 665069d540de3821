// SPDX-License-Identifier: Apache-2.0
// A child process that repeats one piece of work for as long as it is told, again and again.

export interface Turn {
  readonly done: number;
  /** CPU of the whole process for one piece of work, µs. */
  readonly cpuUs: number;
}

/** Answers each number of milliseconds with a Turn; ends with the parent. */
export function takeTurns(work: () => void): void {
  process.on('message', (millis: number) => {
    const before = process.cpuUsage();
    const end = performance.now() + millis;
    let done = 0;
    while (performance.now() < end) {
      work();
      done++;
    }
    const { user, system } = process.cpuUsage(before);
    process.send?.({ done, cpuUs: (user + system) / done } satisfies Turn);
  });
  process.once('disconnect', () => process.exit());
  process.send?.('ready');
}
