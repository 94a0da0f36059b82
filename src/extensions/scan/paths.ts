import type { Look } from "../../platform/files/look.ts";

/** What lies in a home is written `~/…`, for people and reports: a report names no user. */
export function shortPath(look: Pick<Look, "home">, path: string): string {
  return path === look.home ? "~" : path.startsWith(`${look.home}/`) ? `~${path.slice(look.home.length)}` : path;
}

/** A path as tables have it (`~/…`, `./…` or absolute) as an absolute one. */
export function fullPath(look: Pick<Look, "home" | "folder">, path: string): string {
  if (path.startsWith("~/")) return `${look.home}/${path.slice(2)}`;
  return path.startsWith("./") ? `${look.folder}/${path.slice(2)}` : path;
}
