import { encodeUtf8 } from "../../protocol/bytes.ts";
import type { ExtensionAsks } from "../../protocol/extension.ts";
import { SEVERITIES } from "../scan/finding.ts";
import { vetTree } from "../vet/vet.ts";
import { isGrave, VET_RULES } from "../vet/finding.ts";
import { OBEYED_PLACE } from "../vet/places.ts";
import type { VetTools } from "../vet/tree.ts";
import { GIVEN_HOST } from "./arguments.ts";
import type { Canary } from "./canaries.ts";
import { DETONATION_RULES, type DetonationFinding, type DetonationRule, type Moment } from "./finding.ts";
import { findMarkers } from "./markers.ts";
import type { Step } from "./steps.ts";

/** What was seen of an extension at work. */
export type Seen =
  | { readonly kind: "opened"; readonly file: string }
  | { readonly kind: "asked-name"; readonly name: string }
  | { readonly kind: "connected"; readonly host: string; readonly port: number }
  | { readonly kind: "sent"; readonly hosts: readonly string[]; readonly bytes: Uint8Array }
  /** To addresses that it did not connect to, so that neither they nor what was sent is known. */
  | { readonly kind: "sent-unseen"; readonly times: number }
  | { readonly kind: "fetched-run"; readonly how: string }
  | { readonly kind: "started"; readonly programs: readonly string[] }
  | { readonly kind: "refused"; readonly call: string; readonly program: string }
  | { readonly kind: "terminal"; readonly call: string; readonly program: string }
  /** `place` is a path inside; `bytes` null when it is gone or too large. */
  | {
      readonly kind: "file";
      readonly place: string;
      readonly change: "made" | "changed" | "removed";
      readonly bytes: Uint8Array | null;
    }
  /** Words of it: an answer, an offer, what it printed. `forAgent`: an agent would read them. */
  | { readonly kind: "said"; readonly what: string; readonly text: string; readonly forAgent: boolean }
  | { readonly kind: "offer"; readonly difference: string }
  | { readonly kind: "client-asked"; readonly method: string }
  | { readonly kind: "bound"; readonly what: string }
  | { readonly kind: "not-run"; readonly why: string }
  | { readonly kind: "failed"; readonly how: string };

export interface Observation {
  readonly step: Step;
  readonly moment: Moment;
  readonly seen: Seen;
}

export interface Judging {
  readonly asks: ExtensionAsks;
  readonly canaries: readonly Canary[];
  readonly tools: VetTools;
  readonly home: string;
  /** Files that the scripted client named: to change them is what was asked for. */
  readonly given: readonly string[];
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
}

/** Time for judging all that was seen, milliseconds. What is left then is not judged, which is grave. */
export const JUDGING_MS = 60_000;
/** Characters of a text that are judged in one go, so that the time is looked at between, and how many two parts share. */
const PART = 64 * 1024;
const SHARED = 4 * 1024;

/** Findings of one rule; more say nothing new. */
const PER_RULE = 24;

/** What goes beyond the manifest or touches a canary, the gravest first, each thing once. */
export function judge(observations: readonly Observation[], judging: Judging): readonly DetonationFinding[] {
  const findings: DetonationFinding[] = [];
  const known = new Set<string>();
  const counts = new Map<DetonationRule, number>();
  const end = judging.now() + JUDGING_MS;
  const isLate = (): boolean => judging.now() > end;
  const programs = Map.groupBy(
    observations.filter(({ seen }) => seen.kind === "started"),
    ({ step }) => step,
  );
  const started = (step: Step): readonly string[] =>
    (programs.get(step) ?? []).flatMap(({ seen }) => (seen.kind === "started" ? seen.programs : []));
  for (const [at, { step, moment, seen }] of observations.entries()) {
    const judged = isLate() ? [] : judgeOne(seen, step, { ...judging, isLate, started });
    const late = isLate();
    const left = `did more than is judged in ${JUDGING_MS / 1000} s: of ${observations.length} things that were seen, the last ${observations.length - at} were not looked at in full`;
    for (const [rule, message] of late ? [...judged, ["bounds-reached", left] as const] : judged) {
      const count = counts.get(rule) ?? 0;
      if (known.has(`${rule} ${message} ${step.title}`) || count >= PER_RULE) continue;
      known.add(`${rule} ${message} ${step.title}`);
      counts.set(rule, count + 1);
      const when = `${moment.step}${moment.call === null ? "" : `, ${moment.call}`}`;
      findings.push({
        rule,
        severity: DETONATION_RULES[rule].severity,
        message: `${message} (${when})`,
        place: step.place,
        evidence: moment,
      });
    }
    if (late) break;
  }
  return findings.toSorted((one, two) => SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(two.severity));
}

