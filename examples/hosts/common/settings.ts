const {
  REDIS_URL = "",
  DATABASE_URL = "",
  SMTP_PORT,
  MAILBOX_URL = "",
  QUEUE_URL = "",
  PATIENCE_SECONDS = "30",
  WORKER_NAME = "worker",
} = process.env;

/** What a worker reads from its environment. */
export const settings = {
  redisUrl: REDIS_URL,
  databaseUrl: DATABASE_URL,
  /** The worker's own, which its successor takes over. */
  workerName: WORKER_NAME,
  smtpPort: Number(SMTP_PORT),
  mailboxUrl: MAILBOX_URL,
  queueUrl: QUEUE_URL,
  /** How long a worker may give no sign of life before its work is taken from it: the lease, and the runtime's lock. */
  patienceSeconds: Number(PATIENCE_SECONDS),
};
