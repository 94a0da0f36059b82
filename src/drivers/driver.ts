import type { Transport } from "@modelcontextprotocol/client";
import type { DriverSource } from "../kernel/grant.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { DriverEvents, DriverRequests, Offer } from "../protocol/requests.ts";
import { RpcError } from "../protocol/rpc-error.ts";
import type { Aborter } from "./aborter.ts";
import { explainFailure, explainOpening, serverErrorResult } from "./failure.ts";
import { withFirstWords } from "./first-words.ts";
import { openSession, OtherServer, START_MS, type ServerSession } from "./server-session.ts";

/** What a driver is made of. */
export interface DriverParts {
  readonly version: string;
  /** Starts or reaches the server of a source. */
  readonly openTransport: (source: DriverSource) => Transport | Promise<Transport>;
  readonly makeAborter: () => Aborter;
  /** Sends events to the monitor. */
  readonly send: <Name extends keyof DriverEvents>(name: Name, body: DriverEvents[Name]) => void;
  /** Ends the driver: the server is gone, or broke the protocol. Never returns to the monitor's requests. */
  readonly end: (why: string) => void;
  /** Milliseconds without an answer or progress after which a run is given up. */
  readonly silenceMs: number;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  /** What the server wrote to standard error; empty for one without. */
  readonly errors: () => string;
}

/** Answers to the monitor's requests; they reject with RpcError, whose code is a reason code of the execute stage. */
export type Driver = {
  readonly [Name in keyof DriverRequests]: (body: DriverRequests[Name]["body"]) => Promise<DriverRequests[Name]["ok"]>;
};

/** Makes the driver of one server. `open` comes first and once; the monitor is the only one that asks. */
export function createDriver(parts: DriverParts): Driver {
  const running = new Map<number, Aborter>();
  let session: ServerSession | null = null;
  let opened = false;

  async function open(source: DriverSource): Promise<Offer> {
    if (opened) throw new RpcError("driver-failed", "Cannot open the server: it was opened before");
    opened = true;
    try {
      session = await openSession(await parts.openTransport(source), {
        version: parts.version,
        silenceMs: parts.silenceMs,
        now: parts.now,
        onChanged: (offer) => parts.send("changed", { offer }),
        onClosed: () => parts.end("the server closed its connection"),
      });
      return session.offer;
    } catch (error) {
      const why = withFirstWords(explainOpening(error, START_MS), parts.errors());
      throw new RpcError("driver-unavailable", `Cannot open the server: ${why}`);
    }
  }

  async function run(body: DriverRequests["run"]["body"]): Promise<DriverRequests["run"]["ok"]> {
    const { token, ...action } = body;
    if (session === null) throw new RpcError("driver-failed", "Cannot run an action: the server is not open");
    if (running.has(token)) throw new RpcError("driver-failed", `Cannot run an action: token ${token} is in use`);
    const aborter = parts.makeAborter();
    running.set(token, aborter);
    try {
      const result = await session.run(action, {
        aborter,
        onProgress: (progress) => {
          if (running.has(token)) parts.send("progress", { token, ...progress });
        },
      });
      return { result, isError: result["isError"] === true };
    } catch (error) {
      return answerFailure(error, aborter);
    } finally {
      running.delete(token);
    }
  }

  return Object.freeze({
    open: ({ source }) => open(source),
    run,
    cancel: ({ token }) => {
      running.get(token)?.abort();
      return Promise.resolve({});
    },
  } satisfies Driver);
}

/** A server that said no gave an answer; everything else is a fault of the driver. */
function answerFailure(error: unknown, aborter: Aborter): { readonly result: JsonObject; readonly isError: true } {
  if (aborter.signal.aborted) throw new RpcError("withdrawn", "The action was taken back while it ran");
  if (error instanceof OtherServer) throw new RpcError("quarantined", error.message);
  const failure = explainFailure(error);
  switch (failure.kind) {
    case "server-error":
      return { result: serverErrorResult(failure), isError: true };
    case "silent":
      throw new RpcError("driver-timeout", failure.message);
    case "too-large":
      throw new RpcError("result-too-large", failure.message);
    case "broken":
      throw new RpcError("driver-failed", failure.message);
    default:
      return failure satisfies never;
  }
}
