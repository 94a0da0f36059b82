import { bindFunction, errnoOf, lastErrno } from "../libc.ts";

// linux/limits.h: XATTR_LIST_MAX, XATTR_SIZE_MAX
const MOST = 65_536;

const listxattr = bindFunction<[Buffer, Buffer, number]>("long listxattr(void *, void *, unsigned long)");
const getxattr = bindFunction<[Buffer, Buffer, Buffer, number]>("long getxattr(void *, void *, void *, unsigned long)");
const setxattr = bindFunction<[Buffer, Buffer, Buffer, number, number]>(
  "int setxattr(void *, void *, void *, unsigned long, int)",
);

/**
 * Gives one open file the extended attributes of another, access lists among them, but for those of the kernel's own: labels
 * go by place, and capabilities are gone with the first write. Any descriptors, O_PATH too. Returns 0, or a negative error
 * number when one could not be kept.
 */
export function copyAttributes(from: number, to: number): number {
  const [source, goal] = [linkOf(from), linkOf(to)];
  const [names, value] = [Buffer.alloc(MOST), Buffer.alloc(MOST)];
  const length = listxattr(source, names, MOST);
  if (length < 0) return lastErrno() === errnoOf("EOPNOTSUPP") ? 0 : -lastErrno();
  for (const name of names.toString("latin1", 0, length).split("\0")) {
    if (name === "" || name.startsWith("security.")) continue;
    const text = Buffer.from(`${name}\0`, "latin1");
    const size = getxattr(source, text, value, MOST);
    if (size < 0 || setxattr(goal, text, value, size, 0) < 0) return -lastErrno();
  }
  return 0;
}

function linkOf(fd: number): Buffer {
  return Buffer.from(`/proc/self/fd/${fd}\0`, "latin1");
}
