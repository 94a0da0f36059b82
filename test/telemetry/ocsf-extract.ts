/**
 * What the published schema of OCSF (github.com/ocsf/ocsf-schema, Apache-2.0) says of the classes and objects that events
 * here have: which attributes there are, which are required, of which one at least must be there, and what numbers an
 * activity may have. Taken from its files `events/**` and `objects/*.json` as they stood in 2026, by hand: it is an extract and no
 * copy, and of attributes that no event here has it says nothing. No package of npm or Debian carries the schema.
 */
export interface Shape {
  /** Attributes and the object that each holds; null is a plain value. */
  readonly attributes: { readonly [name: string]: string | null };
  readonly required: readonly string[];
  readonly oneOf?: readonly string[];
}

export interface EventClass extends Shape {
  readonly category: number;
  readonly activities: readonly number[];
}

const BASE = {
  activity_id: null,
  activity_name: null,
  category_uid: null,
  class_uid: null,
  type_uid: null,
  severity_id: null,
  severity: null,
  status_id: null,
  status: null,
  time: null,
  message: null,
  metadata: "metadata",
  duration: null,
  unmapped: "free",
} as const;
const ALWAYS = ["activity_id", "category_uid", "class_uid", "type_uid", "severity_id", "time", "metadata"];

/** By `class_uid`. Activities 0 (Unknown) and 99 (Other) are in every class. */
export const OCSF_CLASSES: { readonly [uid: number]: EventClass } = {
  0: { category: 0, activities: [], attributes: { ...BASE, actor: "actor" }, required: ALWAYS },
  1007: {
    category: 1,
    activities: [1, 2, 3, 4, 5],
    attributes: { ...BASE, actor: "actor", device: "device", process: "process" },
    required: [...ALWAYS, "actor", "device", "process"],
  },
  2004: {
    category: 2,
    activities: [1, 2, 3],
    attributes: { ...BASE, finding_info: "finding_info", is_alert: null, resources: "resource_details" },
    required: [...ALWAYS, "finding_info"],
  },
  3001: {
    category: 3,
    activities: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    attributes: { ...BASE, actor: "actor", user: "user" },
    required: [...ALWAYS, "user"],
  },
  3003: {
    category: 3,
    activities: [1, 2, 3],
    attributes: { ...BASE, actor: "actor", user: "user", privileges: null },
    required: [...ALWAYS, "user"],
    oneOf: ["privileges", "groups", "iam_roles"],
  },
  3004: {
    category: 3,
    activities: [1, 2, 3, 4],
    attributes: { ...BASE, actor: "actor", entity: "managed_entity" },
    required: [...ALWAYS, "entity"],
  },
  4001: {
    category: 4,
    activities: [1, 2, 3, 4, 5, 6, 7],
    attributes: {
      ...BASE,
      actor: "actor",
      src_endpoint: "network_endpoint",
      dst_endpoint: "network_endpoint",
      traffic: "network_traffic",
    },
    required: ALWAYS,
    oneOf: ["dst_endpoint", "src_endpoint"],
  },
  6002: {
    category: 6,
    activities: [1, 2, 3, 4],
    attributes: { ...BASE, app: "product" },
    required: [...ALWAYS, "app"],
  },
  6003: {
    category: 6,
    activities: [1, 2, 3, 4],
    attributes: { ...BASE, actor: "actor", api: "api", src_endpoint: "network_endpoint" },
    required: [...ALWAYS, "actor", "api", "src_endpoint"],
  },
};

const NAMED = { name: null, uid: null, type: null } as const;

export const OCSF_OBJECTS: { readonly [name: string]: Shape } = {
  actor: {
    attributes: { user: "user", session: "session", process: "process" },
    required: [],
    oneOf: ["process", "user", "invoked_by", "session", "app_name", "app_uid"],
  },
  api: {
    attributes: { operation: null, request: "request", response: "response", service: "service" },
    required: ["operation"],
  },
  device: { attributes: { ...NAMED, type_id: null }, required: ["type_id"], oneOf: ["ip", "uid", "name", "hostname"] },
  finding_info: { attributes: { uid: null, title: null, types: null }, required: ["uid", "title"] },
  managed_entity: { attributes: { ...NAMED, version: null }, required: [], oneOf: ["name", "uid"] },
  metadata: {
    attributes: { version: null, product: "product", uid: null, sequence: null, log_name: null },
    required: ["product", "version"],
  },
  network_endpoint: {
    attributes: { name: null, uid: null, port: null },
    required: [],
    oneOf: ["ip", "uid", "name", "hostname", "svc_name", "instance_uid", "interface_uid", "interface_name"],
  },
  network_traffic: { attributes: { bytes: null, bytes_in: null, bytes_out: null }, required: [] },
  process: {
    attributes: { pid: null, uid: null, name: null, parent_process: "process" },
    required: [],
    oneOf: ["pid", "uid"],
  },
  product: {
    attributes: { name: null, vendor_name: null, version: null, uid: null },
    required: ["name", "vendor_name"],
  },
  request: { attributes: { uid: null }, required: ["uid"] },
  resource_details: { attributes: NAMED, required: [], oneOf: ["name", "uid"] },
  response: { attributes: { error: null }, required: [] },
  service: { attributes: { name: null }, required: [], oneOf: ["name", "uid"] },
  session: { attributes: { uid: null }, required: [] },
  user: { attributes: { ...NAMED, type_id: null }, required: [], oneOf: ["account", "name", "uid"] },
};

/** What an event has that the extract does not allow, each with its place; nothing when it fits. */
export function checkOcsf(event: { readonly [name: string]: unknown }): readonly string[] {
  const found = OCSF_CLASSES[Number(event["class_uid"])];
  if (found === undefined) return [`class ${String(event["class_uid"])} is not there`];
  const activity = Number(event["activity_id"]);
  return [
    ...([0, 99, ...found.activities].includes(activity) ? [] : [`activity ${activity} is not in the class`]),
    ...(activity === 99 && typeof event["activity_name"] !== "string" ? ["activity 99 has no name"] : []),
    ...(event["category_uid"] === found.category ? [] : ["another category"]),
    ...checkShape(found, event, ""),
  ];
}

function checkShape({ attributes, required, oneOf }: Shape, given: unknown, at: string): readonly string[] {
  if (given === null || typeof given !== "object") return [`${at}: no object`];
  if (Array.isArray(given))
    return given.flatMap((each: unknown, n) =>
      checkShape({ attributes, required, ...(oneOf === undefined ? {} : { oneOf }) }, each, `${at}/${n}`),
    );
  const names = Object.keys(given);
  return [
    ...required.filter((name) => !names.includes(name)).map((name) => `${at}/${name} is missing`),
    ...(oneOf === undefined || oneOf.some((name) => names.includes(name)) ? [] : [`${at}: none of ${oneOf.join()}`]),
    ...Object.entries(given).flatMap(([name, each]) => {
      const object = attributes[name];
      if (object === undefined) return [`${at}/${name} is not an attribute`];
      if (object === null)
        return typeof each === "object" && !Array.isArray(each) ? [`${at}/${name} is no plain value`] : [];
      if (object === "free") return [];
      const shape = OCSF_OBJECTS[object];
      return shape === undefined ? [`${object} is not there`] : checkShape(shape, each, `${at}/${name}`);
    }),
  ];
}
