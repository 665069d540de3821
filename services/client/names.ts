// SPDX-License-Identifier: Apache-2.0
// By name, the commands that the client alone answers. Known before anything is loaded, so that a
// verification need not wait for a server that it does not start.

/** Every name, also those of cosign → the name of the command. */
export const CLIENT_COMMANDS: ReadonlyMap<string, string> = new Map([
  ['sign', 'sign'],
  ['sign-blob', 'sign'],
  ['attest', 'attest'],
  ['attest-blob', 'attest'],
  ['verify', 'verify'],
  ['verify-blob', 'verify'],
  ['verify-attestation', 'verify-attestation'],
  ['verify-blob-attestation', 'verify-attestation'],
  ['inspect', 'inspect'],
]);
