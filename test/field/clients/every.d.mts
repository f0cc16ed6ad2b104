import type { Section } from "../matrix/table.ts";

export const sections: readonly Section[];
