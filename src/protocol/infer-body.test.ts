import { describe, expect, test } from "vitest";
import type { Endpoint } from "../kernel/infer.ts";
import { readInferBody, type ReadInferBody } from "./infer-body.ts";

const read = (endpoint: Endpoint, body: object): ReadInferBody => readInferBody(endpoint, JSON.stringify(body));
const features = (endpoint: Endpoint, body: object): readonly string[] => {
  const result = read(endpoint, body);
  if (result.kind === "refused") throw new Error(result.message);
  return result.value.features;
};
const user = (content: unknown): object => ({ role: "user", content });

const messages = (change: object = {}): object => ({ model: "m", max_tokens: 10, messages: [user("hi")], ...change });
const block = (content: object): object => messages({ messages: [user([content])] });
const chat = (change: object = {}): object => ({ model: "m", messages: [user("hi")], ...change });
const part = (content: object): object => chat({ messages: [user([content])] });
const responses = (change: object = {}): object => ({ model: "m", input: "hi", store: false, ...change });
const item = (each: object): object => responses({ input: [each] });

test("what a body asks for is read from it", () => {
  expect(read("messages", messages({ stream: true }))).toMatchObject({
    kind: "ok",
    value: { model: "m", maxOutput: 10, stream: true, features: [] },
  });
  expect(read("chat", chat({ max_completion_tokens: 5, n: 3 }))).toMatchObject({
    value: { maxOutput: 15, stream: false },
  });
  expect(read("chat", chat({ max_completion_tokens: 1, max_tokens: 9 }))).toMatchObject({ value: { maxOutput: 9 } });
  expect(read("chat", chat())).toMatchObject({ value: { maxOutput: null } });
  expect(read("responses", responses({ max_output_tokens: 7 }))).toMatchObject({ value: { maxOutput: 7 } });
  expect(read("count", { model: "m", messages: [user("hi")] })).toMatchObject({ value: { maxOutput: 0 } });
  // An estimate is not too small: a third of the bytes, and text of any language has fewer tokens.
  const long = read("messages", messages({ messages: [user("x".repeat(3000))] }));
  expect(long.kind === "ok" && long.value.inputTokens).toBeGreaterThan(1000);
});

