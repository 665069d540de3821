// SPDX-License-Identifier: Apache-2.0
// The original servers in Go, each with the flags that its own documents give, P-256 keys in files,
// logging to nowhere.
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { makeCaChain, makeTsaChain } from '../../services/pki/chain.ts';
import { systemClock } from '../../services/runtime/clock.ts';
import type { Issuer } from '../issuer.ts';
import type { Running } from '../servers.ts';
import { type Programs, versionOf } from './install.ts';
import { freePort, type Peer, startPeer } from './process.ts';

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
const random = (length: number) => new Uint8Array(randomBytes(length));
const organization = 'Peer';
const PASSWORD = 'peer';

function pem(certificates: readonly Uint8Array[]): string {
  const block = (der: Uint8Array) => {
    const lines = Buffer.from(der).toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd();
    return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
  };
  return certificates.map(block).join('');
}

const plain = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();

function together(name: string, port: number, peers: readonly Peer[]): Running {
  return {
    name,
    port,
    pids: peers.map(({ pid }) => pid),
    async close() {
      for (const peer of peers) await peer.close();
    },
  };
}

/** Fulcio's own templates for GitHub, as its identity/config.yaml has them. */
const GITHUB = {
  'default-template-values': { url: 'https://github.com', environment: '' },
  'extension-templates': {
    'github-workflow-trigger': 'event_name',
    'github-workflow-sha': 'sha',
    'github-workflow-name': 'workflow',
    'github-workflow-repository': 'repository',
    'github-workflow-ref': 'ref',
    'build-signer-uri': '{{ .url }}/{{ .job_workflow_ref }}',
    'build-signer-digest': 'job_workflow_sha',
    'runner-environment': 'runner_environment',
    'source-repository-uri': '{{ .url }}/{{ .repository }}',
    'source-repository-digest': 'sha',
    'source-repository-ref': 'ref',
    'source-repository-identifier': 'repository_id',
    'source-repository-owner-uri': '{{ .url }}/{{ .repository_owner }}',
    'source-repository-owner-identifier': 'repository_owner_id',
    'build-config-uri': '{{ .url }}/{{ .workflow_ref }}',
    'build-config-digest': 'workflow_sha',
    'build-trigger': 'event_name',
    'run-invocation-uri':
      '{{ .url }}/{{ .repository }}/actions/runs/{{ .run_id }}/attempts/{{ .run_attempt }}',
    'source-repository-visibility-at-signing': 'repository_visibility',
    'deployment-environment': 'environment',
  },
  'subject-alternative-name-template': '{{ .url }}/{{ .job_workflow_ref }}',
};

interface FulcioFiles {
  readonly args: readonly string[];
  /** PEM of the chain. */
  readonly chain: string;
}

async function fulcioFiles(directory: string, issuer: Issuer): Promise<FulcioFiles> {
  mkdirSync(directory, { recursive: true });
  const file = (name: string, text: string) => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };
  const [rootKey, intermediateKey] = [newKey(), newKey()];
  const { root, intermediate } = await makeCaChain({
    organization,
    clock: systemClock,
    random,
    rootKey,
    intermediateKey,
  });
  const locked = { cipher: 'aes-256-cbc', passphrase: PASSWORD } as const;
  const key = intermediateKey.export({ type: 'pkcs8', format: 'pem', ...locked }).toString();
  const chain = file('chain.pem', pem([intermediate, root]));
  const row = {
    'issuer-url': issuer.url,
    'client-id': 'sigstore',
    type: 'ci-provider',
    'ci-provider': 'github-workflow',
  };
  // Not JSON, which YAML reads too: Fulcio would take it for its other form of the file.
  const config = {
    'oidc-issuers': { [issuer.url]: row },
    'ci-issuer-metadata': { 'github-workflow': GITHUB },
  };
  const args = [
    '--ca=fileca',
    `--fileca-cert=${chain}`,
    `--fileca-key=${file('key.pem', key)}`,
    `--fileca-key-passwd=${PASSWORD}`,
    '--fileca-watch=false',
    `--config-path=${file('config.yaml', stringify(config))}`,
  ];
  return { args, chain };
}

