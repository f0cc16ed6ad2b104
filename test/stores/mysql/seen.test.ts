import { describe, inject, vi } from "vitest";
import { itMindsTheClaim } from "../sql/seen.ts";
import { mysqlScene, SERVER_TEST_MS } from "./scene.ts";

vi.setConfig({ testTimeout: SERVER_TEST_MS });

const scene = mysqlScene(() => inject("mysqlUrl"));
const expire = (key: string) =>
  scene.ask(`UPDATE ${scene.table} SET expires_at = 1 WHERE \`key\` = '${key}'`);

describe("a store in MySQL", () => itMindsTheClaim({ store: () => scene.store(), expire }));