interface Timed extends Judging {
  /** Whether the time for judging is over. */
  isLate(): boolean;
  /** Programs that a step started, each with its arguments. */
  started(step: Step): readonly string[];
}

/** Programs of the system that read a login of their own whenever they are started. What they send is judged as all else. */
const OWN_LOGINS: { readonly [file: string]: RegExp } = {
  ".npmrc": /^(?:\/usr(?:\/local)?)?\/bin\/(?:npm|npx|pnpm|yarn)(?: |$)/u,
  ".kube/config": /^(?:\/usr(?:\/local)?)?\/bin\/(?:kubectl|helm)(?: |$)/u,
  ".aws/credentials": /^(?:\/usr(?:\/local)?)?\/bin\/aws(?: |$)/u,
  ".config/gh/hosts.yml": /^(?:\/usr(?:\/local)?)?\/bin\/gh(?: |$)/u,
  ".docker/config.json": /^(?:\/usr(?:\/local)?)?\/bin\/docker(?: |$)/u,
  ".git-credentials": /^(?:\/usr(?:\/local)?)?\/bin\/git(?: |$)/u,
};

function isOwn(file: string, program: string): boolean {
  return Object.hasOwn(OWN_LOGINS, file) && OWN_LOGINS[file]?.test(program) === true;
}

type Judged = readonly (readonly [rule: DetonationRule, message: string])[];

function judgeOne(seen: Seen, step: Step, judging: Timed): Judged {
  switch (seen.kind) {
    case "opened": {
      const canary = judging.canaries.find(({ at }) => "file" in at && at.file === seen.file);
      const rule = judging.started(step).some((program) => isOwn(seen.file, program))
        ? "own-login-read"
        : "canary-read";
      return isAskedFile(`~/${seen.file}`, judging)
        ? []
        : [[rule, `opened ~/${seen.file}, ${canary?.what ?? "which was watched"}`]];
    }
    case "asked-name":
      return [
        ...judgeHost(seen.name, step, judging),
        ...told(encodeUtf8(seen.name), judging).map(
          (canary) =>
            ["canary-sent", `put the ${canary.what} into the name ${short(seen.name)}, which it asked for`] as const,
        ),
      ];
    case "connected":
      return judgeHost(seen.host, step, judging);
    case "sent":
      return [...seen.hosts.flatMap((host) => judgeHost(host, step, judging)), ...judgeSent(seen, judging)];
    case "sent-unseen": {
      const rule = step.kind === "install" ? "install-network" : "host-beyond";
      const often = seen.times === 1 ? "once" : `${seen.times} times`;
      return [
        [
          rule,
          `sent ${often} to an address without connecting to it: to whom and what is not seen, and it reached nobody`,
        ],
      ];
    }
    case "fetched-run":
      return [["fetched-run", seen.how]];
    case "started":
      return seen.programs.map((program) => ["program-started", `started ${short(program)}`] as const);
    case "refused":
      return [["call-refused", `${short(seen.program)} made the call ${seen.call}`]];
    case "terminal":
      return [["terminal-call", `${short(seen.program)} made the call ${seen.call}, and was ended`]];
    case "file":
      return judgeFile(seen, judging);
    case "said":
      return judgeWords(seen, judging);
    case "offer":
      return [["offer-changed", seen.difference]];
    case "client-asked":
      return [["client-asked", `asked for ${short(seen.method)}`]];
    case "bound":
      return [["bounds-reached", seen.what]];
    case "not-run":
      return [["not-run", seen.why]];
    case "failed":
      return [["step-failed", seen.how]];
  }
}

