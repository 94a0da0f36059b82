import { decodeGitCall, GIT_TOOL_NAMES, type GitCall } from "../kernel/git-ssh.ts";
import { decodeSshBinding, isSshKey, type SshBinding } from "../kernel/ssh-binding.ts";
import { jsonObject, nullable, object, oneOf, text, transform, type Decoder } from "./decode.ts";
import { count, empty, nonce } from "./fields.ts";
import { MAX_FRAME } from "./frame.ts";
import { NET_ENDS } from "./net-order.ts";
import type { AnswerTable, BodyTable, Side } from "./side.ts";

/** Why a session did not end well. */
export const GIT_FAULTS = [
  "ticket-expired",
  "name-unknown",
  "address-refused",
  "unreachable",
  "host-key-refused",
  "key-refused",
  "no-ssh",
  "not-bound",
  "refused-there",
  "broken-response",
  "limit-bytes",
  "cut",
] as const;
export type GitFault = (typeof GIT_FAULTS)[number];

/** One session as it is ordered: the action as it was decided, nothing besides. `most`: bytes both ways, null for no bound. */
export interface GitOrdered {
  readonly ticket: string;
  readonly call: GitCall;
  readonly most: number | null;
}

/** What is recorded of a session. */
export interface GitResult {
  readonly end: (typeof NET_ENDS)[number];
  readonly fault: GitFault | null;
  /** Bytes of git's protocol, as far as they were handed on. */
  readonly sent: number;
  readonly received: number;
  /** The address that was connected to. */
  readonly address: string | null;
}

/** What a courier works with: one key, and the one place that it serves. */
export interface GitArming {
  readonly binding: SshBinding;
  /** The private key: the base64 of its file. */
  readonly value: string;
}

/** Requests that the monitor sends to a courier. */
export interface CourierRequests {
  /** Before each session, since owners rotate keys and bind them anew. */
  arm: { body: GitArming; ok: Record<string, never> };
  /** Allows one session: whoever names the ticket on the face's channel within seconds gets it. Answers when it has ended. */
  session: { body: GitOrdered; ok: GitResult };
  cancel: { body: { readonly ticket: string }; ok: Record<string, never> };
  /** Ends all of them; answers when no `ssh` runs any more. What is ordered later is done as before. */
  cut: { body: Record<string, never>; ok: Record<string, never> };
}

const BINDING: Decoder<SshBinding> = (value, refusal) => {
  const decoded = decodeSshBinding(value);
  return decoded.kind === "ok" ? decoded.value : refusal.because(`is no binding: ${decoded.message}`);
};

/** Of a value that does not fit nothing is said but that. */
const KEY: Decoder<string> = (value, refusal) =>
  typeof value === "string" && isSshKey(value) ? value : refusal.because("is no private key without a passphrase");

/** A call is written as its tool and its arguments, and read by the kernel's own decoder. */
const CALL: Decoder<GitCall> = transform(jsonObject(), ({ tool, ...args }, refusal) => {
  const name = GIT_TOOL_NAMES.find((each) => each === tool);
  if (name === undefined) return refusal.because("is no tool of git over SSH");
  const decoded = decodeGitCall(name, args);
  return decoded.kind === "ok" ? decoded.value : refusal.because(`is no call: ${decoded.message}`);
});

const COURIER_TABLE: BodyTable<CourierRequests> = {
  arm: object<GitArming>({ binding: BINDING, value: KEY }),
  session: object<GitOrdered>({ ticket: nonce, call: CALL, most: nullable(count) }),
  cancel: object<CourierRequests["cancel"]["body"]>({ ticket: nonce }),
  cut: empty,
};

/** Answers of a courier: what it starts reads what servers send, so its words are checked like a stranger's. */
const COURIER_ANSWERS: AnswerTable<CourierRequests> = {
  arm: empty,
  session: object<GitResult>({
    end: oneOf(NET_ENDS),
    fault: nullable(oneOf(GIT_FAULTS)),
    sent: count,
    received: count,
    address: nullable(text({ max: 64, pattern: /^[0-9a-f:.]+$/ })),
  }),
  cancel: empty,
  cut: empty,
};

/** No requests, or no events. */
type None = object;

/** The monitor's end of a courier's channel: a courier asks nothing and says nothing unasked. */
export const MONITOR_COURIER: Side<{ serves: None; hears: None; asks: CourierRequests; says: None }> = {
  serves: {},
  hears: {},
  asks: COURIER_ANSWERS,
  says: {},
  maxFrame: MAX_FRAME,
};

/** A courier's end. */
export const COURIER_SIDE: Side<{ serves: CourierRequests; hears: None; asks: None; says: None }> = {
  serves: COURIER_TABLE,
  hears: {},
  asks: {},
  says: {},
  maxFrame: MAX_FRAME,
};
