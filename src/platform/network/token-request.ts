import { ConnectFault, DestinationAgent, type ConnectParts, type Destination } from "./broker-connect.ts";
import { request } from "./node-http.ts";

/** Longest answer of a token endpoint that is read. */
const MOST_BYTES = 64 * 1024;
const ANSWER_MS = 20_000;

/** What a token endpoint answered, or why nothing came of it. */
export type TokenAnswer =
  | { readonly kind: "answer"; readonly status: number; readonly text: string }
  | { readonly kind: "failed"; readonly fault: "unreachable" | "untrusted" | "malformed" };

/**
 * Posts one body to one place and reads the answer, whole and bounded. Follows no redirect, sends nothing again, and takes
 * nothing that is compressed. Never rejects.
 */
export function postOnce(
  place: Destination & { readonly scheme: "http" | "https"; readonly path: string },
  body: { readonly type: string; readonly text: string },
  parts: ConnectParts,
): Promise<TokenAnswer> {
  const agent = new DestinationAgent(place, parts);
  const usual = place.scheme === "https" ? 443 : 80;
  return new Promise<TokenAnswer>((resolve) => {
    const headers = {
      host: place.port === usual ? place.host : `${place.host}:${place.port}`,
      accept: "application/json",
      "accept-encoding": "identity",
      "content-type": body.type,
      "content-length": Buffer.byteLength(body.text),
      connection: "close",
    };
    const { path } = place;
    const asked = request({ agent, method: "POST", path, headers, setHost: false }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MOST_BYTES) return end({ kind: "failed", fault: "malformed" });
        chunks.push(chunk);
      });
      response.on("error", () => end({ kind: "failed", fault: "unreachable" }));
      response.on("close", () => {
        const { statusCode: status = 0 } = response;
        if (!response.complete) return end({ kind: "failed", fault: "unreachable" });
        // Latin-1 is lossless: what is not ASCII is no token, and is refused as such.
        end({ kind: "answer", status, text: Buffer.concat(chunks).toString("latin1") });
      });
    });
    const late = setTimeout(() => end({ kind: "failed", fault: "unreachable" }), ANSWER_MS);
    function end(answer: TokenAnswer): void {
      clearTimeout(late);
      resolve(answer);
      asked.destroy();
      agent.destroy();
    }
    asked.on("error", (error) => {
      const fault = error instanceof ConnectFault ? error.fault : null;
      end({
        kind: "failed",
        fault: fault === "tls-refused" || fault === "address-refused" ? "untrusted" : "unreachable",
      });
    });
    asked.end(body.text);
  });
}
