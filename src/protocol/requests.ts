import type { Proposal } from "../kernel/action.ts";
import type { ReasonCode, Stage } from "../kernel/codes.ts";
import type { DriverSource, Grant, GrantProposal, Label } from "../kernel/grant.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { Format, Provider, Spent } from "../kernel/infer.ts";
import type { BindingTerms } from "../kernel/secrets.ts";
import type { SshBinding } from "../kernel/ssh-binding.ts";
import type { MemoryRequests } from "./memory-table.ts";
import type { ExtensionRequests } from "./extension-table.ts";
import type { ConsoleCommands } from "./console-entry.ts";
import type { PortCommands } from "./port-entry.ts";
import type { ProposedRequests } from "./proposed-grants.ts";
import type { OwnerEvents, OwnerRequests } from "./owner-requests.ts";
import type { DriverRun } from "./driver-run.ts";
import type { AwayRequests } from "./away-requests.ts";
import type { HeldDetail, HeldPage, HeldView } from "./held-view.ts";
import type { LogTrouble } from "./log-trouble.ts";
import type { LogRequests } from "./log-requests.ts";
import type { QuarantinedServer } from "./quarantined-server.ts";
import type { LogRecord } from "./record.ts";
import type { Envelope, Purpose, UnsignedStatement } from "./statement.ts";
import type { StopReport } from "./stop-report.ts";
import type { AlertStanding } from "./alert-setting.ts";
import type { WitnessesView } from "./witness-standing.ts";
import type { TelemetryStanding } from "./telemetry-table.ts";
import type { UndoAnswer } from "./undo-report.ts";

export type { AskedBefore, HeldDetail, HeldView } from "./held-view.ts";
export type { LogProof } from "./log-requests.ts";

/** A tool as a server describes it. Name, description and schemas are the server's words: data, never instructions. */
export interface OfferedTool {
  readonly name: string;
  readonly title: string | null;
  readonly description: string | null;
  readonly inputSchema: JsonObject;
  readonly outputSchema: JsonObject | null;
  readonly annotations: JsonObject | null;
}
export interface OfferedResource {
  readonly uri: string;
  readonly name: string;
  readonly description: string | null;
  readonly mimeType: string | null;
}
export interface OfferedPrompt {
  readonly name: string;
  readonly description: string | null;
  readonly arguments: readonly {
    readonly name: string;
    readonly description: string | null;
    readonly required: boolean;
  }[];
}
/** What a driver found behind it; its canonical bytes are part of the pin. */
export interface Offer {
  readonly server: { readonly name: string; readonly version: string };
  readonly tools: readonly OfferedTool[];
  readonly resources: readonly OfferedResource[];
  readonly resourceTemplates: readonly {
    readonly uriTemplate: string;
    readonly name: string;
    readonly description: string | null;
    readonly mimeType: string | null;
  }[];
  readonly prompts: readonly OfferedPrompt[];
}

/** Requests that a face may send to the monitor. */
export interface FaceRequests {
  /** Both sockets listen; the monitor starts the agent only then. */
  ready: { body: Record<string, never>; ok: Record<string, never> };
  /** Everything this instance may see. Names are the servers' own; the face shows them as `driver__name`. */
  list: { body: Record<string, never>; ok: Visible };
  /**
   * One action through the six stages. `token` names it for `cancel` and `progress`. `waits`: a stream to the broker is open under
   * that token already, so that nobody need say when the action goes on.
   */
  propose: { body: Proposal & { readonly token: number; readonly waits?: boolean }; ok: Outcome };
  cancel: { body: { readonly token: number }; ok: Record<string, never> };
  /** What rules there are for TLS to a host: see its requests, pass it through, or nothing. Decides nothing by itself. */
  route: { body: { readonly host: string; readonly port: number }; ok: { readonly route: NetRoute } };
  /** Models that its grants may let this instance ask, nearest first. Decides nothing by itself. */
  models: { body: Record<string, never>; ok: { readonly models: readonly GrantedModel[] } };
  /**
   * What the face refused of its agent's requests to the network before they became actions, and the hosts that were named
   * in it; the first few are recorded. Terminal when one of them is a metadata service.
   */
  refused: { body: { readonly what: string; readonly hosts: readonly string[] }; ok: Record<string, never> };
  /** A JSON-RPC method that the face does not serve; recorded, and terminal when it is a control verb. */
  method: { body: { readonly method: string }; ok: Record<string, never> };
}
/** A model that may be asked. */
export interface GrantedModel {
  readonly provider: string;
  readonly format: Format;
  readonly model: string;
}
/** How the face treats TLS to a host. */
export type NetRoute = "terminate" | "pass" | "none";
export interface Visible {
  readonly tools: readonly (OfferedTool & { readonly driver: string })[];
  readonly resources: readonly (OfferedResource & { readonly driver: string })[];
  readonly resourceTemplates: readonly (Offer["resourceTemplates"][number] & { readonly driver: string })[];
  readonly prompts: readonly (OfferedPrompt & { readonly driver: string })[];
}
/** What the agent gets back. `done.result` is the MCP result object of the verb as the server gave it. */
export type Outcome =
  | { readonly kind: "done"; readonly result: JsonObject }
  | {
      readonly kind: "stopped";
      readonly stage: Stage;
      readonly code: ReasonCode;
      readonly message: string;
      readonly proposal: GrantProposal | null;
    };