describe("Anthropic's Messages", () => {
  test.each<[string, object]>([
    [
      "a client's own tool",
      messages({ tools: [{ name: "web_search", input_schema: {} }], tool_choice: { type: "auto" } }),
    ],
    [
      "a tool with its type written",
      messages({ tools: [{ type: "custom", name: "x", input_schema: {}, cache_control: {} }] }),
    ],
    ["a tool that the model alone calls", messages({ tools: [{ name: "x", allowed_callers: ["direct"] }] })],
    [
      "an image in the body",
      block({ type: "image", source: { type: "base64", media_type: "image/png", data: "aGk=" } }),
    ],
    [
      "a document in the body",
      block({ type: "document", source: { type: "text", media_type: "text/plain", data: "x" } }),
    ],
    [
      "results of tools",
      block({ type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: "https://x" }] }),
    ],
    [
      "calls of tools",
      messages({ messages: [{ role: "assistant", content: [{ type: "tool_use", id: "t", name: "n", input: {} }] }] }),
    ],
    [
      "thinking",
      messages({
        thinking: { type: "enabled", budget_tokens: 1 },
        system: [{ type: "text", text: "s", cache_control: {} }],
      }),
    ],
    [
      "cleared context",
      messages({ context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] } }),
    ],
    ["the usual pace", messages({ speed: "standard", service_tier: "auto" })],
  ])("ask for an answer and no more with %s", (_, body) => expect(features("messages", body)).toEqual([]));

  test.each<[string, object, readonly string[]]>([
    ["a search", messages({ tools: [{ type: "web_search_20250305", name: "web_search" }] }), ["server-tools"]],
    ["a fetch", messages({ tools: [{ type: "web_fetch_20250910", name: "web_fetch" }] }), ["server-tools"]],
    ["code that runs there", messages({ tools: [{ type: "code_execution_20250825", name: "c" }] }), ["server-tools"]],
    ["a computer", messages({ tools: [{ type: "computer_20250124", name: "computer" }] }), ["server-tools"]],
    ["a toolset of MCP", messages({ tools: [{ type: "mcp_toolset", mcp_server_name: "x" }] }), ["server-tools"]],
    [
      "a tool that code there may call",
      messages({ tools: [{ name: "x", allowed_callers: ["code_execution_20250825"] }] }),
      ["server-tools"],
    ],
    ["servers of MCP", messages({ mcp_servers: [] }), ["server-tools"]],
    ["a container", messages({ container: "container_1" }), ["server-tools"]],
    ["an image elsewhere", block({ type: "image", source: { type: "url", url: "https://x" } }), ["remote-content"]],
    [
      "a document elsewhere",
      block({ type: "document", source: { type: "url", url: "https://x" } }),
      ["remote-content"],
    ],
    ["a file of theirs", block({ type: "image", source: { type: "file", file_id: "f" } }), ["stored-files"]],
    [
      "an image elsewhere in a tool's result",
      block({
        type: "tool_result",
        tool_use_id: "t",
        content: [{ type: "image", source: { type: "url", url: "https://x" } }],
      }),
      ["remote-content"],
    ],
    [
      "an image elsewhere in a document's content",
      block({
        type: "document",
        source: { type: "content", content: [{ type: "image", source: { type: "url", url: "https://x" } }] },
      }),
      ["remote-content"],
    ],
    ["an upload", block({ type: "container_upload", file_id: "f" }), ["stored-files"]],
    ["a pace at another price", messages({ speed: "fast" }), ["other-price"]],
    ["a tier that nobody knows", messages({ service_tier: "gold" }), ["other-price"]],
    [
      "a result of a search",
      block({ type: "web_search_tool_result", tool_use_id: "t", content: [] }),
      ["server-tools"],
    ],
  ])("ask for more with %s", (_, body, expected) => expect(features("messages", body)).toEqual(expected));

  test.each<[string, object]>([
    ["a field that nobody knows", messages({ agent: {} })],
    ["a block that nobody knows", block({ type: "portal" })],
    ["a block without a type", block({ text: "x" })],
    ["a field in a block that nobody knows", block({ type: "text", text: "x", url: "https://x" })],
    ["a source that nobody knows", block({ type: "image", source: { type: "ftp", url: "x" } })],
    [
      "a source with an address beside its data",
      block({ type: "image", source: { type: "base64", data: "aGk=", url: "https://x" } }),
    ],
    ["a field in a tool that nobody knows", messages({ tools: [{ name: "x", endpoint: "https://x" }] })],
    ["a role that nobody knows", messages({ messages: [{ role: "root", content: "x" }] })],
    ["no bound on its answer", { model: "m", messages: [] }],
    ["a bound that is no number", messages({ max_tokens: "10" })],
  ])("are refused with %s", (_, body) => expect(read("messages", body).kind).toBe("refused"));
});

describe("OpenAI's Chat Completions", () => {
  test.each<[string, object]>([
    ["functions", chat({ tools: [{ type: "function", function: { name: "web_search" } }], parallel_tool_calls: true })],
    [
      "calls and results",
      chat({
        messages: [
          { role: "assistant", content: null, tool_calls: [{ id: "c", type: "function", function: {} }] },
          { role: "tool", tool_call_id: "c", content: "x" },
        ],
      }),
    ],
    ["an image in the body", part({ type: "image_url", image_url: { url: "data:image/png;base64,aGk=" } })],
    ["a tier at the usual price", chat({ service_tier: "default" })],
    [
      "nothing kept",
      chat({ store: false, stream_options: { include_usage: true }, response_format: { type: "json_object" } }),
    ],
  ])("ask for an answer and no more with %s", (_, body) => expect(features("chat", body)).toEqual([]));

  test.each<[string, object, readonly string[]]>([
    ["a search", chat({ web_search_options: {} }), ["server-tools"]],
    ["a tool of theirs", chat({ tools: [{ type: "file_search" }] }), ["server-tools"]],
    ["an image elsewhere", part({ type: "image_url", image_url: { url: "https://x/?q=canary" } }), ["remote-content"]],
    [
      "an image by another scheme",
      part({ type: "image_url", image_url: { url: "DATA:image/png,https://x" } }),
      ["remote-content"],
    ],
    ["a file of theirs", part({ type: "file", file: { file_id: "f" } }), ["stored-files"]],
    ["what is kept", chat({ store: true }), ["stored-conversation"]],
    ["a tier at another price", chat({ service_tier: "priority" }), ["other-price"]],
  ])("ask for more with %s", (_, body, expected) => expect(features("chat", body)).toEqual(expected));

  test.each<[string, object]>([
    ["a field that nobody knows", chat({ plugins: [] })],
    ["an answer that is no text", chat({ modalities: ["text", "audio"] })],
    ["a part that nobody knows", part({ type: "portal" })],
    ["a field in a part that nobody knows", part({ type: "text", text: "x", url: "https://x" })],
    [
      "a field in an image that nobody knows",
      part({ type: "image_url", image_url: { url: "data:image/png;base64,aGk=", from: "https://x" } }),
    ],
    ["functions as they were once", chat({ functions: [] })],
    ["no model", { messages: [] }],
  ])("are refused with %s", (_, body) => expect(read("chat", body).kind).toBe("refused"));
});

