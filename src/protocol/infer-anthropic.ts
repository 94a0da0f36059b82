import type { BodyReader, InferBody } from "./infer-body.ts";

// Anthropic's Messages API (docs.anthropic.com/en/api/messages). Lists are closed: what a client needs that is not in them
// is added here when it is known what it makes the provider do.

const BOTH: readonly string[] = ["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config"];
const CREATE: readonly string[] = [
  "max_tokens",
  "stream",
  "temperature",
  "top_p",
  "top_k",
  "stop_sequences",
  "metadata",
  "service_tier",
  "context_management",
  "output_format",
  "cache_control",
  "speed",
];
/** Fields whose very presence makes the provider reach out or keep something. */
const REACHING = new Map([
  ["mcp_servers", "server-tools"],
  ["container", "server-tools"],
] as const);

/** Tiers of service in which a token costs what it costs. */
const USUAL_TIERS: readonly string[] = ["auto", "standard_only"];

const TOOL: readonly string[] = [
  "type",
  "name",
  "description",
  "input_schema",
  "cache_control",
  "strict",
  "defer_loading",
  "eager_input_streaming",
  "input_examples",
  "allowed_callers",
];
/** Blocks that are text of the conversation and nothing else, with their fields. */
const BLOCKS: ReadonlyMap<string, readonly string[]> = new Map([
  ["text", ["text", "citations"]],
  ["thinking", ["thinking", "signature"]],
  ["redacted_thinking", ["data"]],
  ["tool_use", ["id", "name", "input", "caller"]],
  ["tool_reference", ["tool_name"]],
  ["compaction", ["content"]],
]);

/** Reads a body of `POST /v1/messages` or of its `count_tokens`. */
export function readAnthropic(
  body: BodyReader,
  endpoint: "messages" | "count",
): Omit<InferBody, "features" | "inputTokens"> {
  body.only(BOTH, endpoint === "messages" ? CREATE : [], [...REACHING.keys()]);
  for (const [field, feature] of REACHING) if (body.get(field) !== undefined) body.feature(feature);
  body.parts("system", readBlock);
  for (const message of body.objects("messages")) {
    message.only(["role", "content"]);
    if (!["user", "assistant", "system"].includes(message.text("role"))) message.refuse("role", "not known");
    message.parts("content", readBlock);
  }
  for (const tool of body.objects("tools")) readTool(tool);
  for (const edit of body.object("context_management")?.objects("edits") ?? []) {
    if (!/^(?:clear_tool_uses|clear_thinking|compact)_[0-9]{8}$/.test(edit.text("type")))
      edit.refuse("type", "not known");
  }
  if ((body.optionalText("speed") ?? "standard") !== "standard") body.feature("other-price");
  if (!USUAL_TIERS.includes(body.optionalText("service_tier") ?? "auto")) body.feature("other-price");
  const maxOutput = body.count("max_tokens");
  if (endpoint === "messages" && maxOutput === null) body.refuse("max_tokens", "missing");
  return { model: body.text("model"), maxOutput: endpoint === "count" ? 0 : maxOutput, stream: body.flag("stream") };
}

function readTool(tool: BodyReader): void {
  const type = tool.optionalText("type") ?? "custom";
  // Each of these has a version in its name and runs, or tells the model that something runs, at the provider's side.
  if (type !== "custom") return tool.feature("server-tools");
  tool.only(TOOL);
  const callers = tool.get("allowed_callers");
  if (callers !== undefined && JSON.stringify(callers) !== '["direct"]') tool.feature("server-tools");
}

function readBlock(block: BodyReader): void {
  const type = block.text("type");
  const fields = BLOCKS.get(type);
  if (fields !== undefined) return void block.only(["type", "cache_control"], fields);
  if (type === "tool_result") {
    block.only(["type", "cache_control", "tool_use_id", "content", "is_error"]);
    return block.parts("content", readBlock);
  }
  if (type === "image" || type === "document") {
    block.only(["type", "cache_control", "source", "title", "context", "citations"]);
    const source = block.object("source") ?? block.refuse("source", "missing");
    return readSource(source);
  }
  if (type === "search_result") {
    block.only(["type", "cache_control", "source", "title", "content", "citations"]);
    return block.parts("content", readBlock);
  }
  // Calls and results of tools at the provider's side; they are there when such a tool was.
  if (/^(?:server_tool_use|mcp_tool_(?:use|result)|[a-z_]+_tool_result)$/.test(type))
    return block.feature("server-tools");
  if (type === "container_upload") return block.feature("stored-files");
  block.refuse("type", "is not known here");
}

function readSource(source: BodyReader): void {
  const type = source.text("type");
  if (type === "base64" || type === "text") return void source.only(["type", "media_type", "data"]);
  if (type === "content") {
    source.only(["type", "content"]);
    return source.parts("content", readBlock);
  }
  if (type === "url") return source.feature("remote-content");
  if (type === "file") return source.feature("stored-files");
  source.refuse("type", "is not known here");
}
