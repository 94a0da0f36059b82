import { constants } from "node:os";
import { Client } from "@modelcontextprotocol/client";
import { ANY_RESULT } from "../../drivers/any-result.ts";
import { explainOpening } from "../../drivers/failure.ts";
import { collectOffer } from "../../drivers/offer.ts";
import { createServerTransport } from "../../drivers/server-transport.ts";
import { makeArguments } from "../../extensions/detonate/arguments.ts";
import type { Seen } from "../../extensions/detonate/judge.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { socketChannel } from "../../platform/channels/channel.ts";
import { openLines } from "../../platform/channels/line-channel.ts";
import { SERVER_MESSAGE_BYTES } from "../../platform/sandbox/attached-server.ts";
import { createTimer } from "../../platform/timer.ts";
import type { Offer } from "../../protocol/requests.ts";
import type { Running } from "./chamber.ts";

/** What came of it. */
export type Driven =
  { readonly kind: "driven"; readonly calls: number } | { readonly kind: "unanswered"; readonly why: string };

/** Each tool is called so often: a change on the fifth call is one of the known tricks. */
const ROUNDS = 5;
const CALLS_MOST = 240;
const DATA_MOST = 24;
const UNANSWERED_MOST = 3;

export interface Driving {
  /** Milliseconds that one answer may take, and a start. */
  readonly patience: { readonly call: number; readonly start: number };
  readonly version: string;
  /** Told what the server does; `call` names the call that it did it in. */
  see(seen: Seen, call: string | null): void;
  /** Called after each call: looks at files and the network. */
  look(call: string): Promise<void>;
}

/**
 * Drives an MCP server as a client would: lists all that it offers, calls each tool five times with arguments made from its
 * schema, lists again between, reads resources and gets prompts. Returns the number of calls, or why it never answered.
 */
export async function driveServer(running: Running, driving: Driving): Promise<Driven> {
  const { see, look, patience } = driving;
  const client = new Client(
    { name: "claude-code", version: driving.version },
    {
      capabilities: { roots: {}, sampling: {}, elicitation: {} },
      versionNegotiation: { mode: "auto" },
      inputRequired: { autoFulfill: false },
      jsonSchemaValidator: { getValidator: refuseSchemas },
    },
  );
  let changed = false;
  client.setNotificationHandler("notifications/tools/list_changed", () => {
    changed = true;
  });
  client.fallbackRequestHandler = ({ method }) => {
    see({ kind: "client-asked", method }, null);
    throw new Error("this client does not do that");
  };
  let ended: string | null = null;
  void running.sandbox.ended.then((end) => {
    ended = tellEnd(end);
  });
  let offer: Offer;
  try {
    await client.connect(serverTransport(running), { timeout: patience.start });
    offer = await collectOffer(client);
  } catch (error) {
    const why = ended ?? explainOpening(error, patience.start);
    await client.close().catch(() => null);
    return { kind: "unanswered", why };
  }
  await look("start");
  tellOffer(offer, see);

  let calls = 0;
  let unanswered = 0;
  const ask = async (method: string, params: JsonObject, name: string): Promise<void> => {
    if (calls >= CALLS_MOST || unanswered >= UNANSWERED_MOST) return;
    calls++;
    const call = `${method} ${name.slice(0, 60)} #${calls}`;
    try {
      const result: JsonObject = await client.request({ method, params }, ANY_RESULT, { timeout: patience.call });
      unanswered = 0;
      see(
        { kind: "said", what: `the answer to ${method} ${name.slice(0, 60)}`, text: wordsIn(result), forAgent: true },
        call,
      );
    } catch (error) {
      if (String(error).includes("timed out")) unanswered++;
    }
    await look(call);
  };
  const listAgain = async (): Promise<void> => {
    changed = false;
    const now = await collectOffer(client).catch(() => null);
    if (now === null) return;
    const difference = differ(offer, now);
    if (difference === null) return;
    see({ kind: "offer", difference }, `tools/list after call ${calls}`);
    offer = now;
    tellOffer(offer, see);
  };
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, inputSchema } of offer.tools) {
      await ask("tools/call", { name, arguments: makeArguments(inputSchema, round) }, name);
      if (changed) await listAgain();
    }
    await listAgain();
  }
  for (const { uri } of offer.resources.slice(0, DATA_MOST)) await ask("resources/read", { uri }, uri);
  for (const prompt of offer.prompts.slice(0, DATA_MOST)) {
    const given = Object.fromEntries(prompt.arguments.map(({ name }) => [name, "word of a person"]));
    await ask("prompts/get", { name: prompt.name, arguments: given }, prompt.name);
  }
  if (unanswered >= UNANSWERED_MOST)
    see({ kind: "not-run", why: `left ${UNANSWERED_MOST} calls in a row unanswered, so not every one was made` }, null);
  await client.close().catch(() => null);
  return { kind: "driven", calls };
}

