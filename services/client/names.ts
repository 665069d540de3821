// SPDX-License-Identifier: Apache-2.0
// By name, the commands that the client alone answers. Known before anything is loaded, so that a
// verification need not wait for a server that it does not start.

export const CLIENT_COMMANDS: ReadonlySet<string> = new Set([
  'sign',
  'sign-blob',
  'attest',
  'attest-blob',
  'verify',
  'verify-blob',
  'verify-attestation',
  'verify-blob-attestation',
  'inspect',
]);
