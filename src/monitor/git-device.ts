import type { DriverSpec } from "../kernel/grant.ts";
import { decodeGitCall, GIT_TOOLS, type GitTool } from "../kernel/git-ssh.ts";
import { bindingFor, type SshBinding } from "../kernel/ssh-binding.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { Crypto } from "../platform/powers.ts";
import type { DriverRequests, Offer } from "../protocol/requests.ts";
import { builtInOffer, builtInPeer, builtInSpec } from "./built-in-device.ts";
import { NoCarrier } from "./carrier.ts";
import type { RunningDriver } from "./driver-pool.ts";
import type { GitCarrier } from "./git-carrier.ts";
import { jsonView } from "./json-view.ts";
import type { LiveInstance } from "./live.ts";
import { bytesOf } from "./net-device.ts";
import type { State } from "./state.ts";

const WORDS: { readonly [tool in GitTool]: string } = {
  fetch: "what a repository has (git-upload-pack)",
  refs: "what refs a repository has that is to be pushed to",
  push: "a change of refs of a repository, with the objects for it (git-receive-pack)",
};

/** What the device for git over SSH offers. */
export const GIT_OFFER: Offer = builtInOffer("git-ssh", WORDS);

/** The one spec of it in this version. */
export function gitSpec(crypto: Pick<Crypto, "digest">): DriverSpec {
  return builtInSpec({ kind: "git-ssh" }, { tools: GIT_TOOLS, offer: GIT_OFFER }, crypto);
}

export interface GitDevicePorts {
  readonly crypto: Pick<Crypto, "digest">;
  readonly carrier: GitCarrier;
  readonly state: Pick<State, "secrets">;
  bytesLeft(grants: readonly string[]): number | null;
}

/**
 * Git over SSH of one instance as a driver. `run` orders one session with the key that is bound to the repository and
 * resolves when it has ended, with what is recorded of it; `cancel` and the driver's end cut it.
 */
export function createGitDriver(live: LiveInstance, ports: GitDevicePorts): RunningDriver {
  const { carrier, state } = ports;

  async function run(body: DriverRequests["run"]["body"]): Promise<DriverRequests["run"]["ok"]> {
    const call = decodeGitCall(body.name, body.arguments);
    if (call.kind === "refused") throw new Error(`the decided action is no call of git over SSH: ${call.message}`);
    const binding = bindingFor(sshBindings(state), call.value);
    if (binding === null) throw new NoCarrier("no key, or more than one, is bound to this repository");
    const result = await carrier.session(call.value, {
      binding,
      token: body.token,
      most: ports.bytesLeft(live.running.get(body.token)?.grants ?? []),
    });
    return { result: jsonView({ ...result, key: binding.secret }), isError: result.end !== "done" };
  }

  return {
    name: "git-ssh",
    peer: builtInPeer(GIT_OFFER, { run, cancel: carrier.cancel }),
    offer: GIT_OFFER,
    pin: gitSpec(ports.crypto).pin,
    lasting: {
      weigh: bytesOf,
      // A name that leads to an address of another kind is the work of whoever rules the name (rebinding).
      attacked: (result: JsonObject) => result["fault"] === "address-refused",
      labels: () => [],
    },
    stop: carrier.stop,
  };
}

/** Every binding of a key. */
export function sshBindings({ secrets }: Pick<State, "secrets">): readonly SshBinding[] {
  return [...secrets.values()].flatMap(({ ssh }) => [...ssh.values()]);
}
