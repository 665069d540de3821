// SPDX-License-Identifier: Apache-2.0
// Media types of requests and replies (RFC 9110 §8.3, §12.5.1).

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAMETER = `${TOKEN}=(?:${TOKEN}|"(?:[^"\\\\\\x00-\\x1f]|\\\\[^\\x00-\\x1f])*")`;
const MEDIA_TYPE = new RegExp(`^(${TOKEN}/${TOKEN})(?:[ \\t]*;[ \\t]*(?:${PARAMETER})?)*$`);
const MAX_HEADER = 1024;

/** Type and subtype in lower case, without parameters; undefined for what is no media type. */
export function mediaType(contentType: string): string | undefined {
  if (contentType.length > MAX_HEADER) return undefined;
  return MEDIA_TYPE.exec(contentType.trim())?.[1]?.toLowerCase();
}

function quality(parameters: readonly string[]): number {
  const weight = parameters.map((p) => /^\s*q\s*=\s*([0-9.]+)\s*$/i.exec(p)?.[1]).find(Boolean);
  return weight === undefined ? 1 : Number(weight);
}

/** Does an Accept header admit a reply of `type`? The most specific range decides; none admits all. */
export function accepts(header: string | undefined, type: string): boolean {
  if (header === undefined || header.trim() === '') return true;
  const ranges = [type, `${type.split('/', 1)[0]}/*`, '*/*'];
  const weights = new Map<string, number>();
  for (const part of header.slice(0, MAX_HEADER).split(',')) {
    const [range = '', ...parameters] = part.split(';');
    weights.set(range.trim().toLowerCase(), quality(parameters));
  }
  const decisive = ranges.find((range) => weights.has(range));
  return decisive !== undefined && (weights.get(decisive) ?? 0) > 0;
}
