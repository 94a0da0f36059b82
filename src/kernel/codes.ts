/** The six stages of the pipeline, in their only order. */
export const STAGES = ["decide", "select", "validate", "approve", "execute", "audit"] as const;
export type Stage = (typeof STAGES)[number];

/**
 * Why an action stopped: the closed catalogue of reason codes, each with the stage that gives it and one sentence.
 * `docs/codes.md` lists the same; a test compares them.
 */
export type ReasonCode =
  | "malformed"
  | "not-canonical"
  | "too-large"
  | "instance-stopped"
  | "clock-jumped"
  | "unknown-tool"
  | "shadowed-driver"
  | "pin-changed"
  | "quarantined"
  | "publisher-unknown"
  | "driver-unavailable"
  | "prohibited"
  | "control-verb"
  | "no-grant"
  | "forbidden"
  | "policy-error"
  | "ancestor-denied"
  | "secret-not-injected"
  | "unknown-provider"
  | "privacy-class"
  | "context-full"
  | "argument-type"
  | "limit-uses"
  | "limit-rate"
  | "limit-window"
  | "limit-bytes"
  | "limit-tokens"
  | "limit-cost"
  | "not-yet"
  | "expired"
  | "outside-hours"
  | "too-many-held"
  | "denied-by-owner"
  | "hold-expired"
  | "withdrawn"
  | "bad-signature"
  | "wrong-purpose"
  | "wrong-role"
  | "wrong-subject"
  | "stale-statement"
  | "replayed"
  | "moved"
  | "second-screen"
  | "revoked"
  | "log-unavailable"
  | "driver-failed"
  | "driver-timeout"
  | "result-too-large"
  | "login-expired"
  | "not-witnessed"
  | "outcome-unknown"
  | "breaker-open"
  | "held-flood"
  | "owner-away"
  | "prohibited-call"
  | "refused-calls"
  | "home-full"
  | "home-unmeasured";

/** One sentence for each code. */
export const REASONS: { readonly [code in ReasonCode]: string } = {
  // decide
  malformed: "the request is not one well-formed JSON object of the expected shape",
  "not-canonical": "a value has more than one reading (a path with dot segments, a name with look-alikes)",
  "too-large": "the request is over its size, depth or count bound",
  "instance-stopped": "the instance is frozen, ended or terminal",
  "clock-jumped": "the clock jumped and no owner has yet said which time it is",
  // select
  "unknown-tool": "no driver of this instance offers a tool of this name",
  "shadowed-driver": "two drivers claim the same name",
  "pin-changed": "the driver is not the one that the owner signed for",
  quarantined: "the driver is quarantined",
  "publisher-unknown": "no publisher whom an owner admitted signed the driver, and others do not run",
  "driver-unavailable": "the driver cannot be started in its confinement",
  // validate
  prohibited: "the constitution forbids this for good",
  "control-verb": "the call names a verb that changes authority; agents have none",
  "no-grant": "no grant allows this",
  forbidden: "a policy rule forbids this",
  "policy-error": "a policy rule could not be evaluated, which denies",
  "ancestor-denied": "an instance above this one may not do this",
  "secret-not-injected": "the request carries a placeholder where no secret is injected",
  "unknown-provider": "no provider of that name, format and model is registered",
  "privacy-class": "the provider may not see data of this class",
  "context-full": "the request holds more than the agent's context may; only an owner's signature raises that",
  "argument-type": "an argument is not of the type that the owner signed for",
  "limit-uses": "the grant has no uses left",
  "limit-rate": "the grant allows no more uses in this span of time",
  "limit-window": "the grant allows no more uses until its hours come again",
  "limit-bytes": "the grant allows no more bytes",
  "limit-tokens": "the grant allows no more tokens",
  "limit-cost": "the grant allows no more money",
  "not-yet": "the grant is not valid yet",
  expired: "the grant is past its end",
  "outside-hours": "it is none of the hours in which the grant is in force",
  "too-many-held": "too many actions of this instance wait for a human",
  // approve
  "denied-by-owner": "an owner said no",
  "hold-expired": "no owner answered in time",
  withdrawn: "the agent took the request back",
  "bad-signature": "the statement does not verify under an enrolled owner's key",
  "wrong-purpose": "the statement was signed for another purpose",
  "wrong-role": "the owner who signed may not sign for this",
  "wrong-subject": "the statement was signed over something else",
  "stale-statement": "the statement was made for another start, policy or nonce, or is past its end",
  replayed: "the statement was used before",
  moved: "something the approval depended on has changed since it was asked for",
  "second-screen": "an owner demands the code that a terminal tells, and the statement does not have it",
  revoked: "the grant was revoked while the action was under way",
  // execute
  "log-unavailable": "its record could not be written; nothing was done, unless the message says otherwise",
  "driver-failed": "the driver ended or broke its protocol",
  "driver-timeout": "the driver did not answer in time",
  "result-too-large": "the result is over its size bound",
  "not-witnessed": "too few witnesses cosigned its intent in time, and an owner demands that they do",
  "login-expired": "the login that the request carries is over and could not be renewed",
  "outcome-unknown": "the monitor stopped between intent and outcome",
  // breaker
  "breaker-open": "a run of denials froze the instance",
  "held-flood": "it asked people for more than they can read, which froze the instance",
  "owner-away": "a human is needed, and nobody is there to be asked until the owner is back",
  // sandbox
  "prohibited-call": "a program inside made a system call that no honest program makes",
  "refused-calls": "a run of refused system calls froze the instance",
  "home-full": "the agent's home is over its budget, which froze the instance",
  "home-unmeasured": "the agent's home could not be measured, which froze the instance",
};
