import type { Mount, SandboxSpec } from "../../sandbox/spec.ts";
import { ownCode, ownEnvironment, planAlerter, planGate, type CodeLayout } from "../sandbox-plans.ts";

const MEBIBYTE = 1024 * 1024;
/** A file of an archive, or an archive (extensions/archive/bounds.ts). */
const FILE_BYTES = 64 * MEBIBYTE;

/** Fetches one package: the host's network, one folder to put it in, no key, and a channel to the monitor, which says what. */
export function planFetcher(code: CodeLayout, fetched: string): SandboxSpec {
  const alerter = planAlerter(code);
  return {
    ...alerter,
    command: programOf(code, "fetcher"),
    environment: ownEnvironment("fetcher"),
    mounts: [...ownCode(code), { kind: "write", host: fetched, inside: "/fetched" }],
    limits: { ...alerter.limits, fileBytes: FILE_BYTES },
  };
}

/**
 * Reads what strangers packed: no network, no key, and the folder that it unpacks into, or a tree that it only reads.
 * `fetched` is where the archive lies when it does not come at standard input.
 */
export function planUnpacker(
  code: CodeLayout,
  tree: { readonly kind: "read" | "write"; readonly host: string; readonly fetched: string | null },
): SandboxSpec {
  const { kind, host, fetched } = tree;
  const mounts: readonly Mount[] = fetched === null ? [] : [{ kind: "read", host: fetched, inside: "/fetched" }];
  return {
    ...planGate(code, 0),
    command: [...programOf(code, "unpacker"), ...(fetched === null ? [] : ["--fetched"])],
    environment: ownEnvironment("unpacker"),
    mounts: [...ownCode(code), { kind, host, inside: "/tree" }, ...mounts],
    channels: 1,
    limits: { processes: 64, openFiles: 256, fileBytes: FILE_BYTES, memoryBytes: 512 * MEBIBYTE },
  };
}

/** Looks through a sealed tree, which it only reads, with the limits of whoever unpacks; of syntax trees much is young. */
export function planVetter(code: CodeLayout, tree: string): SandboxSpec {
  return {
    ...planUnpacker(code, { kind: "read", host: tree, fetched: null }),
    command: [...planGate(code, 0).command.slice(0, -2), "/aios/src/main/vetter.ts"],
    environment: ownEnvironment("vetter"),
  };
}

/** The same Node and flags as every small program of ours. */
function programOf(code: CodeLayout, name: "fetcher" | "unpacker"): readonly string[] {
  return [...planAlerter(code).command.slice(0, -1), `/aios/src/main/${name}.ts`];
}
