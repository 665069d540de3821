// SPDX-License-Identifier: Apache-2.0
// OpenSSL as a judge of many certificates in one process: `verify` for the path, `storeutl` for what
// it shows of the fields.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pem } from '../../services/core/pem.ts';
import { openssl, type Result, type Workplace } from './support/commands.ts';
import type { ForeignVerdict, Path } from './support/judges.ts';

/** Arguments and output of one process stay well below what systems allow. */
const AT_ONCE = 2000;

interface Files {
  /** Flags that name root and intermediate. */
  readonly trust: readonly string[];
  readonly names: readonly string[];
}

function write(place: Workplace, { chain }: Path, list: readonly Uint8Array[]): Files {
  const [issuing, root] = chain;
  if (issuing === undefined || root === undefined) throw new Error('no chain');
  mkdirSync(join(place.directory, 'c'), { recursive: true });
  const put = (name: string, content: string | Uint8Array) =>
    writeFileSync(join(place.directory, name), content);
  put('root.pem', pem('CERTIFICATE', root));
  put('issuing.pem', pem('CERTIFICATE', issuing));
  const names = list.map((der, i) => {
    put(`c/${i}.der`, der);
    return `c/${i}.der`;
  });
  return { trust: ['-CAfile', 'root.pem', '-untrusted', 'issuing.pem'], names };
}

/** Each file is named on stdout when it is good, else on stderr with the reason before it. */
function read({ stdout, stderr }: Result, names: readonly string[]): ForeignVerdict[] {
  const good = new Set(
    stdout.split('\n').flatMap((line) => /^(c\/\d+\.der): OK$/.exec(line)?.[1] ?? []),
  );
  const named = new Set(stderr.match(/c\/\d+\.der/g) ?? []);
  return names.map((name) => {
    if (good.has(name)) return { trusted: true };
    // Nobody is judged by silence.
    if (!named.has(name))
      throw new Error(`openssl says nothing of ${name}\n${stderr.slice(-2000)}`);
    return { trusted: false, reason: 'refused' };
  });
}

/** Strictly by RFC 5280. OpenSSL 3.0 has no purpose for code signing: extended usages are not judged. */
export async function judgeByOpenssl(
  place: Workplace,
  path: Path,
  list: readonly Uint8Array[],
): Promise<ForeignVerdict[]> {
  const { trust, names } = write(place, path, list);
  const flags = ['verify', '-x509_strict', '-attime', String(path.atMs / 1000), ...trust];
  const verdicts: ForeignVerdict[] = [];
  for (let start = 0; start < names.length; start += AT_ONCE) {
    const batch = names.slice(start, start + AT_ONCE);
    verdicts.push(...read(await openssl(place, ...flags, ...batch), batch));
  }
  return verdicts;
}

/** The text of each certificate, as `openssl x509 -text` shows it. */
export async function textsOf(place: Workplace, list: readonly Uint8Array[]): Promise<string[]> {
  const bundle = list.map((der) => `${pem('CERTIFICATE', der).trim()}\n`).join('');
  writeFileSync(join(place.directory, 'all.pem'), bundle);
  const { status, stdout, stderr } = await openssl(
    place,
    ...['storeutl', '-certs', '-noout', '-text', 'all.pem'],
  );
  const [, ...texts] = stdout.split(/^\d+: Certificate\n/m);
  if (status !== 0 || texts.length !== list.length) {
    throw new Error(`${texts.length} of ${list.length} texts, status ${status}\n${stderr}`);
  }
  return texts;
}
