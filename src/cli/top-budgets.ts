import type { InstanceView } from "../protocol/requests.ts";
import { showBytes, showSpan } from "../showing/moment.ts";
import { makeVisible } from "../showing/visible.ts";
import type { CliPowers, MonitorClient } from "./powers.ts";

/** Asked for at most so often, milliseconds. */
const ASK_MS = 1000;
/** So many grants are shown. */
const MOST = 3;

/** What the grants of one instance's agent have left, kept up while somebody looks at it. */
export interface Budgets {
  /** One visible text for each grant. */
  readonly lines: readonly string[];
  /**
   * Asks again when another instance is looked at, or when something happened since; resolves with whether the lines are others.
   * @param seen what is known of all instances: another list is that something happened.
   */
  follow(instance: InstanceView | null, seen: readonly InstanceView[]): Promise<boolean>;
}

export function createBudgets({ powers, client }: { powers: CliPowers; client: MonitorClient }): Budgets {
  let of = "";
  let asked: { readonly at: number; readonly seen: readonly InstanceView[] } = { at: -Infinity, seen: [] };
  let lines: readonly string[] = [];

  async function read({ agent }: InstanceView): Promise<readonly string[]> {
    const { grants } = await client.request("grants", {});
    const mine = grants.filter(({ state, agents }) => state === "active" && agents.includes(agent)).slice(0, MOST);
    const shown = mine.map(async ({ id }) => {
      const { grant, view: used } = await client.request("grant-show", { id });
      const { uses, bytes, expires } = grant.limits;
      return `grant ${makeVisible(id)}: ${used.uses}${uses === null ? "" : `/${uses}`} uses, ${showBytes(used.bytes)}${
        bytes === null ? "" : `/${showBytes(bytes)}`
      }, ends in ${showSpan(expires - powers.now())}`;
    });
    return Promise.all(shown);
  }

  return {
    get lines() {
      return lines;
    },
    async follow(instance, seen) {
      const now = powers.now();
      const name = instance?.instance ?? "";
      const isOther = name !== of;
      // A clock that was set back must not keep the lines as they are for as long.
      const isSoon = now >= asked.at && now - asked.at < ASK_MS;
      if (!isOther && (seen === asked.seen || isSoon)) return false;
      of = name;
      asked = { at: now, seen };
      if (isOther) lines = [];
      if (instance === null) return isOther;
      const fresh = await read(instance);
      // Another may have been chosen meanwhile.
      if (of !== name) return false;
      lines = fresh;
      return true;
    },
  };
}
