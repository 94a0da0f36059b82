import type { Duplex } from "node:stream";
import type { JsonObject } from "../../src/kernel/json.ts";

type Handler = (body: JsonObject) => JsonObject | Promise<JsonObject>;

/**
 * The other end of a framed channel, written from docs/formats/frame.md alone: it shares no code with the product, so
 * that a mistake in the one is not repeated in the other. Handlers that throw answer with the error's `code`.
 */
export class FrameEnd {
  /** Every request that came, in order. */
  readonly requests: { readonly name: string; readonly body: JsonObject }[] = [];
  /** Every event that came, in order. */
  readonly events: { readonly name: string; readonly body: JsonObject }[] = [];
  readonly #stream: Duplex;
  readonly #handlers: { readonly [name: string]: Handler };
  readonly #asking = new Map<number, { resolve(ok: JsonObject): void; reject(error: Error): void }>();
  readonly #watchers = new Set<() => void>();
  #lastId = 0;
  #pending = Buffer.alloc(0);

  constructor(stream: Duplex, handlers: { readonly [name: string]: Handler } = {}) {
    this.#stream = stream;
    this.#handlers = handlers;
    stream.on("data", (chunk: Buffer) => this.#read(chunk));
    stream.on("error", () => undefined);
    stream.on("close", () => {
      for (const asking of this.#asking.values()) asking.reject(new Error("the channel closed"));
      this.#asking.clear();
    });
  }

  ask(name: string, body: JsonObject): Promise<JsonObject> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#asking.set(id, { resolve, reject });
      this.#write({ id, request: name, body });
    });
  }

  say(name: string, body: JsonObject): void {
    this.#write({ event: name, body });
  }

  /** Resolves when `test` holds; it is asked again after everything that arrives. */
  async until(test: () => boolean): Promise<void> {
    while (!test()) {
      await new Promise<void>((resolve) => {
        this.#watchers.add(resolve);
      });
    }
  }

  close(): void {
    this.#stream.destroy();
  }

  #read(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 4) {
      const length = this.#pending.readUInt32BE(0);
      if (this.#pending.length < 4 + length) return;
      const frame = JSON.parse(this.#pending.subarray(4, 4 + length).toString("utf8")) as JsonObject;
      this.#pending = this.#pending.subarray(4 + length);
      void this.#take(frame);
      for (const wake of this.#watchers) wake();
      this.#watchers.clear();
    }
  }

  async #take(frame: JsonObject): Promise<void> {
    const body = (frame["body"] ?? {}) as JsonObject;
    if (typeof frame["event"] === "string") return void this.events.push({ name: frame["event"], body });
    const id = frame["id"] as number;
    if (typeof frame["request"] === "string") {
      this.requests.push({ name: frame["request"], body });
      try {
        const handler = this.#handlers[frame["request"]];
        if (handler === undefined) throw Object.assign(new Error("no handler"), { code: "internal" });
        this.#write({ id, ok: await handler(body) });
      } catch (error) {
        const { code, message } = error as { code?: string; message: string };
        this.#write({ id, error: { code: code ?? "internal", message, hint: null } });
      }
      return;
    }
    const asking = this.#asking.get(id);
    this.#asking.delete(id);
    if (frame["ok"] !== undefined) return asking?.resolve(frame["ok"] as JsonObject);
    const { code, message } = frame["error"] as { code: string; message: string };
    asking?.reject(Object.assign(new Error(message), { code }));
  }

  #write(frame: JsonObject): void {
    const body = Buffer.from(JSON.stringify(frame));
    const header = Buffer.alloc(4);
    header.writeUInt32BE(body.length, 0);
    this.#stream.write(Buffer.concat([header, body]));
  }
}
