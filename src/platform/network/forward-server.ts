import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { carryOn } from "./carry-on.ts";
import { readAnswering, readHead, writeHead } from "./broker-wire.ts";

/** What a forwarded port asks with and carries over. */
export interface ForwardParts {
  /** Proposes one connection; the shape of `Asked` in face/egress.ts. */
  ask(): {
    readonly verdict: Promise<
      | { readonly kind: "granted"; readonly ticket: string; readonly via: number }
      | { readonly kind: "stopped"; readonly problem: { readonly code: string } }
    >;
    withdraw(): void;
  };
  /** A stream to the broker; throws when there is none to be had. */
  openStream(via: number): Duplex;
}

/**
 * What serves the connections of one forwarded port, which somebody else accepts (with `halfOpen`, since the end of what a
 * client says is not the end of what it hears). Each is asked for on its own. There is no word for a refusal in a protocol
 * that nobody here knows: what is stopped, fails or is cut is *reset*, so that no program takes it for an end.
 */
export function createForward(parts: ForwardParts): { emit(event: "connection", socket: Socket): boolean } {
  return {
    emit: (_event, socket) => {
      serve(socket, parts).catch(() => socket.resetAndDestroy());
      return true;
    },
  };
}

async function serve(socket: Socket, { ask, openStream }: ForwardParts): Promise<void> {
  const asked = ask();
  socket.once("close", asked.withdraw);
  const verdict = await asked.verdict;
  if (verdict.kind === "stopped" || socket.destroyed) return void socket.resetAndDestroy();
  const stream = openStream(verdict.via);
  stream.on("error", () => stream.destroy());
  socket.once("close", () => stream.destroy());
  writeHead(stream, { ticket: verdict.ticket });
  const head = await readHead(stream, readAnswering);
  if (head.kind !== "open") return void socket.resetAndDestroy();
  stream.once("close", () => {
    if (!stream.readableEnded || !stream.writableFinished) socket.resetAndDestroy();
  });
  socket.pipe(stream);
  carryOn(stream, socket);
}
