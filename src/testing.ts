export type { Clause, StoreHarness } from "./testing/conformance/harness.ts";
export {
  type ConformanceCase,
  type StoreConformance,
  storeConformance,
} from "./testing/conformance/suite.ts";
export {
  type Fault,
  type FaultyOperation,
  type FaultyStore,
  faultyStore,
  type StoreCall,
} from "./testing/faulty-store.ts";
export { type Gate, gate } from "./testing/gate.ts";
export { type ManualClock, manualClock } from "./testing/manual-clock.ts";
