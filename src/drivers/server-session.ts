import { Client, type RequestOptions, type Transport } from "@modelcontextprotocol/client";
import { canonicalize } from "../kernel/canonical.ts";
import type { Verb } from "../kernel/action.ts";
import type { JsonObject } from "../kernel/json.ts";
import { asJson } from "../protocol/as-json.ts";
import type { Offer } from "../protocol/requests.ts";
import type { Aborter } from "./aborter.ts";
import { ANY_RESULT } from "./any-result.ts";
import { collectOffer } from "./offer.ts";

/** Progress of a server, as it gave it. */
export interface ServerProgress {
  readonly progress: number;
  readonly total: number | null;
  readonly message: string | null;
}

/** One action of the monitor. */
export interface Run {
  readonly verb: Verb;
  readonly name: string;
  readonly arguments: JsonObject;
  /** The trace that it is part of; null: the server is not told. */
  readonly context: string | null;
}

/** A connected MCP server. */
export interface ServerSession {
  readonly offer: Offer;
  /**
   * Runs one action. First the server is asked what it offers now, unless it was within LOOK_MS, and what it said of changes
   * before is looked at; once it offered something else nothing runs any more. Rejects with `OtherServer` then, and with the SDK's error when the server answered with one, died, or said nothing in time.
   */
  run(
    run: Run,
    options: { readonly aborter: Aborter; readonly onProgress: (progress: ServerProgress) => void },
  ): Promise<JsonObject>;
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly version: string;
  /** Called with the new offer after the server said that its lists changed, or was found to offer something else. */
  readonly onChanged: (offer: Offer) => void;
  /** Called once when the server is gone. */
  readonly onClosed: () => void;
  /** Milliseconds without an answer or progress after which a run is given up. */
  readonly silenceMs: number;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
}

/** It offers something else than when it was opened, so it was not asked. */
export class OtherServer extends Error {}

/** Time for a server to start and answer the first message: less than the monitor waits, which would not know why. */
export const START_MS = 25_000;
/**
 * How long what a server was seen to offer is believed: a server that changes need not say so. Single calls of an agent are
 * each looked at before; a burst of calls costs one listing in this time, not one each.
 */
export const LOOK_MS = 1000;
/** Longest message of a progress event, in UTF-16 units; the monitor reads no longer one. */
const PROGRESS_WORDS = 4096;
const METHODS = { call: "tools/call", read: "resources/read", prompt: "prompts/get" } as const satisfies Record<
  Verb,
  string
>;
const CHANGES = [
  "notifications/tools/list_changed",
  "notifications/resources/list_changed",
  "notifications/prompts/list_changed",
] as const;

/**
 * Connects to a server, in the newest protocol revision that it speaks, and collects what it offers. No client
 * capability is declared and none is served, so that whatever a server asks of its client (sampling, roots,
 * elicitation) is refused.
 */
export async function openSession(transport: Transport, options: SessionOptions): Promise<ServerSession> {
  const client = new Client(
    { name: "aios", version: options.version },
    {
      capabilities: {},
      versionNegotiation: { mode: "auto" },
      inputRequired: { autoFulfill: false },
      jsonSchemaValidator: { getValidator: refuseSchemas },
    },
  );
  await client.connect(transport, { timeout: START_MS });
  const lookedAt = options.now();
  const offer = await collectOffer(client);
  if (client.transport === undefined) throw new Error("the server closed its connection");
  // Only now: until here the caller hears of an end by the rejection.
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK's client has no addEventListener
  client.onclose = options.onClosed;
  const changes = watchChanges(client, { offer, lookedAt, options });
  let running = 0;
  return Object.freeze({
    offer,
    run: async (run: Run, { aborter, onProgress }: Parameters<ServerSession["run"]>[1]) => {
      // The monitor, which quarantines a server that changed, hears of it later than of the answer to a call: so what it
      // said, and what it keeps to itself, is looked at here before the next.
      await changes.looked({ busy: running > 0 });
      if (changes.other) throw new OtherServer("the server offers other than what was signed for");
      const asked = run.verb === "read" ? { uri: run.name } : { name: run.name, arguments: run.arguments };
      // Unprefixed, as SEP-414 of the protocol has it.
      const params = run.context === null ? asked : { ...asked, _meta: { traceparent: run.context } };
      const requestOptions: RequestOptions = {
        signal: aborter.signal,
        timeout: options.silenceMs,
        resetTimeoutOnProgress: true,
        onprogress: ({ progress, total, message }) =>
          onProgress({
            progress,
            total: total ?? null,
            message: message?.slice(0, PROGRESS_WORDS).toWellFormed() ?? null,
          }),
      };
      running += 1;
      try {
        return await client.request({ method: METHODS[run.verb], params }, ANY_RESULT, requestOptions);
      } finally {
        running -= 1;
      }
    },
    close: () => client.close(),
  });
}

