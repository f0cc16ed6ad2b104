/** Code to begin with. Each runs as it stands. */
export const EXAMPLES = [
  {
    name: "A call and its retry",
    code: `import { createIdempotency } from "with-idempotency";

const idempotency = createIdempotency({
  onEvent: event => console.log("event:", event.type),
});
const mailbox = [];

async function send({ idempotencyKey }) {
  mailbox.push(idempotencyKey);
  return { id: \`email-\${mailbox.length}\` };
}

const key = ["order-shipped", 1041];
const notify = () => idempotency.execute(key, "5 minutes", send);

console.log(await notify());
console.log(await notify());
console.log("emails:", mailbox.length);
`,
  },
  {
    name: "An unknown outcome",
    code: `import { createIdempotency } from "with-idempotency";

const idempotency = createIdempotency();
const key = ["invoice-due", 77];
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
console.log(known.state);
console.log("resolved:", await idempotency.resolve(key, "1h", email));
console.log(await notify(), "emails:", mailbox.size);
`,
  },
  {
    name: "Two processes, one store",
    code: `import { memoryStore, withIdempotency } from "with-idempotency";
import { faultyStore } from "with-idempotency/testing";

// An object for each process around one store: they share nothing else.
const store = memoryStore();
const pause = ms => new Promise(resolve => setTimeout(resolve, ms));
let emails = 0;

async function send() {
  await pause(300);
  return \`email-\${++emails}\`;
}

const notify = (name, store) =>
  withIdempotency("order-shipped:1041", "1h", send, {
    store,
    onEvent: event => console.log(name, event.type),
  });

const first = notify("process 1:", faultyStore(store));
await pause(100);
const second = notify("process 2:", faultyStore(store));
console.log(await Promise.all([first, second]), "emails:", emails);
`,
  },
  {
    name: "When the window is over",
    code: `import { createIdempotency, memoryStore } from "with-idempotency";
import { manualClock } from "with-idempotency/testing";

const clock = manualClock();
const store = memoryStore({ clock: clock.now });
const { execute } = createIdempotency({ store });
const send = () => ({ id: "email-1" });

for (const minutes of [0, 4, 2]) {
  clock.advance(minutes * 60_000);
  const { replayed } = await execute("order:1041", "5 minutes", send);
  console.log(\`\${minutes} minutes later:\`, replayed ? "replayed" : "sent");
}
`,
  },
] as const;
