/**
 * What the published schema of OCSF (Apache-2.0) says of the classes and objects that events here have: attributes with
 * their types, numbers that stand for words, what is required, of what one at least must be there, and what a profile
 * brings. An extract and no copy: of attributes that no event here has it says nothing, so that they fail. What every
 * class has, users, processes, sessions, traffic and managed entities are from the compiled schema of version 1.9.0; the rest is from the files `events/**`,
 * `objects/*.json` and `profiles/*.json` of github.com/ocsf/ocsf-schema in the state in which each could be had, of which some
 * are older: a version 1.x takes no attribute away and makes none required. No package of npm or Debian carries it.
 */
export interface Attribute {
  readonly type: "string" | "integer" | "timestamp" | "boolean" | "port" | "json" | "object";
  /** The object that it holds. */
  readonly object?: string;
  readonly array?: true;
  /** It is there only in events that name this profile. */
  readonly profile?: "host";
  /** The only numbers that it may have, and the word of each. */
  readonly words?: { readonly [value: number]: string };
  /** The attribute that says the word; the only one that does for 99. */
  readonly sibling?: string;
}

export interface Shape {
  readonly attributes: { readonly [name: string]: Attribute };
  readonly required: readonly string[];
  readonly oneOf?: readonly string[];
}

export interface EventClass extends Shape {
  readonly category: number;
}

/** The version whose rules these are. */
export const OCSF_SCHEMA = "1.9.0";

const STRING: Attribute = { type: "string" };
const INTEGER: Attribute = { type: "integer" };
const STRINGS: Attribute = { type: "string", array: true };
const object = (name: string): Attribute => ({ type: "object", object: name });
const byHost = (name: string): Attribute => ({ ...object(name), profile: "host" });
const numbered = (sibling: string, words: readonly string[]): Attribute => ({
  type: "integer",
  sibling,
  words: { ...Object.fromEntries(words.map((word, value) => [value, word])), 99: "Other" },
});
const activities = (...words: readonly string[]): { readonly activity_id: Attribute } => ({
  activity_id: numbered("activity_name", ["Unknown", ...words]),
});

/** What is done to a user, from one on. */
const USER_ACTIVITIES =
  "Create,Update,Delete,Enable,Disable,Lock,Unlock,Password Change,Password Reset,Attach Policies,Detach Policies,MFA Factor Enable,MFA Factor Disable,Assign Privileges,Remove Privileges,Assign Roles,Remove Roles".split(
    ",",
  );

const BASE = {
  ...activities(),
  activity_name: STRING,
  category_uid: INTEGER,
  class_uid: INTEGER,
  type_uid: INTEGER,
  severity_id: numbered("severity", ["Unknown", "Informational", "Low", "Medium", "High", "Critical", "Fatal"]),
  severity: STRING,
  status_id: numbered("status", ["Unknown", "Success", "Failure"]),
  status: STRING,
  time: { type: "timestamp" },
  message: STRING,
  metadata: object("metadata"),
  count: INTEGER,
  duration: INTEGER,
  unmapped: { type: "json" },
  actor: byHost("actor"),
  device: byHost("device"),
} as const;
const ALWAYS = ["activity_id", "category_uid", "class_uid", "type_uid", "severity_id", "time", "metadata"];

