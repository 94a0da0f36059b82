import type { HeldState } from "./state.ts";

/**
 * What is held, by request, in the order in which it was. Found by the digest of its action and counted by instance as well,
 * so that what an action costs does not grow with what waits: ten thousand may.
 */
export class HeldSet extends Map<string, HeldState> {
  readonly #requests = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  override set(request: string, held: HeldState): this {
    this.delete(request);
    this.#requests.set(held.digest, request);
    this.#counts.set(held.instance, this.countOf(held.instance) + 1);
    return super.set(request, held);
  }

  override delete(request: string): boolean {
    const held = this.get(request);
    if (held === undefined) return false;
    this.#requests.delete(held.digest);
    const left = this.countOf(held.instance) - 1;
    if (left === 0) this.#counts.delete(held.instance);
    else this.#counts.set(held.instance, left);
    return super.delete(request);
  }

  override clear(): void {
    this.#requests.clear();
    this.#counts.clear();
    super.clear();
  }

  /** The one with this action, by the digest of its canonical bytes. */
  ofAction(digest: string): HeldState | undefined {
    return this.get(this.#requests.get(digest) ?? "");
  }

  /** How many an instance has. */
  countOf(instance: string): number {
    return this.#counts.get(instance) ?? 0;
  }
}
