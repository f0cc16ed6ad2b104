export {
  countEvictions,
  createInstrumentedIdempotency,
  type InstrumentedOptions,
} from "./observability/opentelemetry/listener.ts";
