import type { Action } from "../kernel/action.ts";
import { INFER_DRIVER } from "../kernel/infer.ts";
import { traceParent } from "../protocol/trace-context.ts";
import type { PeerFault } from "../protocol/rpc-error.ts";
import { createPeer } from "../protocol/rpc.ts";
import { isTelemetryOn, type TelemetrySetting } from "../protocol/telemetry-setting.ts";
import {
  MONITOR_TELEMETRY,
  type DeliveryState,
  type PayloadFields,
  type TelemetryStanding,
} from "../protocol/telemetry-table.ts";
import { readTokens } from "../protocol/login.ts";
import type { SandboxedProcess } from "../platform/powers.ts";
import type { SocketEnd } from "../platform/channels/socket-end.ts";
import { answering } from "./answering.ts";
import type { Log } from "./log/log.ts";
import type { MonitorPowers } from "./powers.ts";
import { planTelemetry, type CodeLayout } from "./sandbox-plans.ts";
import type { SecretState, State } from "./state.ts";
import type { KeptFiles } from "./kept-state/start.ts";
import { createKnownSetting } from "./telemetry-known.ts";
import { fieldsOf } from "./telemetry-fields.ts";
import type { Vault } from "./vault.ts";

/** Least time between two words about the log's size, milliseconds. */
const TELL_MS = 250;
/** Waits before telemetry that ended is started again, milliseconds; the last one is kept. */
const AGAIN_MS = [1000, 5000, 30_000, 60_000];

export interface TelemetryPorts {
  readonly log: Pick<Log, "size" | "checkpoint" | "entries">;
  readonly powers: Pick<MonitorPowers, "startSandbox" | "listenOnLoopback" | "timer" | "scrubber">;
  readonly code: CodeLayout;
  readonly home: string;
  readonly version: string;
  readonly state: Pick<State, "telemetry" | "secrets">;
  readonly vault: Pick<Vault, "open">;
  readonly kept: { readonly files: Pick<KeptFiles, "read" | "write"> };
  refused(fault: PeerFault): void;
  failed(error: unknown, name: string): void;
  report(words: string): void;
}

/** The telemetry of one home: a view of the log by a process of its own. Nothing waits for it. */
export interface Telemetry {
  /** The setting in force is another now. */
  changed(): void;
  /** A record became durable. */
  recorded(): void;
  standing(): TelemetryStanding;
  /** Ends its process, which has the log's folder, until `goOn`. */
  rest(): void;
  goOn(): void;
  stop(): void;
}

interface Running {
  readonly kill: () => void;
  tell(size: number): void;
}

/** Makes it, and starts its process when a setting asks for one. */
export function createTelemetry(ports: TelemetryPorts): Telemetry {
  const { log, powers, state } = ports;
  const known = createKnownSetting(ports.kept.files, { inForce: state.telemetry.record, report: ports.report });
  let running: Running | null = null;
  let deliveries: readonly DeliveryState[] = [];
  let failures = 0;
  let telling = false;
  let stopped = false;
  let resting = false;
  let cancelAgain: (() => void) | null = null;
  /** Which start is meant: what an earlier one still does is nobody's business. */
  let round = 0;
  /** Resolves when the one before is gone, and with it the port that it had. */
  let gone: Promise<unknown> = Promise.resolve();

  function begin(): void {
    cancelAgain?.();
    cancelAgain = null;
    running?.kill();
    running = null;
    round += 1;
    const own = round;
    if (stopped || resting || !isTelemetryOn(state.telemetry.setting)) {
      deliveries = [];
      return;
    }
    const over = (why: string): void => {
      if (own !== round || stopped) return;
      running = null;
      ports.report(`telemetry ended: ${why}`);
      cancelAgain = powers.timer.after(AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)] ?? 0, begin);
      failures += 1;
    };
    const standing = (given: readonly DeliveryState[]): void => {
      if (own !== round) return;
      deliveries = given;
      failures = 0;
    };
    const start = async (): ReturnType<typeof startProcess> => {
      await gone;
      if (own !== round) throw new Error("another setting is in force");
      const started = await startProcess(ports, { standing });
      gone = started.process.ended;
      return started;
    };
    start().then(
      ({ process, tell }) => {
        if (own !== round) return process.kill();
        running = { kill: () => process.kill(), tell };
        tellSoon(); // of what came while it started
        void process.ended.then(() => over(process.errors().trim() || "it is gone"));
      },
      (error: unknown) => over(error instanceof Error ? error.message : "it did not start"),
    );
  }

  function tellSoon(): void {
    if (telling || running === null) return;
    telling = true;
    powers.timer.after(TELL_MS, () => {
      telling = false;
      // What is told is in public files: a checkpoint covers it.
      log.checkpoint().then(
        ({ size }) => running?.tell(size),
        () => {}, // a log that cannot be written has nothing to show
      );
    });
  }

  begin();
  return {
    changed() {
      failures = 0;
      void known.signed(state.telemetry.record);
      begin();
    },
    recorded: tellSoon,
    standing: () => ({
      on: isTelemetryOn(state.telemetry.setting),
      runs: running !== null,
      size: log.size,
      deliveries,
      missing: known.missing(),
    }),
    rest() {
      if (resting) return;
      resting = true;
      begin();
    },
    goOn() {
      if (!resting) return;
      resting = false;
      begin();
    },
    stop() {
      stopped = true;
      begin();
    },
  };
}

