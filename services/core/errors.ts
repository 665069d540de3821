// SPDX-License-Identifier: Apache-2.0
// Every error that Sigstead names, in one table: HTTP status, gRPC code, exit code of the CLI, and
// the mend. Services answer from it once (runtime/http.ts), the CLI once (client/cli.ts).
// Codes are stable: scripts and tests compare them.

/** Bytes or text do not have the form their specification demands. The door that called the parser
 * turns it into a coded error of its own. */
export class ParseError extends Error {
  /** Always `ParseError`. */
  override name = 'ParseError';
}

/** Exit codes of the CLI (docs/cli.md). */
export const EXIT = {
  ok: 0,
  internal: 1,
  usage: 2,
  proof: 3,
  identity: 4,
  trust: 5,
  network: 6,
  token: 7,
} as const;

/** What goes with a code. */
export interface ErrorRow {
  /** HTTP status of a service that answers with it. */
  readonly http: number;
  /** google.rpc.Code in the JSON body. */
  readonly grpc: number;
  /** Exit code of the command. */
  readonly exit: number;
  /** What a person does about it. */
  readonly mend: string;
}

const GRPC = {
  invalid: 3,
  notFound: 5,
  exists: 6,
  internal: 13,
  unavailable: 14,
  unimplemented: 12,
};

function request(mend: string, http = 400, grpc = GRPC.invalid): ErrorRow {
  return { http, grpc, exit: EXIT.usage, mend };
}
function token(mend: string): ErrorRow {
  return { http: 400, grpc: GRPC.invalid, exit: EXIT.token, mend };
}
function server(mend: string, http = 500, grpc = GRPC.internal): ErrorRow {
  return { http, grpc, exit: EXIT.network, mend };
}
/** Not for HTTP: start-up, command line, verifier. */
function local(exit: number, mend: string): ErrorRow {
  return { http: 500, grpc: GRPC.internal, exit, mend };
}

