import { decodeAction } from "../kernel/action.ts";
import { canonicalize } from "../kernel/canonical.ts";
import { workspaceOf, type ToolClass } from "../kernel/grant.ts";
import { parseJson } from "../kernel/json.ts";
import { pathSegments } from "../kernel/paths.ts";
import { FOUND_MOST, type FoundFile } from "../protocol/found-file.ts";
import type { Statement } from "../protocol/statement.ts";
import type { FoundBytes } from "../platform/files/found-file.ts";
import type { Crypto } from "../platform/powers.ts";
import { readFileWrite } from "../showing/file-write.ts";
import { OWN_BOUNDS } from "./action-ends.ts";
import { declaredDriver } from "./driver-table.ts";
import type { MonitorPowers } from "./powers.ts";
import { driverWorkspace } from "./sandbox-grant.ts";
import { WORKSPACE } from "./sandbox-plans.ts";
import type { HeldState, State } from "./state.ts";

type HeldPart = Pick<HeldState, "text" | "instance" | "agent">;

/** What lies where held actions would write (docs/decisions/what-would-change.md). */
export interface Found {
  /**
   * What is there now, for an action that writes a file by its arguments, through a server that has the workspace of its
   * instance and whose path an owner declared to be one. `unknown` for a call of a reserved tool with a declared path that
   * may write in the workspace, when what it writes cannot be told. Null for every other. Looks anew each time. Never throws.
   */
  of(held: HeldPart): Promise<FoundFile | null>;
  /** What a statement says of it: `sha256:…` of its RFC 8785 text. Left out, it is looked for. */
  beside(held: HeldPart, found?: FoundFile | null): Promise<Pick<Statement, "beside">>;
  /** Whether what lies there is what the statement says. SHOWN-SIGNED-RUN: a yes was said to what would change; a no needs no reading. */
  holds(statement: Statement, held: HeldPart): Promise<boolean>;
}

export function createFound(
  state: State,
  { powers, crypto }: { readonly powers: Pick<MonitorPowers, "findFile">; readonly crypto: Pick<Crypto, "digest"> },
): Found {
  const api: Found = {
    async of({ text, instance, agent }) {
      const parsed = parseJson(text, OWN_BOUNDS);
      const decoded = parsed.kind === "ok" ? decodeAction(parsed.value) : parsed;
      const acting = state.instances.get(instance);
      if (decoded.kind !== "ok" || acting === undefined) return null;
      const { driver, name, verb } = decoded.value;
      const declared = declaredDriver(state, agent, driver);
      if (verb !== "call" || declared.kind !== "declared") return null;
      const { source, tools } = declared.spec;
      const tool = Object.hasOwn(tools, name) ? tools[name] : undefined;
      const folder = driverWorkspace(state, driver, acting);
      if (tool === undefined || workspaceOf(source) === "none" || folder === null) return null;
      const write = tool.fields["path"] === "path" ? readFileWrite(decoded.value) : null;
      const [top, ...names] = (write === null ? null : pathSegments(write.path)) ?? [];
      if (write === null || `/${top}` !== WORKSPACE || names.length === 0)
        return workspaceOf(source) === "write" && isReservedWithPath(tool) ? { kind: "unknown" } : null;
      return nameFound(await powers.findFile(folder, { names, most: FOUND_MOST }), { path: write.path, crypto });
    },
    async beside(held, found) {
      const there = found === undefined ? await api.of(held) : found;
      return there === null ? {} : { beside: crypto.digest(canonicalize({ ...there })) };
    },
    async holds(statement, held) {
      if (statement.decision === "deny") return true;
      return (await api.beside(held)).beside === statement.beside;
    },
  };
  return api;
}

/** Of others it would be said of every read, and nobody would read it any more. */
function isReservedWithPath({ risk, fields }: ToolClass): boolean {
  return risk === "reserved" && Object.values(fields).includes("path");
}

function nameFound(
  found: FoundBytes,
  { path, crypto }: { readonly path: string; readonly crypto: Pick<Crypto, "digest"> },
): FoundFile {
  if (found.kind !== "file") return { kind: found.kind, path };
  const { bytes, size, text } = found;
  if (bytes === null) return { kind: "large", path, bytes: size };
  const digest = crypto.digest(bytes);
  return text === null ? { kind: "binary", path, digest, bytes: size } : { kind: "text", path, digest, text };
}
