// SPDX-License-Identifier: Apache-2.0
// `sigstead serve`: the stack, what it shows, and its end.
import { isAbsolute, join, relative } from 'node:path';
import { VERSION } from '../client/version.ts';
import { CodedError, EXIT } from '../core/errors.ts';
import { systemClock } from '../runtime/clock.ts';
import { releaseMemory } from '../runtime/memory.ts';
import { jsonLogger, type Logger } from '../runtime/telemetry.ts';
import type { StackConfig } from './config.ts';
import { CLI, cosignCommands } from './facts.ts';
import { createScreen, type Screen } from './screen.ts';
import { selfCheck } from './self-check.ts';
import { type Stack, startStack } from './serve.ts';

const LEVELS = ['info', 'warn', 'error'] as const;

function loggerFor(config: StackConfig): Logger {
  const level = config.log.level ?? (config.dev ? 'warn' : 'info');
  const logger = jsonLogger((line) => process.stderr.write(line), systemClock);
  const from = LEVELS.indexOf(level);
  return {
    info: from <= 0 ? logger.info : () => {},
    warn: from <= 1 ? logger.warn : () => {},
    error: logger.error,
  };
}

/** As short as the reader's folder allows. */
function shortPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith('..') || isAbsolute(near) ? path : near;
}

function showEndpoints(screen: Screen, stack: Stack): void {
  const { url } = stack;
  screen.title('Endpoints');
  screen.table([
    ['Certificate authority', `${url}/api/v2/signingCert`],
    ['Transparency log', `${url}/api/v2/log/entries`],
    ['Timestamp authority', `${url}/api/v1/timestamp`],
    ['CT log', `${url}/ctlog/ct/v1/get-sth`],
    ['Trust root (TUF)', `${url}/tuf`],
    ...(stack.parts.devIssuer === undefined
      ? []
      : [['Development issuer', `${url}/dev-oidc`] as const]),
    ['Metrics', stack.metricsUrl],
    ['Page', `${url}/`],
  ]);
  screen.title('Trust files');
  const trust = shortPath(join(stack.data, 'trust'));
  screen.table([
    ['Trusted root', `${trust}/trusted_root.json`],
    ['Signing config', `${trust}/signing_config.v0.2.json`],
    ['Both in one', `${trust}/client_trust_config.json`],
    ['TUF root', `${trust}/root.json`],
    ['  SHA-256', stack.parts.trust.rootSha256],
  ]);
  if (stack.parts.devIssuer !== undefined) {
    screen.line(
      '  The root and targets keys of this trust root are dev-only: they lie beside the data they protect.',
    );
  }
}

function showCommands(screen: Screen, stack: Stack): void {
  const trust = shortPath(join(stack.data, 'trust'));
  const context = { url: stack.url, dev: stack.parts.devIssuer !== undefined };
  const { sign, verify } = cosignCommands(context, trust, CLI);
  screen.title('Sign a file with cosign 3, then verify it offline');
  screen.line(sign);
  screen.line();
  screen.line(verify);
  screen.line();
}

/** Resolves with the signal that ends the process; a second one ends it at once. */
function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(EXIT.internal));
        resolve(signal);
      });
    }
  });
}

/** Returns the exit code. @throws CodedError from startStack */
export async function runServe(config: StackConfig, once: boolean): Promise<number> {
  const logger = loggerFor(config);
  const ended = nextSignal();
  if (!config.dev) {
    const stack = await startStack({ config, clock: systemClock, logger });
    releaseMemory();
    await ended;
    await stack.close();
    return EXIT.ok;
  }
  const colour = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
  const screen = createScreen((text) => process.stdout.write(text), colour);
  screen.line(
    `Sigstead ${VERSION}: a private Sigstore in one process (development mode, loopback only)`,
  );
  screen.title('Start');
  let last = { what: '', at: performance.now() };
  const progress = (what: string) => {
    if (last.what !== '') screen.step(last.what, performance.now() - last.at);
    last = { what, at: performance.now() };
  };
  const stack = await startStack({ config, clock: systemClock, logger, progress });
  progress('');
  screen.line(`  ${stack.firstStart ? 'made' : 'continued'} ${shortPath(stack.data)}`);
  showEndpoints(screen, stack);
  screen.title('Self-check');
  const passed = await selfCheck(stack, screen);
  if (passed) showCommands(screen, stack);
  if (once || !passed) {
    await stack.close();
    if (!passed) throw new CodedError('INTERNAL', 'the self-check failed; its reason stands above');
    return EXIT.ok;
  }
  releaseMemory();
  screen.line('Ctrl-C ends it.');
  await ended;
  await stack.close();
  return EXIT.ok;
}
