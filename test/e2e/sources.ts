import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { basename, join } from "node:path";
import type { DriverSource } from "../../src/kernel/grant.ts";
import { createPackages, listClosure, locate } from "../../src/main/package-finder.ts";
import { REPO } from "./substrate.ts";

type Workspace = "none" | "read" | "write";

/** An installed npm package as an MCP server. */
export async function packageSource(
  name: string,
  { args, workspace }: { readonly args: readonly string[]; readonly workspace: Workspace },
): Promise<DriverSource> {
  const found = await createPackages([REPO]).find(name);
  return { kind: "stdio", command: ["node", found.entry, ...args], code: found.code, workspace };
}

/** A script without its types, where every user may read it. Whole at any time: files of tests run beside each other. */
function withoutTypes(script: string): string {
  const folder = join(REPO, "node_modules", ".aios-tests");
  const path = join(folder, basename(script, ".ts").concat(".mjs"));
  const text = stripTypeScriptTypes(readFileSync(join(REPO, script), "utf8"));
  if (existsSync(path) && readFileSync(path, "utf8") === text) return path;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  writeFileSync(`${path}.${process.pid}`, text, { mode: 0o644 });
  renameSync(`${path}.${process.pid}`, path);
  return path;
}

/** A server of the tests: a script, and what it would need of the MCP SDK. One of `test/fakes` is started hundreds of times. */
export function scriptSource(
  script: string,
  {
    args,
    code = [],
    workspace,
  }: { readonly args: readonly string[]; readonly code?: readonly string[]; readonly workspace: Workspace },
): DriverSource {
  const path = script.startsWith("test/fakes/") && script.endsWith(".ts") ? withoutTypes(script) : join(REPO, script);
  const sdk = locate("@modelcontextprotocol/server", REPO);
  if (sdk === null) throw new Error("the MCP server SDK is not installed");
  return {
    kind: "stdio",
    command: ["node", path, ...args],
    code: [path, join(REPO, "package.json"), ...code, ...listClosure(sdk)],
    workspace,
  };
}
