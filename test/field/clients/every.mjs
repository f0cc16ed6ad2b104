// All clients, as the sections of docs/clients.md.
import { clients as apns } from "./apns.mjs";
import { clients as moreDatabases } from "./databases-more.mjs";
import { clients as moreHttp } from "./http-more.mjs";
import { clients as mail } from "./mail.mjs";
import { clients as messaging } from "./messaging.mjs";
import { clients as platforms } from "./platforms.mjs";
import { databases, http, smtp } from "./root.mjs";

export const sections = [
  { title: "HTTP", clients: [...http, ...moreHttp] },
  { title: "Email", clients: mail },
  { title: "SMS, chat and push", clients: [...messaging, ...apns] },
  { title: "Platforms, queues, payments, AI", clients: platforms },
  { title: "SMTP", clients: smtp },
  { title: "Databases", clients: [...databases, ...moreDatabases] },
];
