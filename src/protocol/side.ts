import type { Decoder } from "./decode.ts";

/** What one end of a channel may do, as types: requests it serves and asks, events it hears and says. */
export interface SideTypes {
  readonly serves: RequestShapes;
  readonly hears: object;
  readonly asks: RequestShapes;
  readonly says: object;
}
/** By name, `{ body, ok }`; the interfaces of `requests.ts` have this shape. */
export type RequestShapes = object;

export type BodyOf<Shape> = Shape extends { readonly body: infer Body } ? Body : never;
export type AnswerOf<Shape> = Shape extends { readonly ok: infer Answer } ? Answer : never;

/** The decoder of the body of every request. */
export type BodyTable<Shapes> = { readonly [Name in keyof Shapes]: Decoder<BodyOf<Shapes[Name]>> };
/** The decoder of the answer to every request. */
export type AnswerTable<Shapes> = { readonly [Name in keyof Shapes]: Decoder<AnswerOf<Shapes[Name]>> };
/** The decoder of every event. */
export type EventTable<Events> = { readonly [Name in keyof Events]: Decoder<Events[Name]> };

/**
 * One end of a channel: everything that may be said on it, and nothing else may. Static; each kind of channel has a table,
 * in a file of its own, with one for each of its ends.
 */
export interface Side<T extends SideTypes> {
  readonly serves: BodyTable<T["serves"]>;
  readonly hears: EventTable<T["hears"]>;
  readonly asks: AnswerTable<T["asks"]>;
  /** Not decoded here but at the other end; listed so that both ends of a channel can be compared. */
  readonly says: EventTable<T["says"]>;
  /** Bytes of the body of a frame, both ways. */
  readonly maxFrame: number;
}
