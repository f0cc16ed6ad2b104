// Mail: SMTP, and the providers' APIs.
import { SESv2Client, SendEmailCommand } from "@aws-sdk/client-sesv2";
import { BrevoClient } from "@getbrevo/brevo";
import mailchimp from "@mailchimp/mailchimp_transactional";
import sendgrid from "@sendgrid/mail";
import { APIClient, SendEmailRequest } from "customerio-node";
import FormData from "form-data";
import { EmailParams, MailerSend, Recipient, Sender } from "mailersend";
import Mailgun from "mailgun.js";
import mailjet from "node-mailjet";
import postmark from "postmark";
import { Resend } from "resend";
import SparkPost from "sparkpost";
import { aws, redirected } from "./common.mjs";

const from = "shop@example.com";
const to = "ada@example.com";
const subject = "Your order";
const text = "On its way";

export const clients = [
  {
    name: "resend",
    failure: ({ error }) => error ?? undefined,
    send: (target, timeout) =>
      redirected(target, timeout, () => new Resend("re_1").emails.send({ from, to, subject, text })),
  },
  {
    name: "@sendgrid/mail",
    send: ({ url }, timeout) => {
      const mail = new sendgrid.MailService();
      mail.setApiKey("SG.1");
      mail.client.setDefaultRequest("baseUrl", url);
      mail.client.setDefaultRequest("timeout", timeout);
      return mail.send({ from, to, subject, text });
    },
  },
  {
    name: "postmark",
    send: ({ host, port }, timeout) =>
      new postmark.ServerClient("1", {
        useHttps: false,
        requestHost: `${host}:${port}`,
        timeout: timeout / 1000,
      }).sendEmail({ From: from, To: to, Subject: subject, TextBody: text }),
  },
  {
    name: "mailgun.js",
    send: ({ url }, timeout) =>
      new Mailgun(FormData)
        .client({ username: "api", key: "1", url, timeout })
        .messages.create("example.com", { from, to: [to], subject, text }),
  },
  {
    name: "@aws-sdk/client-sesv2",
    send: ({ url }, timeout) =>
      new SESv2Client(aws(url, timeout)).send(
        new SendEmailCommand({
          FromEmailAddress: from,
          Destination: { ToAddresses: [to] },
          Content: { Simple: { Subject: { Data: subject }, Body: { Text: { Data: text } } } },
        }),
      ),
  },
  {
    name: "@getbrevo/brevo",
    send: ({ url }, timeout) =>
      new BrevoClient({
        apiKey: "1",
        baseUrl: url,
        maxRetries: 0,
        timeoutInSeconds: timeout / 1000,
      }).transactionalEmails.sendTransacEmail({
        sender: { email: from },
        to: [{ email: to }],
        subject,
        textContent: text,
      }),
  },
  {
    name: "mailersend",
    send: (target, timeout) =>
      redirected(target, timeout, () =>
        new MailerSend({ apiKey: "1" }).email.send(
          new EmailParams()
            .setFrom(new Sender(from, "Shop"))
            .setTo([new Recipient(to, "Ada")])
            .setSubject(subject)
            .setText(text),
        ),
      ),
  },
  {
    name: "node-mailjet",
    send: (target, timeout) =>
      redirected(target, timeout, () =>
        new mailjet.Client({ apiKey: "1", apiSecret: "1", options: { timeout } })
          .post("send", { version: "v3.1" })
          .request({ Messages: [{ From: { Email: from }, To: [{ Email: to }], Subject: subject }] }),
      ),
  },
  {
    name: "@mailchimp/mailchimp_transactional",
    failure: result => (result instanceof Error ? result : undefined),
    send: (target, timeout) => {
      const client = mailchimp("1");
      client.timeout = timeout;
      const message = { from_email: from, to: [{ email: to }], subject, text };
      return redirected(target, timeout, () => client.messages.send({ message }));
    },
  },
  {
    name: "sparkpost",
    send: ({ url }, timeout) =>
      new SparkPost("1", { endpoint: url, timeout, retries: 0 }).transmissions.send({
        content: { from, subject, text },
        recipients: [{ address: to }],
      }),
  },
  {
    name: "customerio-node",
    send: (target, timeout) => {
      const mail = { to, transactional_message_id: "1", message_data: {}, identifiers: { id: "1" } };
      return redirected(target, timeout, () =>
        new APIClient("1", { timeout }).sendEmail(new SendEmailRequest(mail)),
      );
    },
  },
];
