import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { CliFailure } from "../cli/failure.ts";
import type { Detonation } from "../cli/powers.ts";
import type { DetonationAnswer } from "../extensions/detonate/finding.ts";
import { packFolder } from "../platform/files/pack-folder.ts";

const DETONATOR = fileURLToPath(new URL("./detonator.ts", import.meta.url));

/** Has extensions detonated, each by a process of its own that gets their files through a pipe and nothing of this one's environment. */
export function createDetonation(): Detonation {
  return {
    async run(folder, words) {
      const label = folder.slice(folder.lastIndexOf("/") + 1);
      const order = "command" in words ? ["command", ...words.command] : ["given", ...words.given];
      const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", DETONATOR, label, ...order], {
        stdio: ["pipe", "pipe", "pipe"],
        env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
      });
      const said = text(child.stdout);
      const errors = text(child.stderr);
      let why = "";
      const files = Readable.from(packFolder(folder), { objectMode: false });
      await pipeline(files, child.stdin).catch((error: unknown) => {
        why = error instanceof Error ? error.message : String(error);
      });
      const answer = await said;
      if (answer !== "") {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own program wrote it
        const read = JSON.parse(answer) as DetonationAnswer;
        if (read.kind === "report" || !why.startsWith("Cannot read")) return read;
      }
      if (why !== "") throw CliFailure.of("file-unreadable", why);
      const message = (await errors).trim().split("\n").at(-1) ?? "it gave no answer";
      return { kind: "failed", code: "extension-failed", message, hint: null };
    },
  };
}