/** Events from the monitor to a face. */
export interface FaceEvents {
  progress: {
    readonly token: number;
    readonly progress: number;
    readonly total: number | null;
    readonly message: string | null;
  };
  /** The action waits for a human; the face keeps the client's request open and says so as progress. */
  held: { readonly token: number };
  /**
   * An action of the network device may go on: the broker (`via` 0) or the injector of that number takes this ticket once.
   * Its `propose` answers when it ends. Not said of one whose stream waits and is taken up by the broker itself.
   */
  granted: { readonly token: number; readonly ticket: string; readonly via: number };
  /** What `list` gives has changed. */
  changed: Record<string, never>;
}

/** Requests that the monitor sends to a driver. The only caller is `monitor/execute.ts`, apart from `open` and `cancel`. */
export interface DriverRequests {
  /** Start the server (or connect) and say what it offers. First request, once. */
  open: { body: { readonly source: DriverSource }; ok: Offer };
  run: { body: DriverRun; ok: { readonly result: JsonObject; readonly isError: boolean } };
  cancel: { body: { readonly token: number }; ok: Record<string, never> };
}
/** Events from a driver to the monitor. */
export interface DriverEvents {
  progress: FaceEvents["progress"];
  /** The server said that its tools, resources or prompts changed; the monitor quarantines it unless the pin still fits. */
  changed: { readonly offer: Offer };
}

/** Who an instance is asked to be. Made by the CLI from a profile and flags: a request, never authority. */
export interface RunRequest {
  readonly agent: string;
  readonly command: readonly string[];
  /** Absolute host path, or null for none. */
  readonly workspace: string | null;
  /** The human's words as AIOS took them (`--task`), or null. */
  readonly task: string | null;
  readonly strict: boolean;
  readonly parent: string | null;
  /** Extra named environment values for the agent (never secrets). */
  readonly environment: { readonly [name: string]: string };
  /** Host paths of the agent's own program, mounted read-only at the same place. */
  readonly code: readonly string[];
  /** Stages at which the owner wants every action held. */
  readonly holdAt: readonly Stage[];
  /** Ticket under which the CLI hands over its standard streams on `run/streams.sock`: 32 hex digits. */
  readonly streams: string;
  /** Seconds until a hold of this instance expires. */
  readonly holdSeconds: number;
}

export interface InstanceView {
  readonly instance: string;
  readonly agent: string;
  readonly ancestry: readonly string[];
  readonly state: "running" | "frozen" | "ended" | "terminal";
  readonly since: number;
  readonly labels: readonly Label[];
  readonly held: number;
  readonly done: number;
  readonly denied: number;
  readonly workspace: string | null;
  readonly why: string | null;
  /** Stages at which an owner had every action of it wait; none when it is not so. */
  readonly holdAt: readonly Stage[];
}

