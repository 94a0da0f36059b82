import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { receiveMessage, sendMessage } from "../channels/fd-passing.ts";
import { makeSocketPair } from "../channels/socket-pair.ts";
import { bindFunction } from "../libc.ts";
import { serveStorage } from "./storage-device.ts";
import type { UndoStore } from "./undo-store.ts";

const folder = mkdtempSync(join(tmpdir(), "aios-storage-"));
const SHUT_WR = 1;
const shutdown = bindFunction<[number, number]>("int shutdown(int, int)");
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

const JOIN = (actor: string): Buffer => Buffer.from(`${JSON.stringify({ actor })}\n`);

it("acts for every sandbox that the monitor hands it, and ends when the last of them is gone", () => {
  const turns = openSync(join(folder, "turns"), "w+");
  const [control, monitor] = makeSocketPair();
  const pairs = [makeSocketPair(), makeSocketPair()] as const;
  for (const [device] of pairs) {
    sendMessage(monitor, { bytes: JOIN("server"), fds: [device] });
    closeSync(device);
  }
  closeSync(monitor);
  for (const [, supervisor] of pairs) {
    sendMessage(supervisor, { bytes: ORDER, fds: [] });
    shutdown(supervisor, SHUT_WR);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing is kept before there is a root
  serveStorage(control, { roots: [], open: new Set(), obeyed: [], store: {} as UndoStore, turns });
  const answers = pairs.map(([, supervisor]) => receiveMessage(supervisor, { bytes: 1024, fds: 1 })?.bytes.toString());
  expect(answers).toEqual(['{"answer":"pass"}\n', '{"answer":"pass"}\n']);
  for (const fd of [control, turns, ...pairs.map(([, supervisor]) => supervisor)]) closeSync(fd);
});

it.each([
  ["without a socket", JOIN("server"), false],
  ["for nobody that it knows", JOIN("monitor"), true],
  ["in no words", Buffer.from("{}\n"), true],
])("ends with a fault when it is handed something %s", (_what, bytes, hasSocket) => {
  const turns = openSync(join(folder, "turns"), "w+");
  const [control, monitor] = makeSocketPair();
  const [device, supervisor] = makeSocketPair();
  sendMessage(monitor, { bytes, fds: hasSocket ? [device] : [] });
  closeSync(monitor);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing is kept before there is a root
  const store = {} as UndoStore;
  expect(() => serveStorage(control, { roots: [], open: new Set(), obeyed: [], store, turns })).toThrow(
    "the monitor asked nonsense",
  );
  for (const fd of [control, device, supervisor, turns]) closeSync(fd);
});
