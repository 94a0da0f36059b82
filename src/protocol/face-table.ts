import { FORMATS } from "../kernel/infer.ts";
import {
  boolean,
  integer,
  jsonObject,
  list,
  literal,
  nullable,
  object,
  oneOf,
  text,
  union,
  type Decoder,
} from "./decode.ts";
import { count, driverName, empty, nonce, providerName, reasonCode, stage, words } from "./fields.ts";
import { MAX_FRAME } from "./frame.ts";
import { GRANT_PROPOSAL } from "./grant-parts.ts";
import { OFFER_BOUNDS, OFFERED } from "./offer.ts";
import { PROGRESS } from "./progress.ts";
import { PROPOSAL_FIELDS } from "./proposal.ts";
import type { FaceEvents, FaceRequests, Outcome, Visible } from "./requests.ts";
import type { AnswerTable, BodyTable, EventTable, Side } from "./side.ts";

// The static request table of the monitor (docs/formats/request-table.md), the part of a face: what it may say and what is said
// to it, with the strict decoder of every body. Nothing is added at run time. A side has a file of its own, so that nobody
// loads what another is told.

/** Names an open action between a face, the monitor and a driver. */
const token = count;

/** Requests that a face may send. */
export const FACE_TABLE: BodyTable<FaceRequests> = {
  ready: empty,
  list: empty,
  propose: object<FaceRequests["propose"]["body"]>(
    { ...PROPOSAL_FIELDS, token, waits: boolean() },
    { defaults: { waits: false } },
  ),
  cancel: object<FaceRequests["cancel"]["body"]>({ token }),
  route: object<FaceRequests["route"]["body"]>({
    host: text({ min: 1, max: 253, pattern: /^[!-~]+$/ }),
    port: integer({ min: 1, max: 65_535 }),
  }),
  models: empty,
  refused: object<FaceRequests["refused"]["body"]>({
    what: text({ min: 1, max: 256, pattern: /^[ -~]+$/ }),
    hosts: list(text({ min: 1, max: 256, pattern: /^[ -~]+$/ }), { max: 4 }),
  }),
  method: object<FaceRequests["method"]["body"]>({ method: words }),
};

/** One driver offers at most `OFFER_BOUNDS`, and an instance has at most 32 drivers. */
const DRIVERS = 32;

const VISIBLE: Decoder<Visible> = object<Visible>({
  tools: list(object<Visible["tools"][number]>({ ...OFFERED.tool, driver: driverName }), {
    max: DRIVERS * OFFER_BOUNDS.tools,
    // A driver's name has no underscore, so no two pairs make one text.
    unique: (tool) => `${tool.driver}__${tool.name}`,
  }),
  resources: list(object<Visible["resources"][number]>({ ...OFFERED.resource, driver: driverName }), {
    max: DRIVERS * OFFER_BOUNDS.resources,
  }),
  resourceTemplates: list(object<Visible["resourceTemplates"][number]>({ ...OFFERED.template, driver: driverName }), {
    max: DRIVERS * OFFER_BOUNDS.resources,
  }),
  prompts: list(object<Visible["prompts"][number]>({ ...OFFERED.prompt, driver: driverName }), {
    max: DRIVERS * OFFER_BOUNDS.prompts,
  }),
});

const OUTCOME: Decoder<Outcome> = union<Outcome, "kind">("kind", {
  done: object<Extract<Outcome, { kind: "done" }>>({ kind: literal("done"), result: jsonObject() }),
  stopped: object<Extract<Outcome, { kind: "stopped" }>>({
    kind: literal("stopped"),
    stage,
    code: reasonCode,
    message: text({ max: 65_536 }),
    proposal: nullable(GRANT_PROPOSAL),
  }),
});

/** Answers of the monitor to a face. */
export const FACE_ANSWERS: AnswerTable<FaceRequests> = {
  ready: empty,
  list: VISIBLE,
  propose: OUTCOME,
  cancel: empty,
  route: object<FaceRequests["route"]["ok"]>({ route: oneOf(["terminate", "pass", "none"]) }),
  models: object<FaceRequests["models"]["ok"]>({
    models: list(
      object<FaceRequests["models"]["ok"]["models"][number]>({
        provider: providerName,
        format: oneOf(FORMATS),
        model: text({ min: 1, max: 128, pattern: /^[!-~]+$/ }),
      }),
      { max: 4096 },
    ),
  }),
  refused: empty,
  method: empty,
};

/** Events from the monitor to a face. */
export const FACE_EVENTS: EventTable<FaceEvents> = {
  progress: PROGRESS,
  held: object<FaceEvents["held"]>({ token }),
  granted: object<FaceEvents["granted"]>({ token, ticket: nonce, via: integer({ min: 0, max: 16 }) }),
  changed: empty,
};

/** No requests, or no events. */
type None = object;

/** The monitor's end of a face's channel. */
export const MONITOR_FACE: Side<{ serves: FaceRequests; hears: None; asks: None; says: FaceEvents }> = {
  serves: FACE_TABLE,
  hears: {},
  asks: {},
  says: FACE_EVENTS,
  maxFrame: MAX_FRAME,
};

/** A face's end. */
export const FACE_SIDE: Side<{ serves: None; hears: FaceEvents; asks: FaceRequests; says: None }> = {
  serves: {},
  hears: FACE_EVENTS,
  asks: FACE_ANSWERS,
  says: {},
  maxFrame: MAX_FRAME,
};
