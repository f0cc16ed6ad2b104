import { describe, expect, it } from "vitest";
import { seconds, sentenceOf, whoOf } from "../../../docs/.vitepress/theme/playground/describe.ts";
import { DEFAULT_SCENARIO, FAULTS } from "../../../docs/.vitepress/theme/playground/scenario.ts";
import { runScenario } from "../../../docs/.vitepress/theme/playground/simulation.ts";

describe("what happened, in words", () => {
  it.each(FAULTS)("%s: has a sentence for each entry but the store's repeated claims", async fault => {
    const { trace } = await runScenario({ ...DEFAULT_SCENARIO, fault });
    for (const entry of trace) {
      const sentence = sentenceOf(entry);
      expect(whoOf(entry)).toMatch(/^(Sender|Provider|Store|Worker [AB])$/);
      if (entry.type === "asked" && entry.operation === "claim") expect(sentence).toBeUndefined();
      else expect(sentence).toMatch(/^[A-Z].*\.$/s);
    }
  });

  it("tells the story of a kill in order", async () => {
    const { trace } = await runScenario({ ...DEFAULT_SCENARIO, fault: "killed" });
    const told = trace
      .filter(({ side }) => side === "with")
      .map(entry => `${whoOf(entry)}: ${sentenceOf(entry)}`);
    const story = [
      "Sender: Delivers the event to worker A (delivery 1).",
      "Worker A: Has the key, and runs (attempt 1).",
      "Provider: Accepts the email to mira@example.com.",
      "Worker A: Is killed.",
      "Worker B: Meets a claim of another worker, and waits.",
      "Store: Has order-shipped:[1041]:[mira] as uncertain.",
      "Worker B: Is refused: OUTCOME_UNKNOWN.",
      "Sender: Stops retrying after OUTCOME_UNKNOWN: somebody must look into it.",
    ];
    expect(told.filter(line => story.includes(line))).toEqual(story);
  });

  it("says a time in seconds", () => {
    expect([seconds(0), seconds(1_949), seconds(12_000)]).toEqual(["0.0 s", "1.9 s", "12.0 s"]);
  });
});
