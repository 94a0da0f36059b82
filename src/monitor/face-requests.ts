import { isControlMethod } from "../kernel/constitution.ts";
import { isMetadataHost } from "../kernel/hosts.ts";
import { MEMORY_DRIVER } from "../kernel/memory.ts";
import { READ } from "../kernel/risk.ts";
import type { FaceRequests, Visible } from "../protocol/requests.ts";
import { asChatCall } from "./chat-call.ts";
import { type Conduct, OWN_TOKENS } from "./conduct-ports.ts";
import type { DriverTable } from "./driver-table.ts";
import type { FaceHooks } from "./face-start.ts";
import type { Instances } from "./instances.ts";
import type { Journal } from "./journal.ts";
import type { LiveInstance } from "./live.ts";
import { grantedModels } from "./providers.ts";
import { netRoute } from "./net-route.ts";
import { comingGrants, visibleOffers } from "./visible.ts";

/** Unknown methods that are recorded one by one, and how many freeze the instance. */
const RECORDED_METHODS = 16;
const MOST_METHODS = 10_000;
/** Malformed requests to the network that are recorded one by one. */
const RECORDED_REFUSALS = 64;

export interface FacePorts {
  readonly live: LiveInstance;
  readonly hooks: FaceHooks;
  readonly journal: Journal;
  readonly drivers: DriverTable;
  readonly conduct: Conduct;
  readonly instances: Pick<Instances, "terminate" | "freeze">;
  now(): number;
}

/** The face's row of the request table. Which instance asks is known by the channel, never by what it says. */
export function faceHandlers(ports: FacePorts): {
  readonly [K in keyof FaceRequests]: (body: FaceRequests[K]["body"]) => Promise<FaceRequests[K]["ok"]>;
} {
  const { live, hooks, journal, drivers, conduct, instances } = ports;
  /** Tokens of proposals that were not answered yet. */
  const open = new Set<number>();
  return {
    async ready() {
      hooks.onReady();
      return {};
    },

    async list(): Promise<Visible> {
      const opened = await drivers.openAll(live);
      const agents = [live.state, ...live.state.ancestry.flatMap((id) => journal.state.instances.get(id) ?? [])];
      const visible = visibleOffers(opened, {
        state: journal.state,
        chain: agents.map(({ agent }) => agent),
        now: ports.now(),
      });
      // Names and words of resources are the server's data and not in its pin: seeing them is reading them.
      const added = READ.labels.filter((label) => !live.state.labels.includes(label));
      const theirs = new Set(visible.resources.map(({ driver }) => driver).filter((name) => name !== MEMORY_DRIVER));
      for (const driver of theirs) live.seen.name(`${driver}#`);
      if (theirs.size > 0 && added.length > 0) {
        const { instance } = live.state;
        await journal.write({ kind: "labelled", instance, labels: added, because: "a list of resources" });
      }
      return visible;
    },

    async propose({ token, waits = false, ...asked }) {
      // By its token an action is cut and cancelled; a face that gives one to two would keep one of them out of reach.
      if (open.has(token) || token >= OWN_TOKENS) {
        const message = "Cannot take the proposal: its token names another that is open, or may come to";
        return { kind: "stopped", stage: "decide", code: "malformed", message, proposal: null };
      }
      open.add(token);
      try {
        // One outside of its hours speaks of the service too: the request is a call of it, and denied for the hours.
        const { proposal, note } = asChatCall(asked, () => comingGrants(journal.state, live.state.agent, ports.now()));
        const outcome = await conduct.propose(live, proposal, token, waits);
        // A grant for the plain request is not what is missing.
        if (note === null || outcome.kind !== "stopped" || outcome.code !== "no-grant") return outcome;
        return { ...outcome, message: `${outcome.message}; ${note}`, proposal: null };
      } finally {
        open.delete(token);
      }
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

    async route({ host, port }) {
      return { route: netRoute(comingGrants(journal.state, live.state.agent, ports.now()), { host, port }) };
    },

    async models() {
      const grants = comingGrants(journal.state, live.state.agent, ports.now());
      return { models: grantedModels(grants, journal.state.providers) };
    },

    async refused({ what, hosts }) {
      if (hosts.some(isMetadataHost)) {
        // C5-metadata reaches what was never an action too: a request that nobody can read, for a machine's credentials.
        await instances.terminate(live, { code: "prohibited", by: "C5-metadata", what, action: null });
        return {};
      }
      live.refusedRequests += 1;
      if (live.refusedRequests > RECORDED_REFUSALS) return {};
      const peer = `face ${live.state.instance}`;
      await journal.write({ kind: "refused", peer, code: "network-request", what });
      return {};
    },

    async method({ method }) {
      if (isControlMethod(method)) {
        await instances.terminate(live, {
          code: "control-verb",
          by: `method ${method.slice(0, 200)}`,
          what: method.slice(0, 256),
          action: null,
        });
        return {};
      }
      live.unknownMethods += 1;
      if (live.unknownMethods === MOST_METHODS) {
        await instances.freeze(live, {
          by: { kind: "monitor", why: "a run of unknown methods" },
          code: "breaker-open",
        });
      }
      // The first few say what there is to say; an agent without any grant must not fill the log.
      if (live.unknownMethods > RECORDED_METHODS) return {};
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
