import { receiveMessage } from "../channels/fd-passing.ts";

/** How often the socket is looked at; it is there once, some fifty milliseconds after a face has said that it is ready. */
const LOOK_MS = 5;

/**
 * Waits for the listening sockets that an agent's launcher hands out over `socketFd`, one for each of these letters, and calls
 * `onListener` with the letter and the descriptor, which then belongs to the caller. Stops when the other end closes first.
 * What comes later is not looked at: the agent's own program has no copy of the other end.
 */
export function awaitListeners(
  socketFd: number,
  letters: readonly string[],
  onListener: (letter: string, fd: number) => void,
): void {
  const left = new Set(letters);
  awaitMessages(socketFd, 1, (letter, [fd]) => {
    const wanted = left.delete(letter);
    if (wanted && fd !== undefined) onListener(letter, fd);
    return wanted && left.size > 0;
  });
}

/** Waits for at most `most` descriptors in one message; none when the other end closes first. */
export function awaitDescriptors(
  socketFd: number,
  most: number,
  onDescriptors: (fds: readonly number[]) => void,
): void {
  awaitMessages(socketFd, most, (_letter, fds) => {
    onDescriptors(fds);
    return false;
  });
}

/** Takes messages of one letter and some descriptors as long as `take` says that more are to come. */
function awaitMessages(
  socketFd: number,
  most: number,
  take: (letter: string, fds: readonly number[]) => boolean,
): void {
  const timer = setInterval(() => {
    const message = receiveMessage(socketFd, { bytes: 1, fds: most });
    if (message === null) return;
    if (!take(message.bytes.toString("latin1"), message.fds)) clearInterval(timer);
  }, LOOK_MS);
}
