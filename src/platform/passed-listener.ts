import { receiveMessage } from "./fd-passing.ts";

/** How often the socket is looked at; it is there once, some fifty milliseconds after a face has said that it is ready. */
const LOOK_MS = 5;

/**
 * Waits for the one listening socket that an agent's launcher hands out over `socketFd`, and calls `onListener` with its
 * descriptor, which then belongs to the caller. Calls nothing when the other end closes first. What comes later is not
 * looked at: the agent's own program has no copy of the other end.
 */
export function awaitListener(socketFd: number, onListener: (fd: number) => void): void {
  awaitDescriptors(socketFd, 1, ([fd]) => {
    if (fd !== undefined) onListener(fd);
  });
}

/** The same for at most `most` descriptors in one message; none when the other end closes first. */
export function awaitDescriptors(
  socketFd: number,
  most: number,
  onDescriptors: (fds: readonly number[]) => void,
): void {
  const timer = setInterval(() => {
    const message = receiveMessage(socketFd, { bytes: 1, fds: most });
    if (message === null) return;
    clearInterval(timer);
    onDescriptors(message.fds);
  }, LOOK_MS);
}
