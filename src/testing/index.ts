export {
  type Clause,
  type ConformanceCase,
  type StoreConformance,
  type StoreHarness,
  storeConformance,
} from "./conformance.ts";
export {
  type Fault,
  type FaultyOperation,
  type FaultyStore,
  faultyStore,
  type StoreCall,
} from "./faulty-store.ts";
export { type Gate, gate } from "./gate.ts";
export { type ManualClock, manualClock } from "./manual-clock.ts";
