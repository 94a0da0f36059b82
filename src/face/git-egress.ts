import { commonRef, GIT_DRIVER, isNothing, type GitPlace, type RefUpdate } from "../kernel/git-ssh.ts";
import {
  readGitRequest,
  readPushCommands,
  refusalLines,
  type GitRequest,
  type PushCommands,
} from "../protocol/git-wire.ts";
import type { Asked, Egress, Problem } from "./egress.ts";

/** An agent's git as actions. It decides nothing: what has more than one reading the kernel denies. */
export interface GitEgress {
  /** Reads the first words of a client; null, and on record, when they are not one of the two that there are. */
  request(line: string): Promise<GitRequest | null>;
  /** Proposes to fetch, or to look at the refs before a push. */
  open(request: GitRequest): Asked;
  /** Reads what a client asks to be changed; a reason in words, and on record, when it may not be passed on. */
  commands(request: GitRequest, lines: readonly string[]): Promise<PushCommands | string>;
  /** Proposes a push. */
  push(request: GitRequest, commands: PushCommands): Asked;
  /** What a client is told of a push that was stopped. */
  refusal(updates: readonly RefUpdate[], why: string): readonly string[];
  /** Why it was stopped, in words for the one who reads what git prints. */
  why(problem: Problem): string;
}

/** Makes it over the face's way to the monitor. */
export function createGitEgress(egress: Pick<Egress, "ask" | "refused">): GitEgress {
  return Object.freeze<GitEgress>({
    request: async (line) => {
      const request = readGitRequest(line);
      if (request === null) await egress.refused(`git: ${line}`, []);
      return request;
    },
    open: (request) => {
      const args = { ...placeOf(request), path: request.path };
      return request.service === "fetch"
        ? egress.ask(GIT_DRIVER, "fetch", { ...args, protocol: request.protocol })
        : egress.ask(GIT_DRIVER, "refs", args);
    },
    commands: async (request, lines) => {
      const read = readPushCommands(lines);
      if (typeof read === "string") await egress.refused(`git push to ${request.host}: ${read}`, []);
      return read;
    },
    push: (request, { updates, shallow, capabilities }) =>
      egress.ask(GIT_DRIVER, "push", {
        ...placeOf(request),
        path: request.path,
        ref: commonRef(updates.map(({ ref }) => ref)),
        removes: updates.some((update) => isNothing(update.new)),
        updates: updates.map((update) => ({ ...update })),
        shallow: [...shallow],
        capabilities: [...capabilities],
      }),
    refusal: refusalLines,
    why: ({ code, message }) => `${message} (${code})`.replace(/[^ -~]/g, "?").slice(0, 500),
  });
}

function placeOf({ host, port, user }: GitPlace): { host: string; port: number; user: string } {
  return { host, port, user };
}
