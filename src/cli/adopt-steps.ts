import { outsideAgent } from "../extensions/adopt/faces.ts";
import { readAddress } from "../extensions/scan/address.ts";
import { fetchedPackage } from "../extensions/scan/server-findings.ts";
import type { Server } from "../extensions/scan/server.ts";
import { SECRET_NAME } from "../kernel/names.ts";
import { shellWord } from "./shell-word.ts";

/** Runners whose packages are npm's. */
const NPM = new Set(["npx", "pnpx", "bunx"]);
/** Programs that run a file that is their first word without a dash. */
const INTERPRETERS = /^(?:node|bun|deno|tsx|ts-node)$/u;
/** What only its person knows of a key. */
const UNKNOWN = "--to https://HOST --method METHOD --as header:NAME";

/**
 * What a person types to have a server again, through the face: commands, and comments where there is none. It names sources
 * and names of keys, never their values and no other argument.
 */
export function stepsFor(server: Server): readonly string[] {
  return [
    `# ${server.name}${server.enabled ? "" : ", which was switched off"}`,
    ...sourceSteps(server),
    ...keySteps(server),
  ];
}

function sourceSteps(server: Server): readonly string[] {
  const { command, url, client } = server;
  const trust = (extension: string): string => `aios ext trust ${extension} --agent ${outsideAgent(client)}`;
  if (url !== null) {
    const address = readAddress(url);
    if (address === null || url.endsWith("/..."))
      return ["# its address holds a key or cannot be read: aios ext add ADDRESS"];
    if (address.scheme !== "https") return [`# it is asked at ${url} without TLS: an https address of it can be added`];
    return [`aios ext add ${shellWord(url)}`, trust(shellWord(address.authority))];
  }
  if (command === null) return ["# its entry names neither a command nor an address"];
  const fetched = fetchedPackage(command);
  if (fetched !== null && NPM.has(fetched.runner)) {
    const name = fetched.what.replace(/(?!^)@[^/]*$/u, "");
    const add = fetched.pinned
      ? [`aios ext add ${shellWord(fetched.what)}`]
      : [`# it named no version, so name the one that you mean`, `aios ext add ${shellWord(`${name}@VERSION`)}`];
    return [...add, trust(shellWord(name))];
  }
  if (fetched !== null)
    return [
      `# it is ${fetched.what}, run by ${fetched.runner}: get its files into a folder`,
      "aios ext add FOLDER",
      trust("EXT"),
    ];
  const script = scriptOf(command);
  if (script !== null) return [`aios ext add ${shellWord(script)}`, trust("EXT")];
  return [
    `# ${command[0] ?? "it"} is no package: put what it needs into a folder`,
    "aios ext add FOLDER",
    trust("EXT"),
  ];
}

/** The folder of the script that an interpreter is given by its whole path. */
function scriptOf([program = "", ...words]: readonly string[]): string | null {
  if (!INTERPRETERS.test(program.slice(program.lastIndexOf("/") + 1))) return null;
  const script = words.find((word) => !word.startsWith("-")) ?? "";
  return /^\/.+\/[^/]+$/u.test(script) ? script.slice(0, script.lastIndexOf("/")) : null;
}

function keySteps({ secrets, url }: Server): readonly string[] {
  const host = url === null ? null : readAddress(url);
  const where =
    host === null ? UNKNOWN : `--to ${shellWord(`https://${host.authority}`)} --method POST --as header:NAME`;
  return [...new Set(secrets)].flatMap((name) => {
    const secret = secretName(name);
    return [`aios secrets set ${secret}`, `aios secrets bind ${secret} ${where}`];
  });
}

/** `GITHUB_TOKEN` becomes `github-token`: a name as the substrate has them. */
function secretName(name: string): string {
  const plain = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/gu, "-")
    .replaceAll(/^[^a-z]+|-+$/gu, "")
    .slice(0, 31);
  return SECRET_NAME.test(plain) ? plain : "key";
}
