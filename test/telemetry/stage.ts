import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TelemetrySetting } from "../../src/protocol/telemetry-setting.ts";
import { NO_TELEMETRY } from "../../src/protocol/telemetry-setting.ts";
import { packageSource } from "../e2e/sources.ts";
import { startSubstrate, type Ran, type Substrate } from "../e2e/substrate.ts";

/** A monitor with one agent that may read files of its workspace. */
export async function startReader(): Promise<Substrate> {
  const aios = await startSubstrate();
  const source = await packageSource("@modelcontextprotocol/server-filesystem", {
    args: ["/workspace"],
    workspace: "read",
  });
  await aios.grant({
    id: "files",
    agents: ["reader"],
    drivers: { files: { source, tools: { read_text_file: { risk: "observe", fields: { path: "path" } } } } },
    allow: [{ what: "files/read_text_file", where: { path: { under: "/workspace" } } }],
    workspace: "read",
    limits: { uses: 50 },
  });
  return aios;
}

/** Lets the agent read a file of that name with that in it. */
export function readFileAs(aios: Substrate, name: string, text: string): Promise<Ran> {
  writeFileSync(join(aios.workspace, name), text);
  const read = { name: "files__read_text_file", arguments: { path: `/workspace/${name}` } };
  return aios.follow("reader", [{ method: "tools/call", params: read }], { workspace: aios.workspace });
}

/** Signs a setting; what is not named is off. */
export function use(aios: Substrate, setting: Partial<TelemetrySetting>): Promise<number> {
  return aios.sign("set-telemetry", JSON.parse(JSON.stringify({ ...NO_TELEMETRY, ...setting })));
}

/** Process ids of the telemetry of this monitor, innermost last. */
export function telemetryPids(aios: Substrate): readonly number[] {
  const parents = new Map<number, { readonly parent: number; readonly line: string }>();
  for (const name of readdirSync("/proc").filter((each) => /^\d+$/u.test(each))) {
    try {
      const parent = Number(/^PPid:\s+(\d+)/mu.exec(readFileSync(`/proc/${name}/status`, "utf8"))?.[1]);
      parents.set(Number(name), { parent, line: readFileSync(`/proc/${name}/cmdline`, "utf8") });
    } catch {
      // it has ended meanwhile
    }
  }
  const below = (pid: number): boolean => {
    const { parent } = parents.get(pid) ?? { parent: 0 };
    return parent === aios.pid || (parent > 1 && below(parent));
  };
  return [...parents].flatMap(([pid, { line }]) => (line.includes("src/main/telemetry.ts") && below(pid) ? [pid] : []));
}
