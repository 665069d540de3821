// SPDX-License-Identifier: Apache-2.0
// The trust root: publishes keys and addresses of the stack as a TUF repository and as single files,
// and keeps the signatures fresh while it runs.
import { hex } from '../core/bytes.ts';
import type { TrustMaterial } from '../core/trust-build.ts';
import type { TrustFiles } from '../core/trust-files.ts';
import { ROLES, type Role } from '../core/tuf.ts';
import { nodeCrypto } from '../runtime/crypto.ts';
import type { Service } from '../runtime/service.ts';
import { type Metrics, noMetrics, silentLogger } from '../runtime/telemetry.ts';
import { type Every, everyUnref } from '../runtime/timer.ts';
import { trustRoutes } from './app.ts';
import { readStated, type TrustConfig } from './config.ts';
import { Publisher, type PublisherOptions } from './publisher.ts';
import { expiredRoles } from './repository.ts';
import { describeDevKeys, pendingRoles } from './signers.ts';

export type { TrustMaterial } from '../core/trust-build.ts';

export interface TrustOptions extends PublisherOptions {
  readonly material: TrustMaterial;
  /** Entries besides those of the material. */
  readonly config?: TrustConfig;
  readonly metrics?: Metrics;
  readonly every?: Every;
}

export interface Trust extends Service {
  /** Publishes the next version if the material is another; else nothing happens. */
  publish(material: TrustMaterial): Promise<void>;
  /** Signs again what is due by the clock, and takes up keys that are to follow. */
  renew(): Promise<void>;
  /** SHA-256 of the newest root.json, hex. */
  readonly rootSha256: string;
  /** The trust files by name. */
  readonly files: TrustFiles;
}

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
/** How soon a key that was put there is taken up. Looking for it costs four looks at a directory. */
const KEYS_MS = 2000;

/**
 * Continues the repository in `directory`, or makes one. When it returns, clients see `material`.
 * @throws CodedError CONFIG_INVALID, KEY_UNREADABLE, STATE_INCONSISTENT, TRUST_ROOT_MALFORMED, SIGNING_CONFIG_MALFORMED
 */
export async function openTrust(options: TrustOptions): Promise<Trust> {
  const { keysDirectory, clock, dev } = options;
  const crypto = options.crypto ?? nodeCrypto;
  const logger = options.logger ?? silentLogger;
  const stated = options.config === undefined ? {} : { stated: readStated(crypto, options.config) };
  const publisher = new Publisher(options);
  await publisher.publish({ ...options.material, ...stated });
  if (dev) describeDevKeys(keysDirectory);

  const renew = () =>
    publisher.renew().catch((error: unknown) => logger.error('trust root not renewed', { error }));
  const every = options.every ?? everyUnref;
  const timers = [
    every(HOUR, renew),
    every(KEYS_MS, () => (pendingRoles(keysDirectory).length > 0 ? renew() : undefined)),
  ];
  const daysLeft = (role: Role) => (publisher.view[role].expiresMs - clock()) / DAY;
  (options.metrics ?? noMetrics).gauge(
    'sigstead_tuf_days_left',
    'Days until the signature of a role expires.',
    () => ROLES.map((role) => [{ role }, daysLeft(role)]),
  );
  return {
    name: 'tuf',
    routes: trustRoutes({
      repository: () => publisher.repository,
      trust: () => publisher.trust,
    }),
    publish: (material) => publisher.publish({ ...material, ...stated }),
    renew: () => publisher.renew(),
    get rootSha256() {
      return hex(crypto.digest('sha256', publisher.view.root.bytes));
    },
    get files() {
      return publisher.trust;
    },
    readiness: () =>
      expiredRoles(publisher.view, clock()).map((role) => `${role}.json has expired`),
    state() {
      const roles = ROLES.map((role) => {
        const { version } = publisher.view[role];
        return [role, { version, daysLeft: Math.floor(daysLeft(role) * 10) / 10 }] as const;
      });
      return Object.fromEntries(roles);
    },
    async close() {
      for (const stop of timers) stop();
      await publisher.settled();
    },
  };
}
