// SPDX-License-Identifier: Apache-2.0
// Opens every service on one data directory and wires them: the CA reaches the CT log by a call,
// the trust root learns every key and address.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveIssuers } from '../ca/fulcio-config.ts';
import { openCa } from '../ca/main.ts';
import { VERSION } from '../client/version.ts';
import { CodedError, coded } from '../core/errors.ts';
import { parsePem } from '../core/pem.ts';
import { type Certificate, parseCertificate } from '../core/x509.ts';
import { openCtLog } from '../ctlog/main.ts';
import type { Clock } from '../runtime/clock.ts';
import { nodeCrypto } from '../runtime/crypto.ts';
import { randomSource } from '../runtime/random.ts';
import type { Service } from '../runtime/service.ts';
import type { Logger, Metrics } from '../runtime/telemetry.ts';
import { openTlog } from '../tlog/main.ts';
import { openTsa } from '../tsa/main.ts';
import { openTrust, type TrustMaterial } from '../tuf/main.ts';
import type { StackConfig } from './config.ts';
import { DEV_ISSUERS, type DevIssuer, devIssuerConfigs, openDevIssuer } from './dev-issuer.ts';
import { ensureMaterial, type Material } from './material.ts';
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

function caFingerprints(chain: readonly Uint8Array[]) {
  const [issuing = new Uint8Array(), ...above] = chain;
  const root = { name: 'CA root', sha256: sha256(above.at(-1) ?? issuing) };
  return above.length === 0 ? [root] : [root, { name: 'CA intermediate', sha256: sha256(issuing) }];
}

function keyFingerprints({ tlog, ctlog, tsa }: Material) {
  return [
    { name: 'Transparency log key', sha256: sha256(tlog.spki) },
    { name: 'CT log key', sha256: sha256(ctlog.spki) },
    { name: 'Timestamp authority', sha256: sha256(tsa.chain[0] ?? new Uint8Array()) },
  ];
}

/** Roots of other CAs, and former ones from elsewhere. @throws CodedError CONFIG_INVALID */
function otherRoots(path: string | undefined): Certificate[] {
  if (path === undefined) return [];
  const invalid = (why: string) =>
    new CodedError('CONFIG_INVALID', `ctlog.rootsFile: ${path}: ${why}`, {
      field: 'ctlog.rootsFile',
    });
  try {
    const roots = parsePem(readFileSync(path, 'utf8'), 'CERTIFICATE').map(({ der }) =>
      parseCertificate(der),
    );
    if (roots.some((root) => !root.isCa)) throw invalid('holds a certificate that is no CA');
    return roots;
  } catch (error) {
    throw error instanceof CodedError ? error : invalid((error as Error).message);
  }
}

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
    const material = await ensureMaterial(layout, config.organization, clock, config.ca);
    const caChain = coded('CHAIN_INVALID', 'CA chain', () =>
      material.ca.chain.map(parseCertificate),
    );
    const configured = resolveIssuers(config.ca, logger);
    const edges = { clock, logger, metrics, crypto: nodeCrypto };
    const random = randomSource();

    progress('CT log');
    const ctlog = keep(
      await openCtLog({
        ...edges,
        directory: layout.ctlog,
        markDirectory: layout.mark,
        signer: material.ctlog,
        origin: `${origin}/ctlog`,
        roots: [...caChain.slice(-1), ...otherRoots(config.ctlog.rootsFile)],
        leafIndex: config.ctlog.leafIndex,
        queueLimit: config.ctlog.queueLimit,
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
    /** Written by announce() and below, once each is in use. */
    let fulcioChain = material.ca.chain;
    let publish: ((chain: readonly Uint8Array[]) => Promise<void>) | undefined;
    const announce = async (chain: readonly Uint8Array[]) => {
      if (publish === undefined)
        throw new CodedError('UNAVAILABLE', 'the trust root is not open yet');
      const root = chain.at(-1);
      if (root !== undefined) ctlog.admitRoot(root);
      // A crash after this leaves clients that trust a chain which the next start takes.
      await publish(chain);
      fulcioChain = chain;
    };
    progress('certificate authority');
    const devIssuer = config.dev
      ? openDevIssuer({ url, keyFile: join(layout.keys, 'dev-issuer.pem'), clock })
      : undefined;
    keep(
      await openCa({
        ...edges,
        random,
        signer: material.ca.signer,
        chain: fulcioChain,
        version: VERSION,
        reload: { read: material.ca.read, announce },
        config: {
          ...config.ca,
          issuers: devIssuer === undefined ? configured : [...configured, ...devIssuerConfigs(url)],
        },
        localKeys:
          devIssuer === undefined
            ? {}
            : Object.fromEntries(DEV_ISSUERS.map(({ path }) => [`${url}${path}`, devIssuer.keys])),
        submit: ctlog.submit,
        ctlogKey: material.ctlog.spki,
      }),
    );
    const issuerUrls =
      devIssuer === undefined
        ? configured.map((issuer) => issuer.url).filter((issuer) => !issuer.includes('*'))
        : [`${url}/dev-oidc`];
    const trustMaterial: TrustMaterial = {
      url,
      origin,
      fulcioChain,
      tsaChain: material.tsa.chain,
      tlogKey: material.tlog.spki,
      ctlogKey: material.ctlog.spki,
      ctlogOrigin: `${origin}/ctlog`,
      issuers: issuerUrls,
      start: caChain.at(-1)?.notBeforeMs ?? clock(),
      operator: origin,
    };
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
        config: config.trust,
        material: trustMaterial,
      }),
    );
    publish = (chain) => trust.publish({ ...trustMaterial, fulcioChain: chain });
    return {
      services: [...opened],
      ctlog,
      tlog,
      trust,
      devIssuer,
      get fingerprints() {
        return [...caFingerprints(fulcioChain), ...keyFingerprints(material)];
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
