import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { compareWithPublished, type Extract } from "./ocsf-published.ts";

/** A schema in the form of the published one: what is inherited, included by a profile and said in the dictionary. */
const FILES: { readonly [path: string]: object } = {
  "version.json": { version: "1.9.0" },
  "categories.json": { attributes: { application: { uid: 6 } } },
  "dictionary.json": {
    attributes: {
      activity_id: { type: "integer_t", sibling: "activity_name", enum: { 0: word("Unknown"), 99: word("Other") } },
      name: { type: "string_t" },
      hostname: { type: "hostname_t" },
      app: { type: "product" },
      tags: { type: "string_t", is_array: true },
      device: { type: "device" },
    },
  },
  "profiles/host.json": { name: "host", attributes: { device: { requirement: "recommended" } } },
  "events/base_event.json": {
    name: "base_event",
    uid: 0,
    category: "other",
    attributes: { activity_id: { requirement: "required" }, tags: {} },
  },
  "events/application/application.json": {
    name: "application",
    category: "application",
    extends: "base_event",
    profiles: ["host"],
    attributes: { $include: ["profiles/host.json"] },
  },
  "events/application/lifecycle.json": {
    name: "lifecycle",
    uid: 2,
    extends: "application",
    attributes: { activity_id: { enum: { 1: word("Install") } }, app: { requirement: "required" } },
    constraints: { at_least_one: ["app", "tags"] },
  },
  "objects/product.json": { name: "product", attributes: { name: { requirement: "required" }, hostname: {} } },
};

const EXTRACT: Extract = {
  version: "1.9.0",
  classes: {
    6002: {
      category: 6,
      profiles: ["host"],
      attributes: {
        activity_id: { type: "integer", sibling: "activity_name", words: { 0: "Unknown", 1: "Install", 99: "Other" } },
        app: { type: "object", object: "product" },
        tags: { type: "string", array: true },
        device: { type: "object", object: "device", profile: "host" },
      },
      required: ["app", "activity_id"],
      oneOf: ["app", "tags"],
    },
  },
  objects: { product: { attributes: { name: { type: "string" }, hostname: { type: "string" } }, required: ["name"] } },
};

function word(caption: string): object {
  return { caption };
}

function compare(changed: { readonly [path: string]: object } = {}): readonly string[] {
  const folder = makeTemporaryFolder();
  for (const [path, content] of Object.entries({ ...FILES, ...changed })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), JSON.stringify(content));
  }
  return compareWithPublished(folder, EXTRACT);
}

test("an extract that says what the files say has nothing against it", () => {
  expect(compare()).toEqual([]);
});

test.each<[string, string, object, readonly string[]]>([
  ["another version", "version.json", { version: "1.8.0" }, ["this schema is version 1.8.0, not 1.9.0"]],
  [
    "a word and a requirement that came, and a constraint that went",
    "events/application/lifecycle.json",
    {
      name: "lifecycle",
      uid: 2,
      extends: "application",
      attributes: { activity_id: { enum: { 1: word("Install"), 2: word("Remove") } }, app: {} },
    },
    [
      "class 6002: required has app, which is not published",
      "class 6002: one of has app, which is not published",
      "class 6002: one of has tags, which is not published",
      "class 6002/activity_id: words lacks 2 Remove",
    ],
  ],
  [
    "what is no longer of a profile",
    "events/application/application.json",
    {
      name: "application",
      category: "application",
      extends: "base_event",
      attributes: { $include: ["profiles/host.json"], device: { profile: null, requirement: "required" } },
    },
    ["class 6002 has no profile host", "class 6002: required lacks device", "class 6002/device is of the profile none"],
  ],
  [
    "what a profile requires",
    "profiles/host.json",
    { name: "host", attributes: { device: { requirement: "required" } } },
    ["class 6002/device is required by a profile"],
  ],
  [
    "what is deprecated, and of what no more than one may be there",
    "events/application/lifecycle.json",
    {
      name: "lifecycle",
      uid: 2,
      extends: "application",
      attributes: {
        activity_id: { enum: { 1: word("Install") } },
        app: { requirement: "required", "@deprecated": { since: "1.9.0" } },
      },
      constraints: { at_least_one: ["app", "tags"], just_one: ["app", "device"] },
    },
    ["class 6002: just one of lacks app", "class 6002: just one of lacks device", "class 6002/app is deprecated"],
  ],
  [
    "other types",
    "objects/product.json",
    { name: "product", attributes: { name: { requirement: "required", type: "integer_t", is_array: true } } },
    [
      "product/name is integer_t, not string",
      "product/name is an array in one of them",
      "product/hostname is not an attribute",
    ],
  ],
])("is told of %s", (_, path, content, found) => {
  expect(compare({ [path]: content })).toEqual(found);
});

/** The same, compiled: every class has all that it has, and an object is named beside its type. */
const COMPILED = {
  version: "1.9.0",
  classes: {
    lifecycle: {
      uid: 6002,
      category_uid: 6,
      profiles: ["host", "cloud"],
      constraints: { at_least_one: ["app", "tags"] },
      attributes: {
        activity_id: {
          type: "integer_t",
          sibling: "activity_name",
          requirement: "required",
          enum: { 0: word("Unknown"), 1: word("Install"), 99: word("Other") },
        },
        app: { type: "object_t", object_type: "product", requirement: "required", profiles: null },
        tags: { type: "string_t", is_array: true, requirement: "optional" },
        device: { type: "object_t", object_type: "device", requirement: "recommended", profiles: ["host"] },
        cloud: { type: "object_t", object_type: "cloud", requirement: "required", profiles: ["cloud"] },
      },
    },
  },
  objects: {
    product: { attributes: { name: { type: "string_t", requirement: "required" }, hostname: { type: "hostname_t" } } },
  },
};

function compareCompiled(change: (text: string) => string = (text) => text): readonly string[] {
  const file = join(makeTemporaryFolder(), "schema.json");
  writeFileSync(file, change(JSON.stringify(COMPILED)));
  return compareWithPublished(file, EXTRACT);
}

test("a compiled schema is read as well", () => {
  expect(compareCompiled()).toEqual([]);
  const other = compareCompiled((text) =>
    text
      .replace('"object_type":"product"', '"object_type":"application"')
      .replace('"profiles":["host"]', '"profiles":null')
      .replace('"category_uid":6', '"category_uid":3')
      .replace('"hostname_t"', '"json_t"'),
  );
  expect(other).toEqual([
    "class 6002: another category",
    "class 6002/app is the object application",
    "class 6002/device is of the profile none",
    "product/hostname is json_t, not string",
  ]);
});
