import { ARCHIVE_CODES, FETCH_CODES, READ_CODES } from "../protocol/extension-order.ts";
import type { ArchiveCode, FetchCode, ReadCode } from "../protocol/extension-order.ts";

/** Why the monitor refused a request of the command line. Closed; `docs/codes.md` lists them. */
export type RefusalCode =
  | "unknown-instance"
  | "unknown-grant"
  | "unknown-request"
  | "unknown-proposal"
  | "nothing-to-propose"
  | "wider"
  | "bad-request"
  | "bad-document"
  | "bad-statement"
  | "agent-tombstoned"
  | "all-frozen"
  | "away"
  | "frozen"
  | "workspace"
  | "streams"
  | "confinement"
  | "port-taken"
  | "code-changed"
  | "forward-clash"
  | "driver"
  | "shadowed-driver"
  | "grant-exists"
  | "policy"
  | "no-owner"
  | "owner-exists"
  | "last-administrator"
  | "bad-passkey"
  | "no-recovery"
  | "recovery-pending"
  | "clock-jumped"
  | "home-moved"
  | "home-busy"
  | "home-full"
  | "home-sealed"
  | "log-unavailable"
  | "unknown-secret"
  | "secret-exists"
  | "no-value"
  | "not-erasable"
  | "nothing-to-erase"
  | "secret-use"
  | "unknown-provider"
  | "older-version"
  | "memory"
  | "too-many"
  | "unknown-extension"
  | "extension-damaged"
  | "extension-quarantined"
  | "publisher-unknown"
  | "extension-failed"
  | ArchiveCode
  | FetchCode
  | ReadCode;

/** One sentence for each code. */
export const REFUSALS: { readonly [code in RefusalCode]: string } = {
  "unknown-instance": "there is no such instance, or it is not in the state that this needs",
  "unknown-grant": "there is no such grant, or it is revoked",
  "unknown-request": "no such action is held, or it is being settled already",
  "unknown-proposal": "no such grant is proposed, or it is another by now",
  "nothing-to-propose": "nothing of what was asked for can be proposed; the message says why",
  wider: "a proposed grant can only be made narrower",
  "bad-request": "the request makes no sense as it stands",
  "bad-document": "the document to sign is not of its purpose's shape",
  "bad-statement": "the signed statement does not hold; the message names the reason code",
  "agent-tombstoned": "an attempt to climb ended this agent; an owner must start it again",
  "all-frozen": "everything is frozen, so nothing starts or goes on until an owner thaws all",
  away: "somebody is away already, or nobody is",
  frozen: "what asks is frozen, so a yes to it is not taken until it is thawed; a no is",
  workspace: "the folder cannot be an agent's workspace",
  streams: "the terminal was not handed over",
  confinement: "the sandbox could not be made, so nothing started",
  "port-taken": "a port of this machine, where one of the agent's or the console is to be found, cannot be had",
  "code-changed": "the code of AIOS is not what it was when the monitor started",
  "forward-clash": "the grants of the agent, taken together, forward a port in a way that cannot be",
  driver: "a server could not be started or asked what it offers",
  "shadowed-driver": "another active grant declares this driver differently",
  "grant-exists": "the id of a grant is used once",
  policy: "the policy text is refused; the old one stays in force",
  "no-owner": "the home has no owner, or none with that key",
  "owner-exists": "the home has an owner already, or one of that name or key",
  "last-administrator": "nobody else could add and remove owners",
  "no-recovery": "recovery is off, no code is left, or no such recovery waits",
  "recovery-pending": "a recovery waits already",
  "bad-passkey": "a passkey cannot be offered or signed in with so; the message says why",
  "clock-jumped": "the clock jumped and no owner has yet said which time it is",
  "home-moved": "the home was moved while its monitor runs, so nothing starts",
  "home-busy": "another instance has the agent's home",
  "home-full": "the agent's home is over its budget or cannot be measured, so nothing starts in it",
  "home-sealed": "a sealed file of the agent's home is not as it was signed, so nothing starts",
  "log-unavailable": "the log cannot be written, so nothing that needs a record happens",
  "unknown-secret": "there is no such secret",
  "secret-exists": "a secret of this name is set already",
  "not-erasable": "the payload is part of what the monitor's state is made of, or its action is under way",
  "nothing-to-erase": "the record has no payload, or it was erased",
  "no-value": "the value that is committed to was not handed in, or too long ago",
  "secret-use": "a grant names a secret that is not set, or not bound to that destination",
  "unknown-provider": "there is no such provider",
  "older-version": "a snapshot of memory is not above the version that is there",
  memory: "memory gave no answer; the message says why",
  "too-many": "a bound on how many may be open at once is reached",
  "unknown-extension": "there is no such extension",
  "extension-damaged": "what lies in the store is not what was kept there",
  "extension-quarantined": "the extension is in quarantine: it is not added anew, not granted, and does not start",
  "publisher-unknown": "no publisher whom an owner admitted signed what is to run, and others do not run",
  "extension-failed": "what fetches, unpacks or reads it gave no answer, failed, or took too long",
  ...ARCHIVE_CODES,
  ...FETCH_CODES,
  ...READ_CODES,
};

/** A request that cannot be granted as it stands; nothing has changed. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  /** What to do next. */
  readonly hint: string;
  constructor(code: RefusalCode, message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** A statement that is not taken, and why. */
export class StatementRefusal extends Refusal {
  readonly reason: string;
  constructor(reason: string, message: string, hint?: string) {
    const next =
      reason === "wrong-role"
        ? "aios owners list shows who may."
        : "Ask for it again, look at what it says, and sign that.";
    super("bad-statement", `The statement is refused: ${message} (${reason}).`, hint ?? next);
    this.reason = reason;
  }
}
