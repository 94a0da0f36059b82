import { isSealedBy, type HomeGrant } from "../kernel/home-grant.ts";
import { AGENT_NAME } from "../kernel/names.ts";
import type { HomeView } from "../protocol/requests.ts";
import type { Mount } from "../sandbox/spec.ts";
import { INSIDE_USER } from "../sandbox/layout.ts";
import { Refusal } from "./faults.ts";
import { watchHome } from "./home-meter.ts";
import type { FreezeDocument, FrozenTexts } from "./memory/frozen.ts";
import type { Instances } from "./instances.ts";
import type { Journal } from "./journal.ts";
import { recollectionOf, takeInRecalled } from "./memory/recalling.ts";
import type { LiveInstance } from "./live.ts";
import type { MonitorPowers } from "./powers.ts";

/** Homes of agents that last: who has which, what is sealed in them, and whether they keep their budgets. */
export interface HomeDesk {
  /**
   * Takes the home of an agent for one instance and gives what is mounted for it. One instance at a time: while a sandbox is
   * made nobody may write where its sealed files are mounted. Throws Refusal (`home-busy`, `home-full`, `home-sealed`).
   */
  open(live: LiveInstance, home: HomeGrant): Promise<readonly Mount[]>;
  /** From now on its budget is watched; over it the instance is frozen. */
  watch(live: LiveInstance): void;
  /** Gives the home back; does nothing for an instance that has none. */
  close(instance: string): void;
  /** The instance that has an agent's home, or null. */
  holder(agent: string): string | null;
  view(agent: string | null): Promise<readonly HomeView[]>;
  /** After its record: keeps the text of a sealed file. */
  put(agent: string, file: { readonly digest: string; readonly text: string }): void;
  /** After its record: removes what the agent kept. */
  wipe(agent: string): Promise<void>;
}

/** The snapshot whose texts are files of an agent's home, wherever a grant seals their paths. */
const HOME_SNAPSHOT = "home";
/** What a look for people counts at most; beyond, it says that there is more. */
const SHOWN_MOST = { bytes: Number.MAX_SAFE_INTEGER, entries: 1_000_000 };

