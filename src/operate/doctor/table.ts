import { type Finding, ok, problem } from "./finding.ts";

/** The columns of the table, and of what kind each is. */
const COLUMNS: Readonly<Record<string, "text" | "number" | "boolean">> = {
  key: "text",
  version: "number",
  attempt: "number",
  ttl_ms: "number",
  claimed_at: "number",
  lease_until: "number",
  expires_at: "number",
  purge_at: "number",
  takeover: "boolean",
  token: "text",
  run_id: "text",
  fingerprint: "text",
  outcome: "text",
};

/** Compares a table's columns, by name and kind, with those that the store needs. */
export function examineColumns(table: string, found: ReadonlyMap<string, string>, mend: string): Finding {
  const missing = Object.keys(COLUMNS).filter(name => !found.has(name));
  const wrong = Object.entries(COLUMNS).filter(([name, kind]) => found.has(name) && found.get(name) !== kind);
  const faults = [
    ...(missing.length > 0 ? [`it has no column ${missing.join(", ")}`] : []),
    ...wrong.map(([name, kind]) => `its column ${name} is no ${kind}`),
  ];
  if (faults.length === 0) return ok("table", `${table} has the columns of this version`);
  return problem("table", `${table} has another structure: ${faults.join("; ")}`, mend);
}

/** Says how many records another version of the package has made. */
export function examineVersions(other: number): Finding {
  if (other === 0) return ok("records", "all of this version");
  return problem(
    "records",
    `${other} ${other === 1 ? "is" : "are"} of another version of the package: calls with their keys get RESULT_UNAVAILABLE`,
    "Run one version on all machines, and forget those keys, or wait until they have expired",
  );
}
