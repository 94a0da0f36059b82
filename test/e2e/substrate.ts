import { fileURLToPath } from "node:url";
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFileSync, chownSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync, writeSync } from "node:fs";
import { Readable, Writable } from "node:stream";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalize } from "../../src/kernel/canonical.ts";
import type { HomeGrant } from "../../src/kernel/home-grant.ts";
import type { DriverSource, Grant, ToolClass } from "../../src/kernel/grant.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { listHeld } from "../../src/cli/held.ts";
import { ROLES, type Role } from "../../src/kernel/owner-roles.ts";
import type { NamedLimits } from "../../src/kernel/sandbox-limits.ts";
import { monitorEnvironment } from "../../src/main/code-cache.ts";
import { MONITOR_FLAGS } from "../../src/main/monitor-flags.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import type { Signer } from "../../src/platform/powers.ts";
import { createSigner } from "../../src/platform/keys/signer.ts";
import { relayStreams } from "../../src/platform/terminal/stream-relay.ts";
import { sendDescriptors } from "../../src/platform/channels/stream-handover.ts";
import { connectUnix } from "../../src/platform/channels/unix-server.ts";
import { sealEnvelope } from "../../src/protocol/dsse.ts";
import type { CliEvents, CliRequests, HeldView, RunRequest } from "../../src/protocol/requests.ts";
import { CLI_SIDE } from "../../src/protocol/cli-side.ts";
import { createPeer } from "../../src/protocol/rpc.ts";
import { keyId, type Envelope, type Purpose, type Statement } from "../../src/protocol/statement.ts";
import { toBase64 } from "../../src/protocol/bytes.ts";
import { removeFolder } from "../fakes/open-folders.ts";
import { plainProgram } from "./plain-program.ts";
import { readUser } from "./user.ts";

/** The repository, whose code runs inside the sandboxes. */
export const REPO: string = realpathSync(fileURLToPath(new URL("../..", import.meta.url)));
const PLAN_AGENT = join(REPO, "test", "fakes", "plan-agent.ts");
/** The user that the monitor changes to when root starts it; null for an ordinary user. */
const OWN_USER = process.geteuid?.() === 0 ? readUser("aios") : null;
/** With ten thousand held actions it reads for seconds, on a machine that others use. */
const START_MS = 60_000;

/** A real monitor on a throw-away home, and a person with a key. */
export interface Substrate {
  readonly home: string;
  /** A folder that the monitor's user may write, outside the home. */
  readonly workspace: string;
  readonly owner: Signer;
  readonly client: Client;
  /** Asks for a statement, signs it as the owner, hands it in; the record's sequence number. */
  sign(purpose: Purpose, document: JsonObject, decision?: "allow" | "deny"): Promise<number>;
  /** Probes servers and signs one grant over them. */
  grant(grant: GrantWish): Promise<Grant>;
  /** Hands a value in and signs the commitment to it. */
  keepSecret(secret: string, value: string, purpose?: "set-secret" | "rotate-secret"): Promise<void>;
  /** Runs a program in an agent's sandbox and waits for its end. */
  run(request: Partial<RunRequest> & { readonly agent: string; readonly command: readonly string[] }): Promise<Ran>;
  /** Runs the plan agent. */
  follow(agent: string, plan: readonly unknown[], request?: Partial<RunRequest>): Promise<Ran>;
  /** Lets the latest plan agent of that name go on from its next { "until": n }. */
  release(agent: string): void;
  held(): Promise<readonly HeldView[]>;
  /** Signs an answer to a held action. */
  answer(request: string, decision: "allow" | "deny"): Promise<number>;
  /** kill -9 of the monitor; resolves when it is gone. */
  crash(): Promise<void>;
  /** Resolves when the monitor is gone by what it was started with: that is expected from now on. */
  gone(): Promise<void>;
  /** Resolves when the monitor has ended by itself, with 0. */
  ended(): Promise<void>;
  /** Starts the monitor again on the same home. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  /** Monitor's standard error. */
  errors(): string;
  readonly pid: number;
}

