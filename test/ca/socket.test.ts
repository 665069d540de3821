// SPDX-License-Identifier: Apache-2.0
// The CA behind a real socket: sizes of bodies and headers, methods, paths and odd headers as
// clients and scanners send them.
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMetrics } from '../../services/runtime/metrics.ts';
import { type RunningServer, startServer } from '../../services/runtime/server.ts';
import { silentLogger } from '../../services/runtime/telemetry.ts';
import { EMAIL_CLAIMS, type Harness, openHarness, subject, token, v2Body } from './harness.ts';

const LIMIT = 4 << 20;
let harness: Harness;
let server: RunningServer;
const metrics = createMetrics();

beforeAll(async () => {
  harness = await openHarness({ ca: () => ({ metrics, version: '1.2.3' }) });
  server = await startServer({
    hosts: ['127.0.0.1'],
    port: 0,
    fetch: harness.ca.routes.fetch,
    logger: silentLogger,
    metrics: createMetrics(),
  });
});
afterAll(async () => {
  await server.close(0);
  await harness.close();
});

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

function send(
  method: string,
  path: string,
  { headers = {}, body = [] as readonly string[] } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const call = request(
      { host: '127.0.0.1', port: server.port, method, path, headers, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        );
      },
    );
    call.on('error', reject);
    for (const part of body) call.write(part);
    call.end();
  });
}

const auth = () => ({ authorization: `Bearer ${token(EMAIL_CLAIMS)}` });
const good = () => JSON.stringify(v2Body(subject(), EMAIL_CLAIMS.email));
const padded = (length: number) => {
  const body = good();
  return body + ' '.repeat(length - Buffer.byteLength(body));
};
const reasonOf = ({ text }: Reply) =>
  (JSON.parse(text) as { details: Array<{ reason: string }> }).details[0]?.reason;

describe('HTTP: a body', () => {
  it.each(['with its length', 'in chunks'])('%s may have 4 MiB, and no octet more', async (how) => {
    for (const [length, status] of [
      [LIMIT, 200],
      [LIMIT + 1, 400],
    ] as const) {
      const text = padded(length);
      const headers =
        how === 'in chunks' ? auth() : { ...auth(), 'content-length': `${text.length}` };
      const body = how === 'in chunks' ? [text.slice(0, 999), text.slice(999)] : [text];
      const answer = await send('POST', '/api/v2/signingCert', { headers, body });
      expect([length, answer.status]).toEqual([length, status]);
      if (status === 400) {
        expect(reasonOf(answer)).toBe('REQUEST_TOO_LARGE');
        expect(answer.headers['access-control-allow-origin']).toBe('*');
      }
    }
  });

  it('of nothing is an empty message, by length or in chunks', async () => {
    for (const headers of [{ 'content-length': '0' }, { 'transfer-encoding': 'chunked' }]) {
      const answer = await send('POST', '/api/v2/signingCert', { headers });
      expect([answer.status, reasonOf(answer)]).toEqual([400, 'TOKEN_MISSING']);
    }
  });
});