export function createHomeDesk(ports: {
  readonly powers: Pick<MonitorPowers, "volumes" | "timer" | "clock" | "crypto">;
  readonly journal: Journal;
  readonly frozen: Pick<FrozenTexts, "given">;
  readonly freeze: Instances["freeze"];
}): HomeDesk {
  const { powers, journal } = ports;
  const { volumes } = powers;
  /** Instances by the agent whose home they have. */
  const taken = new Map<string, { readonly instance: string; stop(): void }>();
  const wiping = new Set<string>();

  function refuseBusy(agent: string): void {
    const instance = taken.get(agent)?.instance;
    if (instance === undefined && !wiping.has(agent)) return;
    throw new Refusal(
      "home-busy",
      `The home of agent "${agent}" is in use${instance === undefined ? "" : ` by ${instance}`}.`,
      "One instance at a time has it: end that one, or run this one under another name (--agent NAME).",
    );
  }

  async function refuseFull(agent: string, home: HomeGrant): Promise<void> {
    const size = await volumes.measure(agent, { ...home, namespace: null }).catch(() => null);
    if (size?.whole === true) return;
    const found =
      size === null ? "cannot be measured" : `holds more than ${home.bytes} bytes or ${home.entries} entries`;
    throw new Refusal(
      "home-full",
      `The home of agent "${agent}" ${found}.`,
      `aios home show ${agent} says what is there; aios home wipe ${agent} empties it; or sign a grant with a larger one.`,
    );
  }

  /** The text that an owner put, exactly: whoever can write the monitor's folder can break a seal and not put under it. */
  function sealedText(agent: string, file: { readonly path: string; readonly digest: string }): string {
    const text = volumes.read(agent, hexOf(file.digest));
    if (text !== null && powers.crypto.digest(text) === file.digest) return text;
    throw new Refusal(
      "home-sealed",
      `What was put at ${file.path} in the home of agent "${agent}" is not there as it was signed.`,
      `Put it there again: aios home put ${agent} ${file.path} FILE`,
    );
  }

  /** What an owner froze for the home: as it was signed, in its newest version, or nothing starts. */
  async function frozenFiles(agent: string): Promise<FreezeDocument["items"]> {
    const of = { agent, name: HOME_SNAPSHOT };
    if (journal.state.memory.snapshots.newest(of) === null) return [];
    try {
      return (await ports.frozen.given(of)).items;
    } catch (error) {
      const why = error instanceof Error ? error.message : "it cannot be read";
      throw new Refusal(
        "home-sealed",
        `The home of agent "${agent}" cannot be made: ${why}.`,
        `\`aios memory show ${agent} ${HOME_SNAPSHOT}\` shows it, \`aios memory freeze\` the next version; \`aios memory verify\` looks at all.`,
      );
    }
  }

  function sealedMounts(
    agent: string,
    { sealed, frozen }: { readonly sealed: readonly string[]; readonly frozen: FreezeDocument["items"] },
  ): readonly Mount[] {
    const put = [...(journal.state.sealed.get(agent) ?? [])]
      .filter(([path]) => !frozen.some((item) => item.path === path))
      .map(([path, digest]) => ({ path, text: () => sealedText(agent, { path, digest }) }));
    const files = [...put, ...frozen.map(({ path, text }) => ({ path, text: () => text }))];
    return sealed.flatMap((place): readonly Mount[] => {
      const held = files
        .filter(({ path }) => isSealedBy(place, path))
        .map((file): Mount => ({ kind: "text", inside: insideOf(file.path), text: file.text() }));
      if (place.endsWith("/")) return [{ kind: "sealed", inside: insideOf(place.slice(0, -1)) }, ...held];
      return held.length > 0 ? held : [{ kind: "text", inside: insideOf(place), text: "" }];
    });
  }

  return {
    async open(live, home) {
      const { agent, instance } = live.state;
      refuseBusy(agent);
      taken.set(agent, { instance, stop() {} });
      try {
        await refuseFull(agent, home);
        const frozen = await frozenFiles(agent);
        const mounts = sealedMounts(agent, { sealed: home.sealed, frozen });
        // Whatever is mounted there may be read: it counts as recalled before anything runs.
        const mounted = frozen.filter(({ path }) => home.sealed.some((place) => isSealedBy(place, path)));
        const from = mounted.flatMap((item) => (item.from === null ? [] : [recollectionOf(item.from)]));
        await takeInRecalled(live, journal, { from, because: `the snapshot ${HOME_SNAPSHOT}` });
        const { host, aside } = volumes.prepare(agent, home.sealed);
        for (const path of aside) {
          await journal.write({
            kind: "refused",
            peer: agent,
            code: "home-place",
            what: `put aside in its home: ${path}`,
          });
        }
        return [{ kind: "write", host, inside: INSIDE_USER.home }, ...mounts];
      } catch (error) {
        taken.delete(agent);
        throw error;
      }
    },

    watch(live) {
      const { agent, instance } = live.state;
      const { home } = live.sandbox;
      if (home === null || taken.get(agent)?.instance !== instance) return;
      const stop = watchHome({ ...powers, freeze: ports.freeze }, { live, home });
      taken.set(agent, { instance, stop });
    },

    close(instance) {
      for (const [agent, holder] of taken) {
        if (holder.instance !== instance) continue;
        holder.stop();
        taken.delete(agent);
      }
    },

    holder: (agent) => taken.get(agent)?.instance ?? null,

    async view(wanted) {
      const known = new Set(
        [...volumes.list(), ...journal.state.sealed.keys()].filter((name) => AGENT_NAME.test(name)),
      );
      const shown = [...known].filter((agent) => wanted === null || agent === wanted).toSorted();
      return Promise.all(
        shown.map(async (agent): Promise<HomeView> => {
          const size = await volumes.measure(agent, { ...SHOWN_MOST, namespace: null }).catch(() => null);
          const files = [...(journal.state.sealed.get(agent) ?? [])].map(([path, digest]) => ({ path, digest }));
          return {
            agent,
            bytes: size?.bytes ?? null,
            entries: size?.entries ?? null,
            instance: taken.get(agent)?.instance ?? null,
            files,
          };
        }),
      );
    },

    put(agent, { digest, text }) {
      volumes.keep(agent, { digest: hexOf(digest), text });
      volumes.forgetOthers(agent, [...(journal.state.sealed.get(agent)?.values() ?? [])].map(hexOf));
    },

    async wipe(agent) {
      wiping.add(agent);
      try {
        await volumes.wipe(agent);
      } finally {
        wiping.delete(agent);
      }
    },
  };
}

function insideOf(path: string): string {
  return `${INSIDE_USER.home}/${path}`;
}

/** The hex digits of a digest, as the store names its files. */
function hexOf(digest: string): string {
  return digest.slice("sha256:".length);
}
