import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import type { Step } from "../../extensions/detonate/steps.ts";
import { EXTENSION_PLACE } from "../../kernel/grant.ts";
import { awaitListeners } from "../../platform/network/passed-listener.ts";
import { startSandbox, type AgentStart, type StartedSandbox } from "../../platform/sandbox/sandbox-process.ts";
import { makeSocketEnds, type SocketEnd } from "../../platform/channels/socket-end.ts";
import { makeSocketPair } from "../../platform/channels/socket-pair.ts";
import type { WardNews } from "../../platform/sandbox/supervisor-link.ts";
import { INSIDE_USER } from "../../sandbox/layout.ts";
import { PROXY_PORT } from "../../sandbox/launch-plan.ts";
import type { Mount, SandboxSpec } from "../../sandbox/spec.ts";
import type { FakeNetwork } from "./fake-network.ts";

const MEBIBYTE = 1024 * 1024;
/** What everything that an extension runs is given together. */
export const CHAMBER_LIMITS: SandboxSpec["limits"] = {
  processes: 96,
  openFiles: 512,
  fileBytes: 32 * MEBIBYTE,
  memoryBytes: 768 * MEBIBYTE,
};
const BOUNDS = { cpuSeconds: 40, writtenBytes: 128 * MEBIBYTE };
const CLOSE_MS = 1000;
const AUTHORITY = "/aios/authority.pem";

/** Host folders that are made for one detonation, and what its sandboxes hold. */
export interface Chamber {
  readonly tree: string;
  readonly home: string;
  readonly workspace: string;
  readonly node: string;
  readonly agents: Omit<AgentStart, "hear">;
  readonly network: FakeNetwork;
  readonly environment: { readonly [name: string]: string };
}

/** One step at work. */
export interface Running {
  readonly sandbox: StartedSandbox;
  /** Its standard input and output. */
  readonly talk: Socket;
  /** Its standard error. */
  readonly errors: Socket;
}

function text(inside: string, words: string): Mount {
  return { kind: "text", inside, text: words };
}

/** The sandbox of one step: nothing of the user, no way out, made-up folders. */
export function planChamber(chamber: Chamber, step: Step): SandboxSpec {
  const { tree, home, workspace, node, network } = chamber;
  return {
    role: "agent",
    command: step.command,
    cwd: step.cwd,
    environment: {
      PATH: "/aios/bin:/usr/local/bin:/usr/bin:/bin",
      HOME: INSIDE_USER.home,
      USER: INSIDE_USER.name,
      LANG: "en_US.UTF-8",
      NODE_EXTRA_CA_CERTS: AUTHORITY,
      SSL_CERT_FILE: AUTHORITY,
      CURL_CA_BUNDLE: AUTHORITY,
      REQUESTS_CA_BUNDLE: AUTHORITY,
      GIT_SSL_CAINFO: AUTHORITY,
      ...chamber.environment,
      ...step.environment,
    },
    mounts: [
      { kind: "read", host: node, inside: "/aios/bin/node" },
      // An installation writes into its own folder; a server runs from what was installed.
      { kind: step.kind === "server" ? "read" : "write", host: tree, inside: EXTENSION_PLACE },
      { kind: "write", host: home, inside: INSIDE_USER.home },
      { kind: "write", host: workspace, inside: "/workspace" },
      text(AUTHORITY, network.authority),
      // Names are asked for over TCP, which is diverted; the address is nobody's.
      text("/etc/resolv.conf", "nameserver 198.18.0.1\noptions use-vc timeout:2 attempts:1\n"),
      text("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    ],
    channels: 1,
    published: false,
    programs: "any",
    terminal: false,
    network: "none",
    limits: CHAMBER_LIMITS,
  };
}

/** Starts a step. Rejects with SandboxError when any part of its confinement cannot be set up. */
export async function startStep(
  chamber: Chamber,
  step: Step,
  on: { readonly hear: (news: WardNews) => void; readonly reached: (what: string) => void },
): Promise<Running> {
  const [near, far] = makeSocketEnds();
  const [talk, stdio] = makeSocketPair();
  const [errors, stderr] = makeSocketPair();
  awaitListeners(near.fd, ["P"], (_letter, fd) => chamber.network.serve(fd));
  try {
    const sandbox = await startSandbox(planChamber(chamber, step), {
      streams: { stdin: stdio, stdout: stdio, stderr },
      ends: [far],
      agent: {
        ...chamber.agents,
        diverted: PROXY_PORT,
        bounds: BOUNDS,
        hear: on.hear,
        reached: ({ limit, most }) => on.reached(`reached the bound of ${most} on ${limit}, and was ended`),
      },
    });
    const sockets = [new Socket({ fd: talk }), new Socket({ fd: errors })] as const;
    for (const socket of sockets) socket.on("error", () => socket.destroy());
    void sandbox.ended.then(() => closeLater(near));
    return { sandbox, talk: sockets[0], errors: sockets[1] };
  } catch (error) {
    closeSync(talk);
    closeSync(errors);
    closeLater(near);
    throw error;
  } finally {
    for (const fd of [stdio, stderr]) closeSync(fd);
    far.close();
  }
}

/** Whoever waits for a listener sees the other end close first: it looks every few milliseconds. */
function closeLater(end: SocketEnd): void {
  setTimeout(() => end.close(), CLOSE_MS).unref();
}

/** Where the folders of a chamber lie in a folder of its own. */
export function chamberFolders(folder: string): Pick<Chamber, "tree" | "home" | "workspace"> {
  return { tree: join(folder, "tree"), home: join(folder, "home"), workspace: join(folder, "workspace") };
}
