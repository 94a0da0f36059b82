import { unpack } from "../../src/extensions/archive/unpack.ts";
import { crc32, inflate } from "../../src/platform/files/inflate.ts";
import { HOSTILE_ARCHIVES } from "./hostile-archives.ts";

// A process of its own, so that what it takes can be told: unpacks the bombs of the corpus, and says how that ended, how many
// bytes were written, and the most memory that it had, in bytes.
let written = 0;
const ended: string[] = [];
for (const { what, form, bytes } of HOSTILE_ARCHIVES) {
  if (!what.includes("bomb")) continue;
  const make = () => ({
    write(piece: Uint8Array) {
      written += piece.length;
    },
    close() {},
  });
  await unpack(bytes(), form, { target: { make }, inflate, crc32 }).catch((error: unknown) => {
    ended.push(error instanceof Error && "code" in error ? String(error.code) : String(error));
  });
}
process.stdout.write(JSON.stringify({ ended, written, memory: process.resourceUsage().maxRSS * 1024 }));
