// SPDX-License-Identifier: Apache-2.0
// Opens every service on one data directory and wires them: the CA reaches the CT log by a call,
// the trust root learns every key and address.
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openCa } from '../ca/main.ts';
import { parseCertificate } from '../core/x509.ts';
import { openCtLog } from '../ctlog/main.ts';
import type { Clock } from '../runtime/clock.ts';
import { nodeCrypto } from '../runtime/crypto.ts';
import type { Service } from '../runtime/service.ts';
import type { Logger, Metrics } from '../runtime/telemetry.ts';
import { openTlog } from '../tlog/main.ts';
import { openTsa } from '../tsa/main.ts';
import { openTrust } from '../tuf/main.ts';
import type { StackConfig } from './config.ts';
import { DEV_ISSUERS, type DevIssuer, devIssuerConfigs, openDevIssuer } from './dev-issuer.ts';
import { ensureMaterial } from './material.ts';
import type { Layout } from './state.ts';

export interface Parts {
  readonly services: readonly Service[];
  readonly ctlog: Awaited<ReturnType<typeof openCtLog>>;
  readonly tlog: Awaited<ReturnType<typeof openTlog>>;
  readonly trust: Awaited<ReturnType<typeof openTrust>>;
  readonly devIssuer: DevIssuer | undefined;
  readonly fingerprints: ReadonlyArray<{ name: string; sha256: string }>;
  /** In the order that loses nothing: edges are closed by the caller before. */
  close(): Promise<void>;
}

export interface AssembleOptions {
  readonly config: StackConfig;
  readonly layout: Layout;
  readonly url: string;
  readonly origin: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Told before each part opens. */
  readonly progress: (what: string) => void;
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** @throws CodedError as the parts do; what was opened before is closed again. */
export async function assemble(options: AssembleOptions): Promise<Parts> {
  const { config, layout, url, origin, clock, logger, metrics, progress } = options;
  const opened: Service[] = [];
  const keep = <S extends Service>(service: S): S => {
    opened.push(service);
    return service;
  };
  const close = async () => {
    for (const service of [...opened].reverse()) await service.close();
  };
  try {
    progress('keys and certificate chains');
    const material = await ensureMaterial(layout, config.organization, clock);
    const caChain = material.ca.chain.map(parseCertificate);
    const edges = { clock, logger, metrics, crypto: nodeCrypto };
    const random = (size: number) => new Uint8Array(randomBytes(size));

    progress('CT log');
    const ctlog = keep(
      await openCtLog({
        ...edges,
        directory: layout.ctlog,
        markDirectory: layout.mark,
        signer: material.ctlog,
        origin: `${origin}/ctlog`,
        roots: caChain.slice(-1),
        leafIndex: config.ctlog.leafIndex,
      }),
    );
    progress('transparency log');
    const tlog = keep(
      await openTlog({
        ...edges,
        directory: layout.tlog,
        markDirectory: layout.mark,
        signer: material.tlog,
        origin,
        queueLimit: config.tlog.queueLimit,
        frozen: config.tlog.frozen,
      }),
    );
    progress('timestamp authority');
    keep(
      await openTsa({
        ...edges,
        random,
        signer: material.tsa.signer,
        chain: material.tsa.chain,
        markDirectory: layout.mark,
        policies: config.tsa.policies,
        clockConfig: config.tsa.clock,
      }),
    );
    progress('certificate authority');
    const devIssuer = config.dev
      ? openDevIssuer({ url, keyFile: join(layout.keys, 'dev-issuer.pem'), clock })
      : undefined;
    keep(
      await openCa({
        ...edges,
        random,
        signer: material.ca.signer,
        chain: material.ca.chain,
        config:
          devIssuer === undefined
            ? config.ca
            : { ...config.ca, issuers: [...config.ca.issuers, ...devIssuerConfigs(url)] },
        localKeys:
          devIssuer === undefined
            ? {}
            : Object.fromEntries(DEV_ISSUERS.map(({ path }) => [`${url}${path}`, devIssuer.keys])),
        submit: ctlog.submit,
        ctlogKey: material.ctlog.spki,
      }),
    );
    const issuerUrls =
      devIssuer === undefined ? config.ca.issuers.map((issuer) => issuer.url) : [`${url}/dev-oidc`];
    progress('trust root');
    const trust = keep(
      await openTrust({
        clock,
        logger,
        metrics,
        directory: layout.tuf,
        trustDirectory: layout.trust,
        keysDirectory: layout.keys,
        markDirectory: layout.mark,
        dev: config.dev,
        material: {
          url,
          origin,
          fulcioChain: material.ca.chain,
          tsaChain: material.tsa.chain,
          tlogKey: material.tlog.spki,
          ctlogKey: material.ctlog.spki,
          ctlogOrigin: `${origin}/ctlog`,
          issuers: issuerUrls,
          start: caChain.at(-1)?.notBeforeMs ?? clock(),
          operator: origin,
        },
      }),
    );
    const [intermediate, root] = material.ca.chain;
    const fingerprints = [
      { name: 'CA root', sha256: sha256(root ?? new Uint8Array()) },
      { name: 'CA intermediate', sha256: sha256(intermediate ?? new Uint8Array()) },
      { name: 'Transparency log key', sha256: sha256(material.tlog.spki) },
      { name: 'CT log key', sha256: sha256(material.ctlog.spki) },
      { name: 'Timestamp authority', sha256: sha256(material.tsa.chain[0] ?? new Uint8Array()) },
    ];
    return { services: [...opened], ctlog, tlog, trust, devIssuer, fingerprints, close };
  } catch (error) {
    await close();
    throw error;
  }
}
