/**
 * Whether a name is a longer one or could be the short one that FAT and NTFS give it (`GITHUB~1` for `.github`), by which
 * the same file opens. Both folded. What is short already (`claude.md`) has no other.
 */
export function isNameOf(name: string, long: string): boolean {
  return name === long || (name.includes("~") && isShortNameOf(name, long));
}

function isShortNameOf(name: string, long: string): boolean {
  const short = /^([^.~]{1,6})~[0-9]{1,6}(?:\.([^.]{1,3}))?$/.exec(name);
  if (short === null) return false;
  const [, stem = "", extension = ""] = short;
  const bare = long.replace(/^\.+/, "");
  const cut = bare.lastIndexOf(".");
  if (extension !== (cut === -1 ? "" : bare.slice(cut + 1, cut + 4))) return false;
  const base = (cut === -1 ? bare : bare.slice(0, cut)).replaceAll(".", "");
  if (stem.length >= Math.min(2, base.length) && base.startsWith(stem)) return true;
  // After some of the same, the beginning is followed by four digits of a sum.
  return /^..[0-9a-f]{4}$/.test(stem) && base.startsWith(stem.slice(0, 2));
}
