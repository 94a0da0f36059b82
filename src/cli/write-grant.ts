import { Document } from "yaml";
import type { Grant } from "../kernel/grant.ts";
import { toDocument } from "./document.ts";

/** A grant as a file to read, change and sign: the whole document, in YAML, with comments at the top. Pure. */
export function writeGrant(grant: Grant, heading: readonly string[]): string {
  // What is read stands where it is read: no aliases, which reading refuses.
  const document = new Document(toDocument(grant), { aliasDuplicateObjects: false });
  document.commentBefore = heading.map((row) => ` ${row}`).join("\n");
  return document.toString({ lineWidth: 110, flowCollectionPadding: true });
}
