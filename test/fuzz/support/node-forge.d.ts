// SPDX-License-Identifier: Apache-2.0
// What the fuzzer asks of node-forge, which brings no types.
declare module 'node-forge' {
  interface ByteBuffer {
    length(): number;
  }
  interface Options {
    readonly strict: boolean;
    readonly parseAllBytes: boolean;
    readonly decodeBitStrings: boolean;
    readonly maxDepth: number;
  }
  const forge: {
    readonly asn1: { fromDer(bytes: ByteBuffer, options: Options): unknown };
    readonly util: { createBuffer(binary: string): ByteBuffer };
    readonly pem: { decode(text: string): Array<{ readonly type: string; readonly body: string }> };
  };
  export default forge;
}
