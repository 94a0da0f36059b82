import { type Allow, allowParts, type AllowParts, type Grant } from "../../kernel/grant.ts";
import { PROMPT, READ, UNCLASSIFIED } from "../../kernel/risk.ts";
import { actionId, toolActionId } from "./action-ids.ts";
import { type ActionShape, shapeOf } from "./field-types.ts";

/** One allow of one grant, for one agent. */
export interface PermitSource {
  readonly grant: Grant;
  /** Position in `grant.allow`. */
  readonly index: number;
  readonly allow: Allow;
  readonly target: AllowParts;
}

const NONE: readonly PermitSource[] = Object.freeze([]);

/** The grants, found by agent and action without looking at the others. */
export class GrantIndex {
  readonly #grants = new Map<string, Grant>();
  readonly #permits = new Map<string, readonly PermitSource[]>();
  readonly #shapes = new Map<string, Map<string, { readonly shape: ActionShape; count: number }>>();
  readonly #drivers = new Map<string, number>();

  /** Makes `grants` the whole content, touching only what differs. */
  replace(grants: ReadonlyMap<string, Grant>): void {
    for (const [id, grant] of this.#grants) {
      if (grants.get(id) !== grant) this.remove(id);
    }
    for (const grant of grants.values()) this.add(grant);
  }

  add(grant: Grant): void {
    if (this.#grants.get(grant.id) === grant) return;
    this.remove(grant.id);
    this.#grants.set(grant.id, grant);
    for (const [key, sources] of sourcesByKey(grant)) {
      this.#permits.set(key, [...(this.#permits.get(key) ?? NONE), ...sources]);
    }
    this.#count(grant, 1);
  }

  remove(id: string): void {
    const grant = this.#grants.get(id);
    if (grant === undefined) return;
    this.#grants.delete(id);
    for (const key of sourcesByKey(grant).keys()) {
      const rest = (this.#permits.get(key) ?? NONE).filter((source) => source.grant !== grant);
      if (rest.length === 0) this.#permits.delete(key);
      else this.#permits.set(key, rest);
    }
    this.#count(grant, -1);
  }

  /** What an agent's grants say of an action. The same list object for as long as nothing in it changed. */
  permits(agent: string, action: string): readonly PermitSource[] {
    return this.#permits.get(permitKey(agent, action)) ?? NONE;
  }

  /** For each action that some grant classifies, the shapes it was signed with. */
  shapes(): ReadonlyMap<string, readonly ActionShape[]> {
    return new Map([...this.#shapes].map(([id, shapes]) => [id, [...shapes.values()].map(({ shape }) => shape)]));
  }

  drivers(): readonly string[] {
    return [...this.#drivers.keys()];
  }

  /** Counts what a grant signs for in or out, so that a schema costs as much as there are tools, not grants. */
  #count(grant: Grant, by: 1 | -1): void {
    for (const [id, shape] of signedShapes(grant)) {
      const shapes = this.#shapes.get(id) ?? new Map<string, { readonly shape: ActionShape; count: number }>();
      const entry = shapes.get(shape.key) ?? { shape, count: 0 };
      entry.count += by;
      if (entry.count > 0) shapes.set(shape.key, entry);
      else shapes.delete(shape.key);
      if (shapes.size > 0) this.#shapes.set(id, shapes);
      else this.#shapes.delete(id);
    }
    for (const driver of Object.keys(grant.drivers)) {
      const count = (this.#drivers.get(driver) ?? 0) + by;
      if (count > 0) this.#drivers.set(driver, count);
      else this.#drivers.delete(driver);
    }
  }
}

function permitKey(agent: string, action: string): string {
  return `${agent}\n${action}`;
}

function sourcesByKey(grant: Grant): ReadonlyMap<string, readonly PermitSource[]> {
  const sources = new Map<string, PermitSource[]>();
  for (const [index, allow] of grant.allow.entries()) {
    const target = allowParts(allow.what);
    if (target === null) continue;
    for (const agent of new Set(grant.agents)) {
      const key = permitKey(agent, actionId(target));
      const source = { grant, index, allow, target };
      const found = sources.get(key);
      if (found === undefined) sources.set(key, [source]);
      else found.push(source);
    }
  }
  return sources;
}

/** The actions that a grant's drivers have: every classified tool, the tools it allows unclassified, reads and prompts. */
function signedShapes(grant: Grant): ReadonlyMap<string, ActionShape> {
  const shapes = new Map<string, ActionShape>();
  for (const { what } of grant.allow) {
    const target = allowParts(what);
    if (target?.verb !== "call" || !Object.hasOwn(grant.drivers, target.driver)) continue;
    shapes.set(actionId(target), shapeOf("call", UNCLASSIFIED));
  }
  for (const [driver, { tools }] of Object.entries(grant.drivers)) {
    for (const [tool, toolClass] of Object.entries(tools)) {
      if (tool.isWellFormed()) shapes.set(toolActionId(driver, tool), shapeOf("call", toolClass));
    }
    shapes.set(actionId({ verb: "read", driver, name: "" }), shapeOf("read", READ));
    shapes.set(actionId({ verb: "prompt", driver, name: "" }), shapeOf("prompt", PROMPT));
  }
  return shapes;
}