export interface GrantView {
  readonly id: string;
  readonly agents: readonly string[];
  readonly state: "active" | "not-yet" | "outside-hours" | "expired" | "revoked" | "used-up" | "suspended";
  readonly lease: boolean;
  readonly uses: number;
  readonly bytes: number;
  /** Tokens and money of model calls, those that are under way by what they are expected to spend. */
  readonly spent: Spent;
  readonly expires: number;
  /** When one that is `not-yet` or `outside-hours` is in force next, milliseconds since 1970 UTC; null: not soon, or it waits for nothing. */
  readonly opens: number | null;
  readonly key: string;
  /** Servers of it that nothing runs since they were found to be other ones. */
  readonly quarantined: readonly QuarantinedServer[];
}

/** The home of an agent, for people. */
export interface HomeView {
  readonly agent: string;
  /** Null when it cannot be measured. */
  readonly bytes: number | null;
  readonly entries: number | null;
  /** The instance that has it now. */
  readonly instance: string | null;
  /** What owners put there. */
  readonly files: readonly { readonly path: string; readonly digest: string }[];
}

/** What is told of a secret: never its value. */
export interface SecretView {
  readonly secret: string;
  readonly since: number;
  readonly key: string;
  /** Where a login's tokens are renewed; null for a value. */
  readonly endpoint: string | null;
  readonly bindings: readonly BindingTerms[];
  /** Where it is used as a key of SSH. */
  readonly ssh: readonly Omit<SshBinding, "secret">[];
}

export interface PolicyProblem {
  readonly rule: string;
  readonly message: string;
  readonly line: number | null;
}

export interface Explanation {
  readonly stages: readonly { readonly stage: Stage; readonly verdict: string; readonly because: string }[];
  readonly decision: string;
  readonly code: ReasonCode | null;
  readonly proposal: GrantProposal | null;
}

