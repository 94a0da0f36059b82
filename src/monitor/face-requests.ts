import { isControlMethod } from "../kernel/constitution.ts";
import type { FaceRequests, Visible } from "../protocol/requests.ts";
import type { Conduct } from "./conduct.ts";
import type { DriverTable } from "./driver-table.ts";
import type { FaceHooks, Instances } from "./instances.ts";
import type { Journal } from "./journal.ts";
import type { LiveInstance } from "./live.ts";
import { visibleOffers } from "./visible.ts";

export interface FacePorts {
  readonly live: LiveInstance;
  readonly hooks: FaceHooks;
  readonly journal: Journal;
  readonly drivers: DriverTable;
  readonly conduct: Conduct;
  readonly instances: Pick<Instances, "terminate">;
  now(): number;
}

/** The face's row of the request table. Which instance asks is known by the channel, never by what it says. */
export function faceHandlers(ports: FacePorts): {
  readonly [K in keyof FaceRequests]: (body: FaceRequests[K]["body"]) => Promise<FaceRequests[K]["ok"]>;
} {
  const { live, hooks, journal, drivers, conduct, instances } = ports;
  return {
    async ready() {
      hooks.onReady();
      return {};
    },

    async list(): Promise<Visible> {
      const opened = await drivers.openAll(live);
      const agents = [live.state, ...live.state.ancestry.flatMap((id) => journal.state.instances.get(id) ?? [])];
      return visibleOffers(opened, { state: journal.state, chain: agents.map(({ agent }) => agent), now: ports.now() });
    },

    propose({ token, ...proposal }) {
      return conduct.propose(live, proposal, token);
    },

    async cancel({ token }) {
      for (const [request, waiting] of live.waiting) {
        if (waiting.token === token) await conduct.release(live, request, "withdrawn");
      }
      await live.running
        .get(token)
        ?.driver.peer.request("cancel", { token })
        .catch(() => {});
      return {};
    },

    async method({ method }) {
      if (isControlMethod(method)) {
        await instances.terminate(live, { code: "control-verb", by: `method ${method}`, what: method });
        return {};
      }
      await journal.write({
        kind: "refused",
        peer: `face ${live.state.instance}`,
        code: "unknown-method",
        what: method.slice(0, 256),
      });
      return {};
    },
  };
}
