/**
 * Runs inside an agent's sandbox until it becomes the agent.
 *
 *     launcher.ts SOCKET PLAN
 *
 * SOCKET leads to the supervisor, PLAN is a file with a `LaunchPlan`; both are descriptors. It enters a Landlock domain,
 * installs the filter, hands the listener out, waits for the word to go on, and replaces itself. CONFINED-OR-NOT-AT-ALL:
 * when any step fails it ends, and nothing of the agent has run. Nothing of it stays inside.
 */
import { closeSync, readFileSync, readSync, writeSync } from "node:fs";
import { becomeProgram, endAtOnce, takeTerminal } from "../platform/supervision/become-program.ts";
import { sendMessage } from "../platform/channels/fd-passing.ts";
import { findProgram, type NoProgram } from "../platform/files/find-program.ts";
import { enterGuardedDomain, enterOwnDomain } from "../platform/sandbox/landlock.ts";
import { listenOnLoopback, makeLoopbackSockets } from "../platform/channels/loopback-listener.ts";
import { installListener } from "../platform/sandbox/seccomp-listener.ts";

/** `LaunchPlan` of sandbox/launch-plan.ts. Written out, since each module of the launcher costs at every start. */
interface Plan {
  readonly command: readonly string[];
  readonly environment: { readonly [name: string]: string };
  readonly terminal: boolean;
  readonly proxy: { readonly socket: number; readonly ports: { readonly [letter: string]: number } } | null;
  readonly free: readonly string[] | null;
  readonly visits: { readonly socket: number; readonly count: number } | null;
  readonly openFiles: number;
  /** The filter in base64. */
  readonly filter: string;
}

const socket = Number(process.argv[2]);
const GO = "G".charCodeAt(0);
/** What a login gives on most systems. */
const AGENT_UMASK = 0o022;

/** How each failure is told to the supervisor, and the exit code that it ends in: those of shells for a program. */
const FAILURES = {
  "no-program": { letter: "N", exit: 127 },
  "bad-program": { letter: "B", exit: 126 },
  setup: { letter: "F", exit: 1 },
} as const;

function fail(kind: keyof typeof FAILURES, words: string, said = words): never {
  const { letter, exit } = FAILURES[kind];
  // One message: the letter, and why. Whoever reads it may be gone; then there is nobody left to tell.
  try {
    sendMessage(socket, { bytes: Buffer.from(`${letter}${words.slice(0, 512)}`), fds: [] });
    writeSync(2, `aios: ${said}\n`);
  } finally {
    endAtOnce(exit);
  }
}

function failToStart(word: string, { kind, why, hint }: NoProgram): never {
  const words = `Cannot start "${word}" in the sandbox: ${why}`;
  return fail(kind, words, `${words} (${kind})\nhint: ${hint}`);
}

/** The face serves them; what stays of them inside are addresses. */
function handOutProxy(proxy: NonNullable<Plan["proxy"]>): void {
  for (const [letter, port] of Object.entries(proxy.ports)) {
    const listener = listenOnLoopback(port);
    sendMessage(proxy.socket, { bytes: Buffer.from(letter), fds: [listener] });
    closeSync(listener);
  }
  closeSync(proxy.socket);
}

/** The way in for visitors of published ports: sockets that reach this namespace, for the gate outside of it. */
function handOutVisits(visits: NonNullable<Plan["visits"]>): void {
  const sockets = makeLoopbackSockets(visits.count);
  sendMessage(visits.socket, { bytes: Buffer.from("V"), fds: sockets });
  for (const fd of sockets) closeSync(fd);
  closeSync(visits.socket);
}

function launch(): never {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the one who planned this sandbox wrote it
  const plan = JSON.parse(readFileSync(Number(process.argv[3]), "utf8")) as Plan;
  const [word = ""] = plan.command;
  const found = findProgram(word, plan.environment["PATH"] ?? "");
  if (found.kind !== "found") return failToStart(word, found);
  if (plan.terminal) takeTerminal();
  if (plan.proxy !== null) handOutProxy(plan.proxy);
  if (plan.visits !== null) handOutVisits(plan.visits);
  // The monitor keeps what it makes to itself; an agent's files are for whoever the folder belongs to.
  process.umask(AGENT_UMASK);
  if (plan.free === null) enterOwnDomain();
  else enterGuardedDomain(plan.free);
  const listener = installListener(Buffer.from(plan.filter, "base64"));
  sendMessage(socket, { bytes: Buffer.from("L"), fds: [listener] });
  closeSync(listener);
  const word1 = Buffer.alloc(1);
  if (readSync(socket, word1) !== 1 || word1[0] !== GO) return endAtOnce(1);
  return failToStart(word, becomeProgram(found.program, plan));
}

try {
  launch();
} catch (error) {
  fail("setup", error instanceof Error ? error.message : String(error));
}
