// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseReply } from '../../bench/reply.ts';

const LENGTH = 'HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello';
const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n';

const read = (text: string) => {
  const reply = parseReply(Buffer.from(text));
  return reply && { status: reply.status, body: reply.body.toString() };
};

describe('parseReply', () => {
  it.each([
    [LENGTH, { status: 201, body: 'hello' }],
    [CHUNKED, { status: 200, body: 'hello world' }],
    ['HTTP/1.1 400 Bad Request\r\ncontent-length:0\r\n\r\n', { status: 400, body: '' }],
  ])('reads %j', (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  it.each([LENGTH, CHUNKED])('waits for all of %j', (text) => {
    for (let length = 0; length < text.length; length++) {
      expect(read(text.slice(0, length))).toBeUndefined();
    }
  });

  it.each([
    'HTTP/1.1 200 OK\r\n\r\nwho knows where it ends',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nhello\r\n',
  ])('refuses %j', (text) => {
    expect(() => read(text)).toThrow();
  });
});
