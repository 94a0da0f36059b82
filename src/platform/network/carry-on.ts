import type { Readable, Writable } from "node:stream";
import { giveBack } from "../channels/read-buffers.ts";

/**
 * As `from.pipe(to)`, for a source that holds what it hands out (`read-buffers.ts`): each piece is given back when it was
 * written. Whoever joins them destroys `from` when `to` closes.
 */
export function carryOn(from: Readable, to: Writable, { end = true }: { readonly end?: boolean } = {}): void {
  from.on("data", (piece: Buffer) => {
    if (!to.write(piece, () => giveBack(piece))) from.pause();
  });
  to.on("drain", () => from.resume());
  if (to.writableNeedDrain) from.pause();
  if (!end) return;
  // An answer without a body may have ended before its head was handed on.
  if (from.readableEnded) to.end();
  else from.once("end", () => to.end());
}
