/**
 * What the published schema of OCSF (Apache-2.0) says of the classes and objects that events here have: attributes with
 * their types, numbers that stand for words, what is required, of what one at least must be there, and what a profile
 * brings. An extract and no copy: of attributes that no event here has it says nothing, so that they fail; what is
 * deprecated it does not have. Every part is from release 1.9.0 (docs/decisions/telemetry.md says from which files);
 * `npm run proof:ocsf` holds it against them. No package of npm or Debian carries the schema.
 */
export interface Attribute {
  readonly type: "string" | "integer" | "timestamp" | "boolean" | "port" | "json" | "object";
  /** The object that it holds. */
  readonly object?: string;
  readonly array?: true;
  /** It is there only in events that name this profile. */
  readonly profile?: Profile;
  /** The only numbers that it may have, and the word of each. */
  readonly words?: { readonly [value: number]: string };
  /** The attribute that says the word; the only one that does for 99. */
  readonly sibling?: string;
}

/** Profiles that events here name; none of them requires anything. */
type Profile = "ai_operation" | "host" | "security_control";

export interface Shape {
  readonly attributes: { readonly [name: string]: Attribute };
  readonly required: readonly string[];
  readonly oneOf?: readonly string[];
  /** The object has no attributes of its own, so that it may have any. */
  readonly open?: true;
}

export interface EventClass extends Shape {
  readonly category: number;
  /** Those that its events may name. */
  readonly profiles: readonly Profile[];
}

/** The version whose rules these are. */
export const OCSF_SCHEMA = "1.9.0";

const STRING: Attribute = { type: "string" };
const INTEGER: Attribute = { type: "integer" };
const STRINGS: Attribute = { type: "string", array: true };
const object = (name: string): Attribute => ({ type: "object", object: name });
const objects = (name: string): Attribute => ({ ...object(name), array: true });
const by = (profile: Profile, attribute: Attribute): Attribute => ({ ...attribute, profile });
const listed = (words: string): readonly string[] => words.split(", ");
/** Numbers from nought, and 99. */
const numbered = (sibling: string, words: string): Attribute => ({
  type: "integer",
  sibling,
  words: { ...Object.fromEntries(listed(`Unknown, ${words}`).map((word, value) => [value, word])), 99: "Other" },
});
const activities = (words: string): { readonly activity_id: Attribute } => ({
  activity_id: numbered("activity_name", words),
});

const DISPOSITIONS =
  "Allowed, Blocked, Quarantined, Isolated, Deleted, Dropped, Custom Action, Approved, Restored, Exonerated, Corrected, Partially Corrected, Uncorrected, Delayed, Detected, No Action, Logged, Tagged, Alert, Count, Reset, Captcha, Challenge, Access Revoked, Rejected, Unauthorized, Error";
const USER_ACTIVITIES =
  "Create, Update, Delete, Enable, Disable, Lock, Unlock, Password Change, Password Reset, Attach Policies, Detach Policies, Enable MFA Factors, Disable MFA Factors, Assign Privileges, Remove Privileges, Assign Roles, Remove Roles, Add Programmatic Credentials, Remove Programmatic Credentials";

const BASE = {
  activity_id: { type: "integer", sibling: "activity_name", words: { 0: "Unknown", 99: "Other" } },
  activity_name: STRING,
  category_uid: INTEGER,
  class_uid: INTEGER,
  type_uid: INTEGER,
  severity_id: numbered("severity", "Informational, Low, Medium, High, Critical, Fatal"),
  severity: STRING,
  status_id: numbered("status", "Success, Failure"),
  status: STRING,
  status_code: STRING,
  time: { type: "timestamp" },
  message: STRING,
  metadata: object("metadata"),
  observables: objects("observable"),
  count: INTEGER,
  duration: INTEGER,
  unmapped: object("object"),
  action_id: by("security_control", numbered("action", "Allowed, Denied, Observed, Modified")),
  action: by("security_control", STRING),
  disposition_id: by("security_control", numbered("disposition", DISPOSITIONS)),
  disposition: by("security_control", STRING),
  policy: by("security_control", object("policy")),
} as const;
const HOST = { actor: by("host", object("actor")), device: by("host", object("device")) } as const;
/** Of the categories system, IAM, network and application. */
const AI = {
  ai_agent: by("ai_operation", object("ai_agent")),
  ai_model: by("ai_operation", object("ai_model")),
  message_context: by("ai_operation", object("message_context")),
} as const;
const ALWAYS = ["activity_id", "category_uid", "class_uid", "type_uid", "severity_id", "time", "metadata"];
const PLAIN: readonly Profile[] = ["host", "security_control"];
const WITH_AI: readonly Profile[] = [...PLAIN, "ai_operation"];

