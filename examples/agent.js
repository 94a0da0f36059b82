/**
 * The smallest agent: no model, no package. It speaks MCP (JSON-RPC, one message a line) over the socket that AIOS names
 * to it, lists the tools that it was granted, and reads one file with one of them. It starts no program, so that its grant
 * need not allow any.
 *
 *     node /workspace/agent.js [FILE]
 *
 * It runs as a CommonJS and as an ES module, so that it may be copied anywhere: hence `import()`.
 */
async function main() {
  const { connect } = await import("node:net");
  const { createInterface } = await import("node:readline");
  const named = process.env["AIOS_MCP_STDIO_SOCKET"];
  if (named === undefined) throw new Error("there is no AIOS_MCP_STDIO_SOCKET: start me with aios run");
  const server = connect(named);

  const waiting = new Map();
  createInterface({ input: server }).on("line", (line) => {
    const message = JSON.parse(line);
    const answer = waiting.get(message.id);
    waiting.delete(message.id);
    answer?.(message);
  });
  const send = (message) => server.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  const ended = new Promise((_, reject) => {
    server.once("error", reject);
    server.once("close", () => reject(new Error("AIOS closed the connection")));
  });
  // Stays handled when the connection is closed at the end, where nobody waits for it any more.
  ended.catch(() => undefined);

  let last = 0;
  const request = async (method, params) => {
    const id = ++last;
    const answered = new Promise((resolve) => waiting.set(id, resolve));
    send({ id, method, params });
    const message = await Promise.race([answered, ended]);
    if (message.error !== undefined) throw new Error(`${method}: ${message.error.message}`);
    return message.result;
  };

  await request("initialize", {
    protocolVersion: "2025-06-18",
    capabilities: {},
    clientInfo: { name: "example-agent", version: "1.0.0" },
  });
  send({ method: "notifications/initialized" });

  const { tools } = await request("tools/list", {});
  console.log(`I am offered: ${tools.map((tool) => tool.name).join(", ") || "nothing"}`);

  const path = process.argv[2] ?? "/workspace/agent.js";
  const result = await request("tools/call", { name: "files__read_text_file", arguments: { path } });
  const text = result.content?.[0]?.text ?? "";
  console.log(
    result.isError === true ? `I may not read ${path}: ${text}` : `I read ${path}: ${text.length} characters`,
  );
  server.end();
}

main().catch((error) => {
  console.error(`I cannot go on: ${error.message}`);
  process.exitCode = 1;
});
