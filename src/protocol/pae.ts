import { concatBytes, encodeUtf8 } from "./bytes.ts";

/**
 * DSSE pre-authentication encoding (github.com/secure-systems-lab/dsse, protocol.md): `DSSEv1`, then type and payload,
 * each after its length in bytes. Two pairs of type and payload never have the same encoding.
 */
export function pae(type: string, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const typeBytes = encodeUtf8(type);
  return concatBytes([
    encodeUtf8(`DSSEv1 ${typeBytes.length} `),
    typeBytes,
    encodeUtf8(` ${payload.length} `),
    payload,
  ]);
}
