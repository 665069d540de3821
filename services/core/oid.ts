// SPDX-License-Identifier: Apache-2.0
// Object identifiers by name, and the extensions that a Fulcio certificate carries.

export const OID = {
  // Attributes of names (X.520)
  commonName: '2.5.4.3',
  organization: '2.5.4.10',

  // Certificate extensions (RFC 5280 §4.2.1)
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',

  // Purposes
  anyExtendedKeyUsage: '2.5.29.37.0',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  timeStamping: '1.3.6.1.5.5.7.3.8',

  // Certificate transparency (RFC 6962 §3)
  sctList: '1.3.6.1.4.1.11129.2.4.2',
  precertPoison: '1.3.6.1.4.1.11129.2.4.3',
  precertSigning: '1.3.6.1.4.1.11129.2.4.4',

  // Public keys
  ecPublicKey: '1.2.840.10045.2.1',
  p256: '1.2.840.10045.3.1.7',
  p384: '1.3.132.0.34',
  p521: '1.3.132.0.35',
  rsaEncryption: '1.2.840.113549.1.1.1',
  ed25519: '1.3.101.112',

  // Signatures
  ecdsaSha256: '1.2.840.10045.4.3.2',
  ecdsaSha384: '1.2.840.10045.4.3.3',
  ecdsaSha512: '1.2.840.10045.4.3.4',
  rsaSha256: '1.2.840.113549.1.1.11',
  rsaSha384: '1.2.840.113549.1.1.12',
  rsaSha512: '1.2.840.113549.1.1.13',

  // Hashes
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',

  // CMS and timestamps (RFC 5652, RFC 3161, RFC 5035)
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  tstInfo: '1.2.840.113549.1.9.16.1.4',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  sigstoreTsaPolicy: '1.3.6.1.4.1.57264.2',

  /** type-id of the otherName that holds a username (Fulcio); 1.7 is no extension. */
  fulcioUsername: '1.3.6.1.4.1.57264.1.7',
} as const;

/** Arc of the extensions that Fulcio defines. */
export const FULCIO_ARC = '1.3.6.1.4.1.57264.1';

export interface FulcioExtension {
  /** Last arc, 1–24 without 7. */
  readonly number: number;
  readonly oid: string;
  /** For people. */
  readonly name: string;
  /** Key in templates of a configuration in JSON; its kebab-case twin stands in YAML. */
  readonly key: string;
  readonly yamlKey: string;
  /** `raw`: bare UTF-8 in extnValue; `der`: a UTF8String. */
  readonly encoding: 'raw' | 'der';
}

function row(number: number, name: string, key: string, encoding: 'raw' | 'der'): FulcioExtension {
  const yamlKey = key.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
  return { number, oid: `${FULCIO_ARC}.${number}`, name, key, yamlKey, encoding };
}

/** In the order in which a certificate carries them. */
export const FULCIO_EXTENSIONS: readonly FulcioExtension[] = [
  row(1, 'Issuer (deprecated)', 'Issuer', 'raw'),
  row(2, 'GitHub Workflow Trigger', 'GithubWorkflowTrigger', 'raw'),
  row(3, 'GitHub Workflow SHA', 'GithubWorkflowSHA', 'raw'),
  row(4, 'GitHub Workflow Name', 'GithubWorkflowName', 'raw'),
  row(5, 'GitHub Workflow Repository', 'GithubWorkflowRepository', 'raw'),
  row(6, 'GitHub Workflow Ref', 'GithubWorkflowRef', 'raw'),
  row(8, 'Issuer', 'Issuer', 'der'),
  row(9, 'Build Signer URI', 'BuildSignerURI', 'der'),
  row(10, 'Build Signer Digest', 'BuildSignerDigest', 'der'),
  row(11, 'Runner Environment', 'RunnerEnvironment', 'der'),
  row(12, 'Source Repository URI', 'SourceRepositoryURI', 'der'),
  row(13, 'Source Repository Digest', 'SourceRepositoryDigest', 'der'),
  row(14, 'Source Repository Ref', 'SourceRepositoryRef', 'der'),
  row(15, 'Source Repository Identifier', 'SourceRepositoryIdentifier', 'der'),
  row(16, 'Source Repository Owner URI', 'SourceRepositoryOwnerURI', 'der'),
  row(17, 'Source Repository Owner Identifier', 'SourceRepositoryOwnerIdentifier', 'der'),
  row(18, 'Build Config URI', 'BuildConfigURI', 'der'),
  row(19, 'Build Config Digest', 'BuildConfigDigest', 'der'),
  row(20, 'Build Trigger', 'BuildTrigger', 'der'),
  row(21, 'Run Invocation URI', 'RunInvocationURI', 'der'),
  row(22, 'Source Repository Visibility At Signing', 'SourceRepositoryVisibilityAtSigning', 'der'),
  row(23, 'Deployment Environment', 'DeploymentEnvironment', 'der'),
  row(24, 'Token Subject', 'Subject', 'der'),
];
