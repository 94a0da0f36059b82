import { canonicalize } from "../kernel/canonical.ts";
import type { BuiltIn, DriverSpec, ToolClass } from "../kernel/grant.ts";
import type { Crypto } from "../platform/powers.ts";
import type { DriverRequests, Offer } from "../protocol/requests.ts";
import { pinText, type DriverPeer } from "./driver-pool.ts";
import { jsonView } from "./json-view.ts";

/** What a device that is built in offers: its own words, part of its pin. */
export function builtInOffer(name: string, words: { readonly [tool: string]: string }): Offer {
  return Object.freeze({
    server: { name: `aios-${name}`, version: "1" },
    tools: Object.entries(words).map(([tool, description]) => ({
      name: tool,
      title: null,
      description,
      inputSchema: { type: "object" },
      outputSchema: null,
      annotations: null,
    })),
    resources: [],
    resourceTemplates: [],
    prompts: [],
  });
}

/** The one spec of such a device in this version: a grant that declares another was signed for something else. */
export function builtInSpec(
  source: { readonly kind: BuiltIn },
  { tools, offer }: { readonly tools: { readonly [tool: string]: ToolClass }; readonly offer: Offer },
  crypto: Pick<Crypto, "digest">,
): DriverSpec {
  const pin = crypto.digest(pinText(source, canonicalize(jsonView(tools)), offer));
  return Object.freeze<DriverSpec>({ source, pin, tools, resources: [], prompts: [] });
}

/** The monitor's way to such a device: no channel, since it is in the monitor. */
export function builtInPeer(
  offer: Offer,
  answers: {
    run(body: DriverRequests["run"]["body"]): Promise<DriverRequests["run"]["ok"]>;
    cancel(token: number): Promise<void>;
  },
): DriverPeer {
  async function cancel({ token }: DriverRequests["cancel"]["body"]): Promise<Record<string, never>> {
    await answers.cancel(token);
    return {};
  }
  return {
    request: async (name, body: never) => {
      const answer: unknown = await (name === "run" ? answers.run(body) : name === "cancel" ? cancel(body) : offer);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- generic over the name, so the compiler cannot see that body and answer are those of the same name
      return answer as never;
    },
    close: () => {},
  };
}
