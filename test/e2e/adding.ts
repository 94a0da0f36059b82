import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { sendDescriptors } from "../../src/platform/channels/stream-handover.ts";
import { relayStreams } from "../../src/platform/terminal/stream-relay.ts";
import type { ArchiveForm } from "../../src/protocol/extension-order.ts";
import type { ExtensionRequests } from "../../src/protocol/extension-table.ts";
import type { Substrate } from "./substrate.ts";

/** Hands an archive over as the command line does. */
export async function addArchive(
  aios: Pick<Substrate, "home" | "client">,
  archive: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { form, label = "archive" }: { readonly form: ArchiveForm; readonly label?: string },
): Promise<ExtensionRequests["extension-add"]["ok"]> {
  const ticket = randomBytes(16).toString("hex");
  const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });
  const input = Readable.from(archive, { objectMode: false });
  const relay = relayStreams({ input, output: nowhere(), error: nowhere() });
  try {
    const fds = relay.fds.filter((fd) => fd !== null);
    await sendDescriptors(join(aios.home, "run", "streams.sock"), ticket, fds);
    relay.release();
    return await aios.client.request("extension-add", { source: { kind: "stream", form, ticket, label } });
  } finally {
    relay.stop();
  }
}