/** By `class_uid`. */
export const OCSF_CLASSES: { readonly [uid: number]: EventClass } = {
  0: { category: 0, profiles: PLAIN, attributes: { ...BASE, ...HOST }, required: ALWAYS },
  1007: {
    category: 1,
    profiles: WITH_AI,
    attributes: {
      ...BASE,
      ...AI,
      ...activities("Launch, Terminate, Open, Inject, Set User ID"),
      actor: object("actor"),
      device: object("device"),
      process: object("process"),
      launch_type_id: numbered("launch_type", "Spawn, Fork, Exec"),
      launch_type: STRING,
    },
    required: [...ALWAYS, "actor", "device", "process"],
  },
  2004: {
    category: 2,
    profiles: PLAIN,
    attributes: {
      ...BASE,
      ...activities("Create, Update, Close"),
      // How far somebody is with it, and not how an activity ended.
      status_id: numbered("status", "New, In Progress, Suppressed, Resolved, Archived, Deleted"),
      finding_info: object("finding_info"),
      is_alert: { type: "boolean" },
      resources: objects("resource_details"),
      actor: HOST.actor,
      device: object("device"),
    },
    required: [...ALWAYS, "finding_info"],
  },
  3003: {
    category: 3,
    profiles: WITH_AI,
    attributes: {
      ...BASE,
      ...AI,
      ...activities("Assign Privileges, Assign Groups, Assign Roles"),
      user: object("user"),
      privileges: STRINGS,
      actor: object("actor"),
    },
    required: [...ALWAYS, "user"],
    oneOf: ["privileges", "groups", "iam_roles"],
  },
  3004: {
    category: 3,
    profiles: WITH_AI,
    attributes: {
      ...BASE,
      ...AI,
      ...activities(
        "Create, Read, Update, Delete, Move, Enroll, Unenroll, Enable, Disable, Activate, Deactivate, Suspend, Resume",
      ),
      entity: object("managed_entity"),
      actor: object("actor"),
    },
    required: [...ALWAYS, "entity"],
  },
  3007: {
    category: 3,
    profiles: WITH_AI,
    attributes: { ...BASE, ...AI, ...activities(USER_ACTIVITIES), user: object("user"), actor: object("actor") },
    required: [...ALWAYS, "user"],
  },
  4001: {
    category: 4,
    profiles: WITH_AI,
    attributes: {
      ...BASE,
      ...AI,
      ...HOST,
      ...activities("Open, Close, Reset, Fail, Refuse, Traffic, Listen"),
      src_endpoint: object("network_endpoint"),
      dst_endpoint: object("network_endpoint"),
      traffic: object("network_traffic"),
      connection_info: object("network_connection_info"),
      initiator_id: numbered("initiator", "Source Endpoint, Destination Endpoint"),
      initiator: STRING,
    },
    required: ALWAYS,
    oneOf: ["dst_endpoint", "src_endpoint"],
  },
  6002: {
    category: 6,
    profiles: WITH_AI,
    attributes: {
      ...BASE,
      ...AI,
      ...HOST,
      ...activities("Install, Remove, Start, Stop, Restart, Enable, Disable, Update"),
      application: object("application"),
    },
    required: ALWAYS,
    // The first is deprecated.
    oneOf: ["app", "application"],
  },
  6003: {
    category: 6,
    profiles: WITH_AI,
    attributes: {
      ...BASE,
      ...AI,
      device: HOST.device,
      ...activities("Create, Read, Update, Delete"),
      actor: object("actor"),
      api: object("api"),
      src_endpoint: object("network_endpoint"),
    },
    required: [...ALWAYS, "actor", "api", "src_endpoint"],
  },
};

const NAMED = { name: STRING, uid: STRING, type: STRING } as const;
const DEVICE_TYPES =
  "Server, Desktop, Laptop, Tablet, Mobile, Virtual, IOT, Browser, Firewall, Switch, Hub, Router, IDS, IPS, Load Balancer";
