// More databases as effects, whose clients the root does not have.
import { MongoClient } from "mongodb";
import mysql from "mysql2/promise";
import { MARK } from "./databases.mjs";

const login = { user: "root", database: "test", connectTimeout: 20_000 };

export const clients = [
  {
    name: "mysql2",
    protocol: "mysql",
    send: async ({ host, port }, timeout) => {
      const connection = await mysql.createConnection({ ...login, host, port });
      connection.on("error", () => {});
      try {
        return await connection.query({ sql: `SELECT '${MARK}'`, timeout });
      } finally {
        connection.destroy();
      }
    },
  },
  {
    name: "mysql2 with a pool",
    protocol: "mysql",
    send: async ({ host, port }, timeout) => {
      const pool = mysql.createPool({ ...login, host, port });
      try {
        return await pool.execute({ sql: "SELECT ?", values: [MARK], timeout });
      } finally {
        pool.end().catch(() => {});
      }
    },
  },
  {
    name: "mongodb",
    protocol: "mongodb",
    send: async ({ host, port }, timeout) => {
      const client = new MongoClient(`mongodb://${host}:${port}`, {
        directConnection: true,
        retryWrites: false,
        serverApi: { version: "1" },
        serverSelectionTimeoutMS: timeout,
        socketTimeoutMS: timeout,
        connectTimeoutMS: 20_000,
      });
      try {
        return await client.db("shop").collection("orders").insertOne({ text: MARK });
      } finally {
        client.close().catch(() => {});
      }
    },
  },
];
