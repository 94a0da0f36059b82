/**
 * Runs an extension to see what it does. Reads a tar of its folder from standard input, writes a `DetonationAnswer` as JSON.
 * Holds nothing: started by root it begins again as the monitor's own user first, and all that is a stranger's runs in
 * sandboxes that it starts.
 *
 *     detonator.ts LABEL given [WORD…]      its server as it says itself, with these words after it
 *     detonator.ts LABEL command WORD…      its server by this command
 */
import { fileURLToPath } from "node:url";
import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { ArchiveFault } from "../extensions/archive/fault.ts";
import { BOUNDS } from "../extensions/archive/bounds.ts";
import { unpack } from "../extensions/archive/unpack.ts";
import { DeclareFault } from "../extensions/declare/line.ts";
import { readSays } from "../extensions/declare/says.ts";
import type { DetonationAnswer } from "../extensions/detonate/finding.ts";
import { VET_BOUNDS } from "../extensions/vet/tree.ts";
import { crc32, inflate } from "../platform/files/inflate.ts";
import { becomeOwnUser } from "../platform/sandbox/own-user.ts";
import { PlatformError } from "../platform/platform-error.ts";
import { readTree } from "../platform/files/tree-reader.ts";
import { unpackFolder } from "../platform/files/unpack-folder.ts";
import { SandboxError } from "../sandbox/error.ts";
import { prepareAgents } from "./agent-start.ts";
import { chamberFolders } from "./detonation/chamber.ts";
import { detonate, makeChamberFolder, removeChamberFolder, type Detonating } from "./detonation/detonate.ts";
import { VERSION } from "./version.ts";

const ROOT = resolve(fileURLToPath(new URL("../..", import.meta.url)));
const TREE_BOUNDS = { files: VET_BOUNDS.files, fileBytes: VET_BOUNDS.fileBytes, bytes: VET_BOUNDS.bytes, depth: 64 };

async function run(label: string, order: Pick<Detonating, "given" | "command">): Promise<DetonationAnswer> {
  const folder = makeChamberFolder();
  const agents = prepareAgents(ROOT);
  // Sandboxes end with this process; the folder does not.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => {
      removeChamberFolder(folder);
      process.exit(1);
    });
  try {
    const place = chamberFolders(folder).tree;
    await unpack(await readInput(), "tar", {
      target: unpackFolder(place),
      inflate,
      crc32,
      bounds: { ...BOUNDS, archive: BOUNDS.total },
    });
    const tree = await readTree(place, TREE_BOUNDS);
    if (tree === null) throw new Error("the folder that it was put into is gone");
    const texts = new Map(tree.files.map(({ path, bytes }) => [path, bytes]));
    const text = (path: string): Promise<string | null> => {
      const bytes = texts.get(path);
      return Promise.resolve(bytes === undefined ? null : new TextDecoder().decode(bytes));
    };
    // A bundle that was unpacked is read as one.
    const form = texts.has("manifest.json") && !texts.has("package.json") && !texts.has("SKILL.md") ? "zip" : "tar";
    const read = await readSays({ text }, { form, label });
    if (read.kind !== "read") throw new Error("it could not be read");
    const node = realpathSync(process.execPath);
    const report = await detonate({ folder, tree, says: read.says, ...order, node, agents, version: VERSION });
    return { kind: "report", report };
  } catch (error) {
    return failed(error);
  } finally {
    agents.supervisor.close();
    removeChamberFolder(folder);
  }
}

function failed(error: unknown): DetonationAnswer {
  const message = error instanceof Error ? error.message : String(error);
  const known = error instanceof SandboxError || error instanceof PlatformError;
  const code =
    known || error instanceof ArchiveFault
      ? error.code
      : error instanceof DeclareFault
        ? "extension-manifest"
        : "extension-failed";
  return { kind: "failed", code, message, hint: known ? error.hint : null };
}

async function readInput(): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of process.stdin) {
    if (!(part instanceof Uint8Array)) continue;
    parts.push(part);
    bytes += part.length;
    if (bytes > BOUNDS.total) break;
  }
  return Buffer.concat(parts);
}

becomeOwnUser({
  user: "aios",
  code: ROOT,
  argv: process.argv,
  environment: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
});
const [label = "extension", form, ...words] = process.argv.slice(2);
const order = form === "command" ? { given: [], command: words } : { given: words };
process.stdout.write(JSON.stringify(await run(label, order)), () => process.exit(0));
