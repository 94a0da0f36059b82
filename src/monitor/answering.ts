import { RpcError } from "../protocol/rpc-error.ts";
import { LogError } from "./log/error.ts";
import { Refusal } from "./faults.ts";

/** Functions by request name. */
type Handlers = { readonly [name: string]: (body: never) => Promise<unknown> };

/** Turns refusals into the error answers that a peer may see; every other fault stays inside and is answered `internal`. */
export function answering<H extends { readonly [K in keyof H]: Handlers[string] }>(handlers: H): H {
  const entries = Object.entries<Handlers[string]>(handlers).map(([name, handle]) => [name, guard(handle)] as const);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same names, functions of the same types
  return Object.fromEntries(entries) as H;
}

function guard(handle: Handlers[string]): Handlers[string] {
  return async (body) => {
    try {
      return await handle(body);
    } catch (error) {
      if (error instanceof Refusal) throw new RpcError(error.code, error.message, { hint: error.hint });
      if (error instanceof LogError)
        throw new RpcError(error.code, error.message, {
          hint: "Effects stop until the log can be written; run `aios doctor`.",
        });
      throw error;
    }
  };
}
