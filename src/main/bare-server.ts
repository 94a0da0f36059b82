import { openLines } from "../platform/channels/line-channel.ts";
import type { Channel } from "../platform/powers.ts";

/** Bytes of a line. */
const MOST = 1024 * 1024;

/** What an MCP server with one tool answers, so that the driver has somebody to talk to. */
const SERVER_ANSWERS: { readonly [method: string]: (params: { readonly protocolVersion: string }) => object } = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "nothing", version: "1" },
  }),
  "tools/list": () => ({ tools: [{ name: "nothing", inputSchema: { type: "object" } }] }),
  "tools/call": () => ({ content: [{ type: "text", text: "done" }] }),
};
/** An MCP server that can do nothing, on streams to a driver. */
export function beServer(input: Channel, output: Channel): void {
  openLines(input, { lineBytes: MOST, queuedBytes: MOST, skippedBytes: MOST }).onLine((line) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own driver says it
    const { id, method, params } = JSON.parse(line) as {
      readonly id?: number;
      readonly method: string;
      readonly params: { readonly protocolVersion: string };
    };
    if (id === undefined) return;
    const result = SERVER_ANSWERS[method]?.(params) ?? {};
    output.write(Buffer.from(`${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`));
  });
}
