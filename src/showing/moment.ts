/** A point in time as the person's own clock would show it, `2026-11-22 14:57:03`. `offset`: minutes ahead of UTC. */
export function showMoment(at: number, offset: number): string {
  return new Date(at + offset * 60_000).toISOString().slice(0, 19).replace("T", " ");
}

/** A span in the one or two units that matter: `45 s`, `12 min`, `3 h 20 min`, `6 d`. Negative spans are `0 s`. */
export function showSpan(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 36) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24)} d`;
}

/** A number of bytes: `812 B`, `4.2 KiB`, `1.0 MiB`. */
export function showBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
