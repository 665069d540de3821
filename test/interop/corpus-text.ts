// SPDX-License-Identifier: Apache-2.0
// A leaf of our CA in the words of `openssl x509 -text`, written from what ours reads.
import { fromHex } from '../../services/core/bytes.ts';
import { OID } from '../../services/core/oid.ts';
import type { Facts } from './corpus-facts.ts';

const INDENT = ' '.repeat(12);
const SCT_INDENT = ' '.repeat(32);
const SCT_OCTETS = 16;

const colons = (octets: string) => octets.match(/../g)?.join(':') ?? '';
const upper = (octets: string) => colons(octets).toUpperCase();

/** Jun  1 12:00:00 2026 GMT, the day in two columns. */
function dateText(ms: number, clock = ''): string {
  const [, day, month, year, time] = new Date(ms).toUTCString().split(' ');
  return `${month} ${String(Number(day)).padStart(2)} ${time}${clock} ${year} GMT`;
}

/** Octets that are not printable ASCII, as dots. */
function printable(value: string): string {
  return Array.from(fromHex(value), (octet) => {
    const shown = (octet >= 0x20 && octet <= 0x7e) || octet === 0x0a || octet === 0x0d;
    return shown ? String.fromCharCode(octet) : '.';
  }).join('');
}

/** In lines of 16 octets, all but the first indented. */
function wrapped(octets: string): string {
  return (octets.match(new RegExp(`.{1,${2 * SCT_OCTETS}}`, 'g')) ?? [])
    .map(upper)
    .join(`:\n${SCT_INDENT}`);
}

function sctText({ logId, timestampMs, extensions, signature }: Facts['scts'][number]): string[] {
  const clock = `.${String(timestampMs % 1000).padStart(3, '0')}`;
  return [
    '    Signed Certificate Timestamp:',
    '        Version   : v1 (0x0)',
    `        Log ID    : ${wrapped(logId)}`,
    `        Timestamp : ${dateText(timestampMs, clock)}`,
    `        Extensions: ${upper(extensions)}`,
    '        Signature : ecdsa-with-SHA256',
    `                    ${wrapped(signature)}`,
  ];
}

const KINDS: Readonly<Record<string, string>> = {
  email: 'email:',
  uri: 'URI:',
  username: `othername: ${OID.fulcioUsername}::`,
};
const indented = (text: string) => [`    ${text}`];

/** Title and text of the extensions that OpenSSL knows. */
const KNOWN: Readonly<Record<string, readonly [string, (facts: Facts) => readonly string[]]>> = {
  [OID.keyUsage]: ['X509v3 Key Usage', () => indented('Digital Signature')],
  [OID.extendedKeyUsage]: ['X509v3 Extended Key Usage', () => indented('Code Signing')],
  [OID.subjectKeyIdentifier]: [
    'X509v3 Subject Key Identifier',
    ({ subjectKeyId }) => indented(upper(subjectKeyId)),
  ],
  [OID.authorityKeyIdentifier]: [
    'X509v3 Authority Key Identifier',
    ({ authorityKeyId }) => indented(upper(authorityKeyId)),
  ],
  [OID.subjectAltName]: [
    'X509v3 Subject Alternative Name',
    ({ altNames }) =>
      indented(altNames.map(({ kind, value }) => `${KINDS[kind]}${value}`).join(', ')),
  ],
  [OID.sctList]: ['CT Precertificate SCTs', ({ scts }) => scts.flatMap(sctText)],
};

/** Serial number and times; then the extensions. */
export interface Text {
  readonly head: string;
  readonly extensions: string;
}

export function expectedText(facts: Facts): Text {
  const serial = facts.serial.length % 2 === 0 ? facts.serial : `0${facts.serial}`;
  const head = [
    '        Serial Number:',
    `            ${colons(serial)}`,
    '        Signature Algorithm: ecdsa-with-SHA256',
    '        Issuer: O=Test, CN=Sigstead Issuing CA',
    '        Validity',
    `            Not Before: ${dateText(facts.notBefore * 1000)}`,
    `            Not After : ${dateText(facts.notAfter * 1000)}`,
    '        Subject: ',
  ];
  const extensions = facts.extensions.flatMap(({ oid, critical, value }) => {
    const [title, lines] = KNOWN[oid] ?? [oid, () => indented(printable(value))];
    return [`${title}: ${critical ? 'critical' : ''}`, ...lines(facts)];
  });
  return {
    head: head.join('\n'),
    extensions: extensions.map((line) => `${INDENT}${line}`).join('\n'),
  };
}

/** The same parts of what OpenSSL wrote. @throws Error when they are not there */
export function partsOfText(text: string): Text {
  const start = text.indexOf('        Serial Number:');
  const key = text.indexOf('\n        Subject Public Key Info:');
  const title = '        X509v3 extensions:\n';
  const extensions = text.indexOf(title);
  const end = text.lastIndexOf('\n    Signature Algorithm:');
  if (start < 0 || key < start || extensions < key || end < extensions)
    throw new Error(`not a certificate: ${text}`);
  return { head: text.slice(start, key), extensions: text.slice(extensions + title.length, end) };
}
