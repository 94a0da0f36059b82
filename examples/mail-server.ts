/**
 * A small mail server over MCP, for the demo and for tests: it reads an inbox from a file and writes what it is asked to
 * send to another. No mail leaves the machine.
 *
 *     node examples/mail-server.ts FOLDER
 *
 * FOLDER holds `inbox.json`, a list of {from, subject, body}; what is sent is appended to `sent.jsonl`.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { fromJsonSchema, McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";

interface Mail {
  readonly to: readonly string[];
  readonly subject: string;
  readonly body: string;
}

const text = { type: "string" } as const;
const mailSchema = fromJsonSchema<Mail>({
  type: "object",
  properties: { to: { type: "array", items: text, minItems: 1, maxItems: 50 }, subject: text, body: text },
  required: ["to", "subject", "body"],
  additionalProperties: false,
});
const emptySchema = fromJsonSchema<object>({ type: "object", properties: {}, additionalProperties: false });

function createMailServer(folder: string): McpServer {
  const server = new McpServer({ name: "sample-mail", version: "1.0.0" });

  server.registerTool(
    "read_inbox",
    { description: "Read every message of the inbox.", inputSchema: emptySchema, annotations: { readOnlyHint: true } },
    () => ({ content: [{ type: "text" as const, text: readFileSync(join(folder, "inbox.json"), "utf8") }] }),
  );
  server.registerTool(
    "send_email",
    { description: "Send a message.", inputSchema: mailSchema, annotations: { openWorldHint: true } },
    (mail) => {
      appendFileSync(join(folder, "sent.jsonl"), `${JSON.stringify(mail)}\n`);
      return { content: [{ type: "text" as const, text: `Sent to ${mail.to.join(", ")}.` }] };
    },
  );
  server.registerTool(
    "empty_inbox",
    {
      description: "Delete every message of the inbox.",
      inputSchema: emptySchema,
      annotations: { destructiveHint: true },
    },
    () => {
      appendFileSync(join(folder, "sent.jsonl"), `${JSON.stringify({ emptied: true })}\n`);
      return { content: [{ type: "text" as const, text: "The inbox is empty." }] };
    },
  );
  return server;
}

serveStdio(() => createMailServer(argv[2] ?? "."));
