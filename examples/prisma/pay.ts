import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { withIdempotency } from "with-idempotency";
import { type PostgresClient, postgresStore } from "with-idempotency/postgres";
import { type Prisma, PrismaClient } from "./generated/client.ts";

const connectionString = process.env["DATABASE_URL"];
const pool = new pg.Pool({ connectionString });
const store = postgresStore(pool);
await store.migrate();
await pool.query("CREATE TABLE IF NOT EXISTS prisma_payments (id text PRIMARY KEY, cents integer NOT NULL)");
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString }) });

const clientOf = (tx: Prisma.TransactionClient): PostgresClient => ({
  query: async ({ text, values }) => ({ rows: await tx.$queryRawUnsafe<unknown[]>(text, ...values) }),
});

let runs = 0;
const pay = (id: string, cents: number, fails = false) =>
  prisma.$transaction(tx => {
    const insert = async () => {
      runs += 1;
      const payment = await tx.payment.create({ data: { id, cents } });
      if (fails) throw new Error("changed my mind");
      return payment;
    };
    return withIdempotency(["prisma", id], "24h", insert, { store: store.inTransaction(clientOf(tx)) });
  });

const id = `payment-${Date.now()}`;
await pay(id, 500, true).catch(error => console.log(error.message)); // → changed my mind
await Promise.all([pay(id, 500), pay(id, 500)]);
const rows = await prisma.payment.findMany({ where: { id }, select: { cents: true } });
console.log(rows, runs); // → [ { cents: 500 } ] 2
await prisma.$disconnect();
await pool.end();
