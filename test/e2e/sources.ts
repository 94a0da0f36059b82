import { join } from "node:path";
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

/** A server of the tests that is written with the MCP SDK. */
export function scriptSource(
  script: string,
  {
    args,
    code = [],
    workspace,
  }: { readonly args: readonly string[]; readonly code?: readonly string[]; readonly workspace: Workspace },
): DriverSource {
  const path = join(REPO, script);
  const sdk = locate("@modelcontextprotocol/server", REPO);
  if (sdk === null) throw new Error("the MCP server SDK is not installed");
  return {
    kind: "stdio",
    command: ["node", path, ...args],
    code: [path, join(REPO, "package.json"), ...code, ...listClosure(sdk)],
    workspace,
  };
}
