export const SERVER_CLIMBS = ["prohibited-call", "refused-calls"] as const;

/** For what an MCP server is ended and not started again until an owner signs for it anew. */
export type ServerClimb = (typeof SERVER_CLIMBS)[number];
