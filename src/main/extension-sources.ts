import { execFile } from "node:child_process";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { promisify } from "node:util";
import { CliFailure } from "../cli/failure.ts";
import type { ExtensionSources } from "../cli/extension-powers.ts";
import { packFolder } from "../platform/files/pack-folder.ts";
import { sendDescriptors } from "../platform/channels/stream-handover.ts";
import { relayStreams } from "../platform/terminal/stream-relay.ts";
import { readSource } from "./read-source.ts";
import { translateFaults } from "./translate.ts";

/** How long npm may take to say where it asks, milliseconds. */
const NPM_MS = 10_000;
/** What an unpacker says on its way goes nowhere: the monitor tells what came of it. */
const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });

/** @param npm the registry in the environment, and the person's npm configuration. */
export function createExtensionSources(npm: {
  readonly configured: string | null;
  readonly npmrc: string;
}): ExtensionSources {
  return {
    async inspect(path) {
      const found = await stat(path).catch(() => null);
      return found === null ? null : found.isDirectory() ? "folder" : "file";
    },

    async lend({ home, ticket, path, is }) {
      let why: string | null = null;
      const input = is === "folder" ? Readable.from(packFolder(path), { objectMode: false }) : createReadStream(path);
      input.on("error", (error: Error) => {
        why = error.message;
      });
      const relay = relayStreams({ input, output: nowhere(), error: nowhere() });
      try {
        const fds = relay.fds.filter((fd) => fd !== null);
        await translateFaults(() => sendDescriptors(join(home, "run", "streams.sock"), ticket, fds));
      } catch (error) {
        relay.stop();
        throw error;
      } finally {
        relay.release();
      }
      return {
        failed: () => why,
        stop() {
          relay.stop();
          input.destroy();
        },
      };
    },

    read: readSource,

    async registry() {
      const text = npm.configured === null ? await readFile(npm.npmrc, "utf8").catch(() => "") : "";
      const written = /^[ \t]*registry[ \t]*=[ \t]*(\S+)[ \t]*$/mu.exec(text)?.[1];
      const registry = (npm.configured ?? written ?? (await askNpm())).replace(/\/+$/u, "");
      if (/^https?:\/\//u.test(registry)) return registry;
      throw CliFailure.of("bad-configuration", `npm is configured with "${registry}", which is no registry`);
    },
  };
}

/** Where npm asks when nobody told it otherwise. Not asked in the folder one stands in, whose files may be anybody's. */
async function askNpm(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("npm", ["config", "get", "registry"], { cwd: "/", timeout: NPM_MS });
    return stdout.trim();
  } catch {
    throw CliFailure.of(
      "bad-configuration",
      "npm cannot be asked for its registry",
      "Install npm, or name the registry: npm_config_registry=https://… aios ext add …",
    );
  }
}
