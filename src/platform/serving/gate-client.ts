import { readBody } from "../network/http-exchange.ts";
import { request } from "../network/node-http.ts";

const ANSWER_BYTES = 4096;
const ANSWER_MS = 10_000;

/**
 * One POST of JSON to a published port of this machine, as a page of its own origin would send it. Rejects when nothing
 * answers in ten seconds, or with more than 4 KiB.
 */
export async function postToGate(
  { host, outside }: { readonly host: string; readonly outside: number },
  { path, body }: { readonly path: string; readonly body: string },
): Promise<{ readonly status: number; readonly body: string }> {
  const authority = `${host}:${outside}`;
  return await new Promise((resolve, reject) => {
    const asked = request(
      {
        host: "127.0.0.1",
        port: outside,
        method: "POST",
        path,
        agent: false,
        signal: AbortSignal.timeout(ANSWER_MS),
        headers: {
          host: authority,
          origin: `http://${authority}`,
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
        },
      },
      (answer) => {
        readBody(answer, ANSWER_BYTES).then((text) => {
          if (text === null) reject(new Error("it answers with too much"));
          else resolve({ status: answer.statusCode ?? 0, body: text });
        }, reject);
      },
    );
    asked.on("error", reject);
    asked.end(body);
  });
}
