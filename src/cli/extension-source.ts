import { decode } from "../protocol/decode.ts";
import { extensionEndpoint } from "../protocol/extension.ts";
import { npmName, npmVersion, registryUrl } from "../protocol/extension-order.ts";
import type { ExtensionSource } from "../protocol/extension-table.ts";
import { MOST_ROOTS } from "../protocol/provenance.ts";
import { CliFailure } from "./failure.ts";
import type { CliPowers } from "./powers.ts";

/** What a person typed, before anything of it is opened. A path is told from a name by what lies there. */
export type TypedSource =
  | Exclude<ExtensionSource, { kind: "stream" }>
  | { readonly kind: "path"; readonly path: string; readonly is: "folder" | "file"; readonly label: string };

const FORMS = "NAME@1.2.3, a folder, a .tgz or .mcpb file, a skill in a .zip, or an https address";
const MOST_LABEL = 512;

/**
 * Reads what was typed after `aios ext add`. Throws `CliFailure` (`usage`, `not-found`, `bad-configuration`) in terms of
 * that; a password in an address is never repeated.
 */
export async function readSource(
  powers: CliPowers,
  text: string,
  given: { readonly registry: string | null; readonly roots: string | null },
): Promise<TypedSource> {
  if (/^[a-z][a-z0-9+.-]*:\/\//iu.test(text)) return { kind: "http", url: readEndpoint(text) };
  const [, name = "", version = ""] = /^(?:npm:)?(@?[^@]+)@([^@]+)$/u.exec(text) ?? [];
  if (decode(npmName, name).kind === "ok" && decode(npmVersion, version).kind === "ok")
    return {
      kind: "npm",
      registry: await findRegistry(powers, given.registry),
      name,
      version,
      roots: given.roots === null ? null : await powers.files.read(powers.resolve(given.roots), MOST_ROOTS),
    };
  const path = powers.resolve(text);
  const is = await powers.sources.inspect(path);
  if (is !== null) return { kind: "path", path, is, label: labelOf(path) };
  throw CliFailure.of("not-found", `"${text}" is no npm package with an exact version, and nothing lies there`, FORMS);
}

function readEndpoint(address: string): string {
  refusePassword(address, "a login is a secret of its own: aios secrets set, then aios secrets bind");
  if (decode(extensionEndpoint, address).kind === "ok") return address;
  const text = withoutLogin(address);
  if (/^http:/iu.test(text))
    throw CliFailure.of(
      "usage",
      `Cannot add "${text}": what is said over plain http can be read and changed by everybody on the way`,
      "its https address; http is taken of this machine alone (http://localhost:PORT)",
    );
  if (!/^https:/iu.test(text)) throw CliFailure.of("usage", `Cannot add "${text}": it is no https address`, FORMS);
  throw CliFailure.of(
    "usage",
    `Cannot add "${text}": it is no https address in its one spelling`,
    "a host name in lower case, a port only where it is not 443, and no backslash: https://mcp.example.com/mcp",
  );
}

async function findRegistry(powers: CliPowers, given: string | null): Promise<string> {
  const registry = (given ?? (await powers.sources.registry())).replace(/\/+$/u, "");
  refusePassword(registry, PACK);
  if (decode(registryUrl, registry).kind === "ok") return registry;
  const whose = given === null ? "npm is configured with" : "--registry names";
  const code = given === null ? "bad-configuration" : "usage";
  throw CliFailure.of(code, `${whose} "${withoutLogin(registry)}", which is no https address of a registry`, PACK);
}

const PACK = "npm fetches it where npm is logged in: npm pack NAME@VERSION, then aios ext add ./FILE.tgz";

/** A refusal of the monitor in terms of what was typed, with what helps. Rethrows all else. */
export function explainAdding(
  error: unknown,
  { typed, source }: { readonly typed: string; readonly source: TypedSource },
): never {
  if (!(error instanceof CliFailure)) throw error;
  const { code } = error;
  const message = error.message.replace(/^It is not added: /u, `Cannot add "${typed}": `);
  const hint =
    source.kind === "npm" && code.startsWith("fetch-")
      ? packInstead(source)
      : code === "archive-malformed" || code === "archive-unsupported"
        ? "a folder, an npm tarball (.tgz), an MCP bundle (.mcpb) or a skill (.zip); the end of its name says which a file is"
        : error.hint;
  throw CliFailure.fromMonitor({ code, message, hint });
}

/** What a fault of the registry can be got round with: npm asks mirrors that need a login or their own certificate. */
function packInstead({ name, version }: { readonly name: string; readonly version: string }): string {
  const file = `${name.replace(/^@/u, "").replace("/", "-")}-${version}.tgz`;
  return `if npm can fetch it (a mirror, a login, a certificate): npm pack ${name}@${version}, then aios ext add ./${file}`;
}

function refusePassword(text: string, hint: string): void {
  const [, user, host = ""] = /^[a-z][a-z0-9+.-]*:[/\\]*([^/\\?#]*)@([^/\\?#]*)/iu.exec(text) ?? [];
  if (user === undefined) return;
  throw CliFailure.of("usage", `The address of ${host} has a user or a password in it, which would be recorded`, hint);
}

/** An address as it may be shown: whatever could be a login is left out. */
function withoutLogin(text: string): string {
  return text.replace(/\/\/.*@/u, "//...@");
}

/** Its last name, as a line of visible text. */
function labelOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name === "")
    throw CliFailure.of("usage", `"${path}" is all of this machine, and no extension`, "the folder of one extension");
  return name
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "?")
    .slice(0, MOST_LABEL)
    .toWellFormed()
    .replaceAll("\uFFFD", "?");
}
