import { createServer } from "node:net";
import { request } from "node:http";
import { brotliCompressSync, deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findMarkers } from "../../src/extensions/detonate/markers.ts";
import { createFakeNetwork, type FakeNetwork } from "../../src/main/detonation/fake-network.ts";
import { loadVetTools } from "../../src/main/vet-tools.ts";
import { bindFunction } from "../../src/platform/libc.ts";

const MARKER = "k7QwZ3mXb9RtYp5LsV2nHf8D";
const tools = await loadVetTools();
let network: FakeNetwork;
let port = 0;

beforeAll(async () => {
  network = createFakeNetwork({ program: "/aios/fetched", file: ".fetched" });
  const listener = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const address = listener.address();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion, no-underscore-dangle -- what a sandbox hands over is a descriptor
  const { fd } = (listener as unknown as { readonly _handle: { readonly fd: number } })._handle;
  if (address === null || typeof address === "string") throw new Error("it does not listen");
  ({ port } = address);
  const own = bindFunction<[number]>("int dup(int)")(fd);
  await new Promise((resolve) => listener.close(resolve));
  network.serve(own);
});
afterAll(() => network.close());

/** Sends a body in pieces, with what HTTP puts between them. */
async function send(body: Uint8Array): Promise<boolean> {
  await new Promise<void>((resolve, reject) => {
    const sent = request({ port, host: "127.0.0.1", method: "POST", path: "/x", agent: false }, (answer) => {
      answer.resume().once("end", resolve);
    });
    sent.once("error", reject);
    for (let at = 0; at < body.length; at += 7) sent.write(body.subarray(at, at + 7));
    sent.end();
  });
  const { sent } = await network.take();
  const bytes = Buffer.concat(sent.map((each) => each.bytes));
  return findMarkers(bytes, [MARKER], tools).has(MARKER);
}

it.each([
  ["Brotli", brotliCompressSync],
  ["deflate", deflateRawSync],
  ["base64 of Brotli", (text: string) => Buffer.from(brotliCompressSync(text).toString("base64"))],
] as const)("a marker in a body in %s is found, whatever HTTP puts into it", async (_form, pack) => {
  const filler = Array.from({ length: 400 }, (_, at) => (at * 7919).toString(36)).join(" ");
  expect(await send(pack(`${filler} ${MARKER} ${filler}`))).toBe(true);
  expect(await send(pack(filler))).toBe(false);
});
