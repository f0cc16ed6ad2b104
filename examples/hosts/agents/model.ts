import { randomUUID } from "node:crypto";
import type { LanguageModel } from "ai";
import { MockLanguageModelV3 } from "ai/test";
import { emailsOf, type Order } from "../common/orders.ts";

type Prompt = Parameters<MockLanguageModelV3["doGenerate"]>[0]["prompt"];
type Generated = Awaited<ReturnType<MockLanguageModelV3["doGenerate"]>>;

const NO_TOKENS = { total: 0, noCache: 0, cacheRead: 0, cacheWrite: 0, text: 0, reasoning: 0 };
const answer = (content: Generated["content"], unified: "tool-calls" | "stop"): Generated => ({
  content,
  finishReason: { unified, raw: undefined },
  usage: { inputTokens: NO_TOKENS, outputTokens: NO_TOKENS },
  warnings: [],
});

/** How many tools have answered, and whether the last one failed. */
function progressOf(prompt: Prompt) {
  const outputs = prompt
    .flatMap(message => (message.role === "tool" ? message.content : []))
    .flatMap(part => (part.type === "tool-result" ? [part.output.type] : []));
  return { done: outputs.length, hasFailed: outputs.at(-1)?.startsWith("error") ?? false };
}

/**
 * Stands in for a language model: asks for one email after another, and gives up where a tool fails. As with a real one,
 * the ids of its calls differ from run to run.
 */
export function modelFor(order: Order): LanguageModel {
  return new MockLanguageModelV3({
    async doGenerate({ prompt }) {
      const { done, hasFailed } = progressOf(prompt);
      const email = hasFailed ? undefined : emailsOf(order)[done];
      if (email === undefined)
        return answer([{ type: "text", text: hasFailed ? "It failed." : "Done." }], "stop");
      const input = JSON.stringify(email);
      return answer(
        [{ type: "tool-call", toolCallId: randomUUID(), toolName: "send_email", input }],
        "tool-calls",
      );
    },
  });
}
