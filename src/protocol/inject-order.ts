import { decodeBinding, type Binding } from "../kernel/secrets.ts";
import { secretProblem } from "./commitment.ts";
import { list, object, text, type Decoder } from "./decode.ts";
import { empty, nonce } from "./fields.ts";
import { MAX_FRAME } from "./frame.ts";
import { BROKER_ANSWERS, BROKER_TABLE, type BrokerRequests } from "./net-order.ts";
import type { AnswerTable, BodyTable, Side } from "./side.ts";

/** What an injector is born with: one value, what stands for it in an order, and the one destination that it serves. */
export interface Arming {
  readonly binding: Binding;
  readonly placeholder: string;
  readonly value: string;
  /** What is taken out of answers besides: the refresh token of a login. */
  readonly others: readonly string[];
}

/** Requests that the monitor sends to an injector: those of a broker, after it was armed once. */
export interface InjectorRequests extends BrokerRequests {
  arm: { body: Arming; ok: Record<string, never> };
}

/** What an injector asks of the monitor. */
export interface InjectorQuestions {
  /**
   * The destination of this exchange did not take the value (401). Asked before the agent hears of it, and answered when the
   * monitor knows: the agent's next request does not carry the same value.
   */
  refused: { body: { readonly ticket: string }; ok: Record<string, never> };
}

const BINDING: Decoder<Binding> = (value, refusal) => {
  const decoded = decodeBinding(value);
  return decoded.kind === "ok" ? decoded.value : refusal.because(`is no binding: ${decoded.message}`);
};

/** Of a value that does not fit nothing is said but how. */
const VALUE: Decoder<string> = (value, refusal) => {
  if (typeof value !== "string") return refusal.because("expected the value of a secret");
  const problem = secretProblem(value);
  return problem === null ? value : refusal.because(problem);
};

const INJECTOR_TABLE: BodyTable<InjectorRequests> = {
  ...BROKER_TABLE,
  arm: object<Arming>({
    binding: BINDING,
    placeholder: text({ max: 96, pattern: /^aios-secret-[a-z][a-z0-9-]{0,30}-[0-9a-f]{32}$/ }),
    value: VALUE,
    others: list(VALUE, { max: 1 }),
  }),
};
const INJECTOR_ANSWERS: AnswerTable<InjectorRequests> = { ...BROKER_ANSWERS, arm: empty };
const QUESTION_TABLE: BodyTable<InjectorQuestions> = { refused: object<{ ticket: string }>({ ticket: nonce }) };
const QUESTION_ANSWERS: AnswerTable<InjectorQuestions> = { refused: empty };

/** No requests, or no events. */
type None = object;

/** The monitor's end of an injector's channel: an injector asks one thing, and says nothing unasked. */
export const MONITOR_INJECTOR: Side<{ serves: InjectorQuestions; hears: None; asks: InjectorRequests; says: None }> = {
  serves: QUESTION_TABLE,
  hears: {},
  asks: INJECTOR_ANSWERS,
  says: {},
  maxFrame: MAX_FRAME,
};

/** An injector's end. */
export const INJECTOR_SIDE: Side<{ serves: InjectorRequests; hears: None; asks: InjectorQuestions; says: None }> = {
  serves: INJECTOR_TABLE,
  hears: {},
  asks: QUESTION_ANSWERS,
  says: {},
  maxFrame: MAX_FRAME,
};
