import type { Address } from "./address.ts";
import { DYNAMODB } from "./dynamodb.ts";
import { MYSQL } from "./mysql.ts";
import { POSTGRES } from "./postgres.ts";
import { REDIS } from "./redis.ts";
import { SQLITE } from "./sqlite.ts";

/** Every store that the command knows, by the option that gives its address. */
export const ADDRESSES: Readonly<Record<string, Address>> = {
  redis: REDIS,
  postgres: POSTGRES,
  mysql: MYSQL,
  sqlite: SQLITE,
  dynamodb: DYNAMODB,
};