export interface GrantWish {
  readonly id: string;
  readonly agents: readonly string[];
  readonly drivers?: {
    readonly [name: string]: {
      readonly source: DriverSource;
      readonly tools: { readonly [tool: string]: Partial<ToolClass> };
      readonly resources?: readonly string[];
      readonly prompts?: readonly string[];
    };
  };
  readonly allow: readonly (string | Grant["allow"][number])[];
  readonly limits?: Partial<Grant["limits"]>;
  readonly lease?: boolean;
  readonly workspace?: "none" | "read" | "write";
  readonly programs?: "none" | "any";
  readonly home?: HomeGrant;
  readonly secrets?: NonNullable<Grant["sandbox"]["secrets"]>;
  readonly ports?: Grant["sandbox"]["ports"];
  readonly sandboxLimits?: NamedLimits;
  readonly devices?: readonly string[];
  readonly open?: readonly string[];
}

export interface Ran {
  readonly instance: string;
  readonly state: string;
  readonly exit: number | null;
  readonly why: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What the plan agent printed, one object a line. */
  readonly answers: readonly {
    readonly step: number;
    readonly result?: Answer;
    readonly error?: unknown;
    /** When it asked, milliseconds since 1970 UTC; absent for what it asked together. */
    readonly asked?: number;
  }[];
}
export interface Answer {
  readonly isError?: boolean;
  readonly content?: readonly { readonly type: string; readonly text?: string }[];
  readonly structuredContent?: { readonly [key: string]: unknown };
  readonly tools?: readonly { readonly name: string }[];
  readonly [key: string]: unknown;
}

export interface Client {
  request<K extends keyof CliRequests>(name: K, body: CliRequests[K]["body"]): Promise<CliRequests[K]["ok"]>;
  /** The next word about a recovery that waits. */
  recovering(): Promise<CliEvents["recovering"]>;
  onRecord(listener: (event: CliEvents["record"]) => void): void;
  close(): void;
  readonly closed: Promise<void>;
}

const crypto = createCrypto();