/** How a program in a sandbox ended: bubblewrap tells the end by a signal as a shell does. */
export function tellEnd({ code, signal }: Awaited<Running["sandbox"]["ended"]>): string {
  const by = signal ?? (code !== null && code > 128 ? SIGNALS.get(code - 128) : undefined);
  return by === undefined ? `ended with code ${code}` : `was ended by ${by}`;
}

const SIGNALS: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name]),
);

function serverTransport({ sandbox, talk }: Running): ReturnType<typeof createServerTransport> {
  const lines = openLines(socketChannel(talk), {
    lineBytes: SERVER_MESSAGE_BYTES,
    queuedBytes: SERVER_MESSAGE_BYTES,
    skippedBytes: 4 * SERVER_MESSAGE_BYTES,
  });
  const ended = sandbox.ended.then(tellEnd);
  return createServerTransport(() => ({ lines, ended, errors: () => "", leave: sandbox.kill }), {
    ended: () => {},
    after: createTimer().after,
  });
}

/** An agent reads names and descriptions as it reads a text. */
function tellOffer(offer: Offer, see: Driving["see"]): void {
  for (const tool of offer.tools)
    see(
      { kind: "said", what: `the tool ${tool.name.slice(0, 60)}`, text: wordsIn({ ...tool }), forAgent: true },
      "tools/list",
    );
  for (const prompt of offer.prompts)
    see(
      { kind: "said", what: `the prompt ${prompt.name.slice(0, 60)}`, text: wordsIn({ ...prompt }), forAgent: true },
      "prompts/list",
    );
}

/** Every text in it, a paragraph each. */
function wordsIn(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return "";
  return Object.values(value)
    .map(wordsIn)
    .filter((text) => text !== "")
    .join("\n\n");
}

/** What is other in what a server offers for calling. */
function differ(before: Offer, now: Offer): string | null {
  const [old, fresh] = [before, now].map(
    ({ tools }) => new Map(tools.map((tool) => [tool.name, JSON.stringify(tool)])),
  );
  if (old === undefined || fresh === undefined) return null;
  const added = [...fresh.keys()].filter((name) => !old.has(name));
  const gone = [...old.keys()].filter((name) => !fresh.has(name));
  const other = [...fresh].filter(([name, tool]) => old.has(name) && old.get(name) !== tool).map(([name]) => name);
  const parts = [
    ...(added.length > 0 ? [`${namesOf(added)} came`] : []),
    ...(gone.length > 0 ? [`${namesOf(gone)} went`] : []),
    ...(other.length > 0 ? [`${namesOf(other)} became another`] : []),
  ];
  return parts.length === 0 ? null : `of its tools ${parts.join(", ")}`;
}

function refuseSchemas(): never {
  throw new Error("Cannot compile a schema: this client validates none");
}

function namesOf(found: readonly string[]): string {
  const shown = found.slice(0, 4).map((name) => name.slice(0, 60));
  return shown.join(", ");
}
