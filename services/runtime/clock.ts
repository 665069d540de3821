// SPDX-License-Identifier: Apache-2.0

/** Milliseconds since 1970-01-01T00:00:00Z. Handed in, so that tests turn it. */
export type Clock = () => number;

export const systemClock: Clock = () => Date.now();