/** Starts it; `under`: a program, and its words, that runs the monitor's command; `flags`: of its Node; `disk`: where its home is made. */
export async function startSubstrate(
  options: {
    readonly enrol?: boolean;
    readonly under?: readonly string[];
    readonly flags?: readonly string[];
    readonly disk?: string;
  } = {},
): Promise<Substrate> {
  const { under = [], flags = [] } = options;
  const base = realpathSync(mkdtempSync(join(tmpdir(), "aios-")));
  const home = join(options.disk ?? base, "home");
  const workspace = join(base, "work");
  mkdirSync(workspace);
  if (OWN_USER !== null) for (const folder of [base, workspace]) chownSync(folder, OWN_USER.uid, OWN_USER.gid);
  const owner = createSigner(randomBytes(32));
  const key = keyId(owner.publicKey, crypto.sha256);
  let monitor = await startMonitorProcess(home, { under, flags });
  let client = await connectClient(home);
  let plans = 0;
  const latestPlan = new Map<string, string>();

  const substrate: Substrate = {
    home,
    workspace,
    owner,
    get client() {
      return client;
    },
    get pid() {
      return monitor.process.pid ?? -1;
    },
    errors: () => monitor.errors(),

    async sign(purpose, document, decision = "allow") {
      const { statement } = await client.request("prepare", { purpose, document });
      return client
        .request("submit", { document, envelope: signed({ ...statement, decision, key }, owner) })
        .then(({ seq }) => seq);
    },

    async grant(wish) {
      const drivers = wish.drivers ?? {};
      const sources = Object.fromEntries(Object.entries(drivers).map(([name, { source }]) => [name, source]));
      const probed =
        Object.keys(sources).length === 0
          ? { drivers: {} }
          : await client.request("probe", { drivers: sources, workspace });
      const grant: Grant = {
        v: 1,
        id: wish.id,
        agents: wish.agents,
        drivers: Object.fromEntries(
          Object.entries(drivers).map(([name, { source, tools, resources = [], prompts = [] }]) => [
            name,
            {
              source,
              pin: probed.drivers[name]?.pin ?? "",
              tools: Object.fromEntries(
                Object.entries(tools).map(([tool, part]) => [
                  tool,
                  { risk: "reserved", labels: [], fields: {}, recipients: {}, ...part },
                ]),
              ),
              resources,
              prompts,
            },
          ]),
        ),
        allow: wish.allow.map((allow) => (typeof allow === "string" ? { what: allow, where: {} } : allow)),
        limits: {
          uses: null,
          rate: null,
          bytes: null,
          notBefore: Date.now() - 1000,
          expires: Date.now() + 3_600_000,
          ...wish.limits,
        },
        lease: wish.lease ?? false,
        sandbox: {
          workspace: wish.workspace ?? "none",
          folder: null,
          programs: wish.programs ?? "none",
          home: wish.home ?? null,
          ports: wish.ports ?? [],
          ...(wish.secrets === undefined ? {} : { secrets: wish.secrets }),
          ...(wish.devices === undefined ? {} : { devices: wish.devices }),
          ...(wish.open === undefined ? {} : { open: wish.open }),
          ...(wish.sandboxLimits === undefined ? {} : { limits: wish.sandboxLimits }),
        },
      };
      await substrate.sign("sign-grant", asJson(grant));
      return grant;
    },

    async keepSecret(secret, value, purpose = "set-secret") {
      const { commitment } = await client.request("deposit", { salt: randomBytes(32).toString("hex"), value });
      await substrate.sign(purpose, { secret, kind: "value", commitment });
    },

    async run(request) {
      const ticket = randomBytes(16).toString("hex");
      const [output, error] = [collector(), collector()];
      const relay = relayStreams({ input: Readable.from([]), output: output.sink, error: error.sink });
      try {
        await sendDescriptors(
          join(home, "run", "streams.sock"),
          ticket,
          relay.fds.filter((fd) => fd !== null),
        );
        relay.release();
        const { instance } = await client.request("run", {
          workspace: null,
          task: null,
          strict: false,
          parent: null,
          environment: {},
          code: [],
          holdAt: [],
          holdSeconds: 60,
          ...request,
          streams: ticket,
        });
        const ended = await client.request("wait", { instance });
        await relay.ended;
        const [stdout, stderr] = [output.text(), error.text()];
        const answers = stdout
          .split("\n")
          .flatMap((line): Ran["answers"] => (line.startsWith('{"step"') ? [JSON.parse(line)] : []));
        return { instance, ...ended, stdout, stderr, answers };
      } finally {
        relay.release();
        relay.stop();
      }
    },

    async follow(agent, plan, request = {}) {
      const path = join(base, `plan-${plans++}.json`);
      writeFileSync(path, JSON.stringify(plan), { mode: 0o644 });
      latestPlan.set(agent, path);
      const program = plainProgram(PLAN_AGENT, base);
      return substrate.run({ agent, command: ["/aios/node", program, path], code: [program, path], ...request });
    },

    release(agent) {
      appendFileSync(latestPlan.get(agent) ?? "", "\n");
    },

    async held() {
      return listHeld(client);
    },

    async answer(request, decision) {
      const detail = await client.request("held-show", { request });
      const document: JsonObject = JSON.parse(detail.action);
      const envelope = signed({ ...detail.statement, decision, key }, owner);
      return (await client.request("submit", { envelope, document })).seq;
    },

    async crash() {
      monitor.end("SIGKILL");
      await monitor.gone();
    },
    gone: () => monitor.gone("SIGKILL"),
    ended: () => monitor.gone("SIGTERM"),
    async restart() {
      client.close();
      monitor = await startMonitorProcess(home, { under, flags });
      client = await connectClient(home);
    },
    async stop() {
      client.close();
      monitor.end("SIGTERM");
      await monitor.gone();
      removeFolder(base);
    },
  };
  if (options.enrol !== false) await substrate.sign("enrol-owner", ownerDocument("owner", owner));
  return substrate;
}

/** An owner with a key of Ed25519, to be enrolled. */
export function ownerDocument(name: string, signer: Signer, roles: readonly Role[] = ROLES): JsonObject {
  return { name, roles, key: { kind: "ed25519", publicKey: toBase64(signer.publicKey) } };
}

/** An envelope over a complete statement. */
export function signed(statement: Statement, signer: Signer): Envelope {
  return sealEnvelope(statement, signer);
}

