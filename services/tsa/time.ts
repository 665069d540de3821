// SPDX-License-Identifier: Apache-2.0
// The time that a stamp may name. It never goes back: not while the authority runs, not across a
// restart (the mark), it stays within the certificate chain, and where the configuration asks for it,
// time servers stand by it.
import { CodedError } from '../core/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import { outsideValidity, type TsaChain } from './chain.ts';
import type { TimeMark } from './mark.ts';

/** A disk that is slower than the clock so many times in a row cannot keep the mark. */
const MARK_ATTEMPTS = 5;

export interface Timekeeper {
  /**
   * A whole second, in milliseconds since 1970; the durable mark stands at it or beyond.
   * @throws CodedError TSA_CHAIN_EXPIRED, TSA_CLOCK_UNCONFIRMED, TSA_CLOCK, UNAVAILABLE
   */
  take(): Promise<number>;
  /** Why take() would refuse now. */
  obstacles(): string[];
  /** The latest time taken, also by an earlier life. */
  lastMs(): number;
}

/** @param requireConfirmed throws when no stamp may leave for what the time servers say */
export function createTimekeeper(
  clock: Clock,
  chain: TsaChain,
  mark: TimeMark,
  requireConfirmed: () => void = () => {},
): Timekeeper {
  /** Moved forward by take() alone. */
  let last = mark.floorMs;

  const judge = (now: number): number => {
    const outside = outsideValidity(chain, now);
    if (outside !== undefined) throw new CodedError('TSA_CHAIN_EXPIRED', outside);
    requireConfirmed();
    const time = now - (now % 1000);
    if (time < last) {
      const [here, there] = [now, last].map((ms) => new Date(ms).toISOString());
      throw new CodedError('TSA_CLOCK', `the clock says ${here}, the last stamp ${there}`);
    }
    return time;
  };

  const extend = async (time: number): Promise<void> => {
    try {
      await mark.extend(time);
    } catch (cause) {
      throw new CodedError('UNAVAILABLE', 'the time mark cannot be written', { cause });
    }
  };

  return {
    async take() {
      for (let attempt = 0; attempt < MARK_ATTEMPTS; attempt++) {
        // Read anew after each wait, or a stamp that waited would fall behind one that did not.
        const time = judge(clock());
        if (mark.covers(time)) {
          last = time;
          return time;
        }
        await extend(time);
      }
      throw new CodedError('UNAVAILABLE', 'the time mark cannot keep up with the clock');
    },
    obstacles() {
      try {
        judge(clock());
        return [];
      } catch (error) {
        if (error instanceof CodedError) return [error.message];
        throw error;
      }
    },
    lastMs: () => last,
  };
}
