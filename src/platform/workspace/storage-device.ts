import { closeSync } from "node:fs";
import type { JsonValue } from "../../kernel/json.ts";
import { decodeStorageOrder, STORAGE_LINE_MOST, STORAGE_READ_BYTES } from "../../sandbox/storage-wire.ts";
import type { StorageAnswer, StorageOrder } from "../../sandbox/storage-wire.ts";
import { closeAll, receiveMessage, sendMessage } from "../channels/fd-passing.ts";
import { inTurn } from "../files/file-lock.ts";
import { createFileActs } from "./file-acts.ts";
import { PASS, type Acted } from "./file-answers.ts";
import { errnoOf, lastErrno } from "../libc.ts";
import { pollAll } from "../channels/poll-set.ts";
import type { UndoStore } from "./undo-store.ts";

/**
 * Does to files what a supervisor asks, for one sandbox, until the other end of `socket` closes. One thread and one order
 * after the other, and in turns with every other device, by a lock on the file `turns`: between deciding on a path and
 * acting on it no agent changes anything, or one could move a folder from where a name is free while another, that was told
 * so, makes it there. Throws when an order is
 * none; the caller ends then.
 */
export function serveStorage(
  socket: number,
  {
    roots,
    open,
    obeyed,
    store,
    turns,
  }: {
    readonly roots: readonly string[];
    readonly open: ReadonlySet<string>;
    readonly obeyed: readonly string[];
    readonly store: UndoStore;
    readonly turns: number;
  },
): void {
  process.umask(0); // the caller's has been taken off already
  let acts: ReturnType<typeof createFileActs> | null = null;
  let kept: Buffer[] = [];
  let fds: number[] = [];

  function act(order: StorageOrder, descriptor: number | null): Acted {
    if (order.order === "root") {
      if (descriptor === null || acts !== null) throw new Error("a root was expected once, with its descriptor");
      acts = createFileActs({ root: descriptor, roots, open, obeyed, store });
      return { answer: { answer: "done", note: null }, fd: null };
    }
    // Before the agent's own program runs, there is nothing to change.
    return acts === null ? PASS : acts(order, descriptor);
  }

  for (;;) {
    pollAll([{ fd: socket, input: true, output: false }], -1);
    const message = receiveMessage(socket, { bytes: STORAGE_READ_BYTES, fds: 1 });
    if (message === null) continue;
    if (message.bytes.length === 0) return;
    kept.push(message.bytes);
    fds.push(...message.fds);
    if (kept.length * STORAGE_READ_BYTES > STORAGE_LINE_MOST + STORAGE_READ_BYTES)
      throw new Error("an order is too long");
    if (message.bytes.at(-1) !== 10) continue;
    const line = Buffer.concat(kept).toString("utf8");
    const [descriptor = null, ...more] = fds;
    [kept, fds] = [[], []];
    closeAll(more);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what JSON.parse gives is a JSON value
    const decoded = decodeStorageOrder(JSON.parse(line) as JsonValue);
    if (decoded.kind !== "ok") throw new Error(`the supervisor asked nonsense: ${decoded.path} ${decoded.message}`);
    const { value } = decoded;
    const { answer, fd } = inTurn(turns, () => act(value, descriptor));
    if (descriptor !== null && value.order !== "root") closeSync(descriptor);
    say(socket, answer, fd);
  }
}

function say(socket: number, answer: StorageAnswer, fd: number | null): void {
  try {
    sendMessage(socket, { bytes: Buffer.from(`${JSON.stringify(answer)}\n`), fds: fd === null ? [] : [fd] });
  } catch (error) {
    // Who asked is gone meanwhile, and so is its sandbox; the next look at the socket says so.
    if (lastErrno() !== errnoOf("EPIPE")) throw error;
  }
  if (fd !== null) closeSync(fd);
}
