// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 answers as the load generator reads them: a length, or chunks.

export interface Reply {
  readonly status: number;
  readonly body: Buffer;
}

const HEAD_END = '\r\n\r\n';
const LINE_END = '\r\n';

/** The pieces of a chunked body, or undefined while some are to come. */
function joinChunks(bytes: Buffer, start: number): Buffer | undefined {
  const pieces: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf(LINE_END, at);
    if (lineEnd < 0) return undefined;
    const [, size] = /^([0-9a-f]+)(?:;|$)/i.exec(bytes.toString('latin1', at, lineEnd)) ?? [];
    if (size === undefined) throw new Error('a chunk without length');
    const length = Number.parseInt(size, 16);
    const from = lineEnd + LINE_END.length;
    const end = from + length + LINE_END.length;
    if (bytes.length < end) return undefined;
    if (length === 0) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(from, from + length));
    at = end;
  }
}

/** A whole answer at the start of the bytes, or undefined while some are to come. @throws Error */
export function parseReply(bytes: Buffer): Reply | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  const status = Number(head.slice(9, 12));
  const start = headEnd + HEAD_END.length;
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    const body = joinChunks(bytes, start);
    return body === undefined ? undefined : { status, body };
  }
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) throw new Error(`an answer without length:\n${head}`);
  const end = start + Number(length);
  return bytes.length < end ? undefined : { status, body: bytes.subarray(start, end) };
}
