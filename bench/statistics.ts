// SPDX-License-Identifier: Apache-2.0

/** `part` of the sorted values lie below: 0.5 = median. 0 of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

/** The mean of the two in the middle, when their number is even. 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = sorted.slice(Math.max(0, at - 1), at + 1);
  if (sorted.length === 1) return low;
  return sorted.length % 2 === 0 ? (low + high) / 2 : high;
}

/** Interquartile range as a part of the median. 0 of none. */
export function spread(values: readonly number[]): number {
  const middle = median(values);
  return middle === 0 ? 0 : (quantile(values, 0.75) - quantile(values, 0.25)) / middle;
}