export const ERRORS = {
  // Any service (docs/operating.md)
  REQUEST_MALFORMED: request('Send JSON (or the binary form) that the API reference shows.'),
  REQUEST_TOO_LARGE: request('Send a smaller body; the limit stands in the message.', 413),
  REQUEST_HEADERS_TOO_LARGE: request('Send a shorter address and fewer headers.', 431),
  REQUEST_TIMEOUT: request('Send the whole request without a pause.', 408),
  NOT_FOUND: request('Check the path against the API reference.', 404, GRPC.notFound),
  METHOD_NOT_ALLOWED: request(
    'Use the method that the API reference names.',
    405,
    GRPC.unimplemented,
  ),
  UNSUPPORTED_MEDIA_TYPE: request('Set Content-Type to a type that the API reference names.', 415),
  NOT_ACCEPTABLE: request('Let Accept admit the reply type that the API reference names.', 406),
  INTERNAL: server('See the log of the server under this request id.'),
  SERVER_BUSY: server('Try again after the seconds in Retry-After.', 503, GRPC.unavailable),
  UNAVAILABLE: server('Try again after the seconds in Retry-After.', 503, GRPC.unavailable),

  // Start-up and state (docs/operating.md)
  CONFIG_INVALID: local(EXIT.usage, 'Mend the named field; `sigstead config schema` lists all.'),
  STATE_LOCKED: local(
    EXIT.usage,
    'Stop the process that holds the data directory, or use another --data.',
  ),
  STATE_INCONSISTENT: local(
    EXIT.trust,
    'Do not delete anything: restore the newer copy; see docs/operating.md#backup.',
  ),
  STATE_NEWER: local(EXIT.usage, 'Run the version that wrote this data, or a newer one.'),
  KEY_UNREADABLE: local(
    EXIT.trust,
    'Restore the key file from backup; a new key would break every issued proof.',
  ),
  CHAIN_INVALID: local(
    EXIT.trust,
    'Mend the certificate chain as the message says, then start again.',
  ),

  // Log engine (docs/operating.md)
  LOG_FULL: server('Try again after the seconds in Retry-After.', 503, GRPC.unavailable),
  LOG_STOPPED: server('The log stopped to stay consistent; see its log line, then restart it.'),
  LOG_CLOCK: server(
    'The clock stands before the last head of the log; mend the time source.',
    503,
    GRPC.unavailable,
  ),
  LOG_FROZEN: request(
    'This log has been frozen, please switch to the latest log.',
    405,
    GRPC.unimplemented,
  ),
  ENTRY_TOO_LARGE: request('An entry holds at most 65,535 bytes; sign a digest, not the data.'),
  TREE_RANGE: request('Ask for an index or size within the published tree.'),

  // Certificate authority (docs/ca.md)
  TOKEN_MISSING: token(
    'Send the token as `Authorization: Bearer` or in credentials.oidcIdentityToken.',
  ),
  TOKEN_MALFORMED: token('Send a compact JWT: three base64url parts.'),
  TOKEN_ISSUER_UNKNOWN: token(
    'Add the issuer to ca.issuers, byte for byte as the claim `iss` spells it.',
  ),
  TOKEN_ISSUER_UNREACHABLE: token(
    'Check that the CA reaches the issuer, its certificate and its discovery document.',
  ),
  TOKEN_ALGORITHM: token('Let the issuer sign with an algorithm it advertises (RS256, ES256, …).'),
  TOKEN_KEY_UNKNOWN: token(
    'The issuer publishes no key with this `kid`; wait for its rotation to settle.',
  ),
  TOKEN_SIGNATURE: token('The token was altered or signed by another issuer; fetch a new one.'),
  TOKEN_AUDIENCE: token('Request the token with the audience that this issuer is configured with.'),
  TOKEN_EXPIRED: token('Fetch a new token right before signing.'),
  TOKEN_NOT_YET_VALID: token('Check the clocks of the issuer and of the CA.'),
  TOKEN_CLAIM: token('Let the issuer send the named claim in the named form.'),
  TOKEN_EMAIL_UNVERIFIED: token(
    'Verify the address at the issuer, or set skipEmailVerification for it.',
  ),
  KEY_UNPARSABLE: request('Send the public key as PEM or DER SubjectPublicKeyInfo.'),
  KEY_WEAK: request('Use P-256, P-384, P-521, Ed25519 or RSA of 2048, 3072 or 4096 bits.'),
  KEY_NOT_PERMITTED: request('Use a key type that ca.keyAlgorithms lists.'),
  CSR_UNPARSABLE: request('Send a PKCS#10 request as base64 of its PEM.'),
  POSSESSION_INVALID: request('Sign the token subject (or verified email) with the key you send.'),
  CREDENTIALS_AMBIGUOUS: request('Send either publicKeyRequest or certificateSigningRequest.'),
  IDENTITY_TEMPLATE: token(
    'Let the token carry each claim that the templates of its issuer name, in a form that fits.',
  ),
  CT_SUBMISSION: server('The CT log did not take the precertificate; see the log of the server.'),
  CA_BACKEND: server('The CA could not sign; see the log of the server under this request id.'),

  // CT log (docs/ctlog.md)
  CT_CHAIN_UNTRUSTED: request('Submit a chain that ends in a root which get-roots lists.'),
  CT_ENTRY_TYPE: request('Precertificates go to add-pre-chain, certificates to add-chain.'),

  // Transparency log (docs/tlog.md)
  ENTRY_MALFORMED: request('Send the named field in the form that the API reference shows.'),
  ENTRY_KEY_MALFORMED: request(
    'Send the key as SubjectPublicKeyInfo DER or the certificate as DER, nothing after it.',
  ),
  ENTRY_KEY_DETAILS: request('Set keyDetails to the algorithm of the key that you send.'),
  ENTRY_ALGORITHM_DISABLED: request('Use an algorithm that this log accepts.'),
  ENTRY_DIGEST_LENGTH: request('Send the digest that the algorithm in keyDetails makes.'),
  ENTRY_SIGNATURE: request(
    'Sign the digest that you send, with the key that you send, in the form that keyDetails names.',
  ),
  ENTRY_KIND: request('Send hashedRekordRequestV002 or dsseRequestV002.'),

  // Timestamp authority (docs/tsa.md)
  TSA_REQUEST_MALFORMED: request('Send a strict DER TimeStampReq, or the JSON form.'),
  TSA_REQUEST_TOO_LARGE: request('Send the digest of the data, not the data: at most 1 MiB.'),
  TSA_JSON_TOO_LARGE: request('Send at most 1024 bytes of JSON, or the DER form.'),
  TSA_CONTENT_TYPE: request('Set Content-Type to application/timestamp-query or application/json.'),
  TSA_HASH_UNKNOWN: request('Use SHA-256, SHA-384 or SHA-512.'),
  TSA_HASH_WEAK: request('Use SHA-256, SHA-384 or SHA-512.'),
  TSA_DIGEST_LENGTH: request('Send a digest as long as its algorithm makes it.'),
  TSA_OID_TOO_LONG: request('Name a policy or an algorithm by an OID of at most 128 numbers.'),
  TSA_POLICY: request('Leave the policy out, or ask for one that this authority accepts.'),
  TSA_EXTENSION: request('Send no extensions.'),
  TSA_BODY_EMPTY: request('Send a timestamp request as the body.', 422),
  TSA_SIGNING: server('The key did not sign; see the log of the server under this request id.'),
  TSA_CHAIN_EXPIRED: server(
    'Renew the certificate chain of the timestamp authority.',
    503,
    GRPC.unavailable,
  ),
  TSA_CLOCK_UNCONFIRMED: server(
    'Mend the clock of the authority, or the time servers that tsa.clock names.',
    503,
    GRPC.unavailable,
  ),
  TSA_CLOCK: server(
    'The clock stands before the last stamp; mend the time source.',
    503,
    GRPC.unavailable,
  ),

  // Verifier: signature and proof (docs/verify.md)
  BUNDLE_MALFORMED: local(
    EXIT.proof,
    'The bundle is damaged or not a Sigstore bundle; fetch it again.',
  ),
  BUNDLE_VERSION: local(EXIT.proof, 'Use a bundle of media type v0.1, v0.2 or v0.3.'),
  CERTIFICATE_MALFORMED: local(
    EXIT.proof,
    'The signing certificate is damaged or not from Fulcio; fetch the bundle again.',
  ),
  CERTIFICATE_PATH: local(
    EXIT.proof,
    'Another CA issued the certificate: check that the trust files are those of the instance that signed.',
  ),
  CERTIFICATE_USAGE: local(
    EXIT.proof,
    'The certificate is not one for code signing; sign again with one that is.',
  ),
  CERTIFICATE_TIME: local(
    EXIT.proof,
    'The signature was made outside the validity of its certificate; check the clocks, then sign again.',
  ),
  SCT_MISSING: local(
    EXIT.proof,
    'The CA did not log the certificate; sign again with a CA that does.',
  ),
  SCT_INVALID: local(
    EXIT.proof,
    'Check that the trust files are those of the instance that signed; else sign again.',
  ),
  TIMESTAMP_MISSING: local(
    EXIT.proof,
    'Sign again with a timestamp authority in the signing config.',
  ),
  TIMESTAMP_MALFORMED: local(
    EXIT.proof,
    'The timestamp in the bundle is damaged; fetch the bundle again.',
  ),
  TIMESTAMP_REFUSED: local(
    EXIT.proof,
    'The authority refused and the refusal was stored as a timestamp; sign again.',
  ),
  TIMESTAMP_MISMATCH: local(
    EXIT.proof,
    'The timestamp belongs to another signature or request; sign again.',
  ),
  TIMESTAMP_INVALID: local(EXIT.proof, 'The timestamp was altered; fetch the bundle again.'),
  TIMESTAMP_UNTRUSTED: local(
    EXIT.proof,
    'Check that the trust files are those of the instance that signed.',
  ),
  TIMESTAMP_CERTIFICATE: local(
    EXIT.proof,
    'The chain of the authority does not certify timestamping; tell its operator.',
  ),
  TIMESTAMP_TIME: local(
    EXIT.proof,
    'The timestamp was made outside the validity of its authority; export the trust files again.',
  ),
  TIMESTAMP_DUPLICATE: local(
    EXIT.proof,
    'The bundle holds the same timestamp twice; fetch it again.',
  ),
  LOG_ENTRY_MISSING: local(EXIT.proof, 'Sign again with a transparency log in the signing config.'),
  LOG_ENTRY_MALFORMED: local(
    EXIT.proof,
    'The log entry in the bundle is damaged; fetch the bundle again.',
  ),
  LOG_ENTRY_UNSUPPORTED: local(
    EXIT.proof,
    'Use a log entry of kind hashedrekord, dsse or intoto, in a version that docs/verify.md lists.',
  ),
  LOG_ENTRY_MISMATCH: local(
    EXIT.proof,
    'The log entry belongs to another artifact, key or signature; fetch the bundle again.',
  ),
  LOG_ENTRY_DUPLICATE: local(
    EXIT.proof,
    'The bundle holds the same log entry twice; fetch it again.',
  ),
  LOG_UNKNOWN: local(
    EXIT.proof,
    'Check that the trust files are those of the instance that signed.',
  ),
  LOG_TIME: local(
    EXIT.proof,
    'The log had ended when this was signed; sign again through a log of today.',
  ),
  CHECKPOINT_MALFORMED: local(
    EXIT.proof,
    'The checkpoint in the bundle is damaged; fetch the bundle again.',
  ),
  CHECKPOINT_INVALID: local(
    EXIT.proof,
    'The log did not sign this tree: fetch the bundle again, and check the trust files.',
  ),
  INCLUSION_PROMISE_INVALID: local(
    EXIT.proof,
    'The log did not promise this entry at this time: fetch the bundle again, and check the trust files.',
  ),
  INCLUSION_PROOF_MISSING: local(EXIT.proof, 'The bundle cannot be verified offline; sign again.'),
  INCLUSION_PROOF_INVALID: local(
    EXIT.proof,
    'The entry is not proven to be in the log; fetch the bundle again.',
  ),
  SIGNATURE_INVALID: local(
    EXIT.proof,
    'The file was altered, or the signature belongs to another file; fetch both again.',
  ),
  DIGEST_MISMATCH: local(
    EXIT.proof,
    'Fetch file and bundle again: one was altered, or they do not belong together.',
  ),
  STATEMENT_MALFORMED: local(
    EXIT.proof,
    'Ask for an attestation where there is one; else fetch the bundle again.',
  ),
  SUBJECT_MISMATCH: local(
    EXIT.proof,
    'Fetch file and attestation again: one was altered, or they do not belong together.',
  ),
  PREDICATE_TYPE: local(
    EXIT.identity,
    'Ask verify-attestation for the --type that the message names, if you want that.',
  ),
  IDENTITY_MISMATCH: local(
    EXIT.identity,
    'Somebody else signed; trust the one whom the message names only if you know them.',
  ),
  ISSUER_MISMATCH: local(
    EXIT.identity,
    'Another identity provider vouched; trust the one in the message only if you know it.',
  ),
  EXTENSION_MISMATCH: local(
    EXIT.identity,
    'Trust what the certificate says, which stands in the message, only if you want that.',
  ),
  IDENTITY_POLICY_MISSING: local(
    EXIT.usage,
    'Give --certificate-identity and --certificate-oidc-issuer.',
  ),
  KEY_MODE: local(
    EXIT.usage,
    'Give --key for key bundles, identities for certificate bundles, never both.',
  ),

  // Trust material and TUF (docs/tuf.md)
  TRUST_ROOT_MALFORMED: local(
    EXIT.trust,
    'Export the trust files again with `sigstead trust export`.',
  ),
  SIGNING_CONFIG_MALFORMED: local(
    EXIT.trust,
    'Export the trust files again with `sigstead trust export`.',
  ),
  SIGNING_CONFIG_SERVICE: local(
    EXIT.trust,
    'Check the clocks; else ask the operator for a signing config of today.',
  ),
  TRUST_FINGERPRINT: local(
    EXIT.trust,
    'Compare the fingerprint with the one that the operator gave you.',
  ),
  TUF_MALFORMED: local(
    EXIT.trust,
    'Look at the named file: a proxy that answers everything with a page of its own is a usual cause.',
  ),
  TUF_THRESHOLD: local(
    EXIT.trust,
    'Keep the trust files that you have, and ask the operator who signed the named file.',
  ),
  TUF_EXPIRED: local(EXIT.trust, 'Check the clocks; then let the operator re-sign the named role.'),
  TUF_ROLLBACK: local(
    EXIT.trust,
    'The repository went back to an older version: ask the operator why.',
  ),
  TUF_MISMATCH: local(
    EXIT.trust,
    'Files of different publications stand together: fetch again, else let the operator publish.',
  ),
  TUF_TARGET: local(
    EXIT.trust,
    'Fetch again; if it stays so, tell the operator which target the message names.',
  ),

  // Command line (docs/cli.md)
  USAGE: local(EXIT.usage, 'Show the command with --help; it has examples.'),
  TRUST_ABSENT: local(
    EXIT.usage,
    'Give --trust-config (or --trusted-root) with the trust files of your own instance.',
  ),
  FILE_UNREADABLE: local(EXIT.usage, 'Check the path and its permissions.'),
  FILE_EXISTS: local(EXIT.usage, 'Use another name, or --force where the command has it.'),
  TOKEN_ABSENT: local(EXIT.token, 'Give --identity-token-file, or set SIGSTORE_ID_TOKEN.'),
  TOKEN_REFUSED: local(
    EXIT.token,
    'Fetch a new token; its issuer and audience must be ones that the CA knows.',
  ),
  SERVICE_UNREACHABLE: local(
    EXIT.network,
    'Check the address in the signing config and the network.',
  ),
  SERVICE_REFUSED: local(
    EXIT.network,
    'Do what its reason in the message asks for; else show the message to its operator.',
  ),
  SERVICE_ANSWER: local(
    EXIT.network,
    'Do not use the named service until its operator has looked: its answer proves nothing.',
  ),
} as const satisfies Record<string, ErrorRow>;

/** A name of the table of errors; each is explained in the document of its section. */
export type ErrorCode = keyof typeof ERRORS;

/** An error with a stable code. `message` says what was wrong, never a secret. */
export class CodedError extends Error {
  /** Always `CodedError`. */
  override name = 'CodedError';
  /** Stable; programs may compare it. */
  readonly code: ErrorCode;
  /** The field, claim, file or flag at fault. */
  readonly field: string | undefined;
  /** When asking again may help, where that is known. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { field?: string; cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.field = options.field;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  /** HTTP status, exit code and mend of the code. */
  get row(): ErrorRow {
    return ERRORS[this.code];
  }
}

/** Runs a parser; its ParseError leaves as `code`, every other error as it is. */
export function coded<T>(code: ErrorCode, field: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ParseError) {
      throw new CodedError(code, `${field}: ${error.message}`, { field, cause: error });
    }
    throw error;
  }
}
