// SPDX-License-Identifier: Apache-2.0

/** Runs the task again and again; returns how to stop it. Handed in, so that tests turn it. */
export type Every = (periodMs: number, task: () => void | Promise<void>) => () => void;

/** A timer that does not keep the process alive. */
export const everyUnref: Every = (periodMs, task) => {
  const timer = setInterval(task, periodMs);
  timer.unref();
  return () => clearInterval(timer);
};
