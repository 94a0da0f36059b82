import {
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { locate, listClosure, createPackages } from "./package-finder.ts";
import { lendStreams } from "./agent-streams.ts";
import type { Home, Sample } from "../cli/powers.ts";

export interface SampleParts {
  /** Folder that holds package.json, src/ and node_modules/. */
  readonly root: string;
  /** User and group that the monitor runs as, or null when it runs as this user. */
  readonly monitorUser: { readonly uid: number; readonly gid: number } | null;
  openHome(path: string): Home;
  /** The log folder of a home. */
  logFolder(home: string): string;
}

/** Makes the demo's throw-away home and workspace below the machine's temporary folder. */
export async function makeSample(parts: SampleParts, files: { readonly [name: string]: string }): Promise<Sample> {
  const { root } = parts;
  const base = realpathSync(mkdtempSync(join(tmpdir(), "aios-demo-")));
  const workspace = join(base, "workspace");
  mkdirSync(workspace, { mode: 0o700 });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(workspace, name), text, { mode: 0o600 });
  if (parts.monitorUser !== null) {
    const { uid, gid } = parts.monitorUser;
    for (const path of [base, workspace, ...Object.keys(files).map((name) => join(workspace, name))])
      chownSync(path, uid, gid);
  }
  const home = parts.openHome(join(base, "home"));
  const filesystem = await createPackages([root]).find("@modelcontextprotocol/server-filesystem");
  const mailServer = join(root, "examples", "mail-server.ts");
  const agent = join(root, "src", "main", "demo-agent.ts");
  const manifest = join(root, "package.json");

  return {
    home,
    workspace,
    agent: {
      command: ["/aios/node", agent, "/workspace/plan.json"],
      code: [agent, manifest, ...closureOf(root, "@modelcontextprotocol/client")],
    },
    servers: {
      files: {
        kind: "stdio",
        command: ["node", filesystem.entry, "/workspace"],
        code: filesystem.code,
        workspace: "write",
      },
      mail: {
        kind: "stdio",
        command: ["node", mailServer, "/workspace"],
        code: [mailServer, manifest, ...closureOf(root, "@modelcontextprotocol/server")],
        workspace: "write",
      },
    },
    lendStreams: (ticket, onLine) => lendStreams(home.path, ticket, onLine),
    async changeOneByteOfACopy() {
      const folder = join(base, "copy");
      cpSync(parts.logFolder(home.path), folder, { recursive: true });
      return { folder, what: changeOneByte(folder) };
    },
    async sent() {
      try {
        return readFileSync(join(workspace, "sent.jsonl"), "utf8").trim().split("\n");
      } catch {
        return [];
      }
    },
    async remove() {
      const client = await home.attach();
      if (client !== null) {
        await client.request("stop", {}).catch(() => undefined);
        client.close();
        await monitorGone(home);
      }
      rmSync(base, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

/** Waits until the monitor has written its last record, so that nothing is put into a folder that is being removed. */
async function monitorGone(home: Home): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    const client = await home.attach();
    if (client === null) return;
    client.close();
    await sleep(25);
  }
}

function closureOf(root: string, name: string): readonly string[] {
  const folder = locate(name, root);
  return folder === null ? [] : listClosure(folder);
}

/** Changes one byte of a published record that says that the agent was denied, and says what was changed. */
function changeOneByte(log: string): string {
  const wanted = Buffer.from('"kind":"denied"');
  const found = readdirSync(join(log, "tile", "entries"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, bytes: readFileSync(path) }))
    .filter(({ bytes }) => bytes.includes(wanted))
    // A bundle that is not full yet is kept in several sizes; the longest is the current one.
    .toSorted((left, right) => right.bytes.length - left.bytes.length);
  const [current] = found;
  if (current === undefined) throw new TypeError("the log of the demo holds no denied action");
  const { path, bytes } = current;
  bytes[bytes.indexOf(wanted) + wanted.length - 2] = 0x73; // "denied" becomes "denies"
  writeFileSync(path, bytes);
  return `"denied" made "denies"`;
}
