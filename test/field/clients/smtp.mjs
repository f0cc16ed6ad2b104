import nodemailer from "nodemailer";

const message = {
  from: "shop@example.com",
  to: "ada@example.com",
  subject: "Your order",
  text: "On its way",
};

async function send(options, { host, port }, timeout) {
  const limits = { connectionTimeout: 20_000, greetingTimeout: 20_000, socketTimeout: timeout };
  const transport = nodemailer.createTransport({ host, port, ...limits, ...options });
  return transport.sendMail(message).finally(() => transport.close());
}

/** Those that the root has too: `npm test` runs them. */
export const root = [
  {
    name: "nodemailer",
    protocol: "smtp",
    send: (target, timeout) => send({ ignoreTLS: true }, target, timeout),
  },
  {
    name: "nodemailer with a pool",
    protocol: "smtp",
    send: (target, timeout) => send({ ignoreTLS: true, pool: true, maxRequeues: 0 }, target, timeout),
  },
];
