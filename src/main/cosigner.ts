/**
 * Takes checkpoints to witnesses. Descriptor 3 is the monitor, which says which witness and what; both are public. No agent
 * and no face has a channel to it; it sees no file and holds nothing, and what witnesses answer is parsed here first.
 */
import { lookup } from "node:dns/promises";
import { isLoopback, parseHttpUrl } from "../kernel/hosts.ts";
import { inheritedChannel } from "../platform/channels/channel.ts";
import { hardenProcess } from "../platform/sandbox/process-hardening.ts";
import { postOnce } from "../platform/network/token-request.ts";
import { COSIGNER_SIDE, type CosignerRequests, type WitnessReply } from "../protocol/cosign-order.ts";
import { createPeer } from "../protocol/rpc.ts";

const MONITOR = 3;

hardenProcess();

async function submit({ at, text }: CosignerRequests["submit"]["body"]): Promise<WitnessReply> {
  const url = parseHttpUrl(at);
  if (url === null) return { kind: "silent" };
  const { scheme, host } = url;
  const place = {
    scheme,
    host,
    port: url.port ?? (scheme === "https" ? 443 : 80),
    path: `${url.path.replace(/\/$/, "")}/add-checkpoint`,
    reach: isLoopback(host) ? ("loopback" as const) : ("public" as const),
  };
  const answer = await postOnce(
    place,
    { type: "text/plain; charset=utf-8", text },
    {
      resolve: (name) => lookup(name.replace(/^\[(.*)\]$/, "$1"), { all: true, verbatim: true }),
      authorities: null,
    },
  );
  if (answer.kind === "failed") return { kind: "silent" };
  const words = Buffer.from(answer.text, "latin1").toString("utf8");
  return { kind: "answered", status: answer.status, text: words };
}

const peer = createPeer(inheritedChannel(MONITOR), {
  side: COSIGNER_SIDE,
  requests: { submit },
  events: {},
  onFault: ({ message }) => end(`the monitor broke the protocol: ${message}`),
  onError: (_error, name) => end(`${name} failed`),
});
void peer.closed.then(() => process.exit(0));

function end(why: string): never {
  process.stderr.write(`aios cosigner: ${why}\n`);
  process.exit(1);
}
