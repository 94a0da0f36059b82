/** What helps a log that a start refuses. */
export const PUT_BACK = "put back log and keys together from one backup, or begin anew in another home (--home DIR)";
