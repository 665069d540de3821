// SPDX-License-Identifier: Apache-2.0
// What the numbers depend on: the machine, its disk, and how steady it is.
import { generateKeyPairSync, hash, sign, verify } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { median } from './statistics.ts';

/** USER_HZ: the kernel shows times to user space in hundredths of a second, whatever its own tick. */
const TICK_US = 10_000;

/** CPU time that a process has used, user and system, all threads. Linux alone; else 0. */
function processCpuUs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_US;
  } catch {
    return 0;
  }
}

/** Of several processes together, µs. */
export const cpuUs = (pids: readonly number[]) =>
  pids.reduce((sum, pid) => sum + processCpuUs(pid), 0);

/** Resident memory of a process, MB of 10^6 bytes. Linux alone; else undefined. */
export function residentMb(pid: number): number | undefined {
  try {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kib === undefined ? undefined : (Number(kib) * 1024) / 1e6;
  } catch {
    return undefined;
  }
}

/** Median of small durable appends, ms. */
export function fdatasyncMs(directory: string): number {
  const path = join(directory, 'fdatasync');
  const fd = openSync(path, 'w');
  const block = Buffer.alloc(4096, 1);
  const times = Array.from({ length: 60 }, () => {
    const started = performance.now();
    writeSync(fd, block);
    fdatasyncSync(fd);
    return performance.now() - started;
  });
  closeSync(fd);
  rmSync(path);
  return median(times);
}

/** Of this process, all threads, µs. */
function ownCpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

const SLICES = 7;
const SLICE_US = 40_000;

/**
 * How much is done in a second of CPU, not of the clock: neighbours on the machine take time, which
 * every measurement here bears; what a calibration must show is a core that has become slower.
 */
function ratePerCpuSecond(work: () => void): number {
  const rates = Array.from({ length: SLICES }, () => {
    const started = ownCpuUs();
    let done = 0;
    let used = 0;
    while (used < SLICE_US) {
      for (let i = 0; i < 8; i++) work();
      done += 8;
      used = ownCpuUs() - started;
    }
    return (done * 1e6) / used;
  });
  return median(rates);
}

export interface Calibration {
  /** P-256 verifications in a second of CPU. */
  readonly verifies: number;
  /** Megabytes hashed with SHA-256 in a second of CPU. */
  readonly megabytes: number;
}

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const message = Buffer.alloc(100, 2);
const signature = sign('sha256', message, privateKey);
const block = Buffer.alloc(1 << 18, 3);

export function calibrate(): Calibration {
  return {
    verifies: ratePerCpuSecond(() => verify('sha256', message, publicKey, signature)),
    megabytes: ratePerCpuSecond(() => hash('sha256', block)) * (block.length / 1e6),
  };
}

/** Largest relative change between two calibrations. */
export function drift(before: Calibration, after: Calibration): number {
  const change = (a: number, b: number) => Math.abs(b - a) / a;
  return Math.max(
    change(before.verifies, after.verifies),
    change(before.megabytes, after.megabytes),
  );
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  /** Median of a durable append of 4 KB, ms. */
  readonly fdatasyncMs: number;
  /** Processes that wanted a core in the last minute, those of others too. */
  readonly load: number;
}

export function machineFacts(directory: string): Machine {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    fdatasyncMs: fdatasyncMs(directory),
    load: loadavg()[0] ?? 0,
  };
}
