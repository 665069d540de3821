// SPDX-License-Identifier: Apache-2.0
// HTTP to the services of a signing config: a deadline, a cap on the answer, few and short retries.
// Every fault names the service, never what was sent.
import { fromUtf8 } from '../core/bytes.ts';
import { CodedError, ERRORS, type ErrorCode, EXIT } from '../core/errors.ts';

/** A service as messages name it. */
export interface ServiceAddress {
  /** `certificate authority`, `transparency log`, `timestamp authority`. */
  readonly role: string;
  readonly url: string;
}

export interface HttpRequest {
  readonly service: ServiceAddress;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** For one attempt, from its start to the last byte. */
  readonly timeoutMs: number;
  /** Bytes of the answer. */
  readonly maxBytes: number;
  /** Ends the request from outside. */
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** What a request needs of the world; handed in, so that tests need no network and no time. */
export interface HttpEdges {
  /** As the global one. */
  readonly fetch: typeof fetch;
  /** Waits between attempts. */
  readonly sleep: (ms: number) => Promise<void>;
}

export const systemHttp: HttpEdges = {
  fetch: (input, init) => fetch(input, init),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

const ATTEMPTS = 3;
const FIRST_PAUSE_MS = 300;
/** A server may ask for more; then the person who signs should know, not wait. */
const MAX_PAUSE_MS = 10_000;
const RETRIED = new Set([429, 500, 502, 503, 504]);

async function readCapped(response: Response, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    if (length > maxBytes) throw new RangeError(`its answer exceeds ${maxBytes} bytes`);
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

async function attempt(edges: HttpEdges, request: HttpRequest) {
  const deadline = AbortSignal.timeout(request.timeoutMs);
  const response = await edges.fetch(request.service.url, {
    method: 'POST',
    headers: request.headers,
    body: request.body,
    // A redirect would carry the token to a host that nobody configured.
    redirect: 'error',
    signal: request.signal === undefined ? deadline : AbortSignal.any([deadline, request.signal]),
  });
  const body = await readCapped(response, request.maxBytes);
  return { status: response.status, body, retryAfter: response.headers.get('retry-after') };
}

/** Milliseconds to wait; undefined when the server asks for more patience than a client has. */
function pause(attemptsMade: number, retryAfter: string | null): number | undefined {
  const own = FIRST_PAUSE_MS * 2 ** (attemptsMade - 1);
  if (retryAfter === null || !/^\d{1,6}$/.test(retryAfter)) return own;
  const asked = Number(retryAfter) * 1000;
  return asked <= MAX_PAUSE_MS ? Math.max(asked, own) : undefined;
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'unknown fault';
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  const { cause } = error;
  // An AggregateError (several addresses refused) has no message of its own.
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return cause instanceof Error ? cause.message || code : error.message;
}

function unreachable({ service, timeoutMs }: HttpRequest, error: unknown): CodedError {
  const reason = reasonOf(error, timeoutMs);
  return new CodedError('SERVICE_UNREACHABLE', `${service.role} ${service.url}: ${reason}`, {
    field: service.role,
    cause: error,
  });
}

/** A dropped connection may have been bad luck; a deadline or an oversized answer was not. */
function mayRetry(error: unknown): boolean {
  return error instanceof TypeError;
}

/**
 * Sends a POST. Any status comes back; refusals are the caller's to judge (requireStatus). Repeats
 * are harmless: a log answers a duplicate with the entry it has, a CA with another certificate.
 * @throws CodedError SERVICE_UNREACHABLE
 */
export async function post(edges: HttpEdges, request: HttpRequest): Promise<HttpAnswer> {
  for (let made = 1; ; made++) {
    let retryAfter: string | null = null;
    try {
      const { status, body, retryAfter: asked } = await attempt(edges, request);
      if (!RETRIED.has(status) || made === ATTEMPTS) return { status, body };
      retryAfter = asked;
      if (pause(made, retryAfter) === undefined) return { status, body };
    } catch (error) {
      if (!mayRetry(error) || made === ATTEMPTS || request.signal?.aborted) {
        throw unreachable(request, error);
      }
    }
    await edges.sleep(pause(made, retryAfter) ?? 0);
  }
}

interface Refusal {
  readonly message: string;
  readonly reason: string;
  /** What Sigstead adds: the fault itself, where Fulcio has one sentence for all. */
  readonly text: string;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function readRefusal(body: Uint8Array): Refusal {
  try {
    const parsed = JSON.parse(fromUtf8(body)) as {
      message?: unknown;
      details?: Array<{ reason?: unknown; metadata?: { reason_text?: unknown } }>;
    };
    const [detail] = Array.isArray(parsed.details) ? parsed.details : [];
    return {
      message: textOf(parsed.message),
      reason: textOf(detail?.reason),
      text: textOf(detail?.metadata?.reason_text),
    };
  } catch {
    return { message: '', reason: '', text: '' };
  }
}

/** What Fulcio says for every fault of a token, without a code. */
const FULCIO_TOKEN_FAULT = 'There was an error processing the identity token';

function codeOf({ message, reason }: Refusal): ErrorCode {
  const known = Object.hasOwn(ERRORS, reason) ? (reason as ErrorCode) : undefined;
  if (known !== undefined && ERRORS[known].exit === EXIT.token) return known;
  return message.startsWith(FULCIO_TOKEN_FAULT) ? 'TOKEN_REFUSED' : 'SERVICE_REFUSED';
}

/**
 * @param secret never shown, should the service echo it
 * @throws CodedError SERVICE_REFUSED, or the code of a token fault that the service named
 */
export function requireStatus(
  service: ServiceAddress,
  answer: HttpAnswer,
  accepted: readonly number[],
  secret = '',
): Uint8Array {
  if (accepted.includes(answer.status)) return answer.body;
  const refusal = readRefusal(answer.body);
  const { message, text } = refusal;
  const said = message.includes(text) ? message : `${message}: ${text}`;
  const hidden = secret === '' ? said : said.replaceAll(secret, '(token)');
  const shown = hidden.slice(0, 300).replaceAll(/\p{Cc}/gu, ' ');
  throw new CodedError(
    codeOf(refusal),
    `${service.role} ${service.url}: status ${answer.status}${shown === '' ? '' : `, ${shown}`}`,
    { field: service.role },
  );
}

/** Runs checks of an answer; what they refuse leaves as SERVICE_ANSWER with the service's name. */
export function judgeAnswer<T>(service: ServiceAddress, judge: () => T): T {
  try {
    return judge();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const code = error instanceof CodedError ? `${error.code}: ` : '';
    throw new CodedError(
      'SERVICE_ANSWER',
      `${service.role} ${service.url}: ${code}${error.message}`,
      { field: service.role, cause: error },
    );
  }
}
