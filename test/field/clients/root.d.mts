import type { Client } from "../matrix/cell.ts";

/** What a database's proxy takes for the statement to cut. */
export const mark: string;
export const http: readonly Client[];
export const smtp: readonly Client[];
export const databases: readonly Client[];
