/**
 * One SSH key of one instance on its way to one account of one machine. Descriptor 3 is the monitor, which arms it with the
 * key and then orders sessions; descriptor 4 is the face, which names a ticket of an order and gets that session. It runs the
 * system's `ssh` for each, and what an agent says can neither choose what that does nor see the key (SECRETS-OUTSIDE).
 */
import { lookup } from "node:dns/promises";
import { exit, stderr } from "node:process";
import { gitOrigin } from "../kernel/git-ssh.ts";
import { bindingFor } from "../kernel/ssh-binding.ts";
import { BROKER_STREAMS } from "../platform/network/broker-wire.ts";
import { inheritedChannel } from "../platform/channels/channel.ts";
import { createCourier } from "../platform/git/git-courier.ts";
import { serveMux } from "../platform/network/mux.ts";
import { hardenProcess } from "../platform/sandbox/process-hardening.ts";
import { COURIER_SIDE } from "../protocol/git-order.ts";
import { offeredLine, pushLines } from "../protocol/git-wire.ts";
import { createPeer } from "../protocol/rpc.ts";

const MONITOR = 3;
const FACE = 4;

hardenProcess();

const courier = createCourier({
  resolve: (host) => lookup(host, { all: true, verbatim: true }),
  folder: "/tmp",
  serves: ({ binding }, call) => binding.to === gitOrigin(call) && bindingFor([binding], call) !== null,
  offeredLine,
  pushLines,
});

const peer = createPeer(inheritedChannel(MONITOR), {
  side: COURIER_SIDE,
  requests: {
    arm: (arming) => {
      courier.arm(arming);
      return {};
    },
    session: (ordered) => courier.session(ordered),
    cancel: ({ ticket }) => {
      courier.cancel(ticket);
      return {};
    },
    cut: async () => {
      await courier.cut();
      return {};
    },
  },
  events: {},
  onFault: ({ message }) => end(`the monitor broke the protocol: ${message}`),
  // Its words might be about what it holds.
  onError: (_error, name) => end(`${name} failed`),
});
void peer.closed.then(() => exit(0));

const face = inheritedChannel(FACE);
face.onClose(() => exit(0));
serveMux(face, (stream) => courier.serve(stream), BROKER_STREAMS);

function end(why: string): never {
  stderr.write(`aios git courier: ${why}\n`);
  exit(1);
}
