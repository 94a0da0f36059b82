import type { JsonObject } from "../kernel/json.ts";
import { asJson } from "./as-json.ts";
import { decode, integer, jsonObject, nullable, object, text, type Decoder } from "./decode.ts";
import { encodeFrame, FrameFault, FrameReader } from "./frame.ts";
import { Outbox, type ByteSink } from "./outbox.ts";
import { quote } from "./quote.ts";
import { ERROR_CODE, RpcError, type LocalErrorCode, type PeerFault, type PeerFaultCode } from "./rpc-error.ts";
import type { AnswerOf, BodyOf, Side, SideTypes } from "./side.ts";

/** What a peer needs of a channel; `platform/powers.ts` gives it. */
export interface ByteChannel extends ByteSink {
  onData(listener: (chunk: Uint8Array) => void): void;
  /** Called once, when the other side is gone or the channel was destroyed. */
  onClose(listener: () => void): void;
  destroy(): void;
}

/** Requests that may be open at once, each way. */
export const MAX_OPEN = 1024;
/** One for each request that is served. A handler says no by throwing RpcError. */
export type RequestHandlers<Shapes> = {
  readonly [Name in keyof Shapes]: (
    body: BodyOf<Shapes[Name]>,
  ) => AnswerOf<Shapes[Name]> | Promise<AnswerOf<Shapes[Name]>>;
};
/** One for each event that is heard. */
export type EventHandlers<Events> = { readonly [Name in keyof Events]: (body: Events[Name]) => void };

export interface PeerOptions<T extends SideTypes> {
  readonly side: Side<T>;
  readonly requests: RequestHandlers<T["serves"]>;
  readonly events: EventHandlers<T["hears"]>;
  /** Called once, after the peer was ended for breaking the protocol. Must not throw. */
  onFault(fault: PeerFault): void;
  /** A handler failed with something else than RpcError: a fault of ours. The asker is told `internal` and no more. Must not throw. */
  onError(error: unknown, name: string): void;
}

/** One end of a channel. */
export interface Peer<T extends SideTypes> {
  /** Asks, and resolves with the decoded answer. Rejects with RpcError; a channel that closes rejects what is open. */
  request<Name extends keyof T["asks"] & string>(
    name: Name,
    body: BodyOf<T["asks"][Name]>,
  ): Promise<AnswerOf<T["asks"][Name]>>;
  /** Says an event. False asks to wait for `drained`: an end that is told more without reading is ended. */
  event<Name extends keyof T["says"] & string>(name: Name, body: T["says"][Name]): boolean;
  /** Resolves when the other end has read what was queued, or is gone. */
  drained(): Promise<void>;
  /** Ends the channel; bytes that were not yet sent are lost. */
  close(): void;
  /** Resolves once, when the channel has closed, whoever closed it. Never rejects. */
  readonly closed: Promise<void>;
}

/**
 * Speaks docs/formats/frame.md over a channel. What the other end sends is decoded by the side's static table before a
 * handler sees it; anything that the table does not name ends the peer, as OpenSSH's monitor does (`monitor.c`), because
 * an honest peer never sends it and a broken one must not get a second try.
 */
export function createPeer<T extends SideTypes>(channel: ByteChannel, options: PeerOptions<T>): Peer<T> {
  return new ChannelPeer(channel, options);
}

interface Served {
  readonly decoder: Decoder<unknown>;
  readonly handle: (body: unknown) => unknown;
}
interface Asked {
  readonly name: string;
  resolve(answer: unknown): void;
  reject(error: RpcError): void;
}
/** Characters of the message and of the hint of an error. */
const MAX_WORDS = 8192;

const frameId = integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const frameName = text({ min: 1, max: 64 });
const requestFrame = object({ id: frameId, request: frameName, body: jsonObject() });
const okFrame = object({ id: frameId, ok: jsonObject() });
const errorFrame = object({
  id: frameId,
  error: object({
    code: text({ max: 64, pattern: ERROR_CODE }),
    message: text({ max: MAX_WORDS }),
    hint: nullable(text({ max: MAX_WORDS })),
  }),
});
const eventFrame = object({ event: frameName, body: jsonObject() });

