import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startFace, type FaceUnderTest } from "../fakes/monitor-of-face.ts";
import { ask } from "../fakes/proxy-clients.ts";

// The real face program, with a monitor that grants nothing, and an agent that wants to wear its proxy out.
let face: FaceUnderTest;
let path: string;

beforeAll(async () => {
  face = await startFace({
    propose: () => ({ kind: "stopped", stage: "validate", code: "no-grant", message: "no", proposal: null }),
  });
  path = join(face.folder, "proxy.sock");
});
afterAll(() => face.stop());

async function flood(count: number, say: string): Promise<void> {
  const sockets: Socket[] = [];
  await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<void>((resolve) => {
          const socket = createConnection(path, () => {
            socket.write(say);
            resolve();
          });
          socket.on("error", () => resolve());
          socket.resume();
          sockets.push(socket);
        }),
    ),
  );
  for (const socket of sockets) socket.destroy();
}

describe("ten thousand connections to a face's proxy", () => {
  test("that say nothing, something or nonsense leave it as it was", async () => {
    const before = await ask(path, "http://example.com/");
    expect(before.status).toBe(403);
    const words = [
      "",
      "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n",
      "\0\0\0\0",
      "CONNECT a:1 HTTP/1.1\r\n",
    ];
    for (let round = 0; round < 20; round++) await flood(500, words[round % words.length] ?? "");
    let status = 0;
    // Those of the flood may still take up its places for a moment.
    for (let tries = 0; tries < 1200 && status !== 403; tries++) {
      status = await ask(path, "http://example.com/").then(
        (answer) => answer.status,
        () => 0,
      );
      if (status !== 403) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(status).toBe(403);
    expect(face.program.process.exitCode).toBeNull();
  });
});
