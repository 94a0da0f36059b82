import type { Label, Risk } from "../kernel/grant.ts";
import type { Statement } from "./statement.ts";

/** A held action as lists show it. */
export interface HeldView {
  readonly request: string;
  readonly instance: string;
  readonly agent: string;
  readonly what: string;
  readonly reasons: readonly string[];
  readonly since: number;
  readonly expires: number;
  /** Of the canonical bytes of the action: what records name it by. */
  readonly digest: string;
  /** Digest of what it asks for, whoever asks and when: equal for equal requests of an agent. */
  readonly same: string;
  /** Digest of its shape: equal for requests to the same tool with arguments of the same kinds. */
  readonly shape: string;
}

/** How often something was asked of people before, and what they said. */
export interface AskedBefore {
  readonly same: { readonly asked: number; readonly allowed: number; readonly denied: number };
  readonly shape: { readonly asked: number; readonly allowed: number; readonly denied: number };
}

/** All there is to know about a held action; the human decides on this. */
export interface HeldDetail extends HeldView {
  /** Canonical bytes as text; what is shown is parsed from exactly this. */
  readonly action: string;
  readonly risk: Risk;
  readonly labels: readonly Label[];
  readonly pin: string;
  readonly unendorsed: readonly string[];
  /** Where each string or number in the arguments was seen before, by JSON pointer. */
  readonly provenance: readonly { readonly pointer: string; readonly from: readonly string[] }[];
  readonly before: AskedBefore;
  readonly statement: Omit<Statement, "key" | "decision">;
}