function judgeHost(host: string, step: Step, { asks }: Judging): Judged {
  if (isAskedHost(host, asks)) return [];
  return step.kind === "install"
    ? [["install-network", `reached for ${short(host)}`]]
    : [["host-beyond", `reached for ${short(host)}`]];
}

function isAskedHost(host: string, asks: ExtensionAsks): boolean {
  const name = host.toLowerCase().replace(/\.$/u, "");
  if (name === GIVEN_HOST) return true;
  return asks.hosts.some((asked) =>
    asked.host.startsWith("*.") ? name.endsWith(asked.host.slice(1)) : asked.host.replace(/:\d+$/u, "") === name,
  );
}

/** A secret that the manifest names may go to hosts that it names, and nowhere else. */
function judgeSent({ hosts, bytes }: Extract<Seen, { kind: "sent" }>, judging: Judging): Judged {
  const { asks } = judging;
  return told(bytes, judging)
    .filter(
      ({ at }) =>
        !("variable" in at && asks.secrets.includes(at.variable) && hosts.every((host) => isAskedHost(host, asks))),
    )
    .map(({ what, home = [] }) =>
      hosts.length > 0 && hosts.every((host) => home.includes(host))
        ? ["login-used", `used the ${what} at ${hosts.map(short).join(", ")}`]
        : ["canary-sent", `sent the ${what} to ${hosts.map(short).join(", ")}`],
    );
}

function told(bytes: Uint8Array, { canaries, tools }: Judging): readonly Canary[] {
  const markers = findMarkers(
    bytes,
    canaries.map(({ marker }) => marker),
    tools,
  );
  return canaries.filter(({ marker }) => markers.has(marker));
}

function judgeFile({ place, change, bytes }: Extract<Seen, { kind: "file" }>, judging: Judging): Judged {
  const shown = place.startsWith(`${judging.home}/`) ? `~${place.slice(judging.home.length)}` : place;
  const canaries = bytes === null || isKept(shown, judging) ? [] : told(bytes, judging);
  const holds: Judged = canaries.map(({ what }) => ["canary-told", `put the ${what} into ${short(shown)}`]);
  if (judging.given.includes(place) || isAskedFile(shown, judging)) return holds;
  const verb = change === "made" ? "made" : change === "changed" ? "changed" : "removed";
  if (OBEYED_PLACE.test(place)) return [...holds, ["obeyed-changed", `${verb} ${short(shown)}`]];
  if (change !== "made") return [...holds, ["person-files-changed", `${verb} ${short(shown)}`]];
  // A new file in the folder that it works in is its work.
  return shown.startsWith("~") ? [...holds, ["file-beyond", `made ${short(shown)}`]] : holds;
}

function isKept(shown: string, { canaries }: Judging): boolean {
  return canaries.some(({ at }) => "file" in at && `~/${at.file}` === shown);
}

function isAskedFile(shown: string, { asks }: Judging): boolean {
  return asks.files.some((asked) => {
    const path = asked.replace(/\/(?:\*\*?)?$/u, "");
    return path.startsWith("~/") && (shown === path || shown.startsWith(`${path}/`));
  });
}

/** What it says is read by the rules for texts too: an agent reads it as it reads a skill. */
function judgeWords({ what, text, forAgent }: Extract<Seen, { kind: "said" }>, judging: Timed): Judged {
  const bytes = encodeUtf8(text);
  const holds: Judged = told(bytes, judging).map((canary) => ["canary-told", `${what} held the ${canary.what}`]);
  if (!forAgent) return holds;
  const grave = [...partsOf(text)]
    .flatMap((part) => {
      if (judging.isLate()) return [];
      const file = { path: "answer.md", bytes: encodeUtf8(part) };
      return vetTree({ files: [file], skipped: [] }, { tools: judging.tools }).findings;
    })
    .filter(({ rule }) => isGrave(rule) && rule !== "not-vetted");
  return [
    ...holds,
    ...grave.map(
      ({ rule, message }) => ["answer-orders", `${what} ${message}: ${VET_RULES[rule].title.toLowerCase()}`] as const,
    ),
  ];
}

function* partsOf(text: string): Generator<string> {
  for (let from = 0; from === 0 || from + SHARED < text.length; from += PART - SHARED)
    yield text.slice(from, from + PART).toWellFormed();
}

function short(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 119)}…`;
}
