// SPDX-License-Identifier: Apache-2.0
// Installs the foreign tools at the versions that the files beside this one pin. What is there
// already is kept: a second run needs no registry.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  BIN,
  CACHE,
  INTEROP,
  NODE,
  PACKAGE,
  PROGRAMS,
  type Tool,
  VENV,
  VENV_SBOM,
  VENV_SIGSTORE,
  VENV_SIGSTORE_42,
} from './support/cache.ts';

export interface Missing {
  readonly tool: Tool;
  readonly reason: string;
}

interface Step {
  readonly what: string;
  readonly tools: readonly Tool[];
  /** Files whose content decides whether the step must run again. */
  readonly pins: readonly string[];
  /** Files that the step makes. */
  readonly makes: readonly string[];
  /** @throws Error with the reason */
  install(): Promise<void>;
}

const TIMEOUT_MS = 45 * 60_000;
const REASON_LINES = 12;

/** A long step shows that it lives. */
const HEARTBEAT_MS = 20_000;

/** Resolves when the command ended with 0. @throws Error with the last lines of its output */
async function must(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<void> {
  const child = spawn(command, args, {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => output.push(text));
  }
  const started = Date.now();
  const beat = setInterval(() => {
    const seconds = Math.round((Date.now() - started) / 1000);
    process.stderr.write(`interop:   ${command} ${args[0]} … ${seconds} s\n`);
  }, HEARTBEAT_MS);
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', (error) => reject(new Error(`${command}: ${error.message}`)));
      child.once('close', resolve);
    });
    if (status === 0) return;
    const lines = output.join('').trim().split('\n').slice(-REASON_LINES);
    throw new Error(`${[command, ...args].join(' ')} ended with ${status}\n${lines.join('\n')}`);
  } finally {
    clearInterval(beat);
  }
}

/** The flags are part of the build cache's key: always the same. */
function buildGoTools(module: string, packages: string): Promise<void> {
  return must('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', `${BIN}/`, packages], {
    cwd: module,
    env: { ...process.env, GOFLAGS: '-mod=readonly', GOTOOLCHAIN: 'local' },
  });
}

type ProgramName = Exclude<Tool, 'package'>;

/** @param packages the module's `tool` lines, or its own mains */
function goStep(name: string, tools: readonly ProgramName[], packages = 'tool'): Step {
  const module = join(INTEROP, 'go', name);
  const sources = readdirSync(module, { recursive: true, encoding: 'utf8' });
  return {
    what: `${tools.join(', ')} (Go, built once: minutes)`,
    tools,
    pins: sources
      .filter((file) => /\.(go|mod|sum)$/.test(file))
      .sort()
      .map((file) => join(module, file)),
    makes: tools.map((tool) => PROGRAMS[tool]),
    install: () => buildGoTools(module, packages),
  };
}

async function makeVenv(venv: string, requirements: string): Promise<void> {
  rmSync(venv, { recursive: true, force: true });
  await must('python3', ['-m', 'venv', venv]);
  const quiet = ['--quiet', '--disable-pip-version-check'];
  await must(join(venv, 'bin', 'pip'), ['install', ...quiet, '-r', requirements]);
}

function pythonStep(venv: string, file: string, tools: readonly ProgramName[]): Step {
  const requirements = join(INTEROP, 'python', file);
  return {
    what: `${tools.join(', ')} (Python)`,
    tools,
    pins: [requirements],
    makes: tools.map((tool) => PROGRAMS[tool]),
    install: () => makeVenv(venv, requirements),
  };
}

const NODE_SOURCE = join(INTEROP, 'node');

/** Scripts and packages side by side, as a user of the library has them. */
async function installNodePackages(): Promise<void> {
  rmSync(NODE, { recursive: true, force: true });
  cpSync(NODE_SOURCE, NODE, { recursive: true });
  await must('npm', ['ci', '--ignore-scripts', '--loglevel=error'], { cwd: NODE });
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

async function fetchPackage(): Promise<void> {
  const target = dirname(PACKAGE.file);
  mkdirSync(target, { recursive: true });
  await must('npm', ['pack', PACKAGE.spec, '--silent', '--pack-destination', target], {
    cwd: target,
  });
  const found = sha256(PACKAGE.file);
  if (found !== PACKAGE.sha256) {
    rmSync(PACKAGE.file);
    throw new Error(`${PACKAGE.spec} has SHA-256 ${found}, expected ${PACKAGE.sha256}`);
  }
}

const STEPS: readonly Step[] = [
  goStep('cosign3', ['cosign']),
  goStep('tools', ['fsck', 'ctclient', 'zlint', 'timestamp-cli', 'tuf-client']),
  goStep('sigstore-go', ['sigstore-go']),
  goStep('judges', ['judge-certificates', 'judge-proofs', 'judge-log'], './...'),
  pythonStep(VENV, 'requirements.txt', ['lint_pkix_cert', 'pyca', 'python-tuf']),
  pythonStep(VENV_SIGSTORE, 'sigstore.txt', ['sigstore', 'model_signing']),
  pythonStep(VENV_SIGSTORE_42, 'sigstore-4.2.txt', ['sigstore-4.2']),
  pythonStep(VENV_SBOM, 'sbom.txt', ['cyclonedx']),
  {
    what: 'sigstore-js (npm)',
    tools: ['sigstore-js'],
    pins: readdirSync(NODE_SOURCE).map((name) => join(NODE_SOURCE, name)),
    makes: [PROGRAMS['sigstore-js']],
    install: installNodePackages,
  },
  {
    what: `${PACKAGE.spec} (npm)`,
    tools: ['package'],
    pins: [],
    makes: [PACKAGE.file],
    install: fetchPackage,
  },
];

const stampFile = (step: Step) => join(CACHE, `${step.tools[0]}.stamp`);

function stampOf(step: Step): string {
  return step.pins.map((pin) => `${basename(pin)} ${sha256(pin)}\n`).join('');
}

function isDone(step: Step): boolean {
  const stamp = stampFile(step);
  return (
    step.makes.every((file) => existsSync(file)) &&
    existsSync(stamp) &&
    readFileSync(stamp, 'utf8') === stampOf(step)
  );
}

/** How a program says which it is, where that is not `--version`. */
const VERSION_WORDS = new Map([['openssl', 'version']]);

/** Debian packages are the machine's own: they are looked for, not installed. */
function missingPackages(): Missing[] {
  const names = readFileSync(join(INTEROP, 'apt.txt'), 'utf8').split('\n').filter(Boolean);
  return names.flatMap((name) => {
    const found = spawnSync(name, [VERSION_WORDS.get(name) ?? '--version'], { encoding: 'utf8' });
    if (found.status === 0) return [];
    return [{ tool: name as Tool, reason: `not installed: apt-get install ${name}` }];
  });
}

/** Tells `say` what it does; returns what this machine cannot have, with the reason. */
export async function installTools(say: (line: string) => void): Promise<Missing[]> {
  mkdirSync(BIN, { recursive: true });
  const missing = missingPackages();
  for (const step of STEPS) {
    if (isDone(step)) {
      say(`kept       ${step.tools.join(', ')}`);
      continue;
    }
    say(`installing ${step.what}`);
    const started = performance.now();
    try {
      await step.install();
      // A crash before this line installs again.
      writeFileSync(stampFile(step), stampOf(step));
      say(
        `installed  ${step.tools.join(', ')} in ${((performance.now() - started) / 1000).toFixed(1)} s`,
      );
    } catch (error) {
      const reason = (error as Error).message;
      missing.push(...step.tools.map((tool) => ({ tool, reason })));
    }
  }
  return missing;
}