async function startFulcioAt(program: string, files: FulcioFiles, ctLogUrl: string) {
  const [port, grpcPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
  const socket = `@bench-fulcio-${port}`;
  const args = [
    'serve',
    ...files.args,
    `--ct-log-url=${ctLogUrl}`,
    '--log_type=prod',
    '--host=127.0.0.1',
    `--port=${port}`,
    '--grpc-host=127.0.0.1',
    `--grpc-port=${grpcPort}`,
    `--metrics-port=${metricsPort}`,
    `--legacy-unix-domain-socket=${socket}`,
  ];
  const peer = await startPeer(program, args, `http://127.0.0.1:${port}/healthz`);
  return { port, peer };
}

/** Fulcio that publishes nothing: no SCT. */
export async function startFulcio(
  programs: Programs,
  directory: string,
  issuer: Issuer,
): Promise<Running> {
  const files = await fulcioFiles(directory, issuer);
  const { port, peer } = await startFulcioAt(programs.fulcio, files, '');
  return together(`Fulcio ${versionOf('fulcio')} without CT`, port, [peer]);
}

/** With TesseraCT, which here answers once an entry has its number, before it is integrated. */
export async function startFulcioWithCt(
  programs: Programs,
  directory: string,
  issuer: Issuer,
): Promise<Running> {
  const files = await fulcioFiles(directory, issuer);
  const ctPort = await freePort();
  const key = join(directory, 'ct.pem');
  writeFileSync(key, newKey().export({ type: 'sec1', format: 'pem' }).toString());
  const endpoint = `127.0.0.1:${ctPort}`;
  const ct = await startPeer(
    programs.tesseract,
    [
      `--private_key=${key}`,
      '--origin=bench',
      `--storage_dir=${join(directory, 'ct')}`,
      `--roots_pem_file=${files.chain}`,
      '--ext_key_usages=CodeSigning',
      '--enable_publication_awaiter=false',
      `--http_endpoint=${endpoint}`,
    ],
    `http://${endpoint}/healthz`,
  );
  const { port, peer } = await startFulcioAt(programs.fulcio, files, `http://${endpoint}`);
  const name = `Fulcio ${versionOf('fulcio')} + TesseraCT ${versionOf('tesseract')}`;
  return together(name, port, [peer, ct]);
}

/** How often the server publishes: its own compose file's settings, or the least that it takes. */
export const REKOR_CLOCKS = {
  compose: ['--checkpoint-interval=2s', '--persistent-antispam=true'],
  tuned: ['--checkpoint-interval=100ms', '--batch-max-age=5ms', '--pushback-max-outstanding=8192'],
} as const;

export async function startRekorTiles(
  programs: Programs,
  directory: string,
  clock: keyof typeof REKOR_CLOCKS,
): Promise<Running> {
  mkdirSync(join(directory, 'storage'), { recursive: true });
  const key = join(directory, 'key.pem');
  writeFileSync(key, plain(newKey()));
  const [port, grpcPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
  const args = [
    'serve',
    '--hostname=localhost',
    `--signer-filepath=${key}`,
    `--storage-dir=${join(directory, 'storage')}`,
    `--http-port=${port}`,
    `--grpc-port=${grpcPort}`,
    `--http-metrics-port=${metricsPort}`,
    '--log-level=error',
    ...REKOR_CLOCKS[clock],
  ];
  const url = `http://127.0.0.1:${port}/healthz`;
  const peer = await startPeer(programs['rekor-tiles'], args, url);
  return together(`rekor-tiles ${versionOf('rekor-tiles')} (${clock})`, port, [peer]);
}

export async function startTimestampServer(
  programs: Programs,
  directory: string,
): Promise<Running> {
  mkdirSync(directory, { recursive: true });
  const [rootKey, leafKey] = [newKey(), newKey()];
  const options = { organization, clock: systemClock, random, rootKey, leafKey };
  const { root, leaf } = await makeTsaChain(options);
  const [key, chain] = [join(directory, 'key.pem'), join(directory, 'chain.pem')];
  writeFileSync(key, plain(leafKey));
  writeFileSync(chain, pem([leaf, root]));
  const port = await freePort();
  const args = [
    'serve',
    '--timestamp-signer=file',
    `--file-signer-key-path=${key}`,
    `--certificate-chain-path=${chain}`,
    '--disable-ntp-monitoring',
    '--log-type=prod',
    '--host=127.0.0.1',
    `--port=${port}`,
  ];
  const url = `http://127.0.0.1:${port}/ping`;
  const peer = await startPeer(programs['timestamp-server'], args, url);
  return together(`timestamp-authority ${versionOf('timestamp-server')}`, port, [peer]);
}
