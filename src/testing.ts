export {
  type Clause,
  type ConformanceCase,
  type StoreConformance,
  type StoreHarness,
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
