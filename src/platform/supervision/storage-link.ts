import { closeSync, openSync } from "node:fs";
import type { JsonValue } from "../../kernel/json.ts";
import { decodeStorageAnswer, STORAGE_READ_BYTES } from "../../sandbox/storage-wire.ts";
import type { FileNote, StorageAnswer, StorageOrder } from "../../sandbox/storage-wire.ts";
import { closeAll, receiveMessage, sendMessage } from "../channels/fd-passing.ts";
import { O_CLOEXEC, O_DIRECTORY, O_PATH } from "../files/file-calls.ts";
import { readGuardedCall } from "./guarded-calls.ts";
import type { Polled, PollEntry } from "../channels/poll-set.ts";
import { answerCall, answerWithDescriptor, isPending, type PendingCall } from "./seccomp-notice.ts";

export interface StorageLinkPorts {
  /** Guarded roots, as paths inside. */
  readonly roots: readonly string[];
  wrote(note: FileNote): void;
  refused(note: FileNote & { readonly why: string }, call: PendingCall): void;
  /** The device is gone or spoke nonsense: whoever it acted for must end. */
  gone(): void;
}

/** The supervisor's side of one sandbox's storage device. */
export interface StorageLink {
  /** Tells the device the root of the sandbox, as a process in it sees it: no process of an agent's can have another. */
  begin(listener: number, call: PendingCall): void;
  /** Has a guarded call done; others of the sandbox wait until it is. */
  take(listener: number, call: PendingCall, name: string): void;
  entry(): PollEntry | null;
  serve(polled: Polled): void;
  close(): void;
}

/** Speaks with a storage device over a socket, which belongs to the link. One order at a time, in the order of the calls. */
export function createStorageLink(socket: number, ports: StorageLinkPorts): StorageLink {
  type Waiting = { readonly listener: number; readonly call: PendingCall; readonly name: string };
  const queue: Waiting[] = [];
  /** The call that the device has; null for the root, which is no call's. */
  let asked: Waiting | "root" | null = null;
  let closeOnExec = false;
  let kept: Buffer[] = [];
  let fds: number[] = [];
  let isOver = false;

  function ask(order: StorageOrder, fd: number | null): void {
    sendMessage(socket, { bytes: Buffer.from(`${JSON.stringify(order)}\n`), fds: fd === null ? [] : [fd] });
  }

  function fail(): void {
    isOver = true;
    ports.gone();
  }

  function next(): void {
    while (asked === null && !isOver) {
      const waiting = queue.shift();
      if (waiting === undefined) return;
      const { listener, call, name } = waiting;
      const question = readGuardedCall(call, name, ports.roots);
      if (question === "continue") answerCall(listener, call, "continue");
      else if ("errno" in question) answerCall(listener, call, question);
      else {
        try {
          // Only now is it certain that what was read was the caller's, and of no process that has its id since.
          if (!isPending(listener, call)) continue;
          closeOnExec = question.order.order === "open" && (question.order.flags & O_CLOEXEC) !== 0;
          ask(question.order, question.fd);
          asked = waiting;
        } catch {
          fail();
        } finally {
          if (question.fd !== null) closeSync(question.fd);
        }
      }
    }
  }

  function take(answer: StorageAnswer, fd: number | null): void {
    if (asked === null) throw new Error("nothing was asked");
    const waiting = asked;
    asked = null;
    if (waiting === "root") return;
    const { listener, call } = waiting;
    switch (answer.answer) {
      case "pass":
        answerCall(listener, call, "continue");
        return;
      case "kept":
        answerCall(listener, call, "done");
        ports.refused(answer.refused, call);
        return;
      case "failed":
        answerCall(listener, call, { errno: answer.errno });
        if (answer.refused !== null) ports.refused(answer.refused, call);
        return;
      case "done":
        if (fd === null) answerCall(listener, call, "done");
        else answerWithDescriptor(listener, call, { fd, closeOnExec });
        if (answer.note !== null) ports.wrote(answer.note);
        return;
      default:
        answer satisfies never;
    }
  }

  return Object.freeze({
    begin(listener, call) {
      const root = openSync(`/proc/${call.pid}/root`, O_PATH | O_DIRECTORY);
      try {
        if (!isPending(listener, call)) return;
        ask({ order: "root" }, root);
        asked = "root";
      } finally {
        closeSync(root);
      }
    },
    take(listener, call, name) {
      queue.push({ listener, call, name });
      next();
    },
    entry: () => (isOver ? null : { fd: socket, input: true, output: false }),
    serve() {
      try {
        const message = receiveMessage(socket, { bytes: STORAGE_READ_BYTES, fds: 1 });
        if (message === null) return;
        if (message.bytes.length === 0) return fail();
        kept.push(message.bytes);
        fds.push(...message.fds);
        if (message.bytes.at(-1) !== 10) return;
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what JSON.parse gives is a JSON value
        const decoded = decodeStorageAnswer(JSON.parse(Buffer.concat(kept).toString("utf8")) as JsonValue);
        kept = [];
        const [fd = null, ...more] = fds.splice(0);
        try {
          if (decoded.kind !== "ok" || more.length > 0) throw new Error("the storage device answered nonsense");
          take(decoded.value, fd);
        } finally {
          closeAll(fd === null ? more : [fd, ...more]);
        }
        next();
      } catch {
        fail();
      }
    },
    close: () => closeAll([socket, ...fds]),
  } satisfies StorageLink);
}
