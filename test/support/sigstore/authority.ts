// SPDX-License-Identifier: Apache-2.0
// Certificate authorities and timestamp authorities: the chains that a trusted root holds.
import { TAG, tlv } from '../../../services/core/der.ts';
import { OID } from '../../../services/core/oid.ts';
import {
  authorityConstraints,
  authorityKeyId,
  certificate,
  extendedKeyUsage,
  keyUsage,
  name,
  subjectKeyId,
} from './certificate.ts';
import type { Pair } from './keys.ts';
import { type Random, seeded } from './random.ts';

/** One certificate of a chain, whole unless something is said of it. */
export interface Link {
  readonly key: Pair;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  /** Null: none. */
  readonly pathLength?: number | null;
  /** In place of basicConstraints and keyUsage of a CA, and of the purposes. */
  readonly extensions?: readonly Uint8Array[];
  /** More of them. */
  readonly more?: readonly Uint8Array[];
  /** Signs it in place of the link above. */
  readonly signer?: Pair;
}

export interface Authority {
  /** Signs leaves, or timestamps. */
  readonly key: Pair;
  /** Issuing certificate or timestamp leaf first, root last; DER. */
  readonly chain: readonly Uint8Array[];
  /** Name of the first certificate, and its serial number. */
  readonly subject: Uint8Array;
  readonly issuer: Uint8Array;
  readonly serial: Uint8Array;
}

interface ChainShape {
  readonly organization: string;
  readonly startMs: number;
  readonly purpose: string;
  /** Root first. */
  readonly links: readonly Link[];
  /** Is the first certificate of the chain one that signs timestamps, no CA? */
  readonly endsInLeaf: boolean;
}

const DAY = 24 * 3_600_000;
const YEARS = [3650, 1825, 1095];

function caExtensions(link: Link, below: number, purpose: string | undefined): Uint8Array[] {
  const { pathLength = below } = link;
  return [
    keyUsage('certSign'),
    ...(purpose === undefined ? [] : [extendedKeyUsage([purpose])]),
    authorityConstraints(pathLength),
  ];
}

function makeChain(shape: ChainShape, random: Random): Authority {
  const { organization, startMs, links, purpose, endsInLeaf } = shape;
  const chain: Uint8Array[] = [];
  const subjectOf = (i: number) => name(organization, `${organization} ${i}`);
  const serials = links.map(() => Uint8Array.from([0x40, ...random(15)]));
  links.forEach((link, i) => {
    const parent = links[Math.max(0, i - 1)] ?? link;
    const isLeaf = endsInLeaf && i === links.length - 1;
    const below = links.length - 1 - i - (endsInLeaf ? 1 : 0);
    const usual = isLeaf
      ? [keyUsage('digitalSignature'), extendedKeyUsage([purpose], true)]
      : caExtensions(link, below, i === 0 ? undefined : purpose);
    const fields = {
      serial: tlv(TAG.integer, serials[i] ?? random(16)),
      issuer: subjectOf(Math.max(0, i - 1)),
      subject: subjectOf(i),
      notBeforeMs: link.notBeforeMs ?? startMs,
      notAfterMs: link.notAfterMs ?? startMs + (YEARS[i] ?? 365) * DAY,
      spki: link.key.publicKey.spki,
      extensions: [
        ...(link.extensions ?? usual),
        ...(link.more ?? []),
        subjectKeyId(link.key),
        ...(i === 0 ? [] : [authorityKeyId(parent.key)]),
      ],
    };
    chain.unshift(certificate(fields, link.signer ?? parent.key));
  });
  const last = links.length - 1;
  return {
    key: (links[last] as Link).key,
    chain,
    subject: subjectOf(last),
    issuer: subjectOf(Math.max(0, last - 1)),
    serial: serials[last] as Uint8Array,
  };
}

/** @param links root first, issuing CA last */
export function makeCa(organization: string, startMs: number, links: readonly Link[]): Authority {
  const shape = { organization, startMs, links, purpose: OID.codeSigning, endsInLeaf: false };
  return makeChain(shape, seeded(`chain ${organization}`));
}

/** @param links root first, timestamp leaf last */
export function makeTsa(organization: string, startMs: number, links: readonly Link[]): Authority {
  const shape = { organization, startMs, links, purpose: OID.timeStamping, endsInLeaf: true };
  return makeChain(shape, seeded(`chain ${organization}`));
}
