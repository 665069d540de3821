// SPDX-License-Identifier: Apache-2.0
// Issuers by the claim `iss`: the one of that very name, else the longest wildcard that matches.
//
// A wildcard lets whoever writes a token choose an address that we then ask. So issuers behind it
// are strangers until a token of theirs has verified: strangers are asked for keys by a budget, are
// forgotten when their token is judged, and never displace an issuer that is known.
import type { JWK } from 'jose';
import { CodedError } from '../core/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/telemetry.ts';
import type { IdentityReader } from './claims.ts';
import { identityReader } from './identity.ts';
import type { IssuerConfig } from './issuer-fields.ts';
import { IssuerKeys, judgeFiles, type SignedToken } from './issuer-keys.ts';

/** Keys of issuers that live in this process, by issuer URL. */
export type LocalKeys = Readonly<Record<string, () => readonly JWK[]>>;

export interface Issuer {
  readonly config: IssuerConfig;
  readonly read: IdentityReader;
  /** @throws CodedError TOKEN_ALGORITHM, TOKEN_KEY_UNKNOWN, TOKEN_SIGNATURE, TOKEN_ISSUER_UNREACHABLE */
  verify(token: SignedToken): Promise<void>;
}

export interface TableEdges {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly localKeys: LocalKeys;
}

/** Issuers behind one wildcard that are kept; the one unused for longest goes first. */
const MAX_KNOWN = 1024;
/** Strangers behind one wildcard that are asked at once, and how soon one more may be. */
const STRANGERS = 32;
const STRANGER_EVERY_MS = 1000;

type Open = (config: IssuerConfig) => Issuer;

/** `*` spans letters, digits, - and _; the whole issuer must match (GHSA-59jp-pj84-45mr). */
export function wildcardPattern(url: string): RegExp {
  const literal = url.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('[-_a-zA-Z0-9]+')}$`);
}

class Wildcard {
  readonly #config: IssuerConfig;
  readonly #open: Open;
  readonly #clock: Clock;
  readonly #pattern: RegExp;
  /** Verified at least once, the latest last. Written by #remember(). */
  readonly #known = new Map<string, Issuer>();
  /** Tokens under judgement, by issuer. Written by #judge(). */
  readonly #strangers = new Map<string, { issuer: Issuer; waiting: number }>();
  /** Strangers that may be asked now, and when that was counted. Written by #spend(). */
  #budget = STRANGERS;
  #countedAt: number;

  constructor(config: IssuerConfig, open: Open, clock: Clock) {
    this.#config = config;
    this.#open = open;
    this.#clock = clock;
    this.#pattern = wildcardPattern(config.url);
    this.#countedAt = clock();
  }

  matches(iss: string): boolean {
    return this.#pattern.test(iss);
  }

  issuer(iss: string): Issuer {
    const config = { ...this.#config, url: iss };
    const known = this.#known.get(iss);
    return {
      config,
      read: known?.read ?? ((claims) => identityReader(config)(claims)),
      verify: async (token) => {
        const issuer = known ?? (await this.#judge(config, token));
        if (known !== undefined) await known.verify(token);
        this.#remember(iss, issuer);
      },
    };
  }

  /** A stranger's token; it is known from then on. */
  async #judge(config: IssuerConfig, token: SignedToken): Promise<Issuer> {
    const { url } = config;
    const stranger = this.#strangers.get(url) ?? { issuer: this.#admit(config), waiting: 0 };
    this.#strangers.set(url, stranger);
    stranger.waiting++;
    try {
      await stranger.issuer.verify(token);
      return stranger.issuer;
    } finally {
      stranger.waiting--;
      if (stranger.waiting === 0) this.#strangers.delete(url);
    }
  }

  #admit(config: IssuerConfig): Issuer {
    if (!this.#spend()) {
      const why = `too many unknown issuers match ${this.#config.url}; try again later`;
      throw new CodedError('TOKEN_ISSUER_UNREACHABLE', why, { field: 'iss' });
    }
    return this.#open(config);
  }

  /** A clock that was set back gives nothing, and counts from there. */
  #spend(): boolean {
    const now = this.#clock();
    const earned = Math.max(0, Math.floor((now - this.#countedAt) / STRANGER_EVERY_MS));
    this.#budget = Math.min(STRANGERS, this.#budget + earned);
    this.#countedAt =
      now < this.#countedAt || this.#budget === STRANGERS
        ? now
        : this.#countedAt + earned * STRANGER_EVERY_MS;
    if (this.#budget === 0) return false;
    this.#budget--;
    return true;
  }

  #remember(iss: string, issuer: Issuer): void {
    this.#known.delete(iss);
    this.#known.set(iss, issuer);
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size > MAX_KNOWN) this.#known.delete(oldest);
  }
}

/** @throws CodedError CONFIG_INVALID for a file that an issuer names and that cannot be read */
export function issuerTable(
  issuers: readonly IssuerConfig[],
  { clock, logger, localKeys }: TableEdges,
): (iss: string) => Issuer | undefined {
  issuers.forEach(judgeFiles);
  const open: Open = (config) => {
    const keys = new IssuerKeys(config, clock, logger, localKeys[config.url]);
    return { config, read: identityReader(config), verify: (token) => keys.verify(token) };
  };
  const exact = new Map(
    issuers.filter(({ url }) => !url.includes('*')).map((config) => [config.url, open(config)]),
  );
  const wildcards = issuers
    .filter(({ url }) => url.includes('*'))
    .sort((a, b) => b.url.length - a.url.length || (a.url < b.url ? -1 : 1))
    .map((config) => new Wildcard(config, open, clock));
  return (iss) =>
    exact.get(iss) ?? wildcards.find((wildcard) => wildcard.matches(iss))?.issuer(iss);
}
