import { RpcError } from "../protocol/rpc-error.ts";
import { LogError } from "./log/error.ts";
import { Refusal } from "./faults.ts";

type Handlers<H, Extra extends readonly unknown[]> = { readonly [K in keyof H]: H[K] extends (body: infer B, ...extra: Extra) => infer R ? (body: B, ...extra: Extra) => R : never };

/** Turns refusals into the error answers that a peer may see; every other fault stays inside and is answered `internal`. */
export function answering<H extends object, Extra extends readonly unknown[]>(
  handlers: H & Handlers<H, Extra>,
  ...extra: Extra
): { readonly [K in keyof H]: H[K] extends (body: infer B, ...extra: Extra) => infer R ? (body: B) => R : never } {
  const wrapped: { [name: string]: (body: unknown) => Promise<unknown> } = {};
  for (const [name, handle] of Object.entries<(body: unknown, ...extra: Extra) => unknown>({ ...handlers } as never)) {
    wrapped[name] = async (body) => {
      try {
        return await handle(body, ...extra);
      } catch (error) {
        if (error instanceof Refusal) throw new RpcError(error.code, error.message, { hint: error.hint });
        if (error instanceof LogError) throw new RpcError(error.code, error.message, { hint: "Effects stop until the log can be written again; run `aios doctor`." });
        throw error;
      }
    };
  }
  return wrapped as never; // the same names with the same bodies and answers, as the return type says
}