describe('HTTP: headers', () => {
  it.each(['authorization', 'x-flood', 'accept'])(
    'that are too long in %s get 431',
    async (name) => {
      const answer = await send('POST', '/api/v2/signingCert', {
        headers: { [name]: `Bearer ${'a'.repeat(17_000)}` },
        body: ['{}'],
      });
      expect(answer.status).toBe(431);
      // The next one is served.
      expect((await send('GET', '/api/v2/trustBundle')).status).toBe(200);
    },
  );

  it('may hold a token of 12 KiB', async () => {
    const jwt = token({ ...EMAIL_CLAIMS, groups: 'g'.repeat(9000) });
    expect(jwt.length).toBeGreaterThan(12 << 10);
    const headers = { authorization: `Bearer ${jwt}` };
    const answer = await send('POST', '/api/v2/signingCert', { headers, body: [good()] });
    expect(answer.status).toBe(200);
  });

  it('leave a longer token to the body', async () => {
    const jwt = token({ ...EMAIL_CLAIMS, groups: 'g'.repeat(22_000) });
    const body = {
      ...v2Body(subject(), EMAIL_CLAIMS.email),
      credentials: { oidcIdentityToken: jwt },
    };
    const answer = await send('POST', '/api/v2/signingCert', { body: [JSON.stringify(body)] });
    expect(answer.status).toBe(200);
  });

  it.each([
    '*/*',
    'application/pem-certificate-chain',
    'image/png',
    'a',
    ';;;',
    'text/html;q=2',
    '',
  ])('Accept: %s asks for nothing else than JSON', async (accept) => {
    const headers = { ...auth(), accept };
    const answer = await send('POST', '/api/v2/signingCert', { headers, body: [good()] });
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json']);
  });

  it('are no headers of gRPC, asked for or not', async () => {
    const headers = {
      ...auth(),
      te: 'trailers',
      'grpc-timeout': '1S',
      'content-type': 'application/grpc',
    };
    const answer = await send('POST', '/api/v2/signingCert', { headers, body: ['x'] });
    expect(answer.status).toBe(400);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('grpc'))).toEqual([]);
  });
});

describe('HTTP: methods', () => {
  it.each(['/api/v2/trustBundle', '/api/v2/configuration', '/api/v1/rootCert'])(
    'HEAD %s is GET without its body',
    async (path) => {
      const [head, get] = await Promise.all([send('HEAD', path), send('GET', path)]);
      expect([head.status, head.text]).toEqual([200, '']);
      expect(head.headers['content-type']).toBe(get.headers['content-type']);
      expect(head.headers['access-control-allow-origin']).toBe('*');
    },
  );

  it.each([
    '/api/v2/signingCert',
    '/api/v1/signingCert',
    '/api/v2/trustBundle',
    '/api/v1/rootCert',
  ])('OPTIONS %s is answered for any origin', async (path) => {
    const headers = {
      origin: 'https://pages.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    };
    const answer = await send('OPTIONS', path, { headers });
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, POST, HEAD',
    });
    expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
  });

  it.each([
    ['GET', '/api/v2/signingCert'],
    ['HEAD', '/api/v2/signingCert'],
    ['GET', '/api/v1/signingCert'],
    ['PUT', '/api/v1/signingCert'],
    ['DELETE', '/api/v2/trustBundle'],
    ['PATCH', '/api/v2/configuration'],
    ['POST', '/api/v1/rootCert'],
  ])('%s %s is not allowed', async (method, path) => {
    expect((await send(method, path)).status).toBe(501);
  });

  it('that do not exist end the connection with 400', async () => {
    const status = await new Promise<string>((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1', () =>
        socket.write('BREW /api/v2/signingCert HTTP/1.1\r\nHost: a\r\n\r\n'),
      );
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
      });
      socket.on('close', () => resolve(text.slice(0, 12)));
      socket.on('error', reject);
    });
    expect(status).toBe('HTTP/1.1 400');
  });
});

describe('HTTP: paths', () => {
  it.each(['//api/v2/signingCert', '///api/v2/signingCert', '/api/v2/signingCert?x=1'])(
    '%s is the path that is meant',
    async (path) => {
      expect((await send('POST', path, { headers: auth(), body: [good()] })).status).toBe(200);
    },
  );

  it.each([
    '/api//v2/signingCert',
    '/api/v2/signingCert/',
    '/API/v2/signingCert',
    '/api/v2/../v2/signingCert/x',
    '/api/v2/%00',
    '/api/v2/signingCert%2f',
  ])('%s is none', async (path) => {
    const answer = await send('POST', path, { headers: auth(), body: [good()] });
    expect(answer.status).toBe(404);
  });
});

describe('metrics of the CA', () => {
  it('tell the version of the program', async () => {
    expect(await metrics.text()).toContain('fulcio_build_info{version="1.2.3"} 1');
  });
});
