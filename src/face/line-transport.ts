import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/server";
import type { Lines } from "../platform/channels/line-channel.ts";
import { admitText, errorReply, type Message } from "./gate.ts";
import type { MonitorLink } from "./monitor-link.ts";

const PARSE_ERROR = -32_700;
/** Unserved methods that may wait for the monitor's word at once; an agent that sends more is cut off. */
const OPEN_REPORTS = 16;

/**
 * MCP's stdio framing over a connection: one message a line, admitted by the gate before the SDK sees it.
 * What is malformed is answered with an error and the connection goes on: the line bounds say where the next message
 * begins, so nothing malformed can be read as anything else.
 */
export function createLineTransport(lines: Lines, link: Pick<MonitorLink, "report">): Transport {
  let openReports = 0;
  const send = (message: object): void => lines.write(JSON.stringify(message));

  async function report(method: string, reply: Message | null): Promise<void> {
    openReports += 1;
    if (openReports > OPEN_REPORTS) return lines.destroy();
    await link.report(method);
    openReports -= 1;
    if (reply !== null) send(reply);
  }

  const transport: Transport = {
    start: () => {
      lines.onRefused((why) => {
        const message =
          why === "too-long" ? "Cannot read the message: it is over 1 MiB" : "Cannot read the message: it is not UTF-8";
        send(errorReply(null, { code: PARSE_ERROR, message }));
      });
      lines.onClose(() => transport.onclose?.());
      lines.onLine((line) => {
        const admission = admitText(line);
        switch (admission.kind) {
          case "pass":
            // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the gate checked what the SDK's type says
            return transport.onmessage?.(admission.message as unknown as JSONRPCMessage);
          case "refuse":
            return send(admission.reply);
          case "unserved":
            // A monitor that is gone ends the face, which ends this connection.
            return void report(admission.method, admission.reply).catch(() => lines.destroy());
        }
      });
      return Promise.resolve();
    },
    send: (message) => {
      send(message);
      return Promise.resolve();
    },
    close: () => {
      lines.destroy();
      return Promise.resolve();
    },
  };
  return transport;
}