export async function connectClient(home: string): Promise<Client> {
  const channel = await connectUnix(join(home, "run", "aiosd.sock"));
  const listeners: ((event: CliEvents["record"]) => void)[] = [];
  const told = Promise.withResolvers<CliEvents["recovering"]>();
  const peer = createPeer(channel, {
    side: CLI_SIDE,
    requests: {},
    events: {
      recovering: (event) => told.resolve(event),
      record: (event) => listeners.forEach((listen) => listen(event)),
      held: () => {},
      stage: () => {},
    },
    onFault: (fault) => {
      throw new Error(`the monitor broke the protocol: ${fault.code} ${fault.message}`);
    },
    onError: () => {},
  });
  return {
    // Generic over the name, so the compiler cannot see that body and answer are those of the same name.
    request: (name, body) => peer.request(name, body as never) as never,
    recovering: () => told.promise,
    onRecord: (listener) => void listeners.push(listener),
    close: () => peer.close(),
    closed: peer.closed,
  };
}

/** A type that came from strict types, as the JSON it is. */
export function asJson(value: object): JsonObject {
  return JSON.parse(canonicalize(value as JsonObject));
}

/** Keeps what is written to it. */
function collector(): { readonly sink: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { sink, text: () => Buffer.concat(chunks).toString("utf8") };
}

/**
 * Resolves when a monitor answers. That something listens is not enough: between fork and exec, what a killed monitor was
 * about to start holds its socket, for some milliseconds and with nobody behind it.
 */
async function heardFrom(home: string): Promise<void> {
  const client = await connectClient(home);
  try {
    await client.request("hello", { version: "0.0.0" });
  } finally {
    client.close();
  }
}

interface MonitorProcess {
  readonly process: ChildProcess;
  /** `by`: expected from now on. */
  gone(by?: "SIGKILL" | "SIGTERM"): Promise<void>;
  end(signal: "SIGTERM" | "SIGKILL"): void;
  errors(): string;
}

async function startMonitorProcess(
  home: string,
  { under, flags }: { readonly under: readonly string[]; readonly flags: readonly string[] },
): Promise<MonitorProcess> {
  // For profiles of the monitor: AIOS_MONITOR_FLAGS="--cpu-prof --cpu-prof-dir=/tmp/profile".
  const more = process.env["AIOS_MONITOR_FLAGS"]?.split(" ") ?? [];
  const command = [
    process.execPath,
    ...MONITOR_FLAGS,
    ...flags,
    ...more,
    join(REPO, "src", "main", "aiosd.ts"),
    "--home",
    home,
  ];
  const [program = "", ...words] = [...under, ...command];
  const child = spawn(program, words, {
    stdio: ["ignore", "ignore", "pipe"],
    env: monitorEnvironment(process.env["PATH"]),
  });
  let errors = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    errors += chunk;
    if (process.env["AIOS_TRACE"] !== undefined) process.stderr.write(chunk);
  });
  let asked: "SIGTERM" | "SIGKILL" | null = null;
  const gone = new Promise<void>((resolve) =>
    // Once its streams are read to the end, too. What was not asked for is to be seen, whatever test it was in: one that
    // was asked to end, ends with 0, and one that was killed dies of just that.
    child.once("close", (code, signal) => {
      if (asked === null || (asked === "SIGTERM" ? code !== 0 : signal !== asked)) {
        const line = `THE MONITOR IS GONE: code ${code}, signal ${signal}, asked ${asked}, ${home}\n${errors}`;
        writeSync(2, `${line}\n`); // past what keeps the output of tests back
      }
      resolve();
    }),
  );
  const endBy = (signal: "SIGTERM" | "SIGKILL"): void => {
    if (child.exitCode === null && child.signalCode === null) asked = signal;
    child.kill(signal);
  };
  let ended = false;
  void gone.then(() => (ended = true));
  for (const end = Date.now() + START_MS; ;) {
    try {
      await heardFrom(home);
      const goneBy = (by: typeof asked = asked): Promise<void> => {
        asked = by;
        return gone;
      };
      return { process: child, gone: goneBy, end: endBy, errors: () => errors };
    } catch {
      if (ended) throw new Error(`the monitor ended: ${errors}`);
      if (Date.now() > end) throw new Error(`the monitor does not listen: ${errors}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
