// SPDX-License-Identifier: Apache-2.0
// What the numbers depend on: the machine, its disk, and how steady it is.
import { generateKeyPairSync, hash, sign, verify } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { median } from './statistics.ts';

/** USER_HZ: the kernel shows times to user space in hundredths of a second, whatever its own tick. */
const TICK_US = 10_000;

/** CPU time that a process has used, user and system, all threads. Linux alone; else undefined. */
export function processCpuUs(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_US;
  } catch {
    return undefined;
  }
}

/** Median of small durable appends, ms. */
export function fsyncMs(directory: string): number {
  const path = join(directory, 'fsync');
  const fd = openSync(path, 'w');
  const block = Buffer.alloc(4096, 1);
  const times = Array.from({ length: 50 }, () => {
    const started = performance.now();
    writeSync(fd, block);
    fdatasyncSync(fd);
    return performance.now() - started;
  });
  closeSync(fd);
  rmSync(path);
  return median(times);
}

function rate(millis: number, work: () => void): number {
  const started = performance.now();
  let done = 0;
  while (performance.now() - started < millis) {
    work();
    done++;
  }
  return (done * 1000) / (performance.now() - started);
}

export interface Calibration {
  readonly verifyPerSecond: number;
  readonly hashMegabytesPerSecond: number;
}

export function calibrate(): Calibration {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const message = Buffer.alloc(100, 2);
  const signature = sign('sha256', message, privateKey);
  const megabyte = Buffer.alloc(1 << 20, 3);
  return {
    verifyPerSecond: rate(150, () => verify('sha256', message, publicKey, signature)),
    hashMegabytesPerSecond: rate(150, () => hash('sha256', megabyte)),
  };
}

/** Largest relative change between two calibrations. */
export function drift(before: Calibration, after: Calibration): number {
  const change = (a: number, b: number) => Math.abs(b - a) / a;
  return Math.max(
    change(before.verifyPerSecond, after.verifyPerSecond),
    change(before.hashMegabytesPerSecond, after.hashMegabytesPerSecond),
  );
}

export function machineFacts(directory: string) {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    fsyncMs: fsyncMs(directory),
  };
}
