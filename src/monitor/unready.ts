/** Ends what reaches a part of the monitor before it is put together, which is a fault of ours. */
export function unready(): never {
  throw new Error("the monitor is not put together yet");
}
