import type { BodyReader, InferBody } from "./infer-body.ts";

// OpenAI's Chat Completions and Responses (platform.openai.com/docs/api-reference), as the local servers speak them too.

const SHARED: readonly string[] = [
  "model",
  "stream",
  "stream_options",
  "temperature",
  "top_p",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "metadata",
  "user",
  "safety_identifier",
  "prompt_cache_key",
  "prompt_cache_retention",
  "service_tier",
  "top_logprobs",
  "store",
];
const CHAT: readonly string[] = [
  "messages",
  "max_tokens",
  "max_completion_tokens",
  "n",
  "stop",
  "presence_penalty",
  "frequency_penalty",
  "logit_bias",
  "logprobs",
  "seed",
  "response_format",
  "reasoning_effort",
  "verbosity",
  "prediction",
  "modalities",
  "web_search_options",
];
const RESPONSES: readonly string[] = [
  "input",
  "instructions",
  "max_output_tokens",
  "max_tool_calls",
  "text",
  "reasoning",
  "truncation",
  "include",
  "previous_response_id",
  "conversation",
  "background",
  "prompt",
];
/** What may be asked to be in an answer and is no more than the answer. */
const INCLUDED: readonly string[] = ["reasoning.encrypted_content", "message.output_text.logprobs"];

/** Tiers of service in which a token costs what it costs, or less. */
const USUAL_TIERS: readonly string[] = ["auto", "default", "flex"];

function readTier(body: BodyReader): void {
  if (!USUAL_TIERS.includes(body.optionalText("service_tier") ?? "auto")) body.feature("other-price");
}

/** Reads a body of `POST /v1/chat/completions`. */
export function readChat(body: BodyReader): Omit<InferBody, "features" | "inputTokens"> {
  body.only(SHARED, CHAT);
  if (body.get("web_search_options") !== undefined) body.feature("server-tools");
  if (body.flag("store")) body.feature("stored-conversation");
  const modalities = body.get("modalities");
  if (modalities !== undefined && JSON.stringify(modalities) !== '["text"]') body.refuse("modalities", "only text is");
  for (const message of body.objects("messages")) readChatMessage(message);
  readTools(body);
  readTier(body);
  // Servers differ in which of the two they take when both are there.
  const bounds = [body.count("max_completion_tokens"), body.count("max_tokens")].filter((bound) => bound !== null);
  const most = bounds.length === 0 ? null : Math.max(...bounds);
  const answers = body.count("n") ?? 1;
  return { model: body.text("model"), maxOutput: most === null ? null : most * answers, stream: body.flag("stream") };
}

function readChatMessage(message: BodyReader): void {
  message.only(["role", "content", "name", "refusal", "tool_calls", "tool_call_id", "reasoning_content", "reasoning"]);
  if (!["developer", "system", "user", "assistant", "tool"].includes(message.text("role")))
    message.refuse("role", "not known");
  message.parts("content", readPart);
  for (const call of message.objects("tool_calls")) {
    if (!["function", "custom"].includes(call.text("type"))) call.refuse("type", "is not known here");
  }
}

/** Reads a body of `POST /v1/responses`. */
export function readResponses(body: BodyReader): Omit<InferBody, "features" | "inputTokens"> {
  body.only(SHARED, RESPONSES);
  // What is not said is true there: the provider keeps the answer and everything that was asked.
  if (body.get("store") === undefined || body.flag("store")) body.feature("stored-conversation");
  if (body.flag("background")) body.feature("stored-conversation");
  for (const field of ["previous_response_id", "conversation", "prompt"]) {
    if (body.get(field) !== undefined) body.feature("stored-conversation");
  }
  const include = body.get("include") ?? [];
  if (!Array.isArray(include)) body.refuse("include", "not a list");
  else if (!include.every((each) => typeof each === "string" && INCLUDED.includes(each))) body.feature("server-tools");
  if (body.get("input") === undefined) body.refuse("input", "missing");
  body.parts("input", readItem);
  readTools(body);
  readTier(body);
  return { model: body.text("model"), maxOutput: body.count("max_output_tokens"), stream: body.flag("stream") };
}

/** Items and parts that are known, with their fields. */
const ITEMS: ReadonlyMap<string, readonly string[]> = new Map([
  ["message", ["role", "content", "id", "status"]],
  ["function_call", ["id", "call_id", "name", "arguments", "status"]],
  ["custom_tool_call", ["id", "call_id", "name", "input", "status"]],
  ["reasoning", ["id", "summary", "content", "encrypted_content", "status"]],
  ["function_call_output", ["id", "call_id", "output", "status"]],
  ["custom_tool_call_output", ["id", "call_id", "output", "status"]],
]);
const PARTS: ReadonlyMap<string, readonly string[]> = new Map([
  ["text", ["text"]],
  ["input_text", ["text"]],
  ["output_text", ["text", "annotations", "logprobs"]],
  ["refusal", ["refusal"]],
  ["input_audio", ["input_audio"]],
  ["image_url", ["image_url"]],
  ["input_image", ["image_url", "file_id", "detail"]],
  ["file", ["file"]],
  ["input_file", ["file_data", "filename", "file_id", "file_url", "detail"]],
]);

/** Items of a conversation that hold what was said and done at the client's side. */
function readItem(item: BodyReader): void {
  const type = item.optionalText("type") ?? "message";
  const fields = ITEMS.get(type);
  if (fields !== undefined) item.only(["type"], fields);
  switch (type) {
    case "message":
      return item.parts("content", readPart);
    case "function_call":
    case "custom_tool_call":
    case "reasoning":
      return;
    case "function_call_output":
    case "custom_tool_call_output":
      return item.parts("output", readPart);
    case "item_reference":
      return item.feature("stored-conversation");
    default:
      // Calls of tools at the provider's side, and what else there may be: it takes part in more than an answer.
      return /_call(?:_output)?$|^mcp_/.test(type)
        ? item.feature("server-tools")
        : item.refuse("type", "is not known here");
  }
}

/** Parts of a message, in the words of both formats. */
function readPart(part: BodyReader): void {
  const type = part.text("type");
  part.only(["type"], PARTS.get(type) ?? part.refuse("type", "is not known here"));
  switch (type) {
    case "text":
    case "input_text":
    case "output_text":
    case "refusal":
    case "input_audio":
      return;
    case "image_url": {
      const image = part.object("image_url") ?? part.refuse("image_url", "missing");
      return readAddress(image.only(["url", "detail"]), image.text("url"));
    }
    case "input_image":
      if (part.get("file_id") !== undefined) part.feature("stored-files");
      return part.get("image_url") === undefined ? undefined : readAddress(part, part.text("image_url"));
    case "file": {
      const file = part.object("file") ?? part.refuse("file", "missing");
      return readFile(file.only(["file_data", "filename", "file_id"]));
    }
    case "input_file":
      return readFile(part);
    default:
      return part.refuse("type", "is not known here");
  }
}

function readFile(file: BodyReader): void {
  if (file.get("file_id") !== undefined) file.feature("stored-files");
  if (file.get("file_url") !== undefined) file.feature("remote-content");
}

/** What is in the body itself is data; everything else the provider would fetch. */
function readAddress(part: BodyReader, address: string): void {
  if (!/^data:[a-z]+\/[a-z0-9.+-]+;base64,/.test(address)) part.feature("remote-content");
}

function readTools(body: BodyReader): void {
  for (const tool of body.objects("tools")) {
    if (!["function", "custom"].includes(tool.text("type"))) tool.feature("server-tools");
  }
}
