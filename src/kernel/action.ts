import type { JsonObject } from "./json.ts";

/** What an agent may ask for. `call` runs a tool, `read` reads a resource by URI, `prompt` fetches a prompt. */
export type Verb = "call" | "read" | "prompt";

/**
 * A canonical request for one effect. Its bytes are the RFC 8785 encoding of exactly this object;
 * its digest is their SHA-256. See docs/formats/action.md.
 */
export interface Action {
  readonly v: 1;
  /** 32 lower-case hex digits, drawn by the monitor; makes two equal requests two actions. */
  readonly request: string;
  /** Agent name: `[a-z][a-z0-9-]{0,30}`. */
  readonly agent: string;
  /** Instance id: `i-` and 16 lower-case hex digits. */
  readonly instance: string;
  readonly verb: Verb;
  /** Driver name: `[a-z][a-z0-9-]{0,30}`. */
  readonly driver: string;
  /** Tool name, resource URI or prompt name: 1 to 256 printable ASCII characters. */
  readonly name: string;
  readonly arguments: JsonObject;
}

/** What a face hands in: the part of an action that the agent chooses. */
export interface Proposal {
  readonly verb: Verb;
  readonly driver: string;
  readonly name: string;
  readonly arguments: JsonObject;
}

/** SHA-256 of the UTF-8 bytes of a text, as `sha256:` and 64 lower-case hex digits. Passed in: the kernel has no crypto. */
export type Digest = (text: string) => string;
