import { maySign, SIGNED_BY, type Role } from "../kernel/owner-roles.ts";
import type { PlainPurpose } from "../protocol/statement.ts";
import { h } from "./dom.ts";

/** Roles of whoever signed in here; null for somebody who came in by a code, who may be any owner. */
export type Roles = readonly Role[] | null;

/** Where an owner signs for something, or who signs for it when whoever is here may not: the monitor would refuse them. */
export function signLink(
  roles: Roles,
  {
    purpose,
    value,
    words,
  }: { readonly purpose: PlainPurpose | "sign-grant"; readonly value: string | number; readonly words: string },
): HTMLElement {
  return roles === null || maySign(roles, purpose)
    ? h("a", { href: `/sign#${purpose}/${encodeURIComponent(String(value).toWellFormed())}` }, words)
    : h("span", { class: "faint" }, `${words}: by an owner who may ${SIGNED_BY[purpose]}`);
}
