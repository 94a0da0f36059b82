import { MAX_LEASE_MS } from "../../kernel/grant-decoder.ts";
import { parseDuration } from "../../protocol/units.ts";
import { showMoment } from "../../showing/moment.ts";
import { makeVisible } from "../../showing/visible.ts";
import type { Arguments } from "../arguments.ts";
import { HOME, type Command } from "../command.ts";
import { withMonitor } from "../connection.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { listHeld } from "../held.ts";
import { readInteger } from "../integer.ts";
import type { MonitorClient } from "../powers.ts";
import { USUAL_SPAN } from "../../showing/proposed-grant.ts";
import { writeGrant } from "../write-grant.ts";

/** Denials that are looked through for the instance that is meant. */
const LOOKED_AT = 10_000;

/** `aios propose`: from what was asked to what could be signed. */
export const propose: Command = {
  path: ["propose"],
  summary: "turn what an agent asked for into a lease to sign",
  positionals: [{ name: "INSTANCE", required: false, help: "whose; may be left out when it can only be one" }],
  rest: null,
  flags: [
    {
      name: "denied",
      value: null,
      help: "a grant over what was denied for want of one, in place of a lease over what is held",
    },
    { name: "folders", value: null, help: "the folder that several paths lie in, in place of the paths themselves" },
    { name: "uses", value: "N", help: "how often in all (default: as often as it was asked for)" },
    { name: "for", value: "SPAN", help: "how long (default: 1h)" },
    HOME,
  ],
  details: [
    "Prints the narrowest document that covers what the instance asked for: the very tools, hosts and values of arguments that an owner declared, counted, with an end. A lease binds all other arguments to what they were asked with, by their digest (rest); who takes that out lets them be anything. In a grant over what was denied they may be anything; the document names them. Nothing is granted by it; read it, save it, change it, and sign it with aios grants sign. What is held and covered runs as soon as the lease is signed.",
    "Values that do not read as what they are, calls that cannot be shown in full on a screen of 40 columns, and calls that a human is asked about whatever leases say, are left out, and the document says so.",
    "The monitor keeps it on its desk as well, until its end, a restart, or until something that a lease covers waits no more (denied, taken back, answered, over), when it is not signed at a terminal either: an owner signs it at the console with a passkey, as it stands or narrower. aios grants proposed shows what lies there.",
  ],
  examples: [
    "propose > lease.yaml",
    "propose i-0123456789abcdef --uses 20 --for 8h",
    "propose i-0123456789abcdef --denied",
  ],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const from = args.has("denied") ? "denied" : "held";
      const instance = args.optional("INSTANCE") ?? onlyOne(await instancesOf(client, from), from);
      const { grant, about } = await client.request("propose-grant", {
        instance,
        from,
        like: null,
        folders: args.has("folders"),
        uses: usesOf(args),
        span: spanOf(args, from === "held"),
      });
      const now = powers.now();
      powers.out.write(
        writeGrant(grant, [
          `${grant.lease ? "A lease" : "A grant"} over what ${makeVisible(instance)} asked for, written ${showMoment(now, powers.offset(now))}. Nothing is granted yet.`,
          "Read it, change it, then: aios grants sign FILE",
          "Or sign it as it stands, or narrower, at the console: aios console has it under Grants",
          ...about,
        ]),
      );
      return EXIT.ok;
    });
  },
};

function spanOf(args: Arguments, lease: boolean): number {
  const written = args.value("for");
  const span = written === null ? USUAL_SPAN : parseDuration(written);
  if (span !== null && span >= 1000 && (!lease || span <= MAX_LEASE_MS)) return span;
  throw CliFailure.of(
    "usage",
    `"${written ?? ""}" is no span that it can have`,
    "for example 90min or 8h; a lease lasts at most 7d",
  );
}

function usesOf(args: Arguments): number | null {
  const uses = args.value("uses");
  return uses === null ? null : readInteger(uses, { name: "--uses", min: 1, max: 1_000_000 });
}

/** Instances that have something held, or that were denied something for want of a grant. */
async function instancesOf(
  client: Pick<MonitorClient, "request">,
  from: "held" | "denied",
): Promise<readonly string[]> {
  if (from === "held") return (await listHeld(client)).map(({ instance }) => instance);
  const query = { from: 0, limit: LOOKED_AT, instance: null, kinds: ["denied"] };
  const { entries } = await client.request("log-show", query);
  return entries.flatMap(({ record }) =>
    record.kind === "denied" && record.code === "no-grant" ? [record.instance] : [],
  );
}

function onlyOne(named: readonly string[], from: "held" | "denied"): string {
  const instances = [...new Set(named)];
  const [only, ...others] = instances;
  if (only !== undefined && others.length === 0) return only;
  const [none, some, hint] =
    from === "held"
      ? ["Nothing is held", "have something held", "aios approvals list and aios ps name them"]
      : ["Nothing was denied for want of a grant", "were denied something", "aios digest and aios ps --all name them"];
  if (only === undefined) throw CliFailure.of("not-found", none, hint);
  throw CliFailure.of("usage", `${instances.length} instances ${some}; say which`, hint);
}