/** By `class_uid`. */
export const OCSF_CLASSES: { readonly [uid: number]: EventClass } = {
  0: { category: 0, attributes: BASE, required: ALWAYS },
  1007: {
    category: 1,
    attributes: {
      ...BASE,
      ...activities("Launch", "Terminate", "Open", "Inject", "Set User ID"),
      actor: object("actor"),
      process: object("process"),
    },
    required: [...ALWAYS, "actor", "device", "process"],
  },
  2004: {
    category: 2,
    attributes: {
      ...BASE,
      ...activities("Create", "Update", "Close"),
      // How far somebody is with it, and not how an activity ended.
      status_id: numbered("status", ["Unknown", "New", "In Progress", "Suppressed", "Resolved", "Archived", "Deleted"]),
      finding_info: object("finding_info"),
      is_alert: { type: "boolean" },
      resources: { ...object("resource_details"), array: true },
    },
    required: [...ALWAYS, "finding_info"],
  },
  3007: {
    category: 3,
    attributes: {
      ...BASE,
      ...activities(...USER_ACTIVITIES),
      actor: object("actor"),
      user: object("user"),
    },
    required: [...ALWAYS, "user"],
  },
  3003: {
    category: 3,
    attributes: {
      ...BASE,
      ...activities("Assign Privileges", "Assign Groups", "Assign Roles"),
      user: object("user"),
      privileges: STRINGS,
    },
    required: [...ALWAYS, "user"],
    oneOf: ["privileges", "groups", "iam_roles"],
  },
  3004: {
    category: 3,
    attributes: { ...BASE, ...activities("Create", "Read", "Update", "Delete"), entity: object("managed_entity") },
    required: [...ALWAYS, "entity"],
  },
  4001: {
    category: 4,
    attributes: {
      ...BASE,
      ...activities("Open", "Close", "Reset", "Fail", "Refuse", "Traffic", "Listen"),
      src_endpoint: object("network_endpoint"),
      dst_endpoint: object("network_endpoint"),
      traffic: object("network_traffic"),
    },
    required: ALWAYS,
    oneOf: ["dst_endpoint", "src_endpoint"],
  },
  6002: {
    category: 6,
    attributes: { ...BASE, ...activities("Install", "Remove", "Start", "Stop"), app: object("product") },
    required: [...ALWAYS, "app"],
  },
  6003: {
    category: 6,
    attributes: {
      ...BASE,
      ...activities("Create", "Read", "Update", "Delete"),
      actor: object("actor"),
      api: object("api"),
      src_endpoint: object("network_endpoint"),
    },
    required: [...ALWAYS, "actor", "api", "src_endpoint"],
  },
};

const NAMED = { name: STRING, uid: STRING, type: STRING } as const;

export const OCSF_OBJECTS: { readonly [name: string]: Shape } = {
  actor: {
    attributes: { user: object("user"), session: object("session"), process: object("process") },
    required: [],
    oneOf: ["process", "user", "invoked_by", "session", "app_name", "app_uid"],
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
  device: {
    attributes: {
      ...NAMED,
      type_id: numbered("type", [
        "Unknown",
        "Server",
        "Desktop",
        "Laptop",
        "Tablet",
        "Mobile",
        "Virtual",
        "IOT",
        "Browser",
      ]),
    },
    required: ["type_id"],
    oneOf: ["ip", "uid", "name", "hostname"],
  },
  finding_info: { attributes: { uid: STRING, title: STRING, types: STRINGS }, required: ["uid", "title"] },
  managed_entity: {
    attributes: {
      ...NAMED,
      type_id: numbered("type", [
        "Unknown",
        "Device",
        "User",
        "Group",
        "Organization",
        "Policy",
        "Email",
        "Network Zone",
      ]),
      version: STRING,
    },
    required: [],
    oneOf: ["name", "uid", "device", "group", "org", "policy", "user"],
  },
  metadata: {
    attributes: {
      version: STRING,
      product: object("product"),
      profiles: STRINGS,
      uid: STRING,
      sequence: INTEGER,
      log_name: STRING,
    },
    required: ["product", "version"],
  },
  network_endpoint: {
    attributes: { name: STRING, uid: STRING, port: { type: "port" } },
    required: [],
    oneOf: ["ip", "uid", "name", "hostname", "svc_name", "instance_uid", "interface_uid", "interface_name"],
  },
  network_traffic: { attributes: { bytes: INTEGER, bytes_in: INTEGER, bytes_out: INTEGER }, required: [] },
  process: {
    attributes: { pid: INTEGER, uid: STRING, name: STRING, parent_process: object("process") },
    required: [],
    oneOf: ["pid", "uid", "cpid"],
  },
  product: {
    attributes: { name: STRING, vendor_name: STRING, version: STRING, uid: STRING },
    required: ["name", "vendor_name"],
  },
  request: { attributes: { uid: STRING }, required: ["uid"] },
  resource_details: { attributes: NAMED, required: [], oneOf: ["name", "uid"] },
  response: { attributes: { error: STRING }, required: [] },
  service: { attributes: { name: STRING }, required: [], oneOf: ["name", "uid"] },
  session: { attributes: { uid: STRING }, required: [] },
  user: {
    attributes: { ...NAMED, type_id: numbered("type", ["Unknown", "User", "Admin", "System", "Service"]) },
    required: [],
    oneOf: ["account", "name", "uid"],
  },
};
