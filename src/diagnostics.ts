export { publishEvent, publishEviction } from "./observability/diagnostics.ts";
