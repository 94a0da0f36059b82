import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { sendMessage } from "../channels/fd-passing.ts";
import { makeSocketPair } from "../channels/socket-pair.ts";
import { serveStorage } from "./storage-device.ts";
import type { UndoStore } from "./undo-store.ts";

const folder = mkdtempSync(join(tmpdir(), "aios-storage-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Serves until the other end, which `before` has closed, is seen to be closed. */
function serve(before: (device: number, supervisor: number) => void): void {
  const turns = openSync(join(folder, "turns"), "w+");
  const [control, monitor] = makeSocketPair();
  const [device, supervisor] = makeSocketPair();
  sendMessage(monitor, { bytes: Buffer.from('{"actor":"server"}\n'), fds: [device] });
  closeSync(monitor);
  try {
    before(device, supervisor);
    closeSync(supervisor);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing is kept before there is a root
    serveStorage(control, { roots: [], open: new Set(), obeyed: [], store: {} as UndoStore, turns });
  } finally {
    closeSync(device);
    closeSync(control);
    closeSync(turns);
  }
}

const ORDER = Buffer.from(`${JSON.stringify({ order: "remove", path: "/workspace/a", folder: false })}\n`);

it("ends in order when its supervisor is gone before it read an answer", () => {
  serve((device) => sendMessage(device, { bytes: Buffer.from("unread\n"), fds: [] }));
});

it("ends in order when its supervisor is gone before it is answered", () => {
  serve((_device, supervisor) => sendMessage(supervisor, { bytes: ORDER, fds: [] }));
});

it("ends with a fault when what it is asked is no order", () => {
  expect(() =>
    serve((_device, supervisor) => sendMessage(supervisor, { bytes: Buffer.from("{}\n"), fds: [] })),
  ).toThrow("the supervisor asked nonsense");
});