type Empty = Record<string, never>;
/** Requests that the command line may send. */
export interface CliRequests
  extends
    OwnerRequests,
    MemoryRequests,
    LogRequests,
    ConsoleCommands,
    PortCommands,
    AwayRequests,
    ProposedRequests,
    ExtensionRequests {
  hello: {
    body: { readonly version: string };
    ok: {
      readonly version: string;
      readonly start: string;
      readonly home: string;
      readonly owners: number;
      readonly policy: string;
      /** What bounds the memory of an agent: its cgroup, or a look at it from time to time. */
      readonly limits: "cgroup" | "watch";
    };
  };
  telemetry: { body: Empty; ok: TelemetryStanding };
  /** How the witnesses of the log stand, of those in force. */
  witnesses: { body: Empty; ok: WitnessesView };
  /** How the receivers of alerts fared since the monitor started. */
  alerts: { body: Empty; ok: { readonly receivers: readonly AlertStanding[] } };
  /** `output`: bytes that it may say in all to the streams that it was lent, or null; whoever lends them counts. */
  /** `overruled`: variables that were asked for and have another value in the sandbox, since AIOS sets them. */
  run: {
    body: RunRequest;
    ok: { readonly instance: string; readonly output: number | null; readonly overruled: readonly string[] };
  };
  /** It has said so much, which is over that; it ends. */
  "output-over": { body: { readonly instance: string; readonly bytes: number }; ok: Empty };
  /** Answers when the instance has ended. */
  wait: {
    body: { readonly instance: string };
    ok: { readonly state: InstanceView["state"]; readonly exit: number | null; readonly why: string | null };
  };
  /** `allFrozen`: number of the record by which everything is frozen, or null. `log`: why it takes no records, or null. */
  ps: {
    body: { readonly all: boolean };
    ok: {
      readonly instances: readonly InstanceView[];
      readonly allFrozen: number | null;
      readonly log: LogTrouble | null;
    };
  };
  /** Freezes one instance and all below it, or (null) everything that runs, and everything that would start, until `thaw-all`. */
  freeze: { body: { readonly instance: string | null }; ok: StopReport };
  /** Ends one instance and all below it, or (null) all that run. */
  kill: { body: { readonly instance: string | null }; ok: StopReport };
  /** From now on every action of that instance, and of all below it, waits for a human; what was let pass goes on. */
  hold: { body: { readonly instance: string; readonly stages: readonly Stage[] }; ok: Empty };
  /** Takes back what an ended instance did to the files of its workspace, or says what that would be. */
  undo: { body: { readonly instance: string; readonly how: "dry" | "do" }; ok: UndoAnswer };
  /** A page of what is held, after that of the page before; null is the first. */
  held: { body: { readonly after: number | null }; ok: HeldPage };
  "held-show": { body: { readonly request: string }; ok: HeldDetail };
  /**
   * The code that a yes to a held action takes in a browser, told where the action was shown in full with what lay there
   * (`beside`); null where none is demanded or it was tried too often. The console may not ask for it.
   */
  "second-code": {
    body: { readonly request: string; readonly beside: string | null };
    ok: { readonly code: string | null };
  };
  prepare: {
    body: { readonly purpose: Purpose; readonly document: JsonObject };
    ok: { readonly statement: UnsignedStatement };
  };
  submit: { body: { readonly envelope: Envelope; readonly document: JsonObject }; ok: { readonly seq: number } };
  grants: { body: Empty; ok: { readonly grants: readonly GrantView[] } };
  /** Hands a value in, which is kept in memory until a statement over its commitment comes (SECRETS-OUTSIDE). */
  deposit: { body: { readonly salt: string; readonly value: string }; ok: { readonly commitment: string } };
  providers: { body: Empty; ok: { readonly providers: readonly Provider[] } };
  secrets: { body: Empty; ok: { readonly secrets: readonly SecretView[] } };
  "grant-show": {
    body: { readonly id: string };
    ok: { readonly grant: Grant; readonly cedar: string; readonly view: GrantView };
  };
  /** Starts the servers in their sandboxes and says what they offer and their pins; nothing is granted by it. */
  probe: {
    body: { readonly drivers: { readonly [name: string]: DriverSource }; readonly workspace: string | null };
    ok: { readonly drivers: { readonly [name: string]: { readonly pin: string; readonly offer: Offer } } };
  };
  "policy-check": {
    body: { readonly text: string };
    ok: { readonly problems: readonly PolicyProblem[]; readonly version: string };
  };
  "policy-show": {
    body: Empty;
    ok: { readonly text: string; readonly version: string; readonly constitution: string };
  };
  "policy-explain": {
    body: {
      readonly agent: string;
      readonly labels: readonly Label[];
      readonly task: string | null;
      readonly proposal: Proposal;
    };
    ok: Explanation;
  };
  "policy-simulate": {
    body: { readonly text: string; readonly from: number };
    ok: {
      readonly replayed: number;
      readonly changed: readonly {
        readonly seq: number;
        readonly what: string;
        readonly was: string;
        readonly now: string;
        readonly because: string;
      }[];
    };
  };
  /** What a group of records took lately until it was durable, milliseconds, and how many records wait. */
  "log-pace": { body: Empty; ok: { readonly millis: number; readonly waiting: number; readonly slow: boolean } };
  /** Folds the whole log again and compares what is kept of its first `size` records; `differs` names parts of the state. */
  "state-compare": { body: Empty; ok: { readonly size: number; readonly differs: readonly string[] } };
  /** Turns this connection into a stream of `CliEvents`. */
  watch: { body: { readonly instance: string | null }; ok: Empty };
  /**
   * Whether the program of a running instance has stopped itself, as on Ctrl-Z; with `go` every process of it is continued. What was frozen is
   * not let go by this.
   */
  stopped: { body: { readonly instance: string; readonly go: boolean }; ok: { readonly stopped: boolean } };
  /** Homes of agents, or of one; measures them. */
  homes: { body: { readonly agent: string | null }; ok: { readonly homes: readonly HomeView[] } };
  /** Ends the monitor, and with it every instance. `already`: it was ending. */
  stop: { body: Empty; ok: { readonly already: boolean } };
}

export interface CliEvents extends OwnerEvents {
  /** Every record as it becomes durable, without payload. */
  record: { readonly record: LogRecord };
  /** An action waits for a human, from the moment its record is durable. */
  held: { readonly held: HeldView };
  /** A stage of an action was passed or failed, as it happens. */
  stage: {
    readonly instance: string;
    readonly request: string;
    readonly what: string;
    readonly stage: Stage;
    readonly verdict: string;
  };
}
