// SPDX-License-Identifier: Apache-2.0
// Fulcio's REST APIs:
//
//   POST /api/v2/signingCert     200 JSON                   GET /api/v2/trustBundle, configuration
//   POST /api/v1/signingCert     201 PEM                    GET /api/v1/rootCert
import type { Context, Handler, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { CodedError, type ErrorCode } from '../core/errors.ts';
import { createApp, type Env, errorBody, readBody } from '../runtime/http.ts';
import { type CertificateRequest, parseV1Request, parseV2Request } from './request.ts';

export const BODY_LIMIT = 4 << 20;
const PEM_CHAIN = 'application/pem-certificate-chain';

/** Texts that clients and their users know from Fulcio; the exact reason stands in the details. */
const PUBLIC_MESSAGES: Partial<Record<ErrorCode, string>> = {
  KEY_UNPARSABLE: 'The public key supplied in the request could not be parsed',
  KEY_WEAK: 'The public key supplied in the request is insecure',
  CSR_UNPARSABLE: 'The certificate signing request could not be parsed',
  POSSESSION_INVALID: 'The signature supplied in the request could not be verified',
  CT_SUBMISSION: 'Error entering certificate in CTL',
  CA_BACKEND: 'error communicating with CA backend',
};
const TOKEN_MESSAGE = 'There was an error processing the identity token';

/** Where Fulcio's gateway answers with another status than the other services do. */
const STATUSES: Partial<Record<ErrorCode, ContentfulStatusCode>> = {
  REQUEST_TOO_LARGE: 400,
  METHOD_NOT_ALLOWED: 501,
};

export interface CaRules {
  /** PEM of leaf, intermediates, root. @throws CodedError */
  certify(token: string, request: CertificateRequest, requestId: string): Promise<string[]>;
  /** PEM of intermediates, root, as they are now. */
  bundle(): readonly string[];
  readonly configuration: object;
  /** Told at the end of each request but preflights. */
  observe(method: string, status: number, seconds: number): void;
  onFault(error: unknown, requestId: string): void;
}

function publicMessage(error: CodedError): string {
  if (error.code.startsWith('TOKEN_')) return TOKEN_MESSAGE;
  return PUBLIC_MESSAGES[error.code] ?? error.message;
}

/** google.rpc.Status. The exact reason of a fault of ours stays in the log. */
function answerFault(c: Context, error: CodedError): Response {
  const options = error.field === undefined ? {} : { field: error.field };
  const body = errorBody(new CodedError(error.code, publicMessage(error), options)) as {
    details: Array<{ metadata: Record<string, string> }>;
  };
  const { http } = error.row;
  if (http < 500) for (const { metadata } of body.details) metadata.reason_text = error.message;
  return c.json(body, STATUSES[error.code] ?? (http as ContentfulStatusCode));
}

/** The scheme is compared without case (RFC 9110 §11.1). Empty when there is none. */
function bearer(c: Context): string {
  return /^bearer +([^\s]+) *$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? '';
}

const trimmed = (certificates: readonly string[]) => certificates.map((text) => text.trim());
const pemBody = (certificates: readonly string[]) => trimmed(certificates).join('\n');

type Answer = (c: Context<Env>) => Response | Promise<Response>;
type Route = readonly [method: 'get' | 'post', path: string, answer: Answer];

function routesOf(rules: CaRules): Route[] {
  const configuration = JSON.stringify(rules.configuration);
  const json = (c: Context, body: string) =>
    c.body(body, 200, { 'Content-Type': 'application/json' });
  const pem = (c: Context, body: string, status: 200 | 201) =>
    c.body(body, status, { 'Content-Type': PEM_CHAIN });
  return [
    [
      'post',
      '/api/v2/signingCert',
      async (c) => {
        const request = parseV2Request(await readBody(c, BODY_LIMIT));
        const token = request.token === '' ? bearer(c) : request.token;
        const certificates = trimmed(await rules.certify(token, request, c.get('requestId')));
        const chain = { certificates };
        return json(c, JSON.stringify({ signedCertificateEmbeddedSct: { chain } }));
      },
    ],
    [
      'get',
      '/api/v2/trustBundle',
      (c) => json(c, JSON.stringify({ chains: [{ certificates: rules.bundle() }] })),
    ],
    ['get', '/api/v2/configuration', (c) => json(c, configuration)],
    [
      'post',
      '/api/v1/signingCert',
      async (c) => {
        const request = parseV1Request(await readBody(c, BODY_LIMIT));
        const certificates = await rules.certify(bearer(c), request, c.get('requestId'));
        return pem(c, pemBody(certificates), 201);
      },
    ],
    ['get', '/api/v1/rootCert', (c) => pem(c, pemBody(rules.bundle()), 200)],
  ];
}

/** Any page may ask: what a certificate takes is a token, never a cookie. */
function allowEveryOrigin(c: Context): void {
  c.header('Access-Control-Allow-Origin', '*');
}

function preflight(c: Context): Response {
  allowEveryOrigin(c);
  c.header('Access-Control-Allow-Methods', 'GET, POST, HEAD');
  c.header('Access-Control-Allow-Headers', 'Authorization, Content-Type, Accept');
  c.header('Access-Control-Max-Age', '600');
  return c.body(null, 204);
}

export function caRoutes(rules: CaRules): Hono<Env> {
  const app = createApp(rules.onFault);
  const faulty = (error: unknown, c: Context<Env>): Response => {
    const known = error instanceof CodedError ? error : undefined;
    if (known === undefined || known.row.http >= 500) rules.onFault(error, c.get('requestId'));
    return answerFault(c, known ?? new CodedError('INTERNAL', 'internal error'));
  };
  const observed = (answer: Answer): Handler<Env> => {
    return async (c) => {
      const start = performance.now();
      allowEveryOrigin(c);
      let response: Response;
      try {
        response = await answer(c);
      } catch (error) {
        response = faulty(error, c);
      }
      rules.observe(c.req.method, response.status, (performance.now() - start) / 1000);
      return response;
    };
  };
  for (const [method, path, answer] of routesOf(rules)) {
    app[method](path, observed(answer));
    app.options(path, preflight);
    app.all(
      path,
      observed(() => {
        throw new CodedError('METHOD_NOT_ALLOWED', 'Method Not Allowed');
      }),
    );
  }
  return app;
}
