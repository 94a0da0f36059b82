import type { JsonObject } from "../kernel/json.ts";
import type { SecondNeed } from "../protocol/second-screen.ts";
import type { Statement } from "../protocol/statement.ts";
import type { Rendered } from "../showing/render-action.ts";
import type { Digest, Draft } from "../showing/statement-code.ts";
import { digestOf } from "./sha256.ts";

/** One thing to sign. What is shown and what is signed come from the same answer. */
export interface Paper {
  readonly shown: Rendered;
  /** What lists call it, for one that cannot be shown. */
  readonly brief: HTMLElement | null;
  readonly document: JsonObject;
  readonly draft: Draft;
  /** What can be decided, and the words for it on the button and afterwards: of what cannot be shown, at most a no. */
  readonly answers: readonly (readonly [Statement["decision"], words: string, done: string])[];
  /** What a yes takes besides a passkey. */
  readonly second: SecondNeed;
  /** The command that shows the same at a terminal, and tells the code of a second screen. */
  readonly told: string;
  /** Where a terminal has the same. */
  readonly elsewhere: string;
  /** What else can be done with it. */
  readonly more: HTMLElement | null;
}

/** A browser makes digests in its own time: of all texts of which there will be any, beforehand. */
export async function digestsOf(...texts: readonly string[]): Promise<Digest> {
  const digests = new Map(await Promise.all(texts.map(async (text) => [text, await digestOf(text)] as const)));
  return (text) => digests.get(text) ?? "";
}
