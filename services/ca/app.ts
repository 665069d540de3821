// SPDX-License-Identifier: Apache-2.0
// Fulcio's REST APIs, v2 and v1.
import type { Context, Hono } from 'hono';
import { cors } from 'hono/cors';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { CodedError, type ErrorCode } from '../core/errors.ts';
import { createApp, type Env, errorBody, readBody } from '../runtime/http.ts';
import { type CertificateRequest, parseV1Request, parseV2Request } from './request.ts';

const MAX_BODY_BYTES = 4 << 20;
const PEM_CHAIN = 'application/pem-certificate-chain';

/** Texts that clients and their users know from Fulcio; the exact reason stands in the details. */
const PUBLIC_MESSAGE: Partial<Record<ErrorCode, string>> = {
  KEY_UNPARSABLE: 'The public key supplied in the request could not be parsed',
  KEY_WEAK: 'The public key supplied in the request is insecure',
  CSR_UNPARSABLE: 'The certificate signing request could not be parsed',
  POSSESSION_INVALID: 'The signature supplied in the request could not be verified',
  CT_SUBMISSION: 'Error entering certificate in CTL',
  CA_BACKEND: 'error communicating with CA backend',
};

function publicMessage(error: CodedError): string {
  if (error.code.startsWith('TOKEN_')) return 'There was an error processing the identity token';
  return PUBLIC_MESSAGE[error.code] ?? error.message;
}

/** google.rpc.Status; the reason of a fault of ours stays in the log. */
function answerFault(c: Context, error: unknown): Response {
  if (!(error instanceof CodedError)) throw error;
  const options = error.field === undefined ? {} : { field: error.field };
  const body = errorBody(new CodedError(error.code, publicMessage(error), options)) as {
    details: Array<{ metadata: Record<string, string> }>;
  };
  for (const { metadata } of body.details)
    if (error.row.http < 500) metadata.reason_text = error.message;
  // Fulcio's gateway answers a body over its limit as a bad request.
  const status = error.code === 'REQUEST_TOO_LARGE' ? 400 : error.row.http;
  return c.json(body, status as ContentfulStatusCode);
}

export interface CaRules {
  /** PEM of leaf, intermediates, root. @throws CodedError */
  certify(token: string, request: CertificateRequest): Promise<string[]>;
  /** PEM of intermediates, root. */
  readonly bundle: readonly string[];
  readonly configuration: object;
  onFault(error: unknown, requestId: string): void;
}

function bearer(c: Context): string {
  return /^bearer ([^\s]+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? '';
}

export function caRoutes(rules: CaRules): Hono<Env> {
  const app = createApp(rules.onFault);
  app.use('/api/*', cors({ origin: '*', allowMethods: ['GET', 'POST', 'HEAD'] }));
  app.onError((error, c) => {
    if (!(error instanceof CodedError) || error.row.http >= 500)
      rules.onFault(error, c.get('requestId'));
    const coded =
      error instanceof CodedError ? error : new CodedError('INTERNAL', 'internal error');
    return answerFault(c, coded);
  });
  app.post('/api/v2/signingCert', async (c) => {
    const request = parseV2Request(await readBody(c, MAX_BODY_BYTES));
    const certificates = await rules.certify(request.token || bearer(c), request);
    const chain = { certificates: certificates.map((text) => text.trim()) };
    return c.json({ signedCertificateEmbeddedSct: { chain } });
  });
  app.get('/api/v2/trustBundle', (c) => c.json({ chains: [{ certificates: rules.bundle }] }));
  app.get('/api/v2/configuration', (c) => c.json(rules.configuration));
  app.post('/api/v1/signingCert', async (c) => {
    const request = parseV1Request(await readBody(c, MAX_BODY_BYTES));
    const certificates = await rules.certify(bearer(c), request);
    return c.body(certificates.map((text) => text.trim()).join('\n'), 201, {
      'Content-Type': PEM_CHAIN,
    });
  });
  app.get('/api/v1/rootCert', (c) =>
    c.body(rules.bundle.map((text) => text.trim()).join('\n'), 200, { 'Content-Type': PEM_CHAIN }),
  );
  return app;
}
