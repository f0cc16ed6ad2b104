import { describe, inject, vi } from "vitest";
import { itMindsTheClaim } from "../sql/seen.ts";
import { postgresScene, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = postgresScene(() => inject("postgresUrl"));
const expire = (key: string) =>
  scene.probe.query(`UPDATE ${scene.table} SET expires_at = 1 WHERE key = $1`, [key]);

describe("a store in PostgreSQL", () => itMindsTheClaim({ store: () => scene.store(), expire }));
