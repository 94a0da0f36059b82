import type { Endpoint, Format } from "../kernel/infer.ts";
import type { JsonObject } from "../kernel/json.ts";
import { readInferBody } from "../protocol/infer-body.ts";
import type { GrantedModel } from "../protocol/requests.ts";
import type { Asked, Egress } from "./egress.ts";
import { escapeName } from "./names.ts";

/** What a request to the endpoint is. */
export type InferRoute =
  /** A client that asks whether somebody is there. */
  | { readonly kind: "probe" }
  | { readonly kind: "models" }
  | { readonly kind: "ask"; readonly endpoint: Endpoint; readonly format: Format }
  | { readonly kind: "unknown"; readonly format: Format };

/** A body as it came. */
export interface InferRequest {
  readonly text: string;
  readonly bytes: number;
  /** `sha256:…` of its bytes. */
  readonly digest: string;
  /** Names in lower case. */
  readonly headers: readonly (readonly [string, string])[];
}

/** What is asked for, or why it cannot even be asked. */
export type InferAsked = Asked | { readonly refused: string };

/** The agent's requests to models, as actions. It decides nothing, and reads bodies to say what they are. */
export interface Inference {
  route(method: string, target: string): Promise<InferRoute>;
  models(): Promise<readonly GrantedModel[]>;
  ask(endpoint: Endpoint, request: InferRequest): Promise<InferAsked>;
}

const PATHS: ReadonlyMap<string, { readonly endpoint: Endpoint; readonly format: Format }> = new Map([
  ["/v1/messages", { endpoint: "messages", format: "anthropic" }],
  ["/v1/messages/count_tokens", { endpoint: "count", format: "anthropic" }],
  ["/v1/chat/completions", { endpoint: "chat", format: "openai" }],
  ["/v1/responses", { endpoint: "responses", format: "openai" }],
]);
/** Headers of a client that say which version of the format it speaks. */
const VERSIONS: readonly string[] = ["anthropic-version", "anthropic-beta", "openai-beta"];
/** What stands for a provider when none is granted for a model: it is denied by name. */
const NO_PROVIDER = "none";

/** Makes the inference side of one face. */
export function createInference(
  link: { models(): Promise<readonly GrantedModel[]> },
  egress: Pick<Egress, "ask" | "refused">,
): Inference {
  return Object.freeze({
    route: async (method: string, target: string): Promise<InferRoute> => {
      const [path = ""] = target.split("?", 1);
      if (method === "HEAD" && path === "/") return { kind: "probe" };
      if (method === "GET" && path === "/v1/models") return { kind: "models" };
      const known = method === "POST" ? PATHS.get(path) : undefined;
      if (known !== undefined) return { kind: "ask", ...known };
      await egress.refused(`A request to models: ${escapeName(`${method} ${path}`)}`, []);
      return { kind: "unknown", format: path.startsWith("/v1/messages") ? "anthropic" : "openai" };
    },
    models: () => link.models(),
    ask: async (endpoint: Endpoint, request: InferRequest): Promise<InferAsked> => {
      const body = readInferBody(endpoint, request.text);
      if (body.kind === "refused") {
        await egress.refused(`A body for a model (${endpoint}): ${body.message}`, []);
        return { refused: body.message };
      }
      const { model, maxOutput, stream, inputTokens, features } = body.value;
      const format: Format = endpoint === "messages" || endpoint === "count" ? "anthropic" : "openai";
      const granted = (await link.models()).find((each) => each.model === model && each.format === format);
      const headers = request.headers.filter(([name]) => VERSIONS.includes(name));
      const args: JsonObject = {
        provider: granted?.provider ?? NO_PROVIDER,
        model,
        endpoint,
        stream,
        maxOutput,
        inputTokens,
        features: [...features],
        bytes: request.bytes,
        body: request.digest,
        headers: headers.map(([name, value]) => [name, value]),
      };
      const name = features.length > 0 ? "extras" : endpoint === "count" ? "messages" : endpoint;
      return egress.ask("infer", name, args);
    },
  });
}
