/** No byte of a path that a screen or a C string would read differently: NUL, other control characters, DEL. */
const CONTROL = /\p{Cc}/u;
/** Names under /proc and /dev that lead to another file's place, so that one file has two paths. */
const ALIASES: ReadonlySet<string> = new Set(["root", "cwd", "fd", "map_files", "exe"]);

/**
 * The segments of an absolute path that has one reading, or null: relative paths, dot segments, double slashes, a slash
 * at the end, control characters and detours through /proc or /dev/fd have none.
 */
export function pathSegments(path: string): readonly string[] | null {
  if (!path.startsWith("/") || CONTROL.test(path) || !path.isWellFormed()) return null;
  if (path === "/") return [];
  const segments = path.slice(1).split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) return null;
  const [top] = segments;
  if ((top === "proc" || top === "dev") && segments.slice(1).some((segment) => ALIASES.has(segment))) return null;
  return segments;
}

/** Whether a path equals another or lies below it, on whole segments; false when either has no one reading. */
export function isUnder(path: string, root: string): boolean {
  const segments = pathSegments(path);
  const rootSegments = pathSegments(root);
  return segments !== null && rootSegments !== null && startsWith(segments, rootSegments);
}

/** Whether the first segments of a path are those of a root. */
export function startsWith(segments: readonly string[], root: readonly string[]): boolean {
  return root.every((segment, index) => segments[index] === segment);
}

/**
 * The segments of the path in a `file:` URI (RFC 8089), or null when it names one in a way that has more than one reading:
 * a host, an escaped slash or dot, a query, a fragment, no absolute path.
 */
export function fileUriSegments(uri: string): readonly string[] | null {
  const [, encoded] = /^file:\/\/(\/[^?#\\]*)$/.exec(uri) ?? [];
  if (encoded === undefined || /%(?:2[ef]|5c)/i.test(encoded)) return null;
  try {
    return pathSegments(decodeURIComponent(encoded));
  } catch {
    return null;
  }
}

/**
 * Whether a resource URI has one reading as far as prefixes go: no dot segment, plain or escaped, no empty segment, no
 * backslash, no space. `a/b/../c` begins with `a/b/` and names something else.
 */
export function isCanonicalUri(uri: string): boolean {
  if (!/^[\x21-\x7e]+$/.test(uri) || uri.includes("\\") || /%(?:2[ef]|5c|00)/i.test(uri)) return false;
  const path = uri.replace(/^[a-z][a-z0-9+.-]*:(?:\/\/)?/i, "").replace(/[?#].*$/s, "");
  const segments = path.replace(/^\//, "").replace(/\/$/, "").split("/");
  if (segments.length === 1) return segments[0] !== "." && segments[0] !== "..";
  return segments.every((segment) => segment !== "" && segment !== "." && segment !== "..");
}
