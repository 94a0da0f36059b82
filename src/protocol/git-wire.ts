import {
  isGitPath,
  isGitUser,
  isRef,
  PUSH_CAPABILITIES,
  type GitPlace,
  type GitPush,
  type RefUpdate,
} from "../kernel/git-ssh.ts";
import { isNetHost } from "../kernel/net.ts";

/*
 * The words of git's wire protocol that decide something (gitprotocol-pack, gitprotocol-common), without their framing. What
 * comes in is text of one byte a character, so that nothing is lost and what is not ASCII is seen.
 */

/** What a client asks for first. `fetch` is upload-pack, `push` receive-pack. */
export interface GitRequest extends GitPlace {
  readonly service: "fetch" | "push";
  readonly path: string;
  /** The version of the protocol that it asks for; 0 when it names none. */
  readonly protocol: number;
}

/** `command path NUL host=… NUL [NUL version=N NUL]`, the path being `/user@host:port/repository`. */
const REQUEST =
  /^git-(upload|receive)-pack \/([^@/:\0]{1,64})@([^@/:\0]{1,253}):([1-9][0-9]{0,4})(\/[^\0]{1,2048})\0(?:host=[^\0]{1,300}\0)?(?:\0(?:version=([012])\0)?)?$/;

/**
 * Reads the first line of a client: exactly the two commands that move objects, for a repository with one spelling. Null for
 * anything else.
 */
export function readGitRequest(line: string): GitRequest | null {
  const [, word, user = "", host = "", port, path = "", version] = REQUEST.exec(line) ?? [];
  if (!isGitUser(user) || !isNetHost(host) || !isGitPath(path) || Number(port) > 65_535) return null;
  const service = word === "upload" ? "fetch" : "push";
  return { service, user, host, port: Number(port), path, protocol: Number(version ?? 0) };
}

/** What a push says before its objects. */
export type PushCommands = Pick<GitPush, "updates" | "shallow" | "capabilities">;

const COMMAND = /^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) ([^\0\n]{1,1024})(?:\0([ -~]{0,2048}))?\n?$/;
const SHALLOW = /^shallow ([0-9a-f]{40,64})\n?$/;

/** Reads the lines of a push before their flush; what it cannot read, or must not pass on, is a reason in words. */
export function readPushCommands(lines: readonly string[]): PushCommands | string {
  const shallow: string[] = [];
  const updates: RefUpdate[] = [];
  let capabilities: readonly string[] = [];
  for (const line of lines) {
    const commit = SHALLOW.exec(line)?.[1];
    if (commit !== undefined && updates.length === 0) {
      shallow.push(commit);
      continue;
    }
    const [, old, now, ref, words] = COMMAND.exec(line) ?? [];
    if (old === undefined || now === undefined || ref === undefined) return "a line that is no change of a ref";
    if (!isRef(ref)) return "a ref with another than a plain full name";
    // They stand behind the first command only.
    if ((words !== undefined) !== (updates.length === 0)) return "no change of a ref as git writes it";
    if (words !== undefined) capabilities = words.split(" ").filter((word) => word !== "");
    updates.push({ ref, old, new: now });
  }
  const strange = capabilities.find((word) => !PUSH_CAPABILITIES.includes(word));
  if (strange !== undefined) return "something that is not passed on, such as push options or a signature";
  return { updates, shallow, capabilities };
}

/** The lines that these commands are sent as, without their flush. */
export function pushLines({ updates, shallow, capabilities }: PushCommands): readonly string[] {
  return [
    ...shallow.map((commit) => `shallow ${commit}`),
    ...updates.map(({ ref, old, new: now }, index) => {
      const command = `${old} ${now} ${ref}`;
      return index === 0 ? `${command}\0 ${capabilities.join(" ")}` : command;
    }),
  ];
}

/** A line of what a server has, with nothing behind it that a push could ask for and would not get. */
export function offeredLine(line: string): string {
  const at = line.indexOf("\0");
  if (at < 0) return line;
  const offered = line
    .slice(at + 1)
    .trim()
    .split(" ")
    .filter((word) => PUSH_CAPABILITIES.includes(word));
  return `${line.slice(0, at)}\0${offered.join(" ")}\n`;
}

/** What a client is told of a push that is not sent on: every ref with the reason, as a server would refuse it. */
export function refusalLines(updates: readonly RefUpdate[], why: string): readonly string[] {
  return ["unpack ok\n", ...updates.map(({ ref }) => `ng ${ref} ${why}\n`)];
}
