import type { AuthorizationAnswer, StatefulAuthorizationCall } from "@cedar-policy/cedar-wasm/nodejs";
import type { Cedar } from "./cedar.ts";
import { PolicyFault } from "./policy-fault.ts";

/** Bounds of a pool. */
export interface SlotBounds {
  /** Most rule sets kept parsed. */
  readonly slots: number;
  /** Most UTF-16 units of rule text kept parsed, all sets together; the largest single set may exceed it alone. */
  readonly text: number;
}

interface Slot<T> {
  readonly id: string;
  readonly value: T;
  readonly size: number;
}

/*
 * Cedar keeps parsed rule sets in one table of its wasm memory, by name, and has no way to remove one. Names are therefore
 * used again: a set that is no longer needed is overwritten, and what Cedar holds stays bounded. The table is shared by
 * the whole process, so every pool takes names that no other pool has: one that wrote over another's rules would decide
 * by the wrong ones.
 */
let pools = 0;

/** Parsed rule sets in Cedar's memory, the least recently used given up first. Holds a value of the caller with each. */
export class SlotPool<T> {
  readonly #cedar: Cedar;
  readonly #bounds: SlotBounds;
  readonly #prefix: string;
  /** Oldest use first. */
  readonly #slots = new Map<string, Slot<T>>();
  readonly #free: string[] = [];
  #named = 0;
  #text = 0;
  #spaces = 0;

  constructor(cedar: Cedar, bounds: SlotBounds) {
    this.#cedar = cedar;
    this.#bounds = bounds;
    pools += 1;
    this.#prefix = `pool${pools}-`;
  }

  /** The beginning of keys that nobody else uses, for one of several users of the pool. */
  newKeySpace(): string {
    this.#spaces += 1;
    return `space${this.#spaces}`;
  }

  /** What was put under a key, if it is still there. */
  find(key: string): T | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    this.#slots.delete(key);
    this.#slots.set(key, slot);
    return slot.value;
  }

  /** Parses rules and keeps them under a key. Throws PolicyFault `bad-slice` when Cedar refuses them. */
  put(key: string, entry: { readonly text: string; readonly value: T }): void {
    const { text, value } = entry;
    this.#release(key);
    while (
      this.#slots.size > 0 &&
      (this.#slots.size >= this.#bounds.slots || this.#text + text.length > this.#bounds.text)
    ) {
      const [oldest] = this.#slots.keys();
      if (oldest !== undefined) this.#release(oldest);
    }
    const id = this.#free.pop() ?? this.#newName();
    const answer = this.#cedar.preparsePolicySet(id, { staticPolicies: text });
    if (answer.type === "failure") {
      this.#free.push(id);
      throw new PolicyFault("bad-slice", `Cannot prepare rules: ${answer.errors[0]?.message ?? "Cedar refused them"}`);
    }
    this.#slots.set(key, { id, value, size: text.length });
    this.#text += text.length;
  }

  /** Asks Cedar with the rules under a key, which must have been put. */
  authorize(key: string, call: Omit<StatefulAuthorizationCall, "preparsedPolicySetId">): AuthorizationAnswer {
    const slot = this.#slots.get(key);
    if (slot === undefined) throw new PolicyFault("bad-slice", "Cannot decide: the rules are not prepared");
    return this.#cedar.statefulIsAuthorized({ ...call, preparsedPolicySetId: slot.id });
  }

  /** Empties the slot in Cedar's memory too when its text was large, so that a few big sets do not stay behind. */
  #release(key: string): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#slots.delete(key);
    this.#text -= slot.size;
    this.#free.push(slot.id);
    if (slot.size > LARGE) this.#cedar.preparsePolicySet(slot.id, { staticPolicies: "" });
  }

  #newName(): string {
    this.#named += 1;
    return `${this.#prefix}${this.#named}`;
  }
}

/** UTF-16 units from which a set that was given up is worth a call to Cedar. */
const LARGE = 65_536;