class ChannelPeer<T extends SideTypes> implements Peer<T> {
  readonly closed: Promise<void>;
  readonly #channel: ByteChannel;
  readonly #options: PeerOptions<T>;
  readonly #requests: ReadonlyMap<string, Served>;
  readonly #events: ReadonlyMap<string, Served>;
  readonly #answers: ReadonlyMap<string, Decoder<unknown>>;
  /** Ids that the other end has open with us, until their answer is handed to the channel. */
  readonly #serving = new Set<number>();
  readonly #asking = new Map<number, Asked>();
  #nextId = 1;
  readonly #outbox: Outbox;
  #ended = false;
  readonly #resolveClosed: () => void;

  constructor(channel: ByteChannel, options: PeerOptions<T>) {
    const { side } = options;
    this.#channel = channel;
    this.#options = options;
    this.#requests = pair(side.serves, options.requests);
    this.#events = pair(side.hears, options.events);
    this.#answers = new Map(Object.entries<Decoder<unknown>>(side.asks));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    const reader = new FrameReader(side.maxFrame);
    channel.onClose(() => this.#end());
    this.#outbox = new Outbox(channel, 4 * side.maxFrame);
    channel.onData((chunk) => this.#read(reader, chunk));
  }

  request<Name extends keyof T["asks"] & string>(
    name: Name,
    body: BodyOf<T["asks"][Name]>,
  ): Promise<AnswerOf<T["asks"][Name]>> {
    const { promise, resolve, reject } = Promise.withResolvers<AnswerOf<T["asks"][Name]>>();
    const refuse = (code: LocalErrorCode, why: string): void => {
      reject(new RpcError(code, `Cannot ask for ${quote(name)}: ${why}`));
    };
    const id = this.#nextId;
    const frame = this.#encode({ id, request: name, body: asJson(body) });
    if (this.#ended) refuse("peer-closed", "the channel is closed");
    else if (this.#asking.size >= MAX_OPEN) refuse("peer-busy", `${MAX_OPEN} requests are open`);
    else if (frame instanceof FrameFault) refuse("request-refused", frame.message);
    else {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- decoded by the table's decoder for this name
      this.#asking.set(id, { name, resolve: (answer) => resolve(answer as AnswerOf<T["asks"][Name]>), reject });
      this.#nextId += 1;
      if (!this.#outbox.send(frame, nothing)) {
        this.#asking.delete(id);
        refuse("peer-congested", "the other end does not read");
      }
    }
    return promise;
  }

  event<Name extends keyof T["says"] & string>(name: Name, body: T["says"][Name]): boolean {
    if (this.#ended) return false;
    const frame = this.#encode({ event: name, body: asJson(body) });
    if (frame instanceof FrameFault) throw frame;
    this.#send(frame);
    return !this.#outbox.blocked && !this.#ended;
  }

  drained(): Promise<void> {
    return this.#outbox.drained();
  }

  close(): void {
    this.#end();
  }

  #read(reader: FrameReader, chunk: Uint8Array): void {
    if (this.#ended) return;
    try {
      reader.push(chunk, (frame) => this.#receive(frame));
    } catch (error) {
      if (!(error instanceof FrameFault)) throw error;
      this.#fault(error.code, error.message);
    }
  }

  /** One frame. After a fault the rest of the chunk is still cut up, but nothing of it counts. */
  #receive(frame: JsonObject): void {
    if (this.#ended) return;
    if (Object.hasOwn(frame, "request")) this.#take(requestFrame, frame, (request) => this.#serve(request));
    else if (Object.hasOwn(frame, "event")) this.#take(eventFrame, frame, (event) => this.#hear(event));
    else if (Object.hasOwn(frame, "ok")) {
      this.#take(okFrame, frame, (answer) => this.#settle(answer.id, (asked) => this.#resolve(asked, answer.ok)));
    } else {
      this.#take(errorFrame, frame, ({ id, error }) =>
        this.#settle(id, (asked) =>
          asked.reject(new RpcError(error.code, error.message, { hint: error.hint, remote: true })),
        ),
      );
    }
  }

  #take<Frame>(decoder: Decoder<Frame>, frame: JsonObject, use: (frame: Frame) => void): void {
    const read = decode(decoder, frame);
    if (read.kind === "ok") use(read.value);
    else this.#fault("unknown-frame", `a frame is not of the four shapes: ${read.path} ${read.message}`);
  }

  #serve(request: { readonly id: number; readonly request: string; readonly body: JsonObject }): void {
    const served = this.#requests.get(request.request);
    if (served === undefined) {
      return this.#fault("unknown-request", `${quote(request.request)} is not a request of this peer`);
    }
    if (this.#serving.has(request.id)) return this.#fault("duplicate-id", `id ${request.id} is open already`);
    if (this.#serving.size >= MAX_OPEN) return this.#fault("too-many-open", `more than ${MAX_OPEN} requests are open`);
    const body = decode(served.decoder, request.body);
    if (body.kind === "refused") {
      return this.#fault("malformed-body", `the body of ${request.request} at ${quote(body.path)}: ${body.message}`);
    }
    this.#serving.add(request.id);
    void this.#answer(request, () => served.handle(body.value));
  }

  /** Runs a handler and answers. Never rejects. */
  async #answer(request: { readonly id: number; readonly request: string }, run: () => unknown): Promise<void> {
    let frame: Uint8Array;
    try {
      frame = encodeFrame({ id: request.id, ok: asJson(await run()) }, this.#options.side.maxFrame);
    } catch (error) {
      const known = errorFor(error);
      if (known.code === "internal") this.#options.onError(error, request.request);
      frame = encodeFrame({
        id: request.id,
        error: { code: known.code, message: cut(known.message), hint: hintOf(known) },
      });
    }
    this.#send(frame, () => this.#serving.delete(request.id));
  }

  #hear(event: { readonly event: string; readonly body: JsonObject }): void {
    const heard = this.#events.get(event.event);
    if (heard === undefined) return this.#fault("unknown-event", `${quote(event.event)} is not an event of this peer`);
    const body = decode(heard.decoder, event.body);
    if (body.kind === "refused") {
      return this.#fault("malformed-body", `the body of ${event.event} at ${quote(body.path)}: ${body.message}`);
    }
    try {
      heard.handle(body.value);
    } catch (error) {
      this.#options.onError(error, event.event);
    }
  }

  #settle(answerId: number, use: (asked: Asked) => void): void {
    const asked = this.#asking.get(answerId);
    if (asked === undefined) return this.#fault("unknown-answer", `no request with id ${answerId} is open`);
    this.#asking.delete(answerId);
    use(asked);
  }

  #resolve(asked: Asked, ok: JsonObject): void {
    const decoder = this.#answers.get(asked.name);
    // Only names of this table were ever asked for.
    if (decoder === undefined) throw new TypeError(`no decoder for the answer to ${asked.name}`);
    const answer = decode(decoder, ok);
    if (answer.kind === "ok") return asked.resolve(answer.value);
    this.#fault("malformed-answer", `the answer to ${asked.name} at ${quote(answer.path)}: ${answer.message}`);
    asked.reject(closedError(asked.name));
  }

  #encode(frame: JsonObject): Uint8Array | FrameFault {
    try {
      return encodeFrame(frame, this.#options.side.maxFrame);
    } catch (error) {
      if (error instanceof FrameFault) return error;
      throw error;
    }
  }

  #send(frame: Uint8Array, sent: () => void = nothing): void {
    if (!this.#outbox.send(frame, sent)) this.#fault("not-reading", "it does not read what it is sent");
  }

  #fault(code: PeerFaultCode, message: string): void {
    if (this.#ended) return;
    this.#end();
    this.#options.onFault({ code, message });
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#outbox.end();
    this.#channel.destroy();
    for (const asked of this.#asking.values()) asked.reject(closedError(asked.name));
    this.#asking.clear();
    this.#resolveClosed();
  }
}

function nothing(): void {}

function closedError(name: string): RpcError {
  return new RpcError("peer-closed", `There is no answer to ${quote(name)}: the channel closed`);
}

/**
 * What the asker is told when a handler failed. Only an RpcError that the handler made is passed on: one that came from
 * yet another peer carries that peer's words, which were not meant for this one.
 */
function errorFor(error: unknown): RpcError {
  if (error instanceof RpcError && !error.remote) return error;
  if (error instanceof FrameFault) return new RpcError("answer-refused", `The answer cannot be sent: ${error.message}`);
  return new RpcError("internal", "The request failed; the fault is not yours and was noted");
}

function hintOf(error: RpcError): string | null {
  return error.hint === null ? null : cut(error.hint);
}

function cut(words: string): string {
  return words.toWellFormed().slice(0, MAX_WORDS).toWellFormed();
}

/** Every name of a table with its decoder and its handler. */
function pair(table: object, handlers: object): Map<string, Served> {
  const found = new Map<string, Served["handle"]>(Object.entries(handlers));
  return new Map(
    Object.entries<Decoder<unknown>>({ ...table }).map(([known, decoder]) => {
      const handle = found.get(known);
      if (handle === undefined) throw new TypeError(`no handler for ${known}`);
      return [known, { decoder, handle }];
    }),
  );
}
