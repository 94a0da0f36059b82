import type { NET_ENDS } from "../../protocol/net-order.ts";

type End = (typeof NET_ENDS)[number];
/** What may become of anything that is carried, whatever it is. */
type CommonFault = "ticket-expired" | "limit-bytes" | "cut";

/** How something that was carried ended. */
export interface Carried<Fault> {
  readonly end: End;
  readonly fault: Fault | null;
  readonly sent: number;
  readonly received: number;
}

/** One thing that is carried between a face and a server, from its order to its end: its bytes are counted and bounded. */
export class Exchange<Order, Fault extends string> {
  readonly order: Order;
  readonly ended: Promise<Carried<Fault | CommonFault>>;
  address: string | null = null;
  readonly #resolve: (result: Carried<Fault | CommonFault>) => void;
  readonly #onCut: (() => void)[] = [];
  readonly #most: number;
  #sent = 0;
  #received = 0;
  #over = false;

  constructor(order: Order, most: number | null) {
    this.order = order;
    this.#most = most ?? Infinity;
    const { promise, resolve } = Promise.withResolvers<Carried<Fault | CommonFault>>();
    this.ended = promise;
    this.#resolve = resolve;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Counts bytes on their way to the server. The exchange breaks off with the first that its grants do not cover. */
  send(bytes: number): void {
    this.#sent += bytes;
    this.#look();
  }

  /** The same for those that came from it. */
  receive(bytes: number): void {
    this.#received += bytes;
    this.#look();
  }

  #look(): void {
    if (!(this.#sent + this.#received <= this.#most)) this.breakOff("cut", "limit-bytes");
  }

  /** Registers what is to be destroyed when the exchange is cut; at once when it was already. */
  onCut(destroy: () => void): void {
    if (this.#over) destroy();
    else this.#onCut.push(destroy);
  }

  /** The end. What it used is left to end by itself. */
  finish(end: End, fault: Fault | CommonFault | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#resolve({ end, fault, sent: this.#sent, received: this.#received });
  }

  /** The end, at once: everything that it used is destroyed, and the face sees its stream break off. */
  breakOff(end: "failed" | "cut", fault: Fault | CommonFault): void {
    if (this.#over) return;
    this.finish(end, fault);
    for (const destroy of this.#onCut) destroy();
  }

  expire(): void {
    this.finish("failed", "ticket-expired");
  }

  cut(): void {
    this.breakOff("cut", "cut");
  }
}
