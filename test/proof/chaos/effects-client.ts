import { request } from "node:http";

/** What is asked of the side-effect server: how it goes about it, and for whom. */
export interface EffectOrder {
  how: "ok" | "cut after" | "cut before" | "refused";
  process: string;
  call: string;
  key: string;
  idempotencyKey: string;
}

/** Has the side effect happen. A connection for each, so that whatever fails has failed after connecting. */
export function post(port: number, order: EffectOrder, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port, method: "POST", agent: false, ...(signal && { signal }) },
      response => {
        response.resume();
        response.on("error", reject);
        response.on("end", () => {
          if (response.statusCode === 204) resolve();
          else reject(new Error(`the side effect was refused: ${response.statusCode}`));
        });
      },
    );
    sent.on("error", reject);
    sent.end(JSON.stringify(order));
  });
}
