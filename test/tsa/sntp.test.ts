// SPDX-License-Identifier: Apache-2.0
// Answers of time servers, read strictly.
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { KissOfDeath, readSntpReply, sntpRequest } from '../../services/tsa/sntp.ts';
import { NOW } from './harness.ts';
import { type Answer, sntpReply } from './ntp-server.ts';

const NONCE = new Uint8Array(randomBytes(8));
const question = sntpRequest(NONCE);
const read = (answer: Answer, sentMs = NOW, receivedMs = NOW + 20) =>
  readSntpReply(sntpReply(question, { nowMs: NOW, ...answer }), NONCE, sentMs, receivedMs);

describe('a question', () => {
  it('has 48 octets, version 4, mode of a client, and nothing of our clock', () => {
    expect(question).toHaveLength(48);
    expect(question[0]).toBe(0x23);
    expect(question.subarray(1, 40)).toEqual(new Uint8Array(39));
    expect(question.subarray(40)).toEqual(NONCE);
  });
});

describe('an answer', () => {
  it.each([
    ['right', NOW + 10, 0],
    ['ahead of us', NOW + 5010, 5000],
    ['behind us', NOW - 3590, -3600],
    ['a year ahead', NOW + 31_536_000_010, 31_536_000_000],
  ])('of a server that is %s gives its offset', (_, nowMs, offset) => {
    const sample = read({ nowMs });
    expect(sample.offsetMs).toBeCloseTo(offset, 2);
    expect(sample.delayMs).toBeCloseTo(20, 2);
  });

  it('does not count the time that the server took', () => {
    const sample = read({ receiveMs: NOW + 5, transmitMs: NOW + 15 });
    expect(sample.offsetMs).toBeCloseTo(0, 2);
    expect(sample.delayMs).toBeCloseTo(10, 2);
  });

  it('is read in the era of NTP in which we live', () => {
    const later = Date.UTC(2036, 1, 8);
    const nowMs = later + 10;
    expect(read({ nowMs }, later, later + 20).offsetMs).toBeCloseTo(0, 1);
    const eve = Date.UTC(2036, 1, 7, 6, 28, 15);
    expect(read({ nowMs: eve + 3010 }, eve, eve + 20).offsetMs).toBeCloseTo(3000, 1);
  });

  it.each<[string, Answer, RegExp]>([
    ['nothing', { bytes: new Uint8Array() }, /0 octets/],
    ['a truncated answer', { length: 47 }, /47 octets/],
    ['octets after it', { length: 68 }, /68 octets/],
    ['an originate timestamp of another question', { originate: randomBytes(8) }, /originate/],
    ['no originate timestamp', { originate: new Uint8Array(8) }, /originate/],
    ['a forged kiss', { stratum: 0, kiss: 'DENY', originate: new Uint8Array(8) }, /originate/],
    ['our own question sent back', { bytes: question }, /originate/],
    ['the mode of a client', { mode: 3 }, /mode 3/],
    ['the mode of a broadcast', { mode: 5 }, /mode 5/],
    ['another version', { version: 3 }, /version 3/],
    ['a server that is not synchronised', { leap: 3 }, /no time itself/],
    ['stratum 16', { stratum: 16 }, /stratum 16/],
    ['a root delay without end', { rootDelay: 16 }, /root delay/],
    ['a negative root delay', { rootDelay: -1 }, /root delay/],
    ['a root dispersion without end', { rootDispersion: 20 }, /root dispersion/],
    ['a transmit timestamp of zero', { transmitMs: Date.UTC(1900, 0, 1) }, /zero/],
    ['a receive timestamp of zero', { receiveMs: Date.UTC(1900, 0, 1) }, /zero/],
    ['a departure before the arrival', { receiveMs: NOW + 9, transmitMs: NOW + 8 }, /left before/],
    ['more time than the trip took', { receiveMs: NOW, transmitMs: NOW + 40 }, /claims more/],
  ])('is refused: %s', (_, answer, reason) => {
    expect(() => read(answer)).toThrow(reason);
    expect(() => read(answer)).not.toThrow(KissOfDeath);
  });

  it.each([
    ['RATE', 'RATE'],
    ['DENY', 'DENY'],
    ['\0\0\0\0', 'without a code'],
  ])('of stratum 0 is a kiss-of-death: %j', (kiss, told) => {
    expect(() => read({ stratum: 0, kiss })).toThrow(KissOfDeath);
    expect(() => read({ stratum: 0, kiss })).toThrow(`kiss-of-death ${told}`);
  });

  it('never fails but by a refusal, whatever it holds', () => {
    for (let i = 0; i < 2000; i++) {
      const bytes = sntpReply(question, { nowMs: NOW });
      for (let j = 0; j < 3; j++) bytes[(i * 31 + j * 17) % 48] = (i * 7 + j * 13) & 0xff;
      try {
        const { offsetMs, delayMs } = read({ bytes });
        expect(Number.isFinite(offsetMs) && delayMs >= 0).toBe(true);
      } catch (error) {
        expect((error as Error).name).toMatch(/ParseError|KissOfDeath/);
      }
    }
  });
});