const OBSERVABLE_TYPES =
  "Hostname, IP Address, MAC Address, User Name, Email Address, URL String, File Name, Hash, Process Name, Resource UID, Port, Subnet, Command Line, Country, Process ID, HTTP User-Agent, CWE Object: uid, CVE Object: uid, User Credential ID, Endpoint, User, Email, Uniform Resource Locator, File, Process, Geo Location, Container, Registry Key, Registry Value, Fingerprint, User Object: uid, Group Object: name, Group Object: uid, Account Object: name, Account Object: uid, Script Content, Serial Number, Resource Details Object: name, Process Entity Object: uid, Email Object: subject, Email Object: uid, Message UID, Registry Value Object: name, Advisory Object: uid, File Path, Registry Key Path, Device Object: uid, Network Endpoint Object: uid, IAM Role Object: name, IAM Role Object: uid";

export const OCSF_OBJECTS: { readonly [name: string]: Shape } = {
  actor: {
    attributes: { user: object("user"), session: object("session"), process: object("process") },
    required: [],
    oneOf: listed("process, user, iam_role, invoked_by, session, application, app_name, app_uid"),
  },
  ai_agent: {
    attributes: { name: STRING, uid: STRING, instance_uid: STRING, ai_model: object("ai_model") },
    required: [],
    oneOf: ["name", "uid"],
  },
  ai_model: {
    attributes: { name: STRING, ai_provider: STRING, uid: STRING, version: STRING },
    required: ["name", "ai_provider"],
    oneOf: ["name", "uid"],
  },
  api: {
    attributes: {
      operation: STRING,
      request: object("request"),
      response: object("response"),
      service: object("service"),
    },
    required: ["operation"],
  },
  application: {
    attributes: { ...NAMED, version: STRING, product: object("product") },
    required: [],
    oneOf: ["name", "uid"],
  },
  device: {
    attributes: { ...NAMED, type_id: numbered("type", DEVICE_TYPES) },
    required: ["type_id"],
    oneOf: listed("ip, uid, name, hostname, instance_uid, interface_uid, interface_name"),
  },
  finding_info: { attributes: { uid: STRING, title: STRING, types: STRINGS }, required: ["uid"] },
  managed_entity: {
    attributes: {
      ...NAMED,
      type_id: numbered("type", "Device, User, Group, Organization, Policy, Email, Network Zone"),
      version: STRING,
      policy: object("policy"),
    },
    required: [],
    oneOf: listed("name, uid, device, group, org, policy, user"),
  },
  message_context: {
    attributes: {
      service: object("service"),
      prompt_tokens: INTEGER,
      completion_tokens: INTEGER,
      total_tokens: INTEGER,
    },
    required: [],
    oneOf: ["application", "service"],
  },
  metadata: {
    attributes: {
      version: STRING,
      product: object("product"),
      profiles: STRINGS,
      uid: STRING,
      sequence: INTEGER,
      log_name: STRING,
      event_code: STRING,
      correlation_uid: STRING,
    },
    required: ["product", "version"],
  },
  network_connection_info: {
    attributes: {
      direction_id: numbered("direction", "Inbound, Outbound, Lateral, Local"),
      direction: STRING,
      protocol_name: STRING,
    },
    required: ["direction_id"],
  },
  network_endpoint: {
    attributes: { name: STRING, uid: STRING, port: { type: "port" }, hostname: STRING, ip: STRING },
    required: [],
    oneOf: listed("ip, uid, name, hostname, svc_name, instance_uid, interface_uid, interface_name, domain"),
  },
  network_traffic: { attributes: { bytes: INTEGER, bytes_in: INTEGER, bytes_out: INTEGER }, required: [] },
  object: { attributes: {}, required: [], open: true },
  observable: {
    attributes: { name: STRING, value: STRING, type: STRING, type_id: numbered("type", OBSERVABLE_TYPES) },
    required: ["type_id"],
  },
  policy: { attributes: { name: STRING, uid: STRING }, required: [], oneOf: ["name", "type", "uid"] },
  process: {
    attributes: { pid: INTEGER, uid: STRING, name: STRING, path: STRING, parent_process: object("process") },
    required: [],
    oneOf: ["pid", "uid", "cpid"],
  },
  product: {
    attributes: { name: STRING, vendor_name: STRING, version: STRING, uid: STRING },
    required: [],
    oneOf: ["name", "uid"],
  },
  request: { attributes: { uid: STRING }, required: ["uid"] },
  resource_details: { attributes: NAMED, required: [], oneOf: ["name", "uid"] },
  response: { attributes: { error: STRING }, required: [] },
  service: { attributes: { name: STRING }, required: [], oneOf: ["name", "uid"] },
  session: { attributes: { uid: STRING }, required: [] },
  user: {
    attributes: { ...NAMED, type_id: numbered("type", "User, Admin, System, Service") },
    required: [],
    oneOf: ["account", "name", "uid"],
  },
};
