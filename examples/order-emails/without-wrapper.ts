import { emailOf } from "./email.ts";
import type { SendMail } from "./mailer.ts";
import type { Notify } from "./workflow.ts";

/** Each call sends, whatever was sent before. */
export function withoutWrapper(sendMail: SendMail): Notify {
  return event => sendMail(emailOf(event));
}
