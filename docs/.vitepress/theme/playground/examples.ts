/** Code to begin with. Each runs as it stands. */
export const EXAMPLES = [
  {
    name: "A call and its retry",
    code: `import { createIdempotency } from "with-idempotency";

const idempotency = createIdempotency({ onEvent: event => console.log("event:", event.type) });
const mailbox = [];

async function send({ idempotencyKey }) {
  mailbox.push(idempotencyKey);
  return { id: \`email-\${mailbox.length}\` };
}

const notify = () => idempotency.execute(["order-shipped", 1041], "5 minutes", send);

console.log(await notify());
console.log(await notify());
console.log("emails:", mailbox.length);
`,
  },
  {
    name: "An outcome nobody knows",
    code: `import { createIdempotency } from "with-idempotency";

const idempotency = createIdempotency();
const key = ["order-shipped", 1041];
const mailbox = new Map();

// The email goes out, and then the connection breaks.
async function send({ idempotencyKey }) {
  mailbox.set(idempotencyKey, { id: "email-1" });
  throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
}

const notify = () => idempotency.withIdempotency(key, "1h", send);

await notify().catch(error => console.log(error.message));
await notify().catch(error => console.log(error.code));

// Look it up at the provider, and settle the key.
const known = await idempotency.inspect(key);
const email = mailbox.get(known.idempotencyKey);
console.log(known.state, "resolved:", await idempotency.resolve(key, "1h", email));
console.log(await notify(), "emails:", mailbox.size);
`,
  },
  {
    name: "Two processes, one store",
    code: `import { memoryStore, withIdempotency } from "with-idempotency";
import { faultyStore } from "with-idempotency/testing";

// An object for each process around one store, so that they share nothing else.
const store = memoryStore();
const processes = [faultyStore(store), faultyStore(store)];
let emails = 0;

async function send() {
  await new Promise(resolve => setTimeout(resolve, 300));
  return \`email-\${++emails}\`;
}

const answers = processes.map((store, index) =>
  withIdempotency("order-shipped:1041", "1h", send, {
    store,
    onEvent: event => console.log(\`process \${index + 1}:\`, event.type),
  }),
);
console.log(await Promise.all(answers), "emails:", emails);
`,
  },
  {
    name: "When the window is over",
    code: `import { createIdempotency, memoryStore } from "with-idempotency";
import { manualClock } from "with-idempotency/testing";

const clock = manualClock();
const { execute } = createIdempotency({ store: memoryStore({ clock: clock.now }) });
const send = ({ attempt }) => \`sent at attempt \${attempt}\`;

for (const minutes of [0, 4, 2]) {
  clock.advance(minutes * 60_000);
  const { replayed } = await execute("order-shipped:1041", "5 minutes", send);
  console.log(\`\${minutes} minutes later:\`, replayed ? "replayed" : "sent");
}
`,
  },
] as const;
