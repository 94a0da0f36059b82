import { PURPOSES, SIGNED_BY, type Purpose, type Role } from "../kernel/owner-roles.ts";
import { PLAIN_PURPOSES } from "../protocol/statement.ts";
import { line, type Line } from "../showing/line.ts";

/** All that a page has somebody sign with a passkey; grants are those that were proposed there. */
const AT_CONSOLE: ReadonlySet<Purpose> = new Set(["approve-action", "sign-grant", ...PLAIN_PURPOSES]);

/** One line for each role of which a passkey cannot sign all; none when it can. */
export function describePasskeyRoles(roles: readonly Role[]): readonly Line[] {
  return roles.flatMap((role) => {
    const purposes = PURPOSES.filter((purpose) => SIGNED_BY[purpose] === role);
    const can = purposes.filter((purpose) => AT_CONSOLE.has(purpose));
    if (can.length === purposes.length) return [];
    const names = can.map((purpose) => (purpose === "sign-grant" ? "sign-grant of what was proposed" : purpose));
    const signs = names.length === 0 ? "nothing" : `only ${names.join(", ")}`;
    return [line(`With a passkey ${role} signs ${signs}; the rest takes a key file at a terminal.`, "wait")];
  });
}
