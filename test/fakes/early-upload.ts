import type { Socket } from "node:net";

const BYTES = 16 * 1024 * 1024;

/**
 * Writes a long body behind a head, reads nothing before all of it is written, then asks `next` on the same connection.
 * What came back, when the connection has ended; rejects when it breaks.
 */
export async function upload(
  client: Socket,
  { head, next }: { readonly head: string; readonly next: string },
): Promise<string> {
  const broken = new Promise<never>((_, reject) => client.once("error", reject));
  const written = new Promise<void>((resolve) => {
    client.write(`${head}Content-Type: application/octet-stream\r\nContent-Length: ${BYTES}\r\n\r\n`, "latin1");
    client.write(Buffer.alloc(BYTES), () => resolve());
  });
  await Promise.race([written, broken]);
  if (next !== "") client.write(next, "latin1");
  let got = "";
  client.on("data", (chunk: Buffer) => (got += chunk.toString("latin1")));
  await Promise.race([new Promise((resolve) => client.once("close", resolve)), broken]);
  return got;
}