async function startProcess(
  ports: TelemetryPorts,
  hooks: { standing(deliveries: readonly DeliveryState[]): void },
): Promise<{ readonly process: SandboxedProcess; tell(size: number): void }> {
  const { powers, log, state } = ports;
  const { setting, record } = state.telemetry;
  const { size } = await log.checkpoint();
  const listener = listen(setting, ports);
  try {
    const spec = planTelemetry(ports.code, ports.home, { setting, listens: listener !== null });
    const process = await powers.startSandbox(spec, "capture", listener === null ? [] : [listener]);
    const [channel] = process.channels;
    if (channel === undefined) throw new Error("it has no channel");
    const scrub = setting.content === "none" ? null : createScrub(ports);
    const peer = createPeer(channel, {
      side: MONITOR_TELEMETRY,
      requests: answering({
        begin: () => Promise.resolve({ setting, from: record, size, version: ports.version }),
        fields: async ({ records }: { readonly records: readonly number[] }) => {
          const text = scrub === null ? null : await scrub();
          const fields: PayloadFields[] = [];
          for (const seq of records) {
            if (seq >= log.size) continue;
            for await (const entry of log.entries(seq, seq + 1)) fields.push(fieldsOf(entry, text));
          }
          return { fields };
        },
      }),
      events: { standing: ({ deliveries }) => hooks.standing(deliveries) },
      onFault: ports.refused,
      onError: ports.failed,
    });
    void peer.closed.then(() => process.kill());
    return { process, tell: (grown) => void peer.event("grown", { size: grown }) };
  } finally {
    listener?.close();
  }
}

/** The listener of the Prometheus endpoint. Without its port everything else goes on, and the standing says so. */
function listen({ prometheus }: TelemetrySetting, { powers, report }: TelemetryPorts): SocketEnd | null {
  if (prometheus === null) return null;
  try {
    return powers.listenOnLoopback(prometheus.port);
  } catch {
    report(`telemetry has no port ${prometheus.port} for Prometheus: something else listens there`);
    return null;
  }
}

/** What takes the values of all secrets in force out of a text; looks again when one has changed. */
function createScrub({ state, vault, powers }: TelemetryPorts): () => Promise<(text: string) => string> {
  let known = "";
  let scrub = powers.scrubber([]);
  return async () => {
    const secrets: readonly SecretState[] = [...state.secrets.values()];
    const now = secrets.map(({ commitment }) => commitment).join();
    if (now !== known) {
      const values = await Promise.all(secrets.map(({ commitment }) => vault.open(commitment)));
      scrub = powers.scrubber(values.filter((value) => value !== null).flatMap(partsOf));
      known = now;
    }
    return scrub;
  };
}

/** Shorter lines of a value are no part of it that could be told from other words. */
const LEAST_LINE = 16;

/** A value, the tokens in it when it is a login, and its lines: a key of SSH is written with others between them. */
function partsOf(value: string): readonly string[] {
  const tokens = readTokens(value);
  if (tokens !== null) return [tokens.access, tokens.refresh];
  const lines = value.split("\n").filter((line) => line.length >= LEAST_LINE);
  return lines.length > 1 ? [value, ...lines] : [value];
}

/**
 * What drivers are told of the trace of an action: its parent is the span of the call, as telemetry will name it. Only where
 * the setting in force sends traces and names the server's driver, or the provider; an agent's own context is never taken.
 */
export function createContexts(
  { start, powers }: { readonly start: string; readonly powers: Pick<MonitorPowers, "crypto"> },
  state: Pick<State, "telemetry">,
): (intent: number, action: Action) => string | null {
  return (intent, action) => {
    const { otlp, context } = state.telemetry.setting;
    if (otlp?.signals.includes("traces") !== true) return null;
    const { provider } = action.arguments;
    const model = action.driver === INFER_DRIVER && typeof provider === "string";
    const name = model ? `provider:${provider}` : `driver:${action.driver}`;
    return context.includes(name) ? traceParent((data) => powers.crypto.sha256(data), { start, seq: intent }) : null;
  };
}