describe("OpenAI's Responses", () => {
  test.each<[string, object]>([
    ["functions", responses({ tools: [{ type: "function", name: "x" }], include: ["reasoning.encrypted_content"] })],
    [
      "items of a conversation",
      responses({
        input: [
          { type: "message", role: "user", content: [{ type: "input_text", text: "x" }] },
          { type: "reasoning", id: "r" },
          { type: "function_call", call_id: "c" },
          { type: "function_call_output", call_id: "c", output: "x" },
        ],
      }),
    ],
    [
      "an image in the body",
      item({ role: "user", content: [{ type: "input_image", image_url: "data:image/png;base64,aGk=" }] }),
    ],
    ["nothing before it", responses({ previous_response_id: null })],
  ])("ask for an answer and no more with %s", (_, body) => expect(features("responses", body)).toEqual([]));

  test.each<[string, object, readonly string[]]>([
    ["a search", responses({ tools: [{ type: "web_search" }] }), ["server-tools"]],
    ["a search of files", responses({ tools: [{ type: "file_search", vector_store_ids: [] }] }), ["server-tools"]],
    ["code that runs there", responses({ tools: [{ type: "code_interpreter", container: {} }] }), ["server-tools"]],
    ["a server of MCP or a connector", responses({ tools: [{ type: "mcp", connector_id: "c" }] }), ["server-tools"]],
    ["images that are made", responses({ tools: [{ type: "image_generation" }] }), ["server-tools"]],
    ["results of a search", responses({ include: ["web_search_call.action.sources"] }), ["server-tools"]],
    ["an item of a search", item({ type: "web_search_call", id: "w" }), ["server-tools"]],
    ["a tier at another price", responses({ service_tier: "priority" }), ["other-price"]],
    ["what came before", responses({ previous_response_id: "r" }), ["stored-conversation"]],
    ["a conversation", responses({ conversation: "c" }), ["stored-conversation"]],
    ["a prompt of theirs", responses({ prompt: { id: "p" } }), ["stored-conversation"]],
    ["work that goes on there", responses({ background: true }), ["stored-conversation"]],
    ["nothing said of keeping it", { model: "m", input: "x" }, ["stored-conversation"]],
    ["a reference", item({ type: "item_reference", id: "i" }), ["stored-conversation"]],
    [
      "an image elsewhere",
      item({ role: "user", content: [{ type: "input_image", image_url: "https://x" }] }),
      ["remote-content"],
    ],
    [
      "a file elsewhere",
      item({ role: "user", content: [{ type: "input_file", file_url: "https://x" }] }),
      ["remote-content"],
    ],
    ["a file of theirs", item({ role: "user", content: [{ type: "input_file", file_id: "f" }] }), ["stored-files"]],
    [
      "an image elsewhere in an output",
      item({ type: "function_call_output", call_id: "c", output: [{ type: "input_image", image_url: "https://x" }] }),
      ["remote-content"],
    ],
  ])("ask for more with %s", (_, body, expected) => expect(features("responses", body)).toEqual(expected));

  test.each<[string, object]>([
    ["a field that nobody knows", responses({ webhook: "https://x" })],
    ["an item that nobody knows", item({ type: "portal" })],
    ["a field in an item that nobody knows", item({ type: "function_call", call_id: "c", endpoint: "https://x" })],
    ["no input", { model: "m", store: false }],
  ])("are refused with %s", (_, body) => expect(read("responses", body).kind).toBe("refused"));
});

test.each([
  '{"model":"m","model":"other","max_tokens":1,"messages":[]}',
  '{"model":"m","max_tokens":1,"messages":[]} trailing',
  "[]",
  "",
])("a text with more than one reading is no body: %s", (text) => {
  expect(readInferBody("messages", text).kind).toBe("refused");
});
