import { isObject, type JsonValue } from "../../kernel/json.ts";
import {
  decodeTelemetry,
  isTelemetryOn,
  NO_TELEMETRY,
  refuseTelemetry,
  type TelemetrySetting,
} from "../../protocol/telemetry-setting.ts";
import type { Rewound } from "../../protocol/telemetry-table.ts";
import type { CliRequests } from "../../protocol/requests.ts";
import { HOME, JSON_OUTPUT, type Command } from "../command.ts";
import { insistBelow, prose } from "../insist-below.ts";
import { withMonitor, writeJson } from "../connection.ts";
import { toDocument } from "../document.ts";
import { EXIT } from "../exit-codes.ts";
import { CliFailure } from "../failure.ts";
import { line, writeLines } from "../../showing/line.ts";
import type { Check } from "../powers.ts";
import { prepareAndSign } from "../sign.ts";
import { openSigningSession } from "../signing-session.ts";
import { makeVisible } from "../../showing/visible.ts";
import { MAXIMUM_YAML_BYTES } from "../yaml-bytes.ts";
import { readYaml } from "../yaml.ts";

type Standing = CliRequests["telemetry"]["ok"];

/** `aios telemetry use`: what of this home's log is shown to whom. */
export const telemetryUse: Command = {
  path: ["telemetry", "use"],
  summary: "say to whom the log is shown, and how; you sign it",
  positionals: [{ name: "FILE", required: true, help: "YAML: otlp, prometheus, siem, names, content, context" }],
  rest: null,
  flags: [HOME],
  details: [
    "A process of its own reads the records and delivers them, in order and at least once. Arguments and results stay here unless `content: scrubbed` says otherwise. The file replaces what was in force; with otlp, prometheus and siem empty nothing is shown. See docs/telemetry.md.",
  ],
  examples: ["telemetry use telemetry.yaml"],
  async run(powers, args) {
    const path = args.required("FILE");
    const decoded = decodeTelemetry(fillSiem(readYaml(await powers.files.read(path, MAXIMUM_YAML_BYTES), path)));
    if (decoded.kind === "refused") {
      const why = `${decoded.path || "/"} ${decoded.message}`;
      throw CliFailure.of("bad-telemetry", `Cannot use ${path}: ${why}`, "see docs/telemetry.md");
    }
    const setting = decoded.value;
    const never = refuseTelemetry(setting);
    if (never !== null) throw CliFailure.of("bad-telemetry", `Cannot use ${path}: ${never}`, "see docs/telemetry.md");
    return await withMonitor({ powers, args }, async (client, home) => {
      const asked = { purpose: "set-telemetry", document: toDocument(setting) } as const;
      await client.request("prepare", asked);
      const session = await insistBelow(
        { powers, session: openSigningSession(powers, { home, keep: "once" }) },
        { lines: prose(describe(setting)), question: "Use this setting?", screen: powers.err },
      );
      const seq = await prepareAndSign({ powers, client, session }, asked);
      writeLines(powers.out, [line(`telemetry is ${isTelemetryOn(setting) ? "on" : "off"} (record ${seq})`)]);
      return EXIT.ok;
    });
  },
};

/** People write `siem: null` as they do for the others; what is signed has one spelling of it. */
function fillSiem(value: JsonValue): JsonValue {
  return isObject(value) && value["siem"] === null ? { ...value, siem: { ...NO_TELEMETRY.siem } } : value;
}

/** `aios telemetry show`: how far each delivery has come. */
export const telemetryShow: Command = {
  path: ["telemetry", "show"],
  summary: "show how far the log was delivered",
  positionals: [],
  rest: null,
  flags: [JSON_OUTPUT, HOME],
  details: [
    "`behind` is how many records a receiver does not have yet; none is lost by waiting, since the log keeps them. Where the log is not the one that was delivered (its files were put back as they once were), that is said until an owner signs a setting again.",
  ],
  examples: ["telemetry show"],
  async run(powers, args) {
    return await withMonitor({ powers, args }, async (client) => {
      const standing = await client.request("telemetry", {});
      if (args.has("json")) writeJson(powers, { ...standing });
      else
        writeLines(
          powers.out,
          describeStanding(standing).map((words) => line(words)),
        );
      return EXIT.ok;
    });
  },
};

/** What `aios doctor` says of it; telemetry that is off is nothing to look at. */
export function checkTelemetry(standing: Standing): readonly Check[] {
  if (standing.missing !== null)
    return [{ name: "telemetry", state: "fault", found: describeStanding(standing).join("; "), hint: WENT_BACK }];
  if (!standing.on) return [];
  const words = describeStanding(standing);
  const found = words.join("; ");
  if (standing.deliveries.some(({ rewound }) => rewound !== null)) {
    return [{ name: "telemetry", state: "fault", found, hint: WENT_BACK }];
  }
  const well = standing.runs && standing.deliveries.every(({ fault, lost }) => fault === null && lost === 0);
  const hint = well ? null : "nothing waits for it and the log keeps the records; aios telemetry show says more";
  return [{ name: "telemetry", state: well ? "ok" : "note", found, hint }];
}

const WENT_BACK =
  "the log is not the one that was delivered: aios log verify --against a checkpoint or copy that you kept says more. Once you know why, sign the setting again: aios telemetry use";

function describeStanding({ missing, ...standing }: Standing): readonly string[] {
  const gone = `the setting that was signed as record ${missing} is not in the log any more: the log was put back to an older state (telemetry-missing)`;
  return [...(missing === null ? [] : [gone]), ...describeDeliveries(standing)];
}

function describeDeliveries({ on, runs, size, deliveries }: Omit<Standing, "missing">): readonly string[] {
  if (!on) return ["telemetry is off"];
  if (!runs) return ["telemetry does not run; it is tried again"];
  if (deliveries.length === 0) return ["telemetry has just begun"];
  return deliveries.map(({ name, next, fault, lost, rewound }) =>
    [
      `${name} ${Math.max(0, size - next)} behind`,
      ...(rewound === null ? [] : [describeRewound(rewound)]),
      ...(lost === 0 ? [] : [`${lost} lost`]),
      ...(fault === null ? [] : [makeVisible(fault)]),
    ].join(", "),
  );
}

function describeRewound({ at, from, to, size }: Rewound): string {
  const gone = from === to - 1 ? `record ${from}` : `records ${from} to ${to - 1}`;
  return `the log went back: ${gone} had been delivered and are not in it, nor perhaps some before them (found ${new Date(at).toISOString()}, at ${size} records)`;
}

function describe({ otlp, prometheus, siem, names, content, context }: TelemetrySetting): readonly string[] {
  const to = [
    ...(otlp === null ? [] : [`OpenTelemetry (${otlp.signals.join(", ")}) to ${makeVisible(otlp.to)}`]),
    ...(prometheus === null ? [] : [`metrics for Prometheus at http://127.0.0.1:${prometheus.port}/metrics`]),
    ...(siem.file === null ? [] : ["OCSF events into files of this home's folder telemetry/ocsf"]),
    ...(siem.to === null ? [] : [`OCSF events to ${makeVisible(siem.to)}`]),
  ];
  if (to.length === 0) return ["Nothing of the log is shown to anyone."];
  return [
    ...to,
    names === "shown"
      ? "Names of resources are shown: paths, addresses, URIs."
      : "Names of resources are shown as digests.",
    content === "scrubbed"
      ? "Arguments and results of actions go along, without the values of secrets."
      : "Arguments and results of actions stay here.",
    ...(context.length === 0 ? [] : [`Our trace context goes to ${context.join(", ")}.`]),
  ];
}
