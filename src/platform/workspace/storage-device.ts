import { closeSync } from "node:fs";
import type { JsonValue } from "../../kernel/json.ts";
import {
  decodeStorageJoin,
  decodeStorageOrder,
  STORAGE_LINE_MOST,
  STORAGE_READ_BYTES,
} from "../../sandbox/storage-wire.ts";
import type { StorageAnswer, StorageJoin, StorageOrder } from "../../sandbox/storage-wire.ts";
import { closeAll, receiveMessage, sendMessage } from "../channels/fd-passing.ts";
import { inTurn } from "../files/file-lock.ts";
import { createFileActs } from "./file-acts.ts";
import { PASS, type Acted } from "./file-answers.ts";
import { errnoOf, lastErrno } from "../libc.ts";
import { pollAll } from "../channels/poll-set.ts";
import type { UndoStore } from "./undo-store.ts";

const NONE: ReadonlySet<string> = new Set();

/** What holds for all sandboxes that a device acts for. */
interface Guarded {
  readonly roots: readonly string[];
  /** Control files that an agent may change, by folded name; a server may change none. */
  readonly open: ReadonlySet<string>;
  readonly obeyed: readonly string[];
  readonly store: UndoStore;
  /** The file by which devices take turns. */
  readonly turns: number;
}

/**
 * Does to files what a supervisor asks, for the sandboxes of one instance: its agent's and those of servers that may write in
 * its workspace. Each comes as a socket to the supervisor, over `control`, and goes when that closes; the device ends when
 * the other end of `control` is closed and all are gone. They share one store, so that what it notes is in the order in
 * which it happened, whoever did it. One thread and one order after the other, and in turns with every other device, by a
 * lock on the file `turns`: between deciding on a path and acting on it nobody inside changes anything, or one could move a
 * folder from where a name is free while another, that was told so, makes it there. Throws when an order is none; the caller
 * ends then.
 */
export function serveStorage(control: number, guarded: Guarded): void {
  process.umask(0); // the caller's has been taken off already
  const joining = createReader(control);
  const links: Link[] = [];
  let isOpen = true;

  function join(): void {
    const message = joining();
    if (message === null) return;
    if (message === "over") {
      isOpen = false;
      return;
    }
    const [socket = null, ...more] = message.fds;
    closeAll(more);
    const decoded = decodeStorageJoin(message.value);
    if (decoded.kind !== "ok" || socket === null) throw new Error("the monitor asked nonsense");
    links.push(createLink(socket, decoded.value.actor, guarded));
  }

  while (isOpen || links.length > 0) {
    const waiting = [...links];
    const entries = [...waiting.map(({ socket }) => socket), ...(isOpen ? [control] : [])];
    const polled = pollAll(
      entries.map((fd) => ({ fd, input: true, output: false })),
      -1,
    );
    for (const [place, { input, over }] of polled.entries()) {
      if (!input && !over) continue;
      const link = waiting[place];
      if (link === undefined) join();
      else if (!link.serve()) links.splice(links.indexOf(link), 1);
    }
  }
}

/** One sandbox that the device acts for. */
interface Link {
  readonly socket: number;
  /** Does what was asked, if anything was. False when nobody asks any more; it is closed then. */
  serve(): boolean;
}

function createLink(
  socket: number,
  actor: StorageJoin["actor"],
  { roots, open: openToAgent, obeyed, store, turns }: Guarded,
): Link {
  const open = actor === "agent" ? openToAgent : NONE;
  const read = createReader(socket);
  let root: number | null = null;
  let acts: ReturnType<typeof createFileActs> | null = null;

  function act(order: StorageOrder, descriptor: number | null): Acted {
    if (order.order === "root") {
      if (descriptor === null || acts !== null) throw new Error("a root was expected once, with its descriptor");
      root = descriptor;
      acts = createFileActs({ root, roots, open, obeyed, store });
      return { answer: { answer: "done", note: null }, fd: null };
    }
    // Before a program runs in it, there is nothing to change.
    return acts === null ? PASS : acts(order, descriptor);
  }

  return {
    socket,
    serve() {
      const message = read();
      if (message === null) return true;
      if (message === "over") {
        closeAll(root === null ? [socket] : [socket, root]);
        return false;
      }
      const [descriptor = null, ...more] = message.fds;
      closeAll(more);
      const decoded = decodeStorageOrder(message.value);
      if (decoded.kind !== "ok") throw new Error(`the supervisor asked nonsense: ${decoded.path} ${decoded.message}`);
      const { value } = decoded;
      const { answer, fd } = inTurn(turns, () => act(value, descriptor));
      if (descriptor !== null && value.order !== "root") closeSync(descriptor);
      say(socket, answer, fd);
      return true;
    },
  };
}

/** Reads lines of JSON, and the descriptors that come with each, from a socket: null when there is none yet. */
function createReader(
  socket: number,
): () => { readonly value: JsonValue; readonly fds: readonly number[] } | "over" | null {
  let kept: Buffer[] = [];
  let fds: number[] = [];
  return () => {
    const message = receiveMessage(socket, { bytes: STORAGE_READ_BYTES, fds: 1 });
    if (message === null) return null;
    if (message.bytes.length === 0) return "over";
    kept.push(message.bytes);
    fds.push(...message.fds);
    if (kept.length * STORAGE_READ_BYTES > STORAGE_LINE_MOST + STORAGE_READ_BYTES)
      throw new Error("an order is too long");
    if (message.bytes.at(-1) !== 10) return null;
    const [line, taken] = [Buffer.concat(kept).toString("utf8"), fds];
    [kept, fds] = [[], []];
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what JSON.parse gives is a JSON value
    return { value: JSON.parse(line) as JsonValue, fds: taken };
  };
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
