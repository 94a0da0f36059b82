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
      }
      rmSync(base, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

function closureOf(root: string, name: string): readonly string[] {
  const folder = locate(name, root);
  return folder === null ? [] : listClosure(folder);
}

/** Changes one byte where a record says that the demo's agent was denied, and says where. */
function changeOneByte(folder: string): string {
  const wanted = Buffer.from('"kind":"denied"');
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    const at = bytes.indexOf(wanted);
    if (at < 0) continue;
    bytes[at + wanted.length - 2] = 0x73; // "denied" becomes "denies"
    writeFileSync(path, bytes);
    return `"denied" to "denies" in a record`;
  }
  throw new TypeError("the log of the demo holds no denied action");
}