/** What a server offered since it was opened. */
interface Changes {
  /**
   * Resolves when what it said until now was looked at, and what it offers, no longer than LOOK_MS ago; rejects when that was
   * not possible. `busy`: it runs something, and may answer nothing else before that is done.
   */
  looked(when: { readonly busy: boolean }): Promise<void>;
  /** Whether it ever offered something else than at first, but for resources, which are its data. */
  readonly other: boolean;
}

/** Lists again; whatever asks for that while a listing waits for its turn causes one more, not one each. */
function watchChanges(
  client: Client,
  { offer, options, ...opened }: { readonly offer: Offer; readonly lookedAt: number; readonly options: SessionOptions },
): Changes {
  const terms = termsOf(offer);
  let { lookedAt } = opened;
  let latest: Promise<void> = Promise.resolve();
  let queued = false;
  let said = false;
  let other = false;
  async function listAgain(limits: { readonly timeout?: number }): Promise<void> {
    queued = false;
    const wasSaid = said;
    said = false;
    lookedAt = options.now();
    const now = await collectOffer(client, limits);
    const differs = termsOf(now) !== terms;
    other ||= differs;
    if (differs || wasSaid) options.onChanged(now);
  }
  function look(limits: { readonly timeout?: number } = {}): void {
    if (queued) return;
    queued = true;
    latest = latest.then(() => listAgain(limits)).catch(cannotList);
    // A server that cannot list what it offers breaks the session: nobody knows what it offers now (ERRORS-DENY).
    latest.catch(() => client.close());
  }
  function noteChange(): void {
    said = true;
    look();
  }
  for (const method of CHANGES) client.setNotificationHandler(method, noteChange);
  listen(client);
  return {
    looked({ busy }) {
      if (!other && options.now() - lookedAt >= LOOK_MS) look(busy ? { timeout: options.silenceMs } : {});
      return latest;
    },
    get other() {
      return other;
    },
  };
}

/** No answer to the action that waits for it, whatever the server says. */
function cannotList(error: unknown): never {
  throw new Error("the server could not list what it offers", { cause: error });
}

/** As the pin has it: the order of an object's members says nothing. */
function termsOf({ resources: _resources, ...terms }: Offer): string {
  return canonicalize(asJson(terms));
}

/** Has a server of the newer revision say what changes, which it does not unasked. */
function listen(client: Client): void {
  const capabilities = client.getServerCapabilities();
  if (client.getProtocolEra() !== "modern") return;
  client
    .listen({
      toolsListChanged: capabilities?.tools?.listChanged === true,
      resourcesListChanged: capabilities?.resources?.listChanged === true,
      promptsListChanged: capabilities?.prompts?.listChanged === true,
    })
    // A server of the new revision without subscriptions has no way to announce changes; it is looked at before each call.
    .catch(() => undefined);
}

function refuseSchemas(): never {
  throw new Error("Cannot compile a schema: a driver validates none");
}
